"""Sessions on a real database: an operator with pools and nights, lines, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import sql
from tests.charging.core import INTERNET, ended, granted, opened, updated
from tests.model.world import World, days, forget, named, new_line, operator, top_up
from tests.pools import let_in

from yuzuri.charging.sessions import Charged, Grant, Usage
from yuzuri.kernel.ids import HOME, HolderId, Home, PoolId, SessionId, home_of, new_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.plans import Hours, PlanAllowance, Validity, ValidityKind
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import Pool as PoolService
from yuzuri.sharing.pools import Allotment, FillPool, OpenPool, PoolDone
from yuzuri.subscribers.lines import Line

CHARGED = "charging"
MB = 1_000_000
LEAST = 50 * MB
MONTH_END = Validity(kind=ValidityKind.MONTH_END)
NEVER = Validity(kind=ValidityKind.NEVER)


def gives(amount: int, validity: Validity, unit: Unit = Unit.DATA, **terms: Any) -> PlanAllowance:
    terms = {"zone": "JP"} | terms
    return PlanAllowance(amount=Quantity(amount, unit), validity=validity, **terms)


TOP_UPS = (
    top_up("month", gives(200 * MB, MONTH_END)),
    top_up("never", gives(60 * MB, NEVER)),
    top_up("day", gives(80 * MB, days(1))),
    top_up("night", gives(90 * MB, MONTH_END, hours=Hours(since=time(23), until=time(6)))),
    top_up("messages", gives(5, NEVER, Unit.SMS)),
    top_up("little", gives(1_000, NEVER)),
    top_up("much", gives(1_000 * MB, NEVER)),
)


def _profiles() -> Profiles:
    profile = operator("open", country="JP")
    plans = tuple(msgspec.structs.replace(plan, top_ups=TOP_UPS) for plan in profile.plans)
    profile = msgspec.structs.replace(
        profile,
        plans=plans,
        timezone="Asia/Tokyo",
        zones={"neighbours": ("KR", "TW")},
        services=(PoolService(name=named("pool"), source="s"),),
    )
    return Profiles({"open": profile})


PROFILES = _profiles()

CHARGING_TABLES = (
    "charging_session", "charging_quota", "line_use", "use_notice", "reauthorization",
    "counter_change", "pool", "pool_member", "pool_invitation", "pool_contribution",
)  # fmt: skip


def forget_all(database_url: str) -> None:
    """Empty the books and all that charging and pools keep."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in CHARGING_TABLES:
            connection.execute(sql.SQL("DELETE FROM yuzuri.{}").format(sql.Identifier(table)))
    forget(database_url)


async def new_lines(world: World, *homes: int) -> list[Line]:
    async with world.yuzuri.database.connection() as connection:
        return [
            await new_line(connection, world.at, "open", "plan", Home(home % world.yuzuri.homes))
            for home in homes
        ]


@dataclass
class Talk:
    """A session that is running, as its network knows it."""

    world: World
    line: Line
    rating_group: int = INTERNET
    sequence: int = 1
    id: SessionId = field(init=False)

    def __post_init__(self) -> None:
        self.id = SessionId(new_id(home_of(self.line.id)))

    async def open(self, wanted: int | None = 0) -> Grant | None:
        asked = [] if wanted is None else [(self.rating_group, wanted)]
        command = opened(self.line.id, self.id, *asked, sequence=self.sequence)
        outcome = await self.world.submit(command, f"{self.id} {self.sequence}")
        assert isinstance(outcome, Charged), outcome
        return outcome.grants[0] if outcome.grants else None

    async def report(self, amount: int, wanted: int = 0) -> Grant:
        self.sequence += 1
        command = updated(
            self.line.id,
            self.id,
            used=[Usage(self.rating_group, amount, self.world.at)],
            wanted=[(self.rating_group, wanted)],
            sequence=self.sequence,
        )
        outcome = await self.world.submit(command, f"{self.id} {self.sequence}")
        assert isinstance(outcome, Charged), outcome
        return granted(outcome)

    async def end(self, amount: int = 0) -> None:
        self.sequence += 1
        used = [Usage(self.rating_group, amount, self.world.at)]
        command = ended(self.line.id, self.id, used=used, sequence=self.sequence)
        outcome = await self.world.submit(command, f"{self.id} {self.sequence}")
        assert outcome == Charged()


async def talk(world: World, line: Line, wanted: int | None = 0) -> Talk:
    one = Talk(world, line)
    await one.open(wanted)
    return one


@dataclass
class Circle:
    """A pool, its owner's line, and members; with more than one home, they live elsewhere."""

    pool: PoolId
    owner: Line
    members: Sequence[Line]


async def circle(
    world: World, caps: Sequence[int | None], filled: int, *, home: Home = HOME
) -> Circle:
    """A pool with so much in it, and a member for each cap a day."""
    owner, *members = await new_lines(world, home, *(home + 1 + n for n in range(len(caps))))
    pool = PoolId(HolderId(new_id(home_of(owner.id))))
    opening = OpenPool(person=owner.person, pool=pool, name="us", line=owner.id)
    assert await world.submit(opening) == PoolDone(pool)
    for member, cap in zip(members, caps, strict=True):
        allotment = Allotment(cap_per_day=cap)
        joined = await let_in(world.submit, owner.person, pool, member, allotment)
        assert joined == PoolDone(pool)
    us = Circle(pool, owner, members)
    if filled:
        await world.buy(owner, "much")
        assert await world.submit(filling(us, owner, filled)) == PoolDone(pool)
    return us


def filling(us: Circle, line: Line, amount: int) -> FillPool:
    return FillPool(person=line.person, line=line.id, pool=us.pool, unit=Unit.DATA, amount=amount)


async def rows(world: World, statement: LiteralString, *given: Any) -> list[Any]:
    async with world.yuzuri.database.connection() as connection:
        return await (await connection.execute(statement, given)).fetchall()
