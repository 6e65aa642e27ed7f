"""What a run has found, and whether that is what it should have found. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

import msgspec

from yuzuri.chaos.comparison import Damage, DamageKind
from yuzuri.chaos.kills import Victim
from yuzuri.chaos.sabotage import Sabotage


@dataclass(slots=True, kw_only=True)
class Killed:
    """One kill that was done, and what was seen of it."""

    victim: Victim
    at: float
    """Seconds of a clock that only goes forward."""
    acknowledged: int
    """Answers of success between the kill before and this one."""
    first_success_s: float | None = None
    """From the kill to the first success of a request that was sent after it."""
    lost: int = 0
    twice: int = 0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of some kills together."""

    kills: int
    acknowledged: int
    lost: int
    twice: int
    first_success_median_s: float | None
    first_success_p99_s: float | None
    first_success_max_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a run has seen."""

    seed: int
    sabotage: Sabotage | None
    kills_planned: int
    killed: Sequence[Killed]
    acknowledged: int
    damage: Sequence[Damage]
    unanswered: int
    """Clients that were never told what became of their last wish."""
    unexpected: Mapping[str, int]
    """Answers that are neither success nor "try again", with how many of each."""
    retries: Mapping[str, int]
    crash_loops: int
    """How often the server took workers killed one soon after the other for its own fault."""
    ended_by_itself: int
    """How often the server ended without being killed, crash loops included."""
    verified: bool
    """Whether `yuzuri verify` finds the books in order."""
    verify_says: str
    took_s: float

    def count(self, kind: DamageKind) -> int:
        """How much damage of a kind there is."""
        return sum(damage.kind is kind for damage in self.damage)

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing twice, everything answered; or under sabotage, the damage found."""
        if self.sabotage is not None:
            return self.count(self.sabotage.damage) > 0
        recovered = [killed for killed in self.killed if killed.first_success_s is not None]
        return (
            len(recovered) == self.kills_planned
            and not self.damage
            and not self.unanswered
            and not self.unexpected
            and self.verified
        )

    def figures_of(self, victim: Victim) -> Figures:
        """What is said of the kills of one victim."""
        killed = [one for one in self.killed if one.victim is victim]
        return _figures(
            killed,
            sum(one.acknowledged for one in killed),
            sum(one.lost for one in killed),
            sum(one.twice for one in killed),
        )

    @property
    def figures(self) -> Figures:
        """What is said of the whole run, with what came after the last kill."""
        lost, twice = self.count(DamageKind.LOST), self.count(DamageKind.TWICE)
        return _figures(self.killed, self.acknowledged, lost, twice)


def _figures(killed: Sequence[Killed], acknowledged: int, lost: int, twice: int) -> Figures:
    times = sorted(one.first_success_s for one in killed if one.first_success_s is not None)
    return Figures(
        kills=len(killed),
        acknowledged=acknowledged,
        lost=lost,
        twice=twice,
        first_success_median_s=median(times) if times else None,
        first_success_p99_s=times[ceil(len(times) * 0.99) - 1] if times else None,
        first_success_max_s=times[-1] if times else None,
    )
