"""The committer on a real database: groups, keys, defects, closing, and a database that dies."""

import asyncio
import gc
import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from psycopg import AsyncConnection
from tests.model.world import (
    CLIENT,
    ISSUED,
    OPEN,
    START,
    World,
    YuzuriCommitter,
    breaches,
    choose,
    offered,
    open_world,
)

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.charging.rating import RatingTable
from yuzuri.db import Connection
from yuzuri.db import committer as committer_room
from yuzuri.db.committer import KEY_LENGTH_MAX, Committer, Request
from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import (
    HOME,
    AllowanceId,
    GiftId,
    HolderId,
    HoldId,
    Home,
    Id,
    PersonId,
    PurchaseId,
    TransferId,
    new_id,
)
from yuzuri.ledger.commands import DONE, LedgerDone, Move, Reserve
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.runtime.commands import Command
from yuzuri.runtime.facts import Facts
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import AcceptGift, GiftDone, GiftRefused, OfferGift
from yuzuri.subscribers.lines import Line


@dataclass
class WatchedRoad(YuzuriRoad):
    """The real road, with a view of its groups and a place to go wrong."""

    homes: int = 1
    after_decide: Callable[[Command], None] = lambda _: None
    groups: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(OPEN, self.homes, RatingTable(()))

    async def load(
        self,
        connection: Connection,
        commands: Sequence[Command],
        at: datetime,
    ) -> Facts:
        self.groups.append(len(commands))
        return await super().load(connection, commands, at)

    def decide(self, facts: Facts, command: Command) -> Outcome:
        outcome = super().decide(facts, command)
        self.after_decide(command)
        return outcome


@pytest.fixture
def homes() -> int:
    """How many homes there are, where a test does not say that it wants several."""
    return 1


in_homes = pytest.mark.parametrize("homes", [1, 16])
"""In one home, and where each line has another."""


@pytest.fixture
async def world(
    settings: Settings, database_url: str, database: Database, homes: int
) -> AsyncIterator[World]:
    await choose(database_url, homes)
    async with open_world(settings, database) as world:
        yield world


def watched(world: World, road: YuzuriRoad | None = None, **limits: int) -> YuzuriCommitter:
    """Another process on the same database, with the same clock."""
    road = road or WatchedRoad(world.yuzuri.homes)
    return Committer(world.yuzuri.database.pool, road, world.clock, **limits)


def asked(command: Command, key: str | None = None, client: Id = CLIENT) -> Request[Command]:
    return Request(client, key or str(new_id()), command)


async def ask(committer: YuzuriCommitter, request: Request[Command]) -> Outcome:
    return await committer.submit(request)


def code_of(error: object) -> Code:
    assert isinstance(error, DomainError), error
    return error.refusal.code


async def insist(
    committer: YuzuriCommitter, request: Request[Command], errors: set[Code]
) -> tuple[Outcome, int]:
    """Send a request until it is answered, and say how often it took; other errors are raised."""
    for tries in itertools.count(1):
        try:
            return await committer.submit(request), tries
        except DomainError as error:
            if error.refusal.code not in errors:
                raise
            await asyncio.sleep(0.01)
    raise AssertionError


async def is_kept(admin: AsyncConnection, key: str) -> bool:
    """Tell whether there is a reply for the client's key."""
    name = Id(sha256(CLIENT + key.encode()).digest()[:16])
    cursor = await admin.execute("SELECT reply FROM command WHERE name = %s", [name])
    return await cursor.fetchone() is not None


async def gifts_from(admin: AsyncConnection, line: HolderId) -> int:
    cursor = await admin.execute("SELECT count(*) FROM gift WHERE from_line = %s", [line])
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


# ---------------------------------------------------------------- groups


async def test_requests_that_wait_together_are_one_group(world: World) -> None:
    lines = await world.new_lines(20)
    road = WatchedRoad()
    async with watched(world, road) as committer:
        commands = [Purchase(id=PurchaseId(new_id()), line=line.id) for line in lines]
        await asyncio.gather(*(committer.submit(asked(command)) for command in commands))
    assert road.groups == [20]


async def test_a_group_is_never_larger_than_its_bound(world: World) -> None:
    lines = await world.new_lines(20)
    road = WatchedRoad()
    async with watched(world, road, group_max=8) as committer:
        commands = [Purchase(id=PurchaseId(new_id()), line=line.id) for line in lines]
        await asyncio.gather(*(committer.submit(asked(command)) for command in commands))
    assert road.groups == [8, 8, 4]


async def test_a_defect_in_one_command_spoils_no_other(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)

    def fail_on_13(command: Command) -> None:
        if isinstance(command, OfferGift) and command.amount == 13:
            raise ZeroDivisionError

    road = WatchedRoad(after_decide=fail_on_13)
    async with watched(world, road) as committer:
        answers = await asyncio.gather(
            *(committer.submit(asked(offered(giver, receiver, n))) for n in range(1, 21)),
            return_exceptions=True,
        )
    assert isinstance(answers[12], ZeroDivisionError)
    assert all(isinstance(a, GiftDone) for n, a in enumerate(answers) if n != 12)
    assert await world.left(giver) == ISSUED - (sum(range(1, 21)) - 13)
    assert len(road.groups) <= 11  # in halves, and not each of the twenty alone


async def test_every_command_is_told_where_every_command_has_a_defect(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)

    def fail(_: Command) -> None:
        raise ZeroDivisionError

    async with watched(world, WatchedRoad(after_decide=fail)) as committer:
        answers = await asyncio.gather(
            *(committer.submit(asked(offered(giver, receiver, n))) for n in range(1, 8)),
            return_exceptions=True,
        )
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 7
    assert await world.left(giver) == ISSUED


async def test_a_plan_that_has_left_the_profile_is_named_and_spoils_no_other(
    world: World, admin_connection: AsyncConnection
) -> None:
    giver, receiver = await world.new_lines(2)
    [stranded] = await world.new_lines(1, plan="gone")
    await world.buy(giver)
    road = WatchedRoad()
    async with watched(world, road) as committer:
        refused = asked(offered(giver, stranded, 10), "k")
        answers = await asyncio.gather(
            committer.submit(asked(offered(giver, receiver, 10), "j")),
            committer.submit(refused),
            committer.submit(asked(Purchase(id=PurchaseId(new_id()), line=stranded.id))),
            committer.submit(asked(offered(giver, receiver, 20))),
            return_exceptions=True,
        )
        assert road.groups == [4]
        assert [type(a) for a in answers] == [GiftDone, DomainError, DomainError, GiftDone]
        assert code_of(answers[1]) is code_of(answers[2]) is Code.PLAN_UNKNOWN
        # Nothing is kept of it: it may be sent again once the profile is put right.
        assert await is_kept(admin_connection, "j")
        assert not await is_kept(admin_connection, "k")
        with pytest.raises(DomainError):
            await committer.submit(refused)
    assert await world.left(giver) == ISSUED - 30


@pytest.mark.parametrize("amount", [0, -1])
async def test_an_amount_that_is_none_is_refused_on_the_road_itself(
    world: World, amount: int
) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    with pytest.raises(DomainError) as raised:
        await world.submit(offered(giver, receiver, amount))
    assert code_of(raised.value) is Code.AMOUNT_NOT_POSITIVE


# ---------------------------------------------------------------- what is posted together


@in_homes
async def test_what_is_posted_together_is_answered_in_its_order(world: World, homes: int) -> None:
    lines = await world.new_lines(3)
    for line in lines:
        await world.buy(line)
    road = WatchedRoad(homes)
    pairs = [(lines[n % 3], lines[(n + 1) % 3]) for n in range(30)]
    async with watched(world, road) as committer:
        answers = await committer.post(
            [asked(offered(*pair, n)) for n, pair in enumerate(pairs, start=1)]
        )
    assert [a.gift.amount for a in answers if isinstance(a, GiftDone)] == list(range(1, 31))
    assert road.groups == ([30] if homes == 1 else [10, 10, 10])


async def test_what_is_wrong_with_one_of_many_stands_in_its_place(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)

    def fail_on_13(command: Command) -> None:
        if isinstance(command, OfferGift) and command.amount == 13:
            raise ZeroDivisionError

    def one(amount: int, key: str) -> Request[Command]:
        return asked(offered(giver, receiver, amount), key)

    async with watched(world, WatchedRoad(after_decide=fail_on_13), queue_max=5) as committer:
        await committer.submit(one(1, "before"))
        answers = await committer.post(
            [one(2, "a"), one(2, "a"), one(3, "a"), one(2, "\n"), one(13, "b"), one(0, "c"),
             one(1, "before"), one(2, "before"), one(ISSUED, "d"), one(3, "e"), one(4, "f")]
        )  # fmt: skip
        assert await committer.post([]) == []
    [closed] = await committer.post([one(2, "a")])
    assert code_of(closed) is Code.DATABASE_UNAVAILABLE
    told = [code_of(a) if isinstance(a, DomainError) else type(a) for a in answers]
    assert told == [
        GiftDone,
        Code.REQUEST_IN_FLIGHT,
        Code.KEY_REUSED,
        Code.KEY_INVALID,
        ZeroDivisionError,
        Code.AMOUNT_NOT_POSITIVE,
        GiftDone,
        Code.KEY_REUSED,
        GiftRefused,
        Code.REQUEST_BUSY,
        Code.REQUEST_BUSY,
    ]
    assert await world.left(giver) == ISSUED - 3


# ---------------------------------------------------------------- looking ahead in a crowd


@dataclass
class Movers:
    """Lines of one home that all have some of one allowance."""

    lines: list[Line]
    allowance: AllowanceId

    def move(self, source: int, target: int, amount: int) -> Request[Command]:
        return asked(
            Move(
                id=TransferId(new_id()),
                allowance=self.allowance,
                source=self.lines[source].id,
                target=self.lines[target].id,
                amount=amount,
            )
        )

    def reserve(self, holder: int, amount: int) -> Request[Command]:
        return asked(
            Reserve(
                id=HoldId(new_id()),
                holder=self.lines[holder].id,
                allowance=self.allowance,
                amount=amount,
                cause=new_id(),
                expires_at=START + timedelta(days=1),
            )
        )


@pytest.fixture
async def movers(world: World) -> Movers:
    lines = await world.new_lines(5)
    bought = await world.submit(Purchase(id=PurchaseId(new_id()), line=lines[0].id, top_up="month"))
    assert isinstance(bought, Purchased)
    movers = Movers(lines, bought.issued[0][0])
    for number in range(1, 5):
        request = movers.move(0, number, ISSUED // 5)
        assert await world.yuzuri.committer.submit(request) is DONE
    return movers


def chances(requests: int) -> list[tuple[int, int, int]]:
    """Who moves how much to whom; more than half of what there is now and then."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    pairs = [chance.sample(range(5), 2) for _ in range(requests)]
    return [(source, target, chance.choice([1, 90, 150])) for source, target in pairs]


@pytest.mark.parametrize("group_max", [1, 7, 1_000])
async def test_a_group_that_was_foreseen_sees_what_those_before_it_left(
    world: World, movers: Movers, monkeypatch: pytest.MonkeyPatch, group_max: int
) -> None:
    monkeypatch.setattr(committer_room, "_CROWD", 1)
    wanted = chances(300)
    async with watched(world, group_max=group_max) as committer:
        answers = await committer.post([movers.move(*want) for want in wanted])
    has = [ISSUED // 5] * 5
    for (source, target, amount), answer in zip(wanted, answers, strict=True):
        assert (answer is DONE) == (has[source] >= amount)
        if answer is DONE:
            has[source] -= amount
            has[target] += amount
        else:
            assert isinstance(answer, Refusal)
            assert answer.code is Code.BALANCE_NOT_ENOUGH
    assert [await world.left(line) for line in movers.lines] == has
    assert {type(answer) for answer in answers} == {LedgerDone, Refusal}


async def test_what_another_process_does_after_a_group_was_foreseen_is_seen(
    world: World, movers: Movers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both send the same requests, each once with effect, and others of their own."""
    monkeypatch.setattr(committer_room, "_CROWD", 1)
    wanted = [(want, movers.move(*want)) for want in chances(200)]
    mine = [(want, movers.move(*want)) for want in chances(100)]
    async with (
        watched(world, group_max=5) as one,
        watched(world, group_max=3) as other,
    ):
        answers, again, own = await asyncio.gather(
            one.post([request for _, request in wanted]),
            other.post([request for _, request in reversed(wanted)]),
            other.post([request for _, request in mine]),
        )
    assert answers == again[::-1]
    has = [ISSUED // 5] * 5
    done = zip([want for want, _ in (*wanted, *mine)], [*answers, *own], strict=True)
    for (source, target, amount), answer in done:
        if answer is DONE:
            has[source] -= amount
            has[target] += amount
    assert [await world.left(line) for line in movers.lines] == has
    assert {type(answer) for answer in answers} == {LedgerDone, Refusal}


async def test_two_processes_that_look_ahead_never_set_aside_more_than_there_is(
    world: World, movers: Movers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups that only hold write no page that could tell them that another came first."""
    monkeypatch.setattr(committer_room, "_CROWD", 1)
    async with watched(world, group_max=5) as one, watched(world, group_max=3) as other:
        mine, theirs = await asyncio.gather(
            *(
                process.post([movers.reserve(number % 5, 10) for number in range(150)])
                for process in (one, other)
            )
        )
    assert [*mine, *theirs].count(DONE) == ISSUED // 10
    assert {type(answer) for answer in (*mine, *theirs)} == {LedgerDone, Refusal}
    assert [await world.left(line) for line in movers.lines] == [0] * 5


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize("key", ["", "a\0b", "k" * (KEY_LENGTH_MAX + 1), "a\nb", "\ud800"])
async def test_a_key_that_the_database_could_not_keep_is_refused_at_once(
    world: World, key: str
) -> None:
    giver, receiver = await world.new_lines(2)
    with pytest.raises(DomainError) as raised:
        await world.yuzuri.submit(CLIENT, key, offered(giver, receiver, 1))
    assert code_of(raised.value) is Code.KEY_INVALID


async def test_the_longest_key_is_kept(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    key = "鍵" * KEY_LENGTH_MAX
    first = await world.submit(offered(giver, receiver, 1), key)
    assert await world.submit(offered(giver, receiver, 1), key) == first


@in_homes
async def test_a_key_acts_once_for_each_client(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    first = await world.submit(offered(giver, receiver, 100), "same")
    again = await world.submit(offered(giver, receiver, 100), "same")
    other = await world.submit(offered(giver, receiver, 100), "same", who=giver)
    assert isinstance(first, GiftDone)
    assert isinstance(other, GiftDone)
    assert again == first
    assert other.gift.id != first.gift.id
    assert await world.left(giver) == ISSUED - 200


@in_homes
async def test_a_key_for_something_else_is_refused(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    await world.submit(offered(giver, receiver, 100), "same")
    with pytest.raises(DomainError) as raised:
        await world.submit(offered(giver, receiver, 101), "same")
    assert code_of(raised.value) is Code.KEY_REUSED
    assert await world.left(giver) == ISSUED - 100


@in_homes
async def test_a_refusal_is_kept_for_its_key_although_it_would_be_possible_now(
    world: World,
) -> None:
    giver, receiver = await world.new_lines(2)
    first = await world.submit(offered(giver, receiver, 100), "same")
    await world.buy(giver)
    assert isinstance(first, GiftRefused)
    assert await world.submit(offered(giver, receiver, 100), "same") == first
    assert await world.left(giver) == ISSUED


@in_homes
async def test_a_key_in_flight_is_said_to_be(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    answers = await asyncio.gather(
        *(world.submit(offered(giver, receiver, 100), "same") for _ in range(200)),
        world.submit(offered(giver, receiver, 101), "same"),
        return_exceptions=True,
    )
    assert isinstance(answers[0], GiftDone)
    assert {code_of(answer) for answer in answers[1:-1]} == {Code.REQUEST_IN_FLIGHT}
    assert code_of(answers[-1]) is Code.KEY_REUSED
    assert await world.left(giver) == ISSUED - 100


@in_homes
async def test_a_purchase_is_made_once_whatever_its_keys_and_lines(world: World) -> None:
    one, other = await world.new_lines(2)
    purchase = PurchaseId(new_id())
    answers = [
        await world.submit(Purchase(id=purchase, line=line.id, top_up=top_up))
        for line, top_up in ((one, "month"), (one, "month"), (one, "never"), (other, "month"))
    ]
    assert isinstance(answers[0], Purchased)
    assert answers[1:] == [Refusal(Code.KEY_REUSED)] * 3
    assert (await world.left(one), await world.left(other)) == (ISSUED, 0)


async def test_a_purchase_is_made_once_within_a_group(world: World) -> None:
    one, other = await world.new_lines(2)
    purchase = PurchaseId(new_id())
    road = WatchedRoad()
    async with watched(world, road) as committer:
        answers = await asyncio.gather(
            *(committer.submit(asked(Purchase(id=purchase, line=x.id))) for x in (one, other, one))
        )
    assert road.groups == [3]
    assert [type(answer) for answer in answers] == [Purchased, Refusal, Refusal]


# ---------------------------------------------------------------- callers and limits


async def test_more_requests_than_may_wait_are_told_to_come_back(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    async with watched(world, queue_max=3) as committer:
        requests = [asked(offered(giver, receiver, 1)) for _ in range(5)]
        answers = await asyncio.gather(
            *(ask(committer, request) for request in requests), return_exceptions=True
        )
        assert [type(answer) for answer in answers[:3]] == [GiftDone] * 3
        assert [code_of(answer) for answer in answers[3:]] == [Code.REQUEST_BUSY] * 2
        # Nothing of it is left behind: the same key is taken up later.
        assert isinstance(await committer.submit(requests[4]), GiftDone)
    assert await world.left(giver) == ISSUED - 4


@in_homes
async def test_a_caller_that_goes_away_changes_nothing(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    task = asyncio.create_task(world.submit(offered(giver, receiver, 100), "k"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    request = asked(offered(giver, receiver, 100), "k")
    outcome, _ = await insist(world.yuzuri.committer, request, {Code.REQUEST_IN_FLIGHT})
    assert isinstance(outcome, GiftDone)
    assert await world.left(giver) == ISSUED - 100


# ---------------------------------------------------------------- closing


@in_homes
async def test_closing_commits_and_answers_all_that_waits(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    async with watched(world, group_max=2) as committer:
        waiting = [committer.submit(asked(offered(giver, receiver, 1))) for _ in range(10)]
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert [type(answer) for answer in answers] == [GiftDone] * 10
    assert await world.left(giver) == ISSUED - 10


async def test_a_closed_committer_says_so_at_once(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    async with watched(world) as committer:
        pass
    with pytest.raises(DomainError) as raised:
        await asyncio.wait_for(ask(committer, asked(offered(giver, receiver, 1))), 5)
    assert code_of(raised.value) is Code.DATABASE_UNAVAILABLE


async def test_closing_leaves_nobody_without_an_answer_where_writing_hangs(
    world: World,
    movers: Movers,
    admin_connection: AsyncConnection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One group is being written, and the next has been foreseen."""
    monkeypatch.setattr(committer_room, "_CLOSING_TIMEOUT_S", 0.2)
    monkeypatch.setattr(committer_room, "_CROWD", 1)
    requests = [movers.move(0, 1, 1) for _ in range(10)]
    async with admin_connection.transaction():
        await admin_connection.execute("LOCK TABLE bucket IN SHARE MODE")
        async with watched(world, group_max=4) as committer:
            posted = asyncio.create_task(committer.post(requests))
            await asyncio.sleep(0.2)
        answers = await asyncio.wait_for(posted, 5)
    assert [code_of(answer) for answer in answers] == [Code.DATABASE_UNAVAILABLE] * 10
    assert await world.yuzuri.committer.post(requests) == [DONE] * 10
    assert await world.left(movers.lines[0]) == ISSUED // 5 - 10
    gc.collect()
    assert "never retrieved" not in caplog.text
    assert "was destroyed" not in caplog.text


async def test_closing_leaves_nobody_without_an_answer_where_the_database_hangs(
    world: World, admin_connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer_room, "_CLOSING_TIMEOUT_S", 0.2)
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    async with admin_connection.transaction():
        await admin_connection.execute("LOCK TABLE bucket IN ACCESS EXCLUSIVE MODE")
        async with watched(world) as committer:
            request = asked(offered(giver, receiver, 1))
            waiting = committer.submit(request)
            await asyncio.sleep(0.1)
        with pytest.raises(DomainError) as raised:
            await asyncio.wait_for(waiting, 5)
    assert code_of(raised.value) is Code.DATABASE_UNAVAILABLE
    assert isinstance(await world.yuzuri.committer.submit(request), GiftDone)
    assert await world.left(giver) == ISSUED - 1


# ---------------------------------------------------------------- a database that goes away


@dataclass
class CutRoad(WatchedRoad):
    """A road on which the server ends the connection once, at a certain place."""

    admin: AsyncConnection | None = None
    place: str = "load"

    async def _cut(self, connection: Connection, place: str) -> None:
        if place == self.place and self.admin is not None:
            admin, self.admin = self.admin, None
            pid = connection.info.backend_pid
            await admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    async def load(
        self,
        connection: Connection,
        commands: Sequence[Command],
        at: datetime,
    ) -> Facts:
        await self._cut(connection, "load")
        return await super().load(connection, commands, at)

    async def store(self, connection: Connection, facts: Facts) -> None:
        await self._cut(connection, "store")
        await super().store(connection, facts)
        await self._cut(connection, "stored")


@in_homes
@pytest.mark.parametrize("place", ["load", "store", "stored"])
async def test_after_a_lost_connection_the_same_keys_act_once(
    world: World, admin_connection: AsyncConnection, place: str
) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    requests = [asked(offered(giver, receiver, n)) for n in range(1, 11)]
    road = CutRoad(admin=admin_connection, place=place)
    async with watched(world, road) as committer:
        lost = await asyncio.gather(
            *(committer.submit(request) for request in requests), return_exceptions=True
        )
        assert {code_of(answer) for answer in lost} == {Code.DATABASE_UNAVAILABLE}
        assert await world.left(giver) == ISSUED
        first = [await committer.submit(request) for request in requests]
        again = [await committer.submit(request) for request in requests]
    assert first == again
    assert await world.left(giver) == ISSUED - 55


async def test_connections_lost_at_any_moment_lose_and_repeat_nothing(
    world: World, admin_connection: AsyncConnection
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    requests = [asked(offered(giver, receiver, 1)) for _ in range(120)]
    first: dict[str, Outcome] = {}
    lost = 0

    async def send(committer: YuzuriCommitter, request: Request[Command]) -> None:
        nonlocal lost
        await asyncio.sleep(chance.random() * 2)
        first[request.key], tries = await insist(committer, request, {Code.DATABASE_UNAVAILABLE})
        lost += tries - 1

    async def cut() -> None:
        while True:
            await asyncio.sleep(0.05 + chance.random() * 0.1)
            await admin_connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state <> 'idle' AND backend_type = 'client backend'"
            )

    async with watched(world, group_max=3) as committer:
        cutting = asyncio.create_task(cut())
        await asyncio.wait_for(asyncio.gather(*(send(committer, r) for r in requests)), 60)
        cutting.cancel()
        again = {request.key: await committer.submit(request) for request in requests}
    assert lost > 0
    assert again == first
    assert await gifts_from(admin_connection, giver.id) == len(requests)
    assert await world.left(giver) == ISSUED - len(requests)


# ---------------------------------------------------------------- two processes


@in_homes
async def test_two_processes_answer_one_key_with_one_effect(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    async with watched(world) as one, watched(world) as other:
        for _ in range(25):
            request = asked(offered(giver, receiver, 1))
            mine, theirs = await asyncio.gather(one.submit(request), other.submit(request))
            assert isinstance(mine, GiftDone)
            assert mine == theirs
    assert await world.left(giver) == ISSUED - 25


@pytest.mark.parametrize("home", [HOME, Home(777)])
async def test_two_processes_answer_one_key_alike_where_there_is_nothing_to_lock(
    world: World, home: Home
) -> None:
    """Nobody lives there, or there is no such home."""
    nobody = HolderId(new_id(home))
    async with watched(world) as one, watched(world) as other:
        for _ in range(25):
            requests = [
                asked(ExpireBuckets((nobody,))),
                asked(Purchase(id=PurchaseId(new_id()), line=nobody)),
                asked(AcceptGift(person=PersonId(new_id(home)), gift=GiftId(new_id(home)))),
            ]
            backwards = requests[::-1]
            mine, theirs = await asyncio.gather(
                asyncio.gather(*(one.submit(request) for request in requests)),
                asyncio.gather(*(other.submit(request) for request in backwards)),
            )
            assert mine == theirs[::-1]
            assert [type(answer) for answer in mine] == [Expired, Refusal, GiftRefused]


@in_homes
async def test_two_processes_make_one_purchase_once_on_two_lines(world: World) -> None:
    lines = await world.new_lines(2)
    async with watched(world) as one, watched(world) as other:
        for turn in range(1, 16):
            purchase = PurchaseId(new_id())
            answers = await asyncio.gather(
                *(
                    process.submit(asked(Purchase(id=purchase, line=line.id, top_up="month")))
                    for process, line in zip((one, other), lines, strict=True)
                )
            )
            kinds = sorted(type(answer).__name__ for answer in answers)
            assert kinds == ["Purchased", "Refusal"]
            assert sum([await world.left(line) for line in lines]) == turn * ISSUED


async def test_two_processes_on_crossing_lines_never_stand_still(world: World) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lines = await world.new_lines(6)
    for line in lines:
        await world.buy(line)

    async def give(committer: YuzuriCommitter) -> None:
        for _ in range(12):
            giver, receiver = chance.sample(lines, 2)
            done = await committer.submit(asked(offered(giver, receiver, chance.randint(1, 40))))
            if isinstance(done, GiftDone):
                accept = AcceptGift(person=receiver.person, gift=done.gift.id)
                assert isinstance(await committer.submit(asked(accept)), GiftDone)

    async with watched(world) as one, watched(world) as other:
        givers = [give(committer) for committer in (one, other) for _ in range(8)]
        await asyncio.wait_for(asyncio.gather(*givers), 60)
    assert sum([await world.left(line) for line in lines]) == 6 * ISSUED


@in_homes
async def test_received_data_given_on_by_two_processes_at_once_never_stands_still(
    world: World,
) -> None:
    """Both make the same allowance known: the same data in its third hands, on the same terms."""
    source, *others = await world.new_lines(9)
    for _ in range(6):
        await world.buy(source)
    for line in others[:4]:
        for _ in range(3):
            await world.give(source, line, 100)
        await world.give(source, line, ISSUED)
    async with watched(world) as one, watched(world) as other:
        gifts = [
            (receiver, await world.offer(giver, receiver, 1_100))
            for giver, receiver in zip(others[:4], others[4:], strict=True)
        ]
        accepts = [AcceptGift(person=receiver.person, gift=g.id) for receiver, g in gifts]
        answers = await asyncio.wait_for(
            asyncio.gather(
                *(one.submit(asked(accept)) for accept in accepts[:2]),
                *(other.submit(asked(accept)) for accept in accepts[2:]),
            ),
            20,
        )
    assert [type(answer) for answer in answers] == [GiftDone] * 4


# ---------------------------------------------------------------- what a bank must stand


@in_homes
async def test_books_hold_at_every_moment_of_a_busy_day(
    world: World, settings: Settings, database: Database
) -> None:
    """Eight people at once over two processes on 16 hot lines, and reads while they write."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lines = await world.new_lines(16)
    for line in lines:
        await world.buy(line)
    busy = True
    reads = 0

    async def use(committer: YuzuriCommitter) -> None:
        for _ in range(40):
            giver, receiver = chance.sample(lines, 2)
            done = await committer.submit(asked(offered(giver, receiver, chance.randint(1, 300))))
            if isinstance(done, GiftDone) and chance.random() < 0.8:
                await committer.submit(asked(AcceptGift(person=receiver.person, gift=done.gift.id)))

    async def look() -> None:
        nonlocal reads
        while busy:
            assert await breaches(database, world.at) == []
            for line in lines:
                assert await world.left(line) >= 0
            reads += 1

    async with watched(world) as one, watched(world) as other:
        looking = asyncio.create_task(look())
        await asyncio.gather(*(use(committer) for committer in (one, other) for _ in range(4)))
        busy = False
        await looking
    assert reads >= 3
    world.clock.move(timedelta(hours=73))
    assert sum([await world.left(line) for line in lines]) == 16 * ISSUED
