"""What will be left of each bucket at its end, at the pace of the last days. No I/O."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from yuzuri.charging.use import Hours
from yuzuri.feasibility.question import Holding
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import spending_order

HISTORY_MIN = timedelta(days=3)
"""How long both a line and an allowance must have been in use before a pace says anything.

What was bought yesterday is not to be given away today because nothing of it is used yet.
"""

_CAUTION = Fraction(5, 4)
"""To run dry because of our advice is worse than to let something expire: so much faster, then."""

_LAST_DAYS = timedelta(days=3)
"""When whatever will be left is worth a word: a pace hardly changes so much in this time."""

_FAR_OFF = timedelta(days=10)
"""Beyond this a pace says little: most weeks differ, and the person can still use it."""

_FAR_SHARE = Fraction(1, 5)
"""Before the last days, only more than this part of what is there now is told."""

_WORTH_GIVING = {Unit.DATA: 100_000_000, Unit.VOICE: 300, Unit.SMS: 10}
"""Less than this is not worth anybody's time, in base units."""


@dataclass(frozen=True, slots=True)
class Surplus:
    """What will be left unused of an allowance when it ends, in base units."""

    allowance: Allowance
    amount: int


_Lane = tuple[Unit, str, bool]
"""What is used in place of each other: of one unit, in one zone, at night or by day."""


def foresee_surplus(
    holdings: Iterable[Holding], use: Hours, active_since: datetime, at: datetime
) -> list[Surplus]:
    """Return what is worth giving before it expires, soonest end first.

    `use` is that of the last days, `active_since` when the line began. What was received is never
    proposed to be given on.
    """
    since = max(active_since, use[0].since) if use else at
    if at - since < HISTORY_MIN:
        return []
    lanes: dict[_Lane, list[Holding]] = {}
    for holding in holdings:
        if not holding.allowance.is_over(at):
            lanes.setdefault(_lane(holding.allowance), []).append(holding)
    found = [
        Surplus(holding.allowance, left)
        for lane, several in lanes.items()
        for holding, left in _left_at_end(several, _pace(use, lane, at - since), at)
        if _is_worth_giving(holding, left, at)
    ]
    return sorted(found, key=lambda surplus: spending_order(surplus.allowance))


def _lane(allowance: Allowance) -> _Lane:
    return allowance.unit, allowance.zone, allowance.hours is not None


def _pace(use: Hours, lane: _Lane, lasted: timedelta) -> Fraction:
    """Return how much of its own the line uses in a second, with caution."""
    used = sum(
        part.amount
        for hour in use
        for part in hour.parts
        if not part.from_pool and (part.unit, part.zone, part.is_night) == lane
    )
    return Fraction(used) / Fraction(lasted // timedelta(seconds=1)) * _CAUTION


def _left_at_end(
    holdings: Sequence[Holding], pace: Fraction, at: datetime
) -> Iterator[tuple[Holding, int]]:
    """Yield what ends with what will be left of it, as one after the other is used up.

    Until one ends, as much is used as the pace says; what ends sooner has paid for it first.
    """
    paid = Fraction(0)
    for holding in sorted(holdings, key=lambda holding: spending_order(holding.allowance)):
        ends = holding.allowance.expires_at
        if ends is None:
            return
        due = pace * Fraction((ends - at) // timedelta(seconds=1)) - paid
        pays = min(Fraction(holding.available), max(Fraction(0), due))
        paid += pays
        yield holding, int(holding.available - pays)


def _is_worth_giving(holding: Holding, left: int, at: datetime) -> bool:
    allowance = holding.allowance
    if allowance.expires_at is None or allowance.hops or at - allowance.issued_at < HISTORY_MIN:
        return False
    if left < _WORTH_GIVING[allowance.unit]:
        return False
    remains = allowance.expires_at - at
    is_much = left > holding.available * _FAR_SHARE
    return remains <= _LAST_DAYS or (remains <= _FAR_OFF and is_much)
