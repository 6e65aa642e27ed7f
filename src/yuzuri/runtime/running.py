"""Opening a Yuzuri: database, profiles, committer; and the requests that faces put to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import overload

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.charging.rating import SHIPPED, RatingTable, read_rating_table
from yuzuri.charging.sessions import ChargingCommand, ChargingOutcome
from yuzuri.db.committer import Committer, Request
from yuzuri.db.connect import Database, open_database
from yuzuri.kernel.calendar import Clock, utc_now
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import Home, Id, home_of
from yuzuri.ledger.allowance_rows import load_allowances
from yuzuri.ledger.changes import HOUSE_IDS
from yuzuri.ledger.commands import (
    DONE,
    Deliver,
    ForgetTransit,
    LedgerCommand,
    LedgerOutcome,
    Move,
)
from yuzuri.ledger.due import Traveller
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.ledger.homes import count_homes
from yuzuri.networks.register import Networks
from yuzuri.operators.profiles import Profiles, read_profiles
from yuzuri.runtime.commands import Command
from yuzuri.runtime.facts import Facts
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.settings import Settings
from yuzuri.sharing.delegations import DelegationCommand, DelegationOutcome
from yuzuri.sharing.gifts import GiftCommand, GiftOutcome
from yuzuri.sharing.links import LinkCommand, LinkOutcome
from yuzuri.sharing.pools import PoolCommand, PoolOutcome
from yuzuri.sharing.requests import RequestCommand, RequestOutcome
from yuzuri.sharing.tanks import TankCommand, TankOutcome

HOUSE_CLIENT = Id(bytes(16))
"""Who asks where no person does: the sweep, the operator's own command line."""

_IN_FLIGHT_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Yuzuri:
    """A running Yuzuri; everything that a face, a job or a test needs, and nothing global."""

    settings: Settings
    database: Database
    profiles: Profiles
    rating: RatingTable
    clock: Clock
    homes: int
    networks: Networks
    committer: Committer[Command, Outcome, Facts]

    @overload
    async def submit(self, client: Id, key: str, command: GiftCommand) -> GiftOutcome: ...
    @overload
    async def submit(self, client: Id, key: str, command: LinkCommand) -> LinkOutcome: ...
    @overload
    async def submit(self, client: Id, key: str, command: RequestCommand) -> RequestOutcome: ...
    @overload
    async def submit(self, client: Id, key: str, command: PoolCommand) -> PoolOutcome: ...
    @overload
    async def submit(self, client: Id, key: str, command: TankCommand) -> TankOutcome: ...
    @overload
    async def submit(
        self, client: Id, key: str, command: DelegationCommand
    ) -> DelegationOutcome: ...
    @overload
    async def submit(self, client: Id, key: str, command: ChargingCommand) -> ChargingOutcome: ...
    @overload
    async def submit(self, client: Id, key: str, command: Purchase) -> Purchased | Refusal: ...
    @overload
    async def submit(self, client: Id, key: str, command: ExpireBuckets) -> Expired: ...
    @overload
    async def submit(self, client: Id, key: str, command: LedgerCommand) -> LedgerOutcome: ...
    async def submit(self, client: Id, key: str, command: Command) -> Outcome:
        """Send a command down the road; see `Committer.submit` for what it raises.

        What moves between two homes has arrived when this returns.
        """
        outcome = await self.committer.submit(Request(client, key, command))
        if isinstance(command, Move) and outcome is DONE:
            left = home_of(command.source)
            if home_of(command.target) != left and command.target not in HOUSE_IDS:
                async with self.database.connection() as connection:
                    terms = await load_allowances(connection, left, [command.allowance])
                allowance = terms[command.allowance]
                traveller = Traveller(command.id, command.target, allowance, command.amount)
                await self.bring_over(traveller, left)
        return outcome

    async def post(self, requests: Sequence[Request[Command]]) -> list[Outcome | Exception]:
        """Send many commands together; see `Committer.post`.

        What moves between two homes has left one when this returns, and arrives soon after.
        """
        return await self.committer.post(requests)

    async def bring_over(self, traveller: Traveller, left: Home) -> None:
        """Let arrive what has left a home: each step happens once, whoever takes it again."""
        delivery = Deliver(
            id=traveller.id,
            allowance=traveller.allowance,
            target=traveller.target,
            amount=traveller.amount,
        )
        await self._see_done(f"deliver {traveller.id}", delivery)
        await self._see_done(f"arrived {traveller.id}", ForgetTransit(id=traveller.id, left=left))

    async def _see_done(self, key: str, step: Deliver | ForgetTransit) -> None:
        """Send a step that the caller, a retry and a sweep of one process may all be sending."""
        while True:
            try:
                await self.submit(HOUSE_CLIENT, key, step)
            except DomainError as error:
                if error.refusal.code is not Code.REQUEST_IN_FLIGHT:
                    raise
                await asyncio.sleep(_IN_FLIGHT_PAUSE_S)
            else:
                return


@contextlib.asynccontextmanager
async def open_yuzuri(
    settings: Settings, *, clock: Clock = utc_now, profiles: Profiles | None = None
) -> AsyncIterator[Yuzuri]:
    """Open everything that serving needs, and close it in order. Raises `DatabaseUnavailable`."""
    known = profiles if profiles is not None else read_profiles()
    async with (
        open_database(settings) as database,
        run_yuzuri(settings, database, clock=clock, profiles=known) as yuzuri,
    ):
        yield yuzuri


@contextlib.asynccontextmanager
async def run_yuzuri(
    settings: Settings, database: Database, *, clock: Clock, profiles: Profiles
) -> AsyncIterator[Yuzuri]:
    """Run on a database that is open already."""
    async with database.connection() as connection:
        homes = await count_homes(connection)
    rating = read_rating_table(settings.rating_groups or SHIPPED)
    road = YuzuriRoad(profiles, homes, rating)
    async with Committer(database.pool, road, clock) as committer:
        networks = Networks(database, settings.data, is_open=settings.network_open)
        yield Yuzuri(settings, database, profiles, rating, clock, homes, networks, committer)
