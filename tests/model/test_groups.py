"""A group of commands leaves exactly what the same commands leave one by one, byte for byte.

Each story is told twice on one database, with the same ids and at the same instants: in home 0 one
command at a time, in home 1 as one group. Then no row of any table differs but in its home.
"""

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from psycopg import sql
from tests.model.world import EFFORT, OPEN_RULES, START, MovedClock, forget, hurry, known, operator

from yuzuri.catalog import purchases
from yuzuri.catalog.purchases import Purchase
from yuzuri.db.committer import Committer, Request
from yuzuri.db.connect import Database, open_database
from yuzuri.kernel.ids import GiftId, HolderId, Home, PersonId, PurchaseId, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger import expiry
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import Command, Facts, YuzuriRoad
from yuzuri.runtime.verify import verify
from yuzuri.settings import Settings
from yuzuri.sharing import gift_decisions
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    ExpireGift,
    Gift,
    GiftDone,
    OfferGift,
)
from yuzuri.subscribers.lines import Line, Person, add_line, add_person

ONE_BY_ONE, TOGETHER = Home(0), Home(1)

# Narrow enough that what a command may do depends on those before it.
STRICT = msgspec.structs.replace(
    OPEN_RULES,
    maximum=known((Quantity(600, Unit.DATA),)),
    count_per_day=known(4),
    volume_per_month=known((Quantity(900, Unit.DATA),)),
    received_per_month=known((Quantity(700, Unit.DATA),)),
    pending_max=known(3),
    keep=known((Quantity(50, Unit.DATA),)),
)
PROFILES = Profiles({"strict": operator("strict", STRICT)})
TABLES: tuple[LiteralString, ...] = ("bucket", "hold", "entry", "allowance", "gift", "command")


@dataclass(frozen=True)
class Step:
    """A command in numbers; `amiss` makes it one that somebody else should have sent."""

    kind: str
    line: int
    other: int
    amount: int
    gift: int
    amiss: bool

    def command(self, lines: Sequence[Line], offered: Sequence[Gift], name: UUID) -> Command:
        line, other = lines[self.line], lines[(self.line + self.other) % len(lines)]
        match self.kind:
            case "buy":
                top_up = ("day", "week", "month", None)[self.gift % 4]
                return Purchase(id=PurchaseId(name), line=line.id, top_up=top_up)
            case "offer":
                giver, receiver = (other, line) if self.amiss else (line, other)
                return OfferGift(
                    person=line.person,
                    from_line=giver.id,
                    to_line=receiver.id,
                    unit=Unit.DATA,
                    amount=self.amount,
                )
            case "sweep":
                return ExpireBuckets(line.id)
            case _:
                return self._end(lines, offered, name)

    def _end(self, lines: Sequence[Line], offered: Sequence[Gift], name: UUID) -> Command:
        if not offered:
            return ExpireGift(gift=GiftId(name))
        gift = offered[self.gift % len(offered)]
        people = {line.id: line.person for line in lines}
        giver, receiver = people[gift.from_line], people[gift.to_line]
        if self.amiss:
            giver, receiver = receiver, giver
        match self.kind:
            case "accept":
                return AcceptGift(person=receiver, gift=gift.id)
            case "decline":
                return DeclineGift(person=receiver, gift=gift.id)
            case "cancel":
                return CancelGift(person=giver, gift=gift.id)
            case _:
                return ExpireGift(gift=gift.id)


def steps(*kinds: str) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        st.sampled_from(kinds),
        st.integers(0, 2),
        st.sampled_from([1, 2, 1, 2, 0]),
        st.sampled_from([200, 300, 100, 1, 600, 601]),
        st.integers(0, 7),
        st.sampled_from([False] * 7 + [True]),
    )


# Each line has something of two purchases that end at different times.
BEGINNING = [Step("buy", line, 0, 0, top_up, amiss=False) for top_up in (1, 2) for line in range(3)]

before = st.lists(steps("offer", "offer", "offer", "accept", "buy"), min_size=6, max_size=12)
group = st.lists(
    steps("offer", "accept", "offer", "accept", "buy", "decline", "cancel", "expire gift", "sweep"),
    min_size=6,
    max_size=24,
)
waits = st.sampled_from(
    [timedelta(0)] * 5
    + [timedelta(hours=1), timedelta(days=1), timedelta(hours=72), timedelta(days=31)]
)


@contextlib.contextmanager
def same_ids(example: int) -> Iterator[None]:
    """Let every id that a decision makes be the next of a row that begins anew here."""
    numbers = itertools.count(1)
    with pytest.MonkeyPatch.context() as patch:
        for room in (gift_decisions, purchases, expiry):
            patch.setattr(room, "new_id", lambda: UUID(int=(example << 64) + next(numbers)))
        yield


@dataclass
class Story:
    """One story on one database: who is in it, what was before, and the group."""

    database: Database
    example: int
    client: UUID
    people: list[Person]
    lines: list[Line]

    async def meet(self, home: Home) -> None:
        async with self.database.connection() as connection:
            for person, line in zip(self.people, self.lines, strict=True):
                if home == ONE_BY_ONE:
                    await add_person(connection, person)
                number = f"+99{home}{line.number}"
                await add_line(connection, home, dataclasses.replace(line, number=number))

    async def tell(
        self, home: Home, earlier: Sequence[Step], wait: timedelta, later: Sequence[Step]
    ) -> Mapping[str, Outcome]:
        await self.meet(home)
        clock = MovedClock()
        road = YuzuriRoad(PROFILES, home)
        answers: dict[str, Outcome] = {}
        asked: list[Request[Command]] = []
        offered: list[Gift] = []
        async with Committer(self.database.pool, road, clock, home) as committer:
            for number, step in enumerate([*BEGINNING, *earlier]):
                clock.move(timedelta(seconds=1))
                request = self._request(step, f"earlier {number}", offered)
                outcome = answers[request.key] = await committer.submit(request)
                asked.append(request)
                if isinstance(outcome, GiftDone) and step.kind == "offer":
                    offered.append(outcome.gift)
            clock.move(wait)
            requests = [self._request(s, f"later {n}", offered) for n, s in enumerate(later)]
            # Some that were answered before are asked again in between.
            requests[1:1] = [asked[0], *asked[-2:]]
            answers |= await self._submit(committer, requests, together=home == TOGETHER)
        async with self.database.connection() as connection:
            findings = await verify(connection, home, clock.now)
        assert [f for f in findings if not f.holds] == []
        return answers

    async def _submit(
        self,
        committer: Committer[Command, Outcome, Facts],
        requests: Sequence[Request[Command]],
        *,
        together: bool,
    ) -> Mapping[str, Outcome]:
        if together:
            outcomes = await asyncio.gather(*(committer.submit(request) for request in requests))
        else:
            outcomes = [await committer.submit(request) for request in requests]
        return {request.key: outcome for request, outcome in zip(requests, outcomes, strict=True)}

    def _request(self, step: Step, key: str, offered: Sequence[Gift]) -> Request[Command]:
        name = UUID(int=(self.example << 64) + (1 << 32) + hash_of(key))
        return Request(self.client, key, step.command(self.lines, offered, name))

    async def differences(self) -> dict[str, int]:
        """How many rows of each table are in one home and not in the other."""
        found = {}
        async with self.database.connection() as connection:
            for table in TABLES:
                statement = sql.SQL(
                    "WITH rows AS (SELECT home, to_jsonb({0}) - 'home' AS row FROM {0})"
                    " SELECT count(*) FROM ("
                    " (SELECT row FROM rows WHERE home = 0"
                    "  EXCEPT ALL SELECT row FROM rows WHERE home = 1) UNION ALL"
                    " (SELECT row FROM rows WHERE home = 1"
                    "  EXCEPT ALL SELECT row FROM rows WHERE home = 0)) AS differing"
                ).format(sql.Identifier(table))
                row = await (await connection.execute(statement)).fetchone()
                assert row is not None
                found[table] = row[0]
        return found


def hash_of(key: str) -> int:
    kind, number = key.split()
    return int(number) + (1000 if kind == "later" else 0)


def new_story(database: Database, example: int) -> Story:
    people = [Person(PersonId(new_id()), "somebody", Language.EN, START) for _ in range(3)]
    lines = [
        Line(
            id=HolderId(new_id()),
            person=person.id,
            operator="strict",
            plan="plan",
            number=str(new_id().int % 10**10),
            label="a line",
            activated_at=START - timedelta(days=400),
        )
        for person in people
    ]
    return Story(database, example, new_id(), people, lines)


def test_a_group_leaves_what_its_commands_leave_one_by_one(
    settings: Settings, database_url: str
) -> None:
    hurry(database_url)
    opened = open_database(settings, migrating=False)
    examples = itertools.count(1)

    with asyncio.Runner() as runner:
        database = runner.run(opened.__aenter__())

        @hypothesis.settings(
            max_examples=60 * EFFORT,
            deadline=None,
            print_blob=True,
            phases=set(Phase) - {Phase.explain},
            suppress_health_check=list(HealthCheck),
        )
        @given(before, waits, group)
        def tell_twice(earlier: Sequence[Step], wait: timedelta, later: Sequence[Step]) -> None:
            forget(database_url)
            story = new_story(database, next(examples))
            answers = []
            for home in (ONE_BY_ONE, TOGETHER):
                with same_ids(story.example):
                    answers.append(runner.run(story.tell(home, earlier, wait, later)))
            assert answers[0] == answers[1]
            assert runner.run(story.differences()) == dict.fromkeys(TABLES, 0)

        try:
            tell_twice()
        finally:
            runner.run(opened.__aexit__(None, None, None))
