"""Allowances: what can be used up, where, when, from whom and on what terms."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, PurchaseId, derived_id
from yuzuri.kernel.quantities import Unit


class Source(StrEnum):
    """How an allowance first came to a line."""

    BASE = "base"
    CARRIED_OVER = "carried_over"
    BOUGHT = "bought"
    BONUS = "bonus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A kind of thing that can be used up; immutable, so its terms travel with every transfer.

    `issued_at` and `purchase` are those of the first issue, whatever hands it has passed through
    since (`hops`). `expires_at` None: it does not expire. `hours` None: usable all day.
    `expiry_rule` names the published rule by which it ends later than its `parent`, if any (I8).
    """

    id: AllowanceId
    unit: Unit
    operator: str
    plan: str
    zone: str
    source: Source
    paid: bool
    issued_at: datetime
    expires_at: datetime | None
    purchase: PurchaseId
    hours: DailyWindow | None = None
    hops: int = 0
    parent: AllowanceId | None = None
    expiry_rule: str | None = None

    def is_over(self, at: datetime) -> bool:
        """Tell whether it can no longer be used; the instant of expiry itself is too late."""
        return self.expires_at is not None and self.expires_at <= at


@lru_cache(maxsize=1_024)
def received_allowance(
    given: Allowance, expires_at: datetime | None, expiry_rule: str | None
) -> Allowance:
    """Return what `given` becomes in the hands of the next person, the same for the same terms.

    Where, when and from which purchase stay as they are; only the hops and, by a published rule,
    the expiry change. Raises `ValueError` if it would end later without a rule or although paid.
    """
    longer = _ends_later(expires_at, given.expires_at)
    if longer and (expiry_rule is None or given.paid):
        raise ValueError("a transfer never lengthens an expiry without a published rule (I8)")
    name = f"received until {expires_at.isoformat() if expires_at else 'never'} by {expiry_rule}"
    return replace(
        given,
        id=AllowanceId(derived_id(given.id, name)),
        expires_at=expires_at,
        hops=given.hops + 1,
        parent=given.id,
        expiry_rule=expiry_rule if longer else None,
    )


def _ends_later(one: datetime | None, other: datetime | None) -> bool:
    if other is None:
        return False
    return one is None or one > other
