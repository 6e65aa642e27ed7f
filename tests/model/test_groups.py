"""A group of commands leaves exactly what the same commands leave one by one, byte for byte.

Each story is told on one database again and again, with the same ids and at the same instants: one
command at a time, as one group, and as small groups each decided while the one before is written.
Then no row of any table differs, but that a group writes one page of the journal; and the transfers
stand in the same order.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, LiteralString

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from tests.ids import numbered
from tests.model.world import (
    EFFORT,
    OPEN_RULES,
    START,
    MovedClock,
    YuzuriCommitter,
    choose,
    forget,
    hurry,
    known,
    new_line,
    operator,
)

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.charging.rating import RatingTable
from yuzuri.db import committer as committers
from yuzuri.db.committer import Committer, Request
from yuzuri.db.connect import Database, open_database
from yuzuri.kernel.ids import (
    HOME,
    AllowanceId,
    GiftId,
    HolderId,
    HoldId,
    Home,
    Id,
    PurchaseId,
    TransferId,
    home_of,
    new_id,
)
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.changes import HOUSE, House
from yuzuri.ledger.commands import (
    Capture,
    Deliver,
    ForgetTransit,
    Move,
    Release,
    Reserve,
)
from yuzuri.ledger.due import Traveller, travellers
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
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
from yuzuri.subscribers.lines import Line

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


class OneQueueRoad(YuzuriRoad):
    """The road, but for keeping all commands in one queue, so that one group has all homes."""

    def __init__(self, homes: int, queue: Home) -> None:
        super().__init__(PROFILES, homes, RatingTable(()))
        self._queue = queue

    def home_of(self, command: Command) -> Home:
        # What names a home and nobody who lives in it locks only the home where it waits.
        return command.left if isinstance(command, ForgetTransit) else self._queue


# Each table as it is compared: all of its rows, in an order. A hold that has run out is as good as
# gone, written down or not: a repeat that changes nothing writes nothing down.
TABLES: dict[str, LiteralString] = {
    "bucket": """
        SELECT to_jsonb(bucket) || jsonb_build_object('held', held - coalesce((
            SELECT sum(amount) FROM hold
            WHERE hold.holder = bucket.holder AND hold.allowance = bucket.allowance
                AND lapsed_at IS NULL AND hold.expires_at <= %(at)s), 0))
        FROM bucket ORDER BY home, holder, allowance
    """,
    "hold": """
        SELECT to_jsonb(hold) FROM hold WHERE lapsed_at IS NULL AND expires_at > %(at)s
        ORDER BY home, holder, id
    """,
    "in_transit": "SELECT to_jsonb(in_transit) FROM in_transit ORDER BY home, id",
    "allowance": "SELECT to_jsonb(allowance) FROM allowance ORDER BY home, id",
    "gift": "SELECT to_jsonb(gift) FROM gift ORDER BY home, id",
    "transfer": "SELECT to_jsonb(transfer) - 'page' - 'position' - 'checksum' FROM transfer"
    " ORDER BY home, page, position",
    "command": "SELECT to_jsonb(command) - 'home' FROM command ORDER BY name",
    "journal_page": "SELECT home, sum(transfers) FROM journal_page GROUP BY home ORDER BY home",
}
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class Known:
    """What the commands of a story can be about."""

    lines: list[Line]
    offered: list[Gift] = field(default_factory=list)
    issued: list[tuple[HolderId, AllowanceId]] = field(default_factory=list)
    holds: list[tuple[HoldId, HolderId]] = field(default_factory=list)

    def learn(self, command: Command, outcome: Outcome) -> None:
        if isinstance(command, OfferGift) and isinstance(outcome, GiftDone):
            self.offered.append(outcome.gift)
        if isinstance(command, Purchase) and isinstance(outcome, Purchased):
            self.issued += [(command.line, allowance) for allowance, _ in outcome.issued]


@dataclass(frozen=True)
class Step:
    """A command in numbers; `amiss` makes it one that somebody else should have sent."""

    kind: str
    line: int
    other: int
    amount: int
    which: int
    amiss: bool

    def command(self, known: Known, name: Id, at: datetime) -> Command:
        lines = known.lines
        line, other = lines[self.line], lines[(self.line + self.other) % len(lines)]
        match self.kind:
            case "buy":
                top_up = ("day", "week", "month", None)[self.which % 4]
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
                return ExpireBuckets((line.id, other.id) if self.amiss else (line.id,))
            case "accept" | "decline" | "cancel" | "expire gift":
                return self._end(known, name)
            case _:
                return self._move_or_hold(known, name, at)

    def _end(self, known: Known, name: Id) -> Command:
        if not known.offered:
            return ExpireGift(gift=GiftId(name))
        gift = known.offered[self.which % len(known.offered)]
        people = {line.id: line.person for line in known.lines}
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

    def _move_or_hold(self, known: Known, name: Id, at: datetime) -> Command:
        target = known.lines[(self.line + self.other) % len(known.lines)].id
        holder, allowance = known.issued[self.which % len(known.issued)]
        if self.amiss:
            holder = target
        hold, keeper = HoldId(name), holder
        if self.kind != "reserve" and known.holds:
            hold, keeper = known.holds[-1 - self.which % len(known.holds)]
        match self.kind:
            case "move":
                return Move(
                    id=TransferId(name),
                    allowance=allowance,
                    source=holder,
                    target=target,
                    amount=self.amount,
                )
            case "reserve":
                known.holds.append((hold, holder))
                return Reserve(
                    id=hold,
                    holder=holder,
                    allowance=allowance,
                    amount=self.amount,
                    cause=name,
                    expires_at=at + timedelta(hours=self.which),
                )
            case "capture" | "capture a part":
                return Capture(
                    hold=hold,
                    holder=keeper,
                    target=HOUSE[House.USED] if self.which % 3 else target,
                    amount=self.amount,
                    keep_rest=self.kind == "capture a part",
                )
            case _:
                return Release(hold=hold, holder=keeper)


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

LEDGER = ("move", "reserve", "reserve", "capture", "capture a part", "capture a part", "release")

before = st.lists(
    steps("offer", "offer", "offer", "accept", "buy", "reserve", "move"), min_size=6, max_size=12
)
groups = st.lists(
    st.one_of(
        steps("offer", "accept", "offer", "accept", "decline", "cancel", "expire gift"),
        steps(*LEDGER),
        steps(*LEDGER),
        steps("buy", "sweep"),
    ),
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
        patch.setattr(
            gift_decisions,
            "new_id",
            lambda home=HOME: numbered((example << 64) + next(numbers), home),
        )
        yield


Lived = tuple[Home, Home, Home]
"""The homes of the three lines."""


class Way(Enum):
    """How the commands of the group are sent."""

    ONE_BY_ONE = "one by one"
    TOGETHER = "together"
    FORESEEN = "in small groups, each decided while the one before is written"


@dataclass
class Story:
    """One story on one database: who is in it, what was before, and the group."""

    database: Database
    homes: int
    example: int
    client: Id
    lines: list[Line]

    async def tell(
        self, way: Way, earlier: Sequence[Step], wait: timedelta, later: Sequence[Step]
    ) -> tuple[Mapping[str, Outcome], Rows]:
        clock = MovedClock()
        road = YuzuriRoad(PROFILES, self.homes, RatingTable(()))
        if way is Way.TOGETHER:
            road = OneQueueRoad(self.homes, home_of(self.lines[0].id))
        answers: dict[str, Outcome] = {}
        asked: list[Request[Command]] = []
        known = Known(self.lines)
        group_max = 2 if way is Way.FORESEEN else 8_000  # gifts are not foreseen
        async with Committer(self.database.pool, road, clock, group_max=group_max) as committer:
            for number, step in enumerate([*BEGINNING, *earlier]):
                clock.move(timedelta(seconds=1))
                request = self._request(step, f"earlier {number}", known, clock.now)
                outcome = answers[request.key] = await committer.submit(request)
                asked.append(request)
                known.learn(request.command, outcome)
            clock.move(wait)
            requests = [
                self._request(s, f"later {n}", known, clock.now) for n, s in enumerate(later)
            ]
            # What is between two homes arrives among them.
            for home in range(self.homes):
                async with self.database.connection() as connection:
                    waiting = await travellers(connection, Home(home), clock.now)
                requests += [self._arrival(traveller) for traveller in waiting]
                requests += [self._forgotten(traveller, Home(home)) for traveller in waiting]
            # Some that were answered before are asked again in between.
            requests[1:1] = [asked[0], *asked[-2:]]
            answers |= await self._submit(committer, requests, way)
        async with self.database.connection() as connection:
            findings = await verify(connection, clock.now)
        assert [f for f in findings if not f.holds] == []
        return answers, await self._rows(clock.now)

    async def _submit(
        self, committer: YuzuriCommitter, requests: Sequence[Request[Command]], way: Way
    ) -> Mapping[str, Outcome]:
        if way is Way.ONE_BY_ONE:
            outcomes = [await committer.submit(request) for request in requests]
        else:
            outcomes = await asyncio.gather(*(committer.submit(request) for request in requests))
        return {request.key: outcome for request, outcome in zip(requests, outcomes, strict=True)}

    def _request(self, step: Step, key: str, known: Known, at: datetime) -> Request[Command]:
        name = numbered((self.example << 64) + (1 << 32) + hash_of(key))
        return Request(self.client, key, step.command(known, name, at))

    def _arrival(self, traveller: Traveller) -> Request[Command]:
        command = Deliver(
            id=traveller.id,
            allowance=traveller.allowance,
            target=traveller.target,
            amount=traveller.amount,
        )
        return Request(self.client, f"deliver {traveller.id}", command)

    def _forgotten(self, traveller: Traveller, left: Home) -> Request[Command]:
        command = ForgetTransit(id=traveller.id, left=left)
        return Request(self.client, f"arrived {traveller.id}", command)

    async def _rows(self, at: datetime) -> Rows:
        async with self.database.connection() as connection:
            return {
                table: await (await connection.execute(statement, {"at": at})).fetchall()
                for table, statement in TABLES.items()
            }


def hash_of(key: str) -> int:
    kind, number = key.split()
    return int(number) + (1000 if kind == "later" else 0)


async def new_story(database: Database, homes: int, example: int, lived_in: Lived) -> Story:
    async with database.connection() as connection:
        lines = [await new_line(connection, START, "strict", "plan", home) for home in lived_in]
    return Story(database, homes, example, new_id(), lines)


def differences(some: list[Any], others: list[Any]) -> tuple[list[Any], list[Any]]:
    """What is only in the one, and only in the other."""
    return [row for row in some if row not in others], [row for row in others if row not in some]


FIRST, FOURTH, LAST = Home(0), Home(4), Home(15)


@pytest.mark.parametrize(
    ("homes", "lived_in", "ways"),
    [
        (1, (FIRST, FIRST, FIRST), Way),
        (16, (LAST, LAST, LAST), Way),
        # Where groups of several homes go side by side, they come in no order.
        (16, (FIRST, LAST, FOURTH), (Way.ONE_BY_ONE, Way.TOGETHER)),
    ],
    ids=["1 home", "one of 16 homes", "16 homes"],
)
def test_a_group_leaves_what_its_commands_leave_one_by_one(
    settings: Settings,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    homes: int,
    lived_in: Lived,
    ways: Iterable[Way],
) -> None:
    hurry(database_url)
    opened = open_database(settings, migrating=False)
    examples = itertools.count(1)

    with asyncio.Runner() as runner:
        runner.run(choose(database_url, homes))
        database = runner.run(opened.__aenter__())

        @hypothesis.settings(
            max_examples=40 * EFFORT,
            deadline=None,
            print_blob=True,
            phases=set(Phase) - {Phase.explain},
            suppress_health_check=list(HealthCheck),
        )
        @given(before, waits, groups)
        def tell(earlier: Sequence[Step], wait: timedelta, later: Sequence[Step]) -> None:
            story = runner.run(new_story(database, homes, next(examples), lived_in))
            told = {}
            for way in ways:
                forget(database_url)
                crowd = 1 if way is Way.FORESEEN else 1_000
                monkeypatch.setattr(committers, "_CROWD", crowd)
                with same_ids(story.example):
                    told[way] = runner.run(story.tell(way, earlier, wait, later))
            answers, rows = told[Way.ONE_BY_ONE]
            for answers_together, rows_together in told.values():
                assert answers_together == answers
                for table in TABLES:
                    assert differences(rows[table], rows_together[table]) == ([], [])
                    assert rows_together[table] == rows[table]

        try:
            tell()
        finally:
            runner.run(opened.__aexit__(None, None, None))
