"""Cycles of a plan: from when the present one runs, and when one ends."""

from datetime import datetime, timedelta

from yuzuri.feasibility.question import Party
from yuzuri.kernel.calendar import month_end, month_start
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.operators.plans import Plan, ValidityKind

_MONTHLY = frozenset({ValidityKind.MONTH_END, ValidityKind.NEXT_MONTH_END})


def cycle_start(party: Party, at: datetime) -> datetime:
    """Return the first instant that can be of the party's present cycle.

    Where cycles are so many days, it is not known when one began: at most so many days ago.
    """
    length = party.plan and cycle_length(party.plan)
    if length:
        return at - length + timedelta.resolution
    return month_start(at, party.profile.zone)


def cycle_end(
    party: Party, has: tuple[Allowance, ...] | None, at: datetime, cycles_later: int
) -> datetime | None:
    """Return when the party's present cycle ends, or one so many cycles later; None: not known.

    A cycle of so many days runs from when its base was issued, so that it takes what the party has
    to know it; nothing is guessed, since a guess could lengthen what is given (I8).
    """
    plan = party.plan
    if plan is None:
        return None
    if _is_monthly(plan):
        return month_end(at, party.profile.zone, cycles_later)
    length = cycle_length(plan)
    ends = [a.expires_at for a in has or () if _is_own_base(a, plan) and a.expires_at is not None]
    return min(ends) + length * cycles_later if length is not None and ends else None


def _is_own_base(allowance: Allowance, plan: Plan) -> bool:
    return (
        allowance.plan == plan.id and allowance.source is Source.BASE and allowance.parent is None
    )


def _is_monthly(plan: Plan) -> bool:
    kinds = {given.validity.kind for given in plan.gives if given.source_class == "base"}
    return bool(kinds) and kinds <= _MONTHLY


def cycle_length(plan: Plan) -> timedelta | None:
    """Return how long a cycle is in days or hours, where all of the base says the same."""
    lengths = set()
    for given in plan.gives:
        if given.source_class == "base":
            count = given.validity.count
            lengths.add(
                {
                    ValidityKind.DAYS: timedelta(days=count),
                    ValidityKind.HOURS: timedelta(hours=count),
                }.get(given.validity.kind)
            )
    return lengths.pop() if len(lengths) == 1 else None
