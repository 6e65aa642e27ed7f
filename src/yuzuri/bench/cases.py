"""What is measured of the ledger: commands on its real road, and the figures they reach.

Every outcome is looked at: a case in which one request was refused has no figures.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random
from time import perf_counter

from yuzuri.bench import BenchFailed
from yuzuri.bench.books import Books
from yuzuri.bench.driving import Work, drive_arrivals, drive_callers, let_arrive
from yuzuri.bench.samples import Figures, Round, Timing, median_figures
from yuzuri.db.committer import Request
from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.ids import HoldId, Home, TransferId, new_id
from yuzuri.ledger.changes import HOUSE, House
from yuzuri.ledger.commands import Capture, Move, Reserve
from yuzuri.ledger.due import holders_with_expired
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.runtime.commands import Command
from yuzuri.runtime.running import Yuzuri

GROUP = 8_000
GROUPS_WAITING = 2
"""A client that posts groups makes the next one while the last is being committed."""

_HOLD_LASTS = timedelta(minutes=10)


class Load:
    """A client of a running Yuzuri, who asks for what the cases need and counts what was moved."""

    def __init__(self, yuzuri: Yuzuri, books: Books, seed: int = 1) -> None:
        self.yuzuri = yuzuri
        self.books = books
        self.moved = 0
        self._random = Random(seed)  # noqa: S311 - a load, the same in each run
        self._client = new_id()
        self._keys = map(str, count(1))

    async def move(self) -> None:
        """Move between two holders, any as likely as any other."""
        await self._submit(self._make_move())
        self.moved += 1

    async def move_from_hot(self) -> None:
        """Move from the one bucket that everyone wants."""
        pair = self.books.pair(0, self._random)
        await self._submit(
            Move(
                id=TransferId(new_id()),
                allowance=pair.allowance,
                source=pair.source,
                target=pair.target,
                amount=1,
            )
        )
        self.moved += 1

    async def move_group(self) -> None:
        """Move as often as a group has room for, in one home."""
        home = Home(self._random.randrange(self.books.homes))
        await self._post([self._make_move(home) for _ in range(GROUP)])
        self.moved += GROUP

    async def reserve_and_capture(self) -> None:
        """Set something aside and use all of it, each step awaited."""
        reserve = self._make_reservation()
        await self._submit(reserve)
        await self._submit(_capture_of(reserve))

    async def reserve_and_capture_group(self) -> None:
        """Set aside and use in two groups, the second when the first is answered."""
        home = Home(self._random.randrange(self.books.homes))
        reserved = [self._make_reservation(home) for _ in range(GROUP)]
        await self._post(reserved)
        await self._post([_capture_of(reserve) for reserve in reserved])

    async def expire(self, command: ExpireBuckets) -> int:
        """Book what some holders have and is over; returns how many buckets that were."""
        outcome = await self.yuzuri.submit(self._client, next(self._keys), command)
        if not isinstance(outcome, Expired):
            raise BenchFailed(f"an expiry was answered with {outcome}")
        return outcome.buckets

    async def _submit(self, command: Move | Reserve | Capture) -> None:
        _expect_done(await self.yuzuri.submit(self._client, next(self._keys), command))

    async def _post(self, commands: Sequence[Command]) -> None:
        requests = [Request(self._client, next(self._keys), command) for command in commands]
        for outcome in await self.yuzuri.post(requests):
            _expect_done(outcome)

    def _make_move(self, home: Home | None = None) -> Move:
        pair = self.books.pick_pair(self._random, home)
        return Move(
            id=TransferId(new_id()),
            allowance=pair.allowance,
            source=pair.source,
            target=pair.target,
            amount=1,
        )

    def _make_reservation(self, home: Home | None = None) -> Reserve:
        number = self.books.pick(self._random, home)
        hold = HoldId(new_id())
        return Reserve(
            id=hold,
            holder=self.books.holder(number),
            allowance=self.books.allowance(number),
            amount=2,
            cause=hold,
            expires_at=self.yuzuri.clock() + _HOLD_LASTS,
        )


def _capture_of(reserve: Reserve) -> Capture:
    return Capture(
        hold=reserve.id, holder=reserve.holder, target=HOUSE[House.USED], amount=reserve.amount
    )


def _expect_done(outcome: object) -> None:
    if isinstance(outcome, Refusal | Exception):
        raise BenchFailed(f"a request of the benchmark was refused: {outcome!r}")


async def measure_callers(work: Work, callers: int, timing: Timing) -> Figures:
    """Let callers each await their own."""
    return median_figures(await drive_callers(work, callers, timing))


async def measure_groups(work: Work, timing: Timing) -> Figures:
    """Post groups; p50 and p99 are of whole groups."""
    return median_figures(await drive_groups(work, timing))


async def drive_groups(work: Work, timing: Timing) -> list[Round]:
    """Post groups one after the other, the next one being made while the last is committed."""
    return await drive_callers(work, GROUPS_WAITING, timing, weight=GROUP)


async def measure_arrivals(work: Work, per_s: float, timing: Timing) -> Figures:
    """Let requests arrive at random at this mean rate, answered or not."""
    return median_figures(await drive_arrivals(work, per_s, timing))


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """A month's end under traffic: how fast buckets ended, and what the traffic noticed of it."""

    expiry: Figures
    before: Figures
    during: Figures


async def measure_month_end(
    load: Load,
    clock: "MovableClock",
    at: datetime,
    *,
    per_s: float,
    timing: Timing,
    seconds_max: float,
) -> MonthEnd:
    """Let the month end while single transfers go on arriving at this rate.

    Stops when nothing is left to end, or after `seconds_max`.
    """
    before = await measure_arrivals(load.move, per_s, timing)
    clock.jump(at)
    ended = 0
    groups_took: list[float] = []
    calls_took: list[float] = []
    started = perf_counter()
    stops = started + seconds_max
    arriving = asyncio.create_task(
        let_arrive(
            load.move,
            per_s,
            lambda asked, ended: calls_took.append(ended - asked),
            lambda: perf_counter() >= stops,
        )
    )
    async for command in _due(load.yuzuri, at):
        asked = perf_counter()
        ended += await load.expire(command)
        groups_took.append(perf_counter() - asked)
        if perf_counter() >= stops:
            break
    stops = perf_counter()
    await arriving
    seconds = stops - started
    return MonthEnd(
        expiry=median_figures([Round(ended, seconds, groups_took)]),
        before=before,
        during=median_figures([Round(len(calls_took), seconds, calls_took)]),
    )


async def _due(yuzuri: Yuzuri, at: datetime) -> AsyncIterator[ExpireBuckets]:
    """Find what is over as the sweep does: some holders at a time, home by home."""
    for home in map(Home, range(yuzuri.homes)):
        last = None
        while True:
            async with yuzuri.database.connection() as connection:
                found = await holders_with_expired(connection, home, at, last)
            if not found:
                break
            last = found[-1]
            yield ExpireBuckets(tuple(dict.fromkeys(holder for _, holder in found)))


@dataclass(slots=True)
class MovableClock:
    """The time of the machine, until it is told to be at another one and goes on from there."""

    now: Callable[[], datetime]
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now() + self.ahead

    def jump(self, at: datetime) -> None:
        """Be at this instant now."""
        self.ahead = at - self.now()
