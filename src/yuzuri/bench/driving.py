"""Driving a system as callers do: some who each await an answer, or arrivals that don't wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from time import perf_counter

from yuzuri.bench.samples import CallLog, Round, Timing

Work = Callable[[], Awaitable[None]]
"""Asks for one thing and returns when it is answered; raises where it is not done."""

WAITING_MAX = 10_000


async def drive_callers(work: Work, callers: int, timing: Timing, weight: int = 1) -> list[Round]:
    """Let so many callers ask again as soon as they are answered."""
    asked = perf_counter()
    log = CallLog(asked, timing)

    async def call(asked: float) -> None:
        while not log.is_over:
            await work()
            ended = perf_counter()
            log.add(asked, ended)
            asked = ended

    async with _callers() as group:
        for _ in range(callers):
            group.create_task(call(asked))
    return log.rounds(weight)


async def drive_arrivals(work: Work, per_s: float, timing: Timing) -> list[Round]:
    """Let calls arrive at random at this mean rate, whether or not the ones before are answered."""
    log = CallLog(perf_counter(), timing)
    await let_arrive(work, per_s, log.add, lambda: log.is_over)
    return log.rounds()


async def let_arrive(
    work: Work, per_s: float, note: Callable[[float, float], None], is_over: Callable[[], bool]
) -> None:
    """Let calls arrive until it is over, and wait for those that are not answered yet.

    How long one took counts from when it was due, so that no wait is hidden; not even that of
    those who stay outside while `WAITING_MAX` are inside, as a face would keep them.
    """
    random = Random(1)  # noqa: S311 - arrivals, the same in each run
    waiting = 0

    async def call(due: float) -> None:
        nonlocal waiting
        waiting += 1
        await work()
        waiting -= 1
        note(due, perf_counter())

    async with _callers() as group:
        due = perf_counter()
        while not is_over():
            # Those that were made just now have not begun to wait.
            room = WAITING_MAX - waiting
            while due <= perf_counter() and room > 0:
                room -= 1
                group.create_task(call(due))
                due += random.expovariate(per_s)
            await asyncio.sleep(max(due - perf_counter(), 0.0 if room else 0.001))


@asynccontextmanager
async def _callers() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks that ends with the first failure, and tells only of that one."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
