"""Opening a Yuzuri: database, profiles, committer; and the requests that faces put to it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import overload
from uuid import UUID

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.db.committer import Committer, Request
from yuzuri.db.connect import Database, open_database
from yuzuri.kernel.calendar import Clock, utc_now
from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.ids import HOME
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.operators.profiles import Profiles, read_profiles
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import Command, Facts, YuzuriRoad
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import GiftCommand, GiftOutcome

HOUSE_CLIENT = UUID(int=0)
"""Who asks where no person does: the sweep, the operator's own command line."""


@dataclass(frozen=True, slots=True)
class Yuzuri:
    """A running Yuzuri; everything that a face, a job or a test needs, and nothing global."""

    settings: Settings
    database: Database
    profiles: Profiles
    clock: Clock
    committer: Committer[Command, Outcome, Facts]

    @overload
    async def submit(self, client: UUID, key: str, command: GiftCommand) -> GiftOutcome: ...
    @overload
    async def submit(self, client: UUID, key: str, command: Purchase) -> Purchased | Refusal: ...
    @overload
    async def submit(self, client: UUID, key: str, command: ExpireBuckets) -> Expired: ...
    async def submit(self, client: UUID, key: str, command: Command) -> Outcome:
        """Send a command down the road; see `Committer.submit` for what it raises."""
        return await self.committer.submit(Request(client, key, command))


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
    road = YuzuriRoad(profiles, HOME)
    async with Committer(database.pool, road, clock, HOME) as committer:
        yield Yuzuri(settings, database, profiles, clock, committer)
