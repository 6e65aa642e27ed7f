"""Calls into figures: percentiles, rounds that end with an answer, medians over rounds."""

import pytest

from yuzuri.bench.samples import CallLog, Figures, Round, Timing, median_figures, percentile


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([7.0], 0.99, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 101)], 1.0, 100.0),
        ([float(n) for n in range(1, 1001)], 0.99, 990.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def rounds_of(timing: Timing, *calls: tuple[float, float], weight: int = 1) -> list[Round]:
    log = CallLog(0.0, timing)
    for asked, ended in calls:
        log.add(asked, ended)
    assert log.is_over
    return log.rounds(weight)


def test_a_round_ends_with_the_first_answer_that_comes_late_enough() -> None:
    timing = Timing(warm_s=0.5, rounds=2, round_s=1)
    calls = ((0, 0.25), (0, 0.75), (0.75, 1.25), (1.25, 2.0), (2.0, 2.5), (2.5, 3.25))
    first, second = rounds_of(timing, *calls)
    assert (first.count, first.seconds, list(first.took_s)) == (2, 1.25, [0.5, 0.75])
    assert (second.count, second.seconds, list(second.took_s)) == (2, 1.25, [0.5, 0.75])


def test_what_is_answered_in_bursts_counts_once_each() -> None:
    timing = Timing(warm_s=0.5, rounds=2, round_s=1)
    calls = [(end - 1.0, end) for end in (1.0, 2.0, 3.0) for _ in range(4)]
    assert [(r.count, r.seconds) for r in rounds_of(timing, *calls)] == [(4, 1.0), (4, 1.0)]


def test_a_round_lasts_until_something_is_answered() -> None:
    timing = Timing(warm_s=0.0, rounds=2, round_s=0.1)
    rounds = rounds_of(timing, (0, 3), (3, 7), (7, 12))
    assert [(round_.count, round_.seconds) for round_ in rounds] == [(1, 4), (1, 5)]


def test_a_run_is_not_over_before_its_last_round() -> None:
    log = CallLog(0.0, Timing(warm_s=0.0, rounds=1, round_s=1))
    log.add(0, 0.5)
    log.add(0, 1.25)
    assert not log.is_over
    log.add(0, 1.5)
    assert log.is_over


def test_a_call_for_many_counts_as_many() -> None:
    (whole,) = rounds_of(Timing(0, 1, 2), (0, 1), (1, 2), (2, 3), weight=8_000)
    assert (whole.count, len(whole.took_s)) == (16_000, 2)


def test_each_figure_is_the_median_of_its_rounds() -> None:
    rounds = [
        Round(count=100, seconds=1, took_s=[0.003, 0.001, 0.002]),
        Round(count=100, seconds=2, took_s=[0.001, 0.001, 0.009]),
        Round(count=900, seconds=1, took_s=[0.005, 0.006, 0.007]),
    ]
    assert median_figures(rounds) == Figures(per_s=100, p50_ms=2.0, p99_ms=7.0)
