"""Gifts on a real database: time, limits, sweeps, and what other processes do meanwhile.

All of it in one home, and where everybody lives in another.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from psycopg import AsyncConnection
from tests.model.world import (
    CLAIM_LIFETIME,
    ISSUED,
    OPEN,
    OPEN_RULES,
    World,
    choose,
    known,
    new_line,
    offered,
    open_world,
    operator,
)

from yuzuri.catalog.purchases import Purchase
from yuzuri.db.connect import Database
from yuzuri.jobs import sweeps
from yuzuri.jobs.sweeps import keep_sweeping, sweep
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import HOME, GiftId, PurchaseId, home_of, new_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.ledger.store import read_book
from yuzuri.operators.gift_rules import ClaimLifetime, GiftRules
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing import gift_decisions
from yuzuri.sharing.account import load_offer_facts
from yuzuri.sharing.gift_decisions import preview_offer
from yuzuri.sharing.gift_store import due_gifts
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    ExpireGift,
    Gift,
    GiftDone,
    GiftRefused,
    GiftState,
)

TICK = timedelta(microseconds=1)


def ruled(**rules: object) -> GiftRules:
    return msgspec.structs.replace(
        OPEN_RULES, **{name: known(value) for name, value in rules.items()}
    )


def of_data(amount: int) -> tuple[Quantity, ...]:
    return (Quantity(amount, Unit.DATA),)


PROFILES = Profiles(
    {
        "open": operator(),
        "slow": operator(
            "slow",
            ruled(
                claim_lifetime=ClaimLifetime(hours=24 * 60),
                received_per_month=of_data(500),
                pending_max=2,
                volume_per_day=of_data(600),
                count_per_day=3,
            ),
        ),
        "at-once": operator("at-once", ruled(refusable=False, received_per_month=of_data(500))),
        "jp": operator("jp", country="JP"),
    }
)


@pytest.fixture(params=[1, 16], ids=["1 home", "16 homes"])
def homes(request: pytest.FixtureRequest) -> int:
    chosen: int = request.param
    return chosen


@pytest.fixture
async def world(
    settings: Settings, database_url: str, database: Database, homes: int
) -> AsyncIterator[World]:
    await choose(database_url, homes)
    async with open_world(settings, database, PROFILES) as world:
        yield world


def codes(outcome: object) -> list[Code]:
    assert isinstance(outcome, GiftRefused), outcome
    return [reason.code for reason in outcome.reasons]


async def state_of(admin: AsyncConnection, gift: GiftId) -> str:
    cursor = await admin.execute("SELECT state FROM gift WHERE id = %s", [gift])
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


# ---------------------------------------------------------------- to the very instant


async def test_a_gift_can_be_accepted_until_just_before_its_deadline(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    gift = await world.offer(giver, receiver, 100)
    world.clock.now = gift.deadline - TICK
    assert isinstance(await world.accept(receiver, gift), GiftDone)
    assert (await world.left(giver), await world.left(receiver)) == (ISSUED - 100, 100)


@pytest.mark.parametrize("command", [AcceptGift, DeclineGift])
async def test_at_its_deadline_a_gift_is_over_and_what_it_held_is_free_unswept(
    world: World, command: type[AcceptGift] | type[DeclineGift]
) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    gift = await world.offer(giver, receiver, 100)
    assert gift.deadline == world.at + CLAIM_LIFETIME
    assert await world.left(giver) == ISSUED - 100
    world.clock.now = gift.deadline
    assert await world.left(giver) == ISSUED
    outcome = await world.submit(command(person=receiver.person, gift=gift.id))
    assert codes(outcome) == [Code.GIFT_EXPIRED]
    assert isinstance(await world.submit(offered(giver, receiver, ISSUED)), GiftDone)


async def test_an_offer_waits_no_longer_than_its_soonest_part_lasts(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver, "week")
    await world.buy(giver, "day")
    day = world.at + timedelta(days=1)
    assert (await world.offer(giver, receiver, ISSUED + 1)).deadline == day
    world.clock.now = day
    assert await world.left(giver) == ISSUED


async def test_what_is_over_can_not_be_given_swept_or_not(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver, "day")
    world.clock.move(timedelta(days=1) - TICK)
    assert isinstance(await world.submit(offered(giver, receiver, 1)), GiftDone)
    world.clock.move(TICK)
    assert codes(await world.submit(offered(giver, receiver, 1))) == [Code.ALLOWANCE_EXPIRED]
    await sweep(world.yuzuri)
    assert codes(await world.submit(offered(giver, receiver, 1))) == [Code.BALANCE_NOT_ENOUGH]


# ---------------------------------------------------------------- clocks that differ


@pytest.mark.parametrize(
    ("command", "is_givers"), [(AcceptGift, False), (DeclineGift, False), (CancelGift, True)]
)
async def test_a_gift_that_a_clock_ahead_has_freed_is_over_by_every_clock(
    world: World,
    command: type[AcceptGift] | type[DeclineGift] | type[CancelGift],
    *,
    is_givers: bool,
) -> None:
    giver, receiver, other = await world.new_lines(3)
    await world.buy(giver)
    gift = await world.offer(giver, receiver, 100)
    world.clock.now = gift.deadline
    await world.offer(giver, other, 1)  # by a process whose clock is ahead
    world.clock.now = gift.deadline - timedelta(minutes=1)
    who = giver if is_givers else receiver
    outcome = await world.submit(command(person=who.person, gift=gift.id))
    assert codes(outcome) == [Code.GIFT_EXPIRED]
    assert (await world.left(giver), await world.left(receiver)) == (ISSUED - 1, 0)
    assert await world.breaches() == []


async def test_a_sweep_by_a_clock_that_went_back_is_made_up_for_later(
    world: World, admin_connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver, "day")
    gift = await world.offer(giver, receiver, 100)
    end = gift.deadline

    async def found_before_the_clock_went_back(*arguments: Any) -> Any:
        due = await due_gifts(*arguments)
        world.clock.now = end - timedelta(hours=1)
        return due

    world.clock.now = end
    with monkeypatch.context() as patch:
        patch.setattr(sweeps, "due_gifts", found_before_the_clock_went_back)
        await sweep(world.yuzuri)
    assert await state_of(admin_connection, gift.id) == "open"
    world.clock.now = end
    await sweep(world.yuzuri)
    assert await state_of(admin_connection, gift.id) == "expired"
    cursor = await admin_connection.execute("SELECT count(*) FROM bucket")
    assert await cursor.fetchone() == (0,)


# ---------------------------------------------------------------- limits over time


async def test_what_was_offered_long_ago_counts_in_the_month_it_was_received(
    world: World,
) -> None:
    giver, receiver = await world.new_lines(2, "slow")
    await world.buy(giver, "never")
    gift = await world.offer(giver, receiver, 400)
    world.clock.now = world.at.replace(month=12, day=1, hour=0)
    assert isinstance(await world.accept(receiver, gift), GiftDone)
    world.clock.now = world.at.replace(day=31)  # 51 days after the offer, in the same month
    assert codes(await world.submit(offered(giver, receiver, 101))) == [
        Code.GIFT_RECEIVED_PER_MONTH
    ]
    assert isinstance(await world.submit(offered(giver, receiver, 100)), GiftDone)


async def test_an_offer_that_waits_for_long_still_counts_as_waiting(world: World) -> None:
    giver, receiver = await world.new_lines(2, "slow")
    await world.buy(giver, "never")
    for _ in range(2):
        await world.offer(giver, receiver, 1)
    world.clock.move(timedelta(days=40))
    assert codes(await world.submit(offered(giver, receiver, 1))) == [Code.GIFT_PENDING]
    world.clock.move(timedelta(days=20))
    assert isinstance(await world.submit(offered(giver, receiver, 1)), GiftDone)


async def test_what_was_offered_at_once_is_limited_as_if_one_by_one(world: World) -> None:
    giver, receiver, other = await world.new_lines(3, "slow")
    await world.buy(giver, "never")
    outcomes = await asyncio.gather(
        *(world.submit(offered(giver, line, 300)) for line in (receiver, other, receiver))
    )
    assert [type(outcome) for outcome in outcomes] == [GiftDone, GiftDone, GiftRefused]
    assert set(codes(outcomes[2])) == {Code.GIFT_PENDING, Code.GIFT_VOLUME_PER_DAY}


async def test_the_receivers_limit_holds_when_several_accept_at_once(world: World) -> None:
    one, other, receiver = await world.new_lines(3, "slow")
    for giver in (one, other):
        await world.buy(giver, "never")
    offers = [await world.offer(giver, receiver, 300) for giver in (one, other)]
    first, second = await asyncio.gather(*(world.accept(receiver, gift) for gift in offers))
    assert isinstance(first, GiftDone)
    assert codes(second) == [Code.GIFT_RECEIVED_PER_MONTH]
    assert (await world.left(receiver), await world.left(other)) == (300, ISSUED - 300)


# ---------------------------------------------------------------- where nobody can refuse


async def test_what_nobody_can_refuse_arrives_as_it_is_offered(world: World) -> None:
    giver, receiver = await world.new_lines(2, "at-once")
    await world.buy(giver, "week")
    await world.buy(giver, "month")
    outcome = await world.submit(offered(giver, receiver, 500))
    assert isinstance(outcome, GiftDone)
    gift = outcome.gift
    assert (gift.state, gift.ended_at) == (GiftState.ACCEPTED, world.at)
    assert (await world.left(giver), await world.left(receiver)) == (2 * ISSUED - 500, 500)
    for command in (
        AcceptGift(person=receiver.person, gift=gift.id),
        DeclineGift(person=receiver.person, gift=gift.id),
        CancelGift(person=giver.person, gift=gift.id),
        ExpireGift(gift=gift.id),
    ):
        assert codes(await world.submit(command)) == [Code.GIFT_ENDED]
    assert codes(await world.submit(offered(giver, receiver, 1))) == [Code.GIFT_RECEIVED_PER_MONTH]
    assert await sweep(world.yuzuri) == 0


# ---------------------------------------------------------------- the law


async def test_paid_value_is_never_delivered_after_the_law_has_ended_it(world: World) -> None:
    profile = PROFILES["jp"]
    paid = tuple(
        msgspec.structs.replace(
            top_up, gives=tuple(msgspec.structs.replace(g, paid=True) for g in top_up.gives)
        )
        for top_up in profile.plans[0].top_ups
    )
    plan = msgspec.structs.replace(profile.plans[0], top_ups=paid)
    world.yuzuri.committer._groups._road = YuzuriRoad(
        Profiles({"jp": msgspec.structs.replace(profile, plans=(plan,))}),
        world.yuzuri.homes,
        world.yuzuri.rating,
    )
    giver, receiver = await world.new_lines(2, "jp")
    await world.buy(giver, "never")
    end = world.at + timedelta(days=180)
    world.clock.now = end - timedelta(hours=1)
    gift = await world.offer(giver, receiver, 100)
    assert gift.deadline == end
    world.clock.now = end
    assert codes(await world.accept(receiver, gift)) == [Code.GIFT_EXPIRED]
    assert (await world.left(giver), await world.left(receiver)) == (ISSUED, 0)
    assert codes(await world.submit(offered(giver, receiver, 1))) == [Code.LAW_PAID_VALUE_EXPIRY]


# ---------------------------------------------------------------- sweeps


async def test_a_sweep_ends_what_is_due_and_the_next_has_nothing_to_do(
    world: World, admin_connection: AsyncConnection, homes: int
) -> None:
    giver, receiver, other = await world.new_lines(3)
    await world.buy(giver, "day")
    await world.give(giver, receiver, 400)
    due = await world.offer(giver, other, 600)
    await world.buy(giver, "month")
    waits = await world.offer(giver, other, 1_001 - 600)
    world.clock.now = due.deadline
    # A gift, and the balances of two lines: together where they live together.
    assert await sweep(world.yuzuri) == (2 if homes == 1 else 3)
    assert await sweep(world.yuzuri) == 0
    assert await state_of(admin_connection, due.id) == "expired"
    assert await state_of(admin_connection, waits.id) == "open"
    cursor = await admin_connection.execute(
        "SELECT sum(amount) FROM entry WHERE kind = 'e' AND amount < 0"
    )
    assert await cursor.fetchone() == (-ISSUED,)


async def test_two_processes_sweep_at_once_and_each_thing_ends_once(world: World) -> None:
    lines = await world.new_lines(6)
    for giver, receiver in zip(lines[::2], lines[1::2], strict=True):
        await world.buy(giver, "day")
        await world.offer(giver, receiver, 10)
    world.clock.move(timedelta(days=1))
    async with open_world_again(world) as other:
        await asyncio.gather(sweep(world.yuzuri), sweep(other.yuzuri))
    assert await sweep(world.yuzuri) == 0


async def test_what_a_sweep_cannot_end_stops_nothing_else(
    world: World,
    admin_connection: AsyncConnection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver, "day")
    bad, good = [await world.offer(giver, receiver, 10) for _ in range(2)]
    world.clock.move(timedelta(days=1))
    road = world.yuzuri.committer._groups._road
    decide = road.decide

    def fail_on_bad(facts: Any, command: Command) -> Outcome:
        if command == ExpireGift(gift=bad.id):
            raise ZeroDivisionError
        return decide(facts, command)

    monkeypatch.setattr(road, "decide", fail_on_bad)
    assert await sweep(world.yuzuri) == 2
    assert "will try again" in caplog.text
    assert await state_of(admin_connection, bad.id) == "open"
    assert await state_of(admin_connection, good.id) == "expired"
    monkeypatch.undo()
    assert await sweep(world.yuzuri) == 1
    assert await state_of(admin_connection, bad.id) == "expired"


async def test_sweeping_goes_on_whatever_happens(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    turns = 0
    done = asyncio.Event()

    async def fail(_: Yuzuri) -> int:
        nonlocal turns
        turns += 1
        if turns == 4:
            done.set()
        error = [KeyError("x"), OSError("x"), ZeroDivisionError("x"), RuntimeError("x")][turns % 4]
        raise error

    monkeypatch.setattr(sweeps, "sweep", fail)
    task = asyncio.create_task(keep_sweeping(world.yuzuri, 0.001))
    await asyncio.wait_for(done.wait(), 5)
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_is_over_and_was_held_is_swept_later(world: World) -> None:
    """The same holder is swept twice, for balances that ended at the same instant."""
    giver, receiver = await world.new_lines(2)
    await asyncio.gather(world.buy(giver, "day"), world.buy(giver, "day"))
    gift = await world.offer(giver, receiver, ISSUED)
    world.clock.now = gift.deadline
    first = await world.submit(ExpireBuckets((giver.id,)))
    assert first == Expired(2)
    assert await sweep(world.yuzuri) == 1
    assert await sweep(world.yuzuri) == 0


# ---------------------------------------------------------------- what others do meanwhile


class Interrupted:
    """A connection on which something happens after the n-th statement."""

    def __init__(
        self, connection: AsyncConnection, after: int, event: Callable[[], Awaitable[object]]
    ) -> None:
        self._connection = connection
        self._left = after
        self._event = event

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        cursor = await self._connection.execute(*arguments, **options)
        self._left -= 1
        if self._left == 0:
            await self._event()
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextlib.asynccontextmanager
async def interrupted(
    world: World, after: int, event: Callable[[], Awaitable[object]]
) -> AsyncIterator[AsyncConnection]:
    async with world.yuzuri.database.connection() as connection:
        interrupting = Interrupted(connection, after, event)
        yield cast("AsyncConnection", interrupting)
        assert interrupting._left <= 0, "there were fewer statements"


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=2)])
@pytest.mark.parametrize("after", [1, 2])
async def test_a_read_never_sees_half_of_what_another_process_writes(
    world: World, after: int, ahead: timedelta
) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    first = await world.offer(giver, receiver, 10)

    async def offer_and_decline() -> None:
        await world.buy(giver, "day")
        await world.offer(giver, receiver, 100)
        await world.submit(DeclineGift(person=receiver.person, gift=first.id))

    async with interrupted(world, after, offer_and_decline) as connection:
        book = await read_book(connection, [giver.id], world.at + ahead)
    for bucket in book.buckets_of(giver.id):
        open_holds = [h for h in book.holds.values() if h.allowance == bucket.allowance]
        assert bucket.held == sum(h.amount for h in open_holds)
        assert bucket.allowance in book.allowances
    assert sum(bucket.held for bucket in book.buckets_of(giver.id)) == 10


@pytest.mark.parametrize("after", [1, 2, 3, 4])
async def test_a_line_that_appears_meanwhile_is_decided_on_only_under_its_lock(
    world: World, after: int
) -> None:
    [line] = await world.new_lines(1)
    road = YuzuriRoad(PROFILES, world.yuzuri.homes, world.yuzuri.rating)
    async with world.yuzuri.database.connection() as connection:
        later = await new_line(connection, world.at, "open", "plan")
        await connection.rollback()
    made: list[bool] = []

    async def appear() -> None:
        async with world.yuzuri.database.connection() as other:
            await other.execute(
                "INSERT INTO line SELECT home, %s, person, operator, plan, number, label, account,"
                " billing_group, activated_at FROM line WHERE id = %s",
                [later.id, line.id],
            )
        made.append(True)

    purchase = Purchase(id=PurchaseId(new_id()), line=later.id)
    async with interrupted(world, after, appear) as connection:
        facts = await road.load(connection, [purchase], world.at)
        assert made
        assert road.decide(facts, purchase) == Refusal(Code.LINE_UNKNOWN)


@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_gift_that_appears_meanwhile_is_not_known_yet(
    world: World, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Nobody can offer one after the home is locked: it waits until the decision is written."""
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    gift = GiftId(new_id(home_of(giver.id)))
    ids = iter([gift, *(new_id() for _ in range(5))])
    monkeypatch.setattr(gift_decisions, "new_id", lambda home=HOME: next(ids))
    offering: list[asyncio.Task[Gift]] = []

    async def appear() -> None:
        offering.append(asyncio.create_task(world.offer(giver, receiver, 100)))
        await asyncio.wait(offering, timeout=10 if after == 1 else 0.2)

    accept = AcceptGift(person=receiver.person, gift=gift)
    road = YuzuriRoad(PROFILES, world.yuzuri.homes, world.yuzuri.rating)
    async with interrupted(world, after, appear) as connection:
        facts = await road.load(connection, [accept], world.at)
        assert offering[0].done() == (after == 1)
        assert codes(road.decide(facts, accept)) == [Code.GIFT_UNKNOWN]
    assert (await offering[0]).id == gift
    assert isinstance(await world.submit(accept), GiftDone)


async def test_the_preview_of_an_offer_says_what_the_offer_is_answered_with(
    world: World,
) -> None:
    giver, receiver = await world.new_lines(2, "slow")
    await world.buy(giver)
    for amount in (1, 300, 501, 601, ISSUED + 1):
        offer = offered(giver, receiver, amount)
        async with world.yuzuri.database.connection() as connection:
            facts = await load_offer_facts(connection, PROFILES, offer, world.at)
        seen = preview_offer(facts, offer)
        outcome = await world.submit(offer)
        if isinstance(outcome, GiftDone):
            assert not isinstance(seen, GiftRefused)
            assert (seen.feasible, seen.arrives) == (True, outcome.arrives)
            assert seen.deadline == outcome.gift.deadline
        else:
            assert not isinstance(seen, GiftRefused)
            assert isinstance(outcome, GiftRefused)
            assert (seen.refusals, seen.instead) == (outcome.reasons, outcome.instead)


@contextlib.asynccontextmanager
async def open_world_again(world: World) -> AsyncIterator[World]:
    """Another process on the same database, with the same clock."""
    yuzuri = world.yuzuri
    async with open_world(yuzuri.settings, yuzuri.database, OPEN) as other:
        other.clock.now = world.at
        yield other
