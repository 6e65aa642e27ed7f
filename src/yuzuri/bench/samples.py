"""What was timed, and the figures made of it: medians over rounds, percentiles of calls."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class CallLog:
    """Every awaited call, in the order of the answers; small, as the process itself is measured."""

    ended_s: "array[float]" = field(default_factory=lambda: array("d"))
    """When each was answered; seconds from any origin."""
    took_s: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, asked_s: float, ended_s: float) -> None:
        """Note one answer, not before the one noted last."""
        self.ended_s.append(ended_s)
        self.took_s.append(ended_s - asked_s)


@dataclass(frozen=True, slots=True)
class Round:
    """What was answered within a part of a run; `count` in units of work, not of calls."""

    count: int
    seconds: float
    took_s: Sequence[float]


@dataclass(frozen=True, slots=True)
class Figures:
    """Throughput, and how long a call took."""

    per_s: float
    p50_ms: float
    p99_ms: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the ordered values do not exceed."""
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]


def cut_rounds(log: CallLog, bounds_s: Sequence[float], weight: int = 1) -> list[Round]:
    """Cut a run into rounds between these instants; `weight` is the work that one call does.

    Each bound gives way to the first answer after it: answers come in bursts of a group, and so
    no part of a group that was being worked on counts for nothing. What was answered before the
    first bound is the warm-up. Raises `ValueError` where a round holds no answer.
    """
    ends = log.ended_s
    places = [min(bisect_left(ends, bound), len(ends) - 1) for bound in bounds_s]
    rounds = []
    for first, last in pairwise(places):
        # All that ended at the bound itself belongs to the round before it.
        took = log.took_s[bisect_right(ends, ends[first]) : bisect_right(ends, ends[last])]
        if not took:
            raise ValueError("nothing was answered within a round")
        rounds.append(Round(len(took) * weight, ends[last] - ends[first], took))
    return rounds


def median_figures(rounds: Sequence[Round]) -> Figures:
    """The median over the rounds, of each figure by itself."""
    took = [sorted(round_.took_s) for round_ in rounds]
    return Figures(
        per_s=median(round_.count / round_.seconds for round_ in rounds),
        p50_ms=median(percentile(ordered, 0.50) for ordered in took) * 1e3,
        p99_ms=median(percentile(ordered, 0.99) for ordered in took) * 1e3,
    )
