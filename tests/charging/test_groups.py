"""A group of messages leaves exactly what the same messages leave one by one, row by row.

Each story is told on one database again and again, with the same ids and at the same instants: one
message at a time, as one group, and one by one with each decided while the one before is written.
Then no row of any table differs, but that a group writes one page of the journal, and that a
network is not asked to ask again for what the same group has granted already.
"""

import asyncio
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, LiteralString, NamedTuple

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charging.core import INTERNET, RATING, TETHERING, ended, event, opened, updated
from tests.charging.world import LEAST, MB, PROFILES, forget_all
from tests.ids import numbered
from tests.ledger.stories import tried
from tests.model.test_groups import TABLES as BOOKS
from tests.model.world import CLIENT, EFFORT, START, MovedClock, new_line

from yuzuri.catalog.purchases import Purchase
from yuzuri.charging.sessions import Usage
from yuzuri.db import committer as committers
from yuzuri.db.committer import Committer, Request
from yuzuri.db.connect import Database, open_database
from yuzuri.kernel.ids import (
    HolderId,
    Home,
    InvitationId,
    PoolId,
    PurchaseId,
    SessionId,
    home_of,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.book import Book
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.runtime.verify import verify
from yuzuri.settings import Settings
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pool_store import write_pools
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    FillPool,
    Invitation,
    JoinPool,
    OpenPool,
    RemoveMember,
)
from yuzuri.subscribers.lines import Line

TABLES: dict[str, LiteralString] = {
    **BOOKS,
    "charging_session": "SELECT to_jsonb(s) FROM charging_session s ORDER BY home, id",
    "charging_quota": "SELECT to_jsonb(q) FROM charging_quota q ORDER BY home, id",
    "line_use": "SELECT to_jsonb(u) FROM line_use u ORDER BY home, line, unit",
    "use_notice": "SELECT to_jsonb(n) FROM use_notice n ORDER BY line, unit, cycle_start, reached",
    "counter_change": "SELECT to_jsonb(c) FROM counter_change c ORDER BY home, line",
    "pool": "SELECT to_jsonb(p) FROM pool p ORDER BY home, id",
    "pool_member": "SELECT to_jsonb(m) FROM pool_member m ORDER BY home, line",
    "pool_contribution": """
        SELECT to_jsonb(c) FROM pool_contribution c ORDER BY line, allowance, is_owed""",
}  # fmt: skip
ASKED = "SELECT session FROM reauthorization"
WAITING = "SELECT DISTINCT session FROM charging_quota WHERE is_waiting"

KINDS = (
    *("report", "report", "report", "report", "report", "ask", "ask", "lie", "open", "end"),
    *("event", "buy", "change", "remove", "add", "fill", "sweep"),
)
AMOUNTS = (LEAST, 20 * MB, 0, 1, LEAST + 1)
SESSIONS = 5


class Step(NamedTuple):
    """A command in numbers."""

    kind: str
    who: int
    which: int
    amount: int
    odd: bool


STEPS = len(KINDS) * 3 * SESSIONS * len(AMOUNTS) * 2


def step_of(number: int) -> Step:
    # Most numbers that are drawn are small: this spreads them over all steps.
    number, kind = divmod(number * 1_601 % STEPS, len(KINDS))
    number, who = divmod(number, 3)
    number, which = divmod(number, SESSIONS)
    odd, amount = divmod(number, len(AMOUNTS))
    return Step(KINDS[kind], who, which, AMOUNTS[amount], bool(odd))


steps = st.lists(st.integers(0, STEPS - 1).map(step_of), min_size=6, max_size=20)
waits = st.sampled_from(
    [timedelta(seconds=1), timedelta(minutes=45), timedelta(minutes=71), timedelta(hours=11)]
)


class OneQueueRoad(YuzuriRoad):
    """The road, but for keeping all commands in one queue, so that one group has all homes."""

    def __init__(self, homes: int, queue: Home) -> None:
        super().__init__(PROFILES, homes, RATING)
        self._queue = queue

    def home_of(self, command: Command) -> Home:
        return self._queue


class Way(Enum):
    """How the commands of the group are sent."""

    ONE_BY_ONE = "one by one"
    TOGETHER = "together"
    FORESEEN = "each decided while the one before is written"


@dataclass
class Story:
    """One story on one database: the owner of a pool, two members, and their sessions."""

    database: Database
    homes: int
    lines: Sequence[Line]

    @property
    def pool(self) -> PoolId:
        return PoolId(HolderId(numbered(777, home_of(self.lines[0].id))))

    def session(self, which: int) -> tuple[SessionId, Line]:
        line = self.lines[which % 3]
        return SessionId(numbered(5_000 + which, home_of(line.id))), line

    def beginning(self) -> list[Command]:
        owner, capped, eager = self.lines
        person, pool = owner.person, self.pool
        commands: list[Command] = [
            *(
                Purchase(id=PurchaseId(numbered(900 + n)), line=line.id, top_up=top_up)
                for n, (line, top_up) in enumerate(
                    itertools.product(self.lines, ("never", "month", "night", "messages"))
                )
                if top_up != "month" or line is owner
            ),
            OpenPool(person=person, pool=pool, name="us", line=owner.id),
            self._joining(capped, 0),
            self._joining(eager, 1),
            FillPool(person=person, line=owner.id, pool=pool, unit=Unit.DATA, amount=140 * MB),
        ]
        for which in range(3):
            session, line = self.session(which)
            wanted = [(INTERNET, 0), (TETHERING, 0)] if which else [(INTERNET, 0)]
            commands.append(opened(line.id, session, *wanted, sequence=1))
        return commands

    def _joining(self, line: Line, which: int) -> JoinPool:
        invitation = self._invitation(which)
        return JoinPool(person=line.person, line=line.id, invitation=invitation)

    def _invitation(self, which: int) -> InvitationId:
        """To who has a cap a day, to who draws on the pool first, and to who has a share."""
        return InvitationId(numbered(800 + which, home_of(self.pool)))

    async def _invite(self) -> None:
        """Write invitations by names of their own: those that are made have new ones."""
        facts = PoolFacts(Book(START), PROFILES)
        for which, terms in enumerate(
            (
                Allotment(cap_per_day=70 * MB),
                Allotment(pool_first=True),
                Allotment(share=90 * MB),
            )
        ):
            facts.set_invitation(
                Invitation(
                    id=self._invitation(which),
                    pool=self.pool,
                    by=self.lines[0].person,
                    number=None,
                    uses_max=100,
                    allotment=terms,
                    invited_at=START,
                    until=START + timedelta(days=365),
                )
            )
        async with self.database.connection() as connection:
            await write_pools(connection, facts)

    def command(self, number: int, step: Step, at_s: int) -> Command:
        session, line = self.session(step.which)
        until = START + timedelta(seconds=at_s - 60 * step.odd)
        group = TETHERING if step.odd and step.which < 3 else INTERNET
        used = [Usage(group, step.amount, until)]
        match step.kind:
            case "report" | "lie" | "ask":
                return updated(
                    line.id,
                    session,
                    used=used if step.kind != "ask" else (),
                    wanted=[(INTERNET, step.amount * 2)] if not step.odd else (),
                    sequence=2 if step.kind == "lie" else 3 + number,
                    country="KR" if step.kind == "ask" and step.odd else "JP",
                )
            case "open":
                return opened(line.id, session, (INTERNET, 0), sequence=1)
            case "end":
                return ended(line.id, session, used=used, sequence=3 + number)
            case "event":
                name = SessionId(numbered(6_000 + number, home_of(line.id)))
                return event(line.id, name, amount=1 + step.which, has_happened=step.odd)
            case "buy":
                top_up = ("never", "night", "messages", "little", "day")[step.which]
                return Purchase(id=PurchaseId(numbered(950 + number)), line=line.id, top_up=top_up)
            case "sweep":
                return ExpireBuckets((line.id,))
            case _:
                return self._pool_command(step)

    def _pool_command(self, step: Step) -> Command:
        person, pool, line = self.lines[0].person, self.pool, self.lines[1 + step.which % 2]
        cap = step.amount or None
        match step.kind:
            case "change":
                return ChangeMember(
                    person=person,
                    pool=pool,
                    line=line.id,
                    allotment=Allotment(
                        cap_per_month=cap, pool_first=step.odd, is_paused=step.which == 0
                    ),
                )
            case "remove":
                return RemoveMember(person=person, pool=pool, line=line.id)
            case "add":
                return self._joining(line, step.amount % 3)
            case _:
                line = self.lines[step.who]
                return FillPool(
                    person=line.person,
                    line=line.id,
                    pool=pool,
                    unit=Unit.DATA,
                    amount=step.amount or 3,
                )

    def ending(self) -> list[Command]:
        """Write down of everybody what has run out: who was looked at before does not matter."""
        holders = [*(line.id for line in self.lines), self.pool]
        return [ExpireBuckets((holder,)) for holder in holders]

    async def tell(
        self, way: Way, wait: timedelta, later: Sequence[Step]
    ) -> tuple[Mapping[str, Outcome], Mapping[str, list[Any]]]:
        clock = MovedClock()
        queue = home_of(self.lines[0].id)
        road = (
            OneQueueRoad(self.homes, queue)
            if way is Way.TOGETHER
            else YuzuriRoad(PROFILES, self.homes, RATING)
        )
        group_max = 1 if way is Way.FORESEEN else 8_000
        async with Committer(self.database.pool, road, clock, group_max=group_max) as committer:
            await self._invite()
            asked = [
                Request(CLIENT, f"earlier {number}", command)
                for number, command in enumerate(self.beginning())
            ]
            answers = {one.key: await committer.submit(one) for one in asked}
            clock.move(wait)
            at_s = int(wait.total_seconds())
            commands = [self.command(number, step, at_s) for number, step in enumerate(later)]
            requests = [Request(CLIENT, f"later {n}", said) for n, said in enumerate(commands)]
            # Some that were answered before are said again in between.
            requests[1:1] = asked[-2:]
            if way is Way.ONE_BY_ONE:
                outcomes = [await committer.submit(one) for one in requests]
            else:
                outcomes = await asyncio.gather(*(committer.submit(one) for one in requests))
            keys = [one.key for one in requests]
            answers |= dict(zip(keys, outcomes, strict=True))
            for number, command in enumerate(self.ending()):
                await committer.submit(Request(CLIENT, f"end {number}", command))
        async with self.database.connection() as connection:
            findings = await verify(connection, clock.now)
        assert [f for f in findings if not f.holds] == []
        return answers, await self._rows(clock.now)

    async def _rows(self, at: datetime) -> Mapping[str, list[Any]]:
        async with self.database.connection() as connection:
            return {
                table: await (await connection.execute(statement, {"at": at})).fetchall()
                for table, statement in {**TABLES, "asked": ASKED, "waiting": WAITING}.items()
            }


def differences(some: list[Any], others: list[Any]) -> tuple[list[Any], list[Any]]:
    """What is only in the one, and only in the other."""
    return [row for row in some if row not in others], [row for row in others if row not in some]


Lived = tuple[Home, Home, Home]
FIRST, FOURTH, LAST = Home(0), Home(4), Home(15)


def tell_ways(
    settings: Settings,
    database_url: str,
    homes: int,
    lived_in: Lived,
    ways: Iterable[Way],
    how: hypothesis.settings,
) -> None:
    opening = open_database(settings, migrating=False)
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        database = runner.run(opening.__aenter__())

        async def settle() -> Story:
            async with database.connection() as connection:
                lines = [
                    await new_line(connection, START, "open", "plan", home) for home in lived_in
                ]
            return Story(database, homes, lines)

        story = runner.run(settle())

        @how
        @given(waits, steps)
        def tell(wait: timedelta, later: Sequence[Step]) -> None:
            told = {}
            for way in ways:
                forget_all(database_url)
                patch.setattr(committers, "_CROWD", 1 if way is Way.FORESEEN else 1_000)
                told[way] = runner.run(story.tell(way, wait, later))
            answers, rows = told[Way.ONE_BY_ONE]
            for other_answers, other_rows in told.values():
                assert other_answers == answers
                for table in TABLES:
                    assert differences(rows[table], other_rows[table]) == ([], [])
                    assert other_rows[table] == rows[table]
                missing = {*rows["asked"]} - {*other_rows["asked"]}
                assert not missing & {*rows["waiting"]}

        try:
            tell()
        finally:
            runner.run(opening.__aexit__(None, None, None))


ONE_HOME = (1, (FIRST, FIRST, FIRST), tuple(Way))
ONE_OF_16 = (16, (LAST, LAST, LAST), tuple(Way))
# Where groups of several homes go side by side, they come in no order.
SEVERAL = (16, (FIRST, LAST, FOURTH), (Way.ONE_BY_ONE, Way.TOGETHER))


@pytest.mark.parametrize(
    ("homes", "lived_in", "ways"),
    [ONE_HOME, ONE_OF_16, SEVERAL],
    ids=["1 home", "one of 16 homes", "16 homes"],
)
def test_a_group_leaves_what_its_messages_leave_one_by_one(
    settings: Settings, database_url: str, homes: int, lived_in: Lived, ways: Iterable[Way]
) -> None:
    tell_ways(settings, database_url, homes, lived_in, ways, tried(10 * EFFORT))
