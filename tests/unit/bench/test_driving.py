"""Callers who wait and arrivals who don't, on work that only sleeps."""

import asyncio
from time import perf_counter

import pytest

from yuzuri.bench import BenchFailed
from yuzuri.bench.driving import drive_arrivals, drive_callers
from yuzuri.bench.samples import Timing, median_figures

TIMING = Timing(warm_s=0.05, rounds=2, round_s=0.2)


async def test_each_caller_asks_again_when_it_is_answered() -> None:
    async def work() -> None:
        await asyncio.sleep(0.02)

    figures = median_figures(await drive_callers(work, 10, TIMING))
    assert 50 < figures.per_s < 510  # 500 on a machine with nothing else to do
    assert figures.p50_ms >= 20


async def test_arrivals_do_not_wait_for_one_another() -> None:
    async def work() -> None:
        await asyncio.sleep(0.1)

    figures = median_figures(await drive_arrivals(work, 300, TIMING))
    assert 150 < figures.per_s < 600
    assert figures.p50_ms >= 100


async def test_a_pause_shows_in_every_arrival_that_it_kept_waiting() -> None:
    paused_until = 0.0

    async def work() -> None:
        nonlocal paused_until
        if not paused_until:
            paused_until = perf_counter() + 0.3
        await asyncio.sleep(max(paused_until - perf_counter(), 0))

    (whole,) = await drive_arrivals(work, 200, Timing(warm_s=0.0, rounds=1, round_s=0.5))
    kept_waiting = [took for took in whole.took_s if took > 0.05]
    assert len(kept_waiting) > 20  # not only the one that met the pause


@pytest.mark.parametrize("callers", [1, 8])
async def test_one_failure_ends_the_run_and_is_told_as_it_is(callers: int) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise BenchFailed("refused")

    with pytest.raises(BenchFailed, match="refused"):
        await drive_callers(work, callers, TIMING)
    with pytest.raises(BenchFailed, match="refused"):
        await drive_arrivals(work, 100, TIMING)
