"""What was timed, and the figures made of it: medians over rounds, percentiles of calls."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Timing:
    """So many rounds of at least so many seconds, after a warm-up that does not count."""

    warm_s: float
    rounds: int
    round_s: float

    @property
    def total_s(self) -> float:
        """What a run takes if answers come all the time."""
        return self.warm_s + self.rounds * self.round_s


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


class CallLog:
    """Every awaited call of a run, in the order of the answers, and where its rounds end.

    A round ends with the first answer that comes late enough: answers come in bursts of a group,
    and so no part of a group that was being worked on counts for nothing. It is small, as the
    memory of the process is measured too.
    """

    def __init__(self, started_s: float, timing: Timing) -> None:
        self._timing = timing
        self._ended_s = array("d")
        self._took_s = array("d")
        self._edges: list[int] = []
        """Places in the log: the last answer of the warm-up, and of each round."""
        self._due_s = started_s + timing.warm_s

    @property
    def is_over(self) -> bool:
        """Whether all rounds have ended."""
        return len(self._edges) > self._timing.rounds

    def add(self, asked_s: float, ended_s: float) -> None:
        """Note one answer, not before the one noted last; seconds from any origin."""
        if not self.is_over and ended_s >= self._due_s:
            self._edges.append(len(self._ended_s))
            self._due_s = ended_s + self._timing.round_s
        self._ended_s.append(ended_s)
        self._took_s.append(ended_s - asked_s)

    def rounds(self, weight: int = 1) -> list[Round]:
        """The rounds that have ended; `weight` is the work that one call does."""
        return [
            Round(
                count=(last - first) * weight,
                seconds=self._ended_s[last] - self._ended_s[first],
                took_s=self._took_s[first + 1 : last + 1],
            )
            for first, last in pairwise(self._edges)
        ]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the ordered values do not exceed."""
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]


def median_figures(rounds: Sequence[Round]) -> Figures:
    """The median over the rounds, of each figure by itself."""
    took = [sorted(round_.took_s) for round_ in rounds]
    return Figures(
        per_s=median(round_.count / round_.seconds for round_ in rounds),
        p50_ms=median(percentile(ordered, 0.50) for ordered in took) * 1e3,
        p99_ms=median(percentile(ordered, 0.99) for ordered in took) * 1e3,
    )
