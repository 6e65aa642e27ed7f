"""A move between homes: it leaves one and arrives in the other, once, whatever happens between.

With one home all of it happens at once, and nothing is ever between.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.ledger.world import PROFILES, LedgerWorld, move
from tests.model.world import ISSUED

from yuzuri.db.connect import open_database
from yuzuri.jobs.sweeps import TRAVEL_TIME, sweep
from yuzuri.kernel.calendar import FOREVER
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, Id, home_of, in_home
from yuzuri.ledger.commands import DONE, TRANSIT_MAX, Move
from yuzuri.ledger.due import Traveller, travellers
from yuzuri.ledger.store import lock_home
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.running import Yuzuri, run_yuzuri

NEAR, FAR = 3, 12


class Journey:
    """Somebody with something, and somebody far away who is to get 300 of it."""

    def __init__(
        self, ledger: LedgerWorld, giver: HolderId, taker: HolderId, allowance: AllowanceId
    ) -> None:
        self.ledger = ledger
        self.giver = giver
        self.taker = taker
        self.allowance = allowance
        self.move: Move = move(allowance, giver, taker, 300)

    @property
    def is_far(self) -> bool:
        return home_of(self.giver) != home_of(self.taker)

    async def leave(self) -> None:
        """Take the first step only, as if the process had ended right after it."""
        assert await self.ledger.ask_step(self.move, "move") is DONE

    async def waiting(self) -> list[Traveller]:
        async with self.ledger.yuzuri.database.connection() as connection:
            return list(await travellers(connection, home_of(self.giver), FOREVER))

    async def has(self) -> tuple[int, int, int]:
        """What the giver has, what is on its way, and what the taker has."""
        kept = await self.ledger.kept()
        between = sum(amount for _, _, amount in kept.travelling.values())
        given, _ = kept.buckets[self.giver, self.allowance]
        taken, _ = kept.buckets.get((self.taker, self.allowance), (0, 0))
        return given, between, taken


ON_ITS_WAY, ARRIVED = (ISSUED - 300, 300, 0), (ISSUED - 300, 0, 300)


async def new_journey(ledger: LedgerWorld) -> Journey:
    giver, taker = await ledger.new_holders([NEAR, FAR])
    return Journey(ledger, giver, taker, await ledger.issue(giver))


@pytest.fixture
async def journey(ledger: LedgerWorld) -> Journey:
    return await new_journey(ledger)


@asynccontextmanager
async def another(ledger: LedgerWorld) -> AsyncIterator[Yuzuri]:
    """Another worker on the same database, at the same time."""
    settings = ledger.yuzuri.settings
    async with (
        open_database(settings, migrating=False) as database,
        run_yuzuri(settings, database, clock=ledger.clock, profiles=PROFILES) as yuzuri,
    ):
        yield yuzuri


@pytest.fixture
async def other(ledger: LedgerWorld) -> AsyncIterator[Yuzuri]:
    async with another(ledger) as yuzuri:
        yield yuzuri


async def test_a_move_has_arrived_when_it_is_answered(journey: Journey) -> None:
    assert await journey.ledger.ask(journey.move) is DONE
    assert await journey.has() == ARRIVED


async def test_a_move_that_is_asked_again_happens_once(journey: Journey) -> None:
    for _ in range(3):
        assert await journey.ledger.ask(journey.move, "move") is DONE
        assert await journey.has() == ARRIVED


async def test_what_is_brought_over_again_arrives_once(journey: Journey) -> None:
    await journey.leave()
    assert await journey.has() == (ON_ITS_WAY if journey.is_far else ARRIVED)
    for traveller in await journey.waiting():
        for _ in range(3):
            await journey.ledger.yuzuri.bring_over(traveller, home_of(journey.giver))
    assert await journey.has() == ARRIVED


async def test_what_a_crash_leaves_on_its_way_another_worker_finishes_before_its_deadline(
    journey: Journey, other: Yuzuri
) -> None:
    await journey.leave()
    assert await journey.ledger.breaches() == []  # listed, and not late
    journey.ledger.clock.move(TRAVEL_TIME)
    await sweep(other)
    assert await journey.has() == ARRIVED
    assert await journey.ledger.ask(journey.move, "move") is DONE  # the caller asks again
    assert await journey.has() == ARRIVED


async def test_who_has_just_sent_something_is_left_time_to_bring_it_over(
    journey: Journey, other: Yuzuri
) -> None:
    await journey.leave()
    journey.ledger.clock.move(TRAVEL_TIME - timedelta(microseconds=1))
    await sweep(other)
    assert await journey.has() == (ON_ITS_WAY if journey.is_far else ARRIVED)
    journey.ledger.clock.move(timedelta(microseconds=1))
    await sweep(other)
    assert await journey.has() == ARRIVED


@pytest.mark.parametrize("steps", [0, 1])
async def test_a_crash_after_any_step_of_bringing_it_over_loses_and_doubles_nothing(
    journey: Journey, other: Yuzuri, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    submit: Callable[..., Any] = Yuzuri.submit
    taken = 0

    async def crash(yuzuri: Yuzuri, client: Id, key: str, command: Command) -> Outcome:
        nonlocal taken
        if taken == steps:
            raise ConnectionError
        taken += 1
        outcome: Outcome = await submit(yuzuri, client, key, command)
        return outcome

    await journey.leave()
    with monkeypatch.context() as patch:
        patch.setattr(Yuzuri, "submit", crash)
        for traveller in await journey.waiting():
            with pytest.raises(ConnectionError):
                await journey.ledger.yuzuri.bring_over(traveller, home_of(journey.giver))
    assert await journey.ledger.breaches() == []
    journey.ledger.clock.move(TRAVEL_TIME)
    await sweep(other)
    assert await journey.has() == ARRIVED


async def test_two_workers_that_finish_it_at_once_do_it_once(
    journey: Journey, other: Yuzuri
) -> None:
    await journey.leave()
    found_by_both = await journey.waiting()
    await asyncio.gather(
        *(
            worker.bring_over(traveller, home_of(journey.giver))
            for worker in (journey.ledger.yuzuri, other)
            for traveller in found_by_both
        )
    )
    assert await journey.has() == ARRIVED
    journey.ledger.clock.move(TRAVEL_TIME)
    await asyncio.gather(sweep(journey.ledger.yuzuri), sweep(other))
    assert await journey.has() == ARRIVED


async def test_two_of_one_worker_that_finish_it_at_once_do_it_once(journey: Journey) -> None:
    yuzuri = journey.ledger.yuzuri
    await journey.leave()
    await asyncio.gather(
        *(
            yuzuri.bring_over(traveller, home_of(journey.giver))
            for traveller in await journey.waiting()
            for _ in range(3)
        ),
        journey.ledger.ask(journey.move, "move"),
    )
    assert await journey.has() == ARRIVED


async def test_one_that_cannot_be_brought_over_keeps_no_other_from_arriving(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_over = Yuzuri.bring_over
    later = move(journey.allowance, journey.giver, journey.taker, 50)

    async def fail_once(yuzuri: Yuzuri, traveller: Traveller, left: Home) -> None:
        if traveller.id == journey.move.id:
            raise DomainError(Code.REQUEST_BUSY)
        await bring_over(yuzuri, traveller, left)

    await journey.leave()
    await journey.ledger.ask_step(later)
    journey.ledger.clock.move(TRAVEL_TIME)
    with monkeypatch.context() as patch:
        patch.setattr(Yuzuri, "bring_over", fail_once)
        await sweep(journey.ledger.yuzuri)
    assert await journey.has() == ((650, 300, 50) if journey.is_far else (650, 0, 350))
    await sweep(journey.ledger.yuzuri)
    assert await journey.has() == (650, 0, 350)


async def test_what_is_late_is_named_until_it_has_arrived(journey: Journey) -> None:
    await journey.leave()
    journey.ledger.clock.move(TRANSIT_MAX - timedelta(microseconds=1))
    assert await journey.ledger.breaches() == []
    journey.ledger.clock.move(timedelta(microseconds=1))
    late = [f"I1 move {journey.move.id}"] if journey.is_far else []
    assert [text.partition(":")[0] for text in await journey.ledger.breaches()] == late
    await sweep(journey.ledger.yuzuri)
    assert await journey.ledger.breaches() == []
    assert await journey.has() == ARRIVED


async def test_nothing_is_lost_when_the_other_home_is_busy(journey: Journey, other: Yuzuri) -> None:
    """The caller gives up waiting; whoever comes next finds it."""
    async with other.database.connection() as connection:
        await lock_home(connection, home_of(journey.taker))
        if journey.is_far:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(journey.ledger.ask(journey.move, "move"), 0.3)
            assert await journey.has() == ON_ITS_WAY
    assert await journey.ledger.ask(journey.move, "move") is DONE
    assert await journey.has() == ARRIVED


async def test_what_arrives_too_late_to_be_used_is_booked_where_it_arrives(
    ledger: LedgerWorld,
) -> None:
    giver, taker = await ledger.new_holders([NEAR, FAR])
    allowance = await ledger.issue(giver, "day")
    journey = Journey(ledger, giver, taker, allowance)
    ledger.clock.move(timedelta(days=1) - timedelta(microseconds=1))
    await journey.leave()
    ledger.clock.move(timedelta(days=400))
    await sweep(ledger.yuzuri)
    assert (await ledger.kept()).travelling == {}
    await sweep(ledger.yuzuri)
    assert (await ledger.kept()).buckets == {}


async def test_nobody_lives_in_a_home_that_is_not_there(journey: Journey) -> None:
    nowhere = HolderId(in_home(journey.taker, Home(1_000)))
    outcome = await journey.ledger.ask(move(journey.allowance, journey.giver, nowhere, 1))
    assert isinstance(outcome, Refusal)
    assert outcome.code is Code.HOLDER_UNKNOWN
    assert await journey.has() == (ISSUED, 0, 0)
