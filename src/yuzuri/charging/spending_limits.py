"""Counters of what a line has used, in parts of a hundred, for networks that act on them. Pure.

One more says whether a line is to be slowed down. A counter of parts compares what the line has
used of its own in the operator's present month with all that it has had in it: used, and left now.
What a pool has paid counts for nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from yuzuri.kernel.ids import HolderId, Id
from yuzuri.kernel.quantities import Unit

PERCENTS: Mapping[str, Unit] = {
    "data-percent": Unit.DATA,
    "voice-percent": Unit.VOICE,
    "sms-percent": Unit.SMS,
}
"""The counters of parts of a hundred, and what each counts."""

POOL_SPEED = "pool-speed"
"""Whether whoever manages the pool that a line draws on wants it slowed down."""

COUNTERS = (*PERCENTS, POOL_SPEED)
"""The counters there are."""

LIFE_MAX = timedelta(days=366)
"""How long a subscription lasts at most, so that none of a network that has gone lasts for ever."""


class CounterStatus(StrEnum):
    """How much is used of what there was, or how fast a line may be."""

    BELOW_80 = "below-80"
    REACHED_80 = "reached-80"
    REACHED_100 = "reached-100"
    FULL = "full"
    SLOWED = "slowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A network function has itself told at `notify_uri` what becomes of a line's counters.

    `supi` and `notify_id` are what it calls the line and the subscription. `told` has what it was
    told last.
    """

    id: Id
    line: HolderId
    network_function: str
    supi: str | None
    notify_uri: str
    notify_id: str | None
    counters: tuple[str, ...]
    told: Mapping[str, CounterStatus]
    expires_at: datetime

    def is_over(self, at: datetime) -> bool:
        """Tell whether its time has passed."""
        return self.expires_at <= at

    def changed(self, statuses: Mapping[str, CounterStatus]) -> dict[str, CounterStatus]:
        """Return the statuses that it has not been told."""
        return {
            counter: statuses[counter]
            for counter in self.counters
            if statuses[counter] is not self.told.get(counter)
        }


@dataclass(frozen=True, slots=True)
class Left:
    """So much of a unit is left of one allowance, in base units, until it ends."""

    unit: Unit
    amount: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineCounters:
    """The statuses of all counters of a line, and when time alone may change one."""

    statuses: Mapping[str, CounterStatus]
    next_change_at: datetime


def status_of(used: int, left: int) -> CounterStatus:
    """Compare what was used with all there was, in base units; where nothing is left, all is."""
    if not left:
        return CounterStatus.REACHED_100
    is_80_used = used * 100 >= 80 * (used + left)
    return CounterStatus.REACHED_80 if is_80_used else CounterStatus.BELOW_80


def count_line(
    used: Mapping[Unit, int],
    left: Iterable[Left],
    unlimited: Iterable[Unit],
    month_ends_at: datetime,
    at: datetime,
    *,
    is_slowed: bool = False,
) -> LineCounters:
    """Return the counters of a line: `used` in the present month, `left` of its own.

    What its plan gives without limit is never used up.
    """
    lasting = [part for part in left if part.expires_at is None or part.expires_at > at]
    statuses = {
        counter: CounterStatus.BELOW_80
        if unit in unlimited
        else status_of(used.get(unit, 0), sum(p.amount for p in lasting if p.unit is unit))
        for counter, unit in PERCENTS.items()
    }
    statuses[POOL_SPEED] = CounterStatus.SLOWED if is_slowed else CounterStatus.FULL
    ends = [part.expires_at for part in lasting if part.expires_at is not None]
    return LineCounters(statuses, min([month_ends_at, *ends]))
