"""A running ledger on a real database: holders in chosen homes, what they are given, its rows."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import msgspec
from tests.ledger.ledger_machine import Asked, Kept
from tests.model.world import (
    CLIENT,
    MovedClock,
    breaches,
    given,
    new_line,
    operator,
    top_up,
)

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.db.committer import Request
from yuzuri.db.connect import Database
from yuzuri.kernel.calendar import FOREVER
from yuzuri.kernel.ids import (
    AllowanceId,
    HolderId,
    HoldId,
    Home,
    Id,
    PersonId,
    PurchaseId,
    TransferId,
    new_id,
)
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.changes import HOUSE, House
from yuzuri.ledger.commands import Move
from yuzuri.ledger.due import travellers
from yuzuri.operators.plans import Validity, ValidityKind
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.running import Yuzuri, run_yuzuri
from yuzuri.settings import Settings
from yuzuri.subscribers.lines import Line, Person, add_line, add_person, load_line

USED = HOUSE[House.USED]


def _profiles() -> Profiles:
    """The open operator, with something that ends after a day, with the month, and never."""
    ends = {
        "day": Validity(kind=ValidityKind.DAYS, count=1),
        "month": Validity(kind=ValidityKind.MONTH_END),
        "never": Validity(kind=ValidityKind.NEVER),
    }
    profile = operator()
    tops = tuple(top_up(name, given(Unit.DATA, validity)) for name, validity in ends.items())
    plans = tuple(msgspec.structs.replace(plan, top_ups=tops) for plan in profile.plans)
    return Profiles({"open": msgspec.structs.replace(profile, plans=plans)})


PROFILES = _profiles()


@dataclass
class LedgerWorld:
    """A running Yuzuri with what tests of its ledger ask of it."""

    yuzuri: Yuzuri
    clock: MovedClock = field(default_factory=MovedClock)

    @property
    def homes(self) -> int:
        return self.yuzuri.homes

    async def new_lines(self, homes: Sequence[int]) -> list[Line]:
        """Make lines that have nothing yet, each in the home of this number as far as there is."""
        at = self.clock.now
        async with self.yuzuri.database.connection() as connection:
            return [
                await new_line(connection, at, "open", "plan", Home(home % self.homes))
                for home in homes
            ]

    async def add_lines(self, lines: Sequence[Line]) -> None:
        """Make lines that were made elsewhere known here too."""
        async with self.yuzuri.database.connection() as connection:
            for line in lines:
                person = Person(line.person, "somebody", Language.EN, line.activated_at)
                await add_person(connection, person)
                await add_line(connection, line)

    async def new_holders(self, homes: Sequence[int]) -> list[HolderId]:
        return [line.id for line in await self.new_lines(homes)]

    async def person_of(self, line: HolderId) -> PersonId:
        async with self.yuzuri.database.connection() as connection:
            return (await load_line(connection, line)).person

    async def issue(self, holder: HolderId, lifetime: str = "never") -> AllowanceId:
        """Give a holder `ISSUED` of something new."""
        purchase = Purchase(id=PurchaseId(new_id()), line=holder, top_up=lifetime)
        outcome = await self.yuzuri.submit(CLIENT, f"buy {purchase.id}", purchase)
        assert isinstance(outcome, Purchased), outcome
        ((allowance, _),) = outcome.issued
        return allowance

    async def ask(self, command: Asked, key: str | None = None) -> Outcome:
        return await self.yuzuri.submit(CLIENT, key or str(new_id()), command)

    async def ask_step(self, command: Asked, key: str | None = None) -> Outcome:
        """Ask, but leave what moves between homes on its way."""
        return await self.yuzuri.committer.submit(asked(command, key))

    async def has(self, holder: HolderId, allowance: AllowanceId) -> tuple[int, int] | None:
        """Balance and held, as they are kept."""
        return (await self.kept()).buckets.get((holder, allowance))

    async def kept(self) -> Kept:
        buckets, holds, travelling = await self.tables(
            "SELECT holder, allowance, balance, held FROM bucket",
            "SELECT id, holder, allowance, amount, expires_at FROM hold WHERE lapsed_at IS NULL",
            "SELECT id, target, allowance, amount FROM in_transit",
        )
        return Kept(
            {(HolderId(row[0]), AllowanceId(row[1])): (row[2], row[3]) for row in buckets},
            {HoldId(row[0]): row[1:] for row in holds},
            {TransferId(row[0]): row[1:] for row in travelling},
        )

    async def rows(self, statement: LiteralString, *given: Any) -> list[Any]:
        async with self.yuzuri.database.connection() as connection:
            return await (await connection.execute(statement, given)).fetchall()

    async def tables(self, *statements: LiteralString) -> list[list[Any]]:
        async with self.yuzuri.database.connection() as connection:
            return [await (await connection.execute(s)).fetchall() for s in statements]

    async def bring_all_over(self) -> None:
        """Finish what is between homes, whatever the clock says."""
        for home in map(Home, range(self.homes)):
            async with self.yuzuri.database.connection() as connection:
                waiting = await travellers(connection, home, FOREVER)
            for traveller in waiting:
                await self.yuzuri.bring_over(traveller, home)

    async def breaches(self) -> list[str]:
        return await breaches(self.yuzuri.database, self.clock.now)


def asked(command: Command, key: str | None = None) -> Request[Command]:
    return Request(CLIENT, key or str(new_id()), command)


def move(
    allowance: AllowanceId, source: HolderId, target: HolderId, amount: int, name: Id | None = None
) -> Move:
    return Move(
        id=TransferId(name or new_id()),
        allowance=allowance,
        source=source,
        target=target,
        amount=amount,
    )


@contextlib.asynccontextmanager
async def open_ledger(
    settings: Settings, database: Database, *, is_checked: bool = True
) -> AsyncIterator[LedgerWorld]:
    """Run on the test's database; when it ends, all that must hold is checked."""
    clock = MovedClock()
    async with run_yuzuri(settings, database, clock=clock, profiles=PROFILES) as yuzuri:
        yield LedgerWorld(yuzuri, clock)
    if is_checked:
        assert await breaches(database, clock.now) == []
