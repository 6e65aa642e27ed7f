"""What an operator sells: plans and top-ups, and the allowances that they give."""

from datetime import time
from enum import StrEnum
from typing import Literal

from yuzuri.kernel.names import Name
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.sources import Part, Rule


class AllowanceClass(StrEnum):
    """What kind of allowance it is, in the words that gifting rules use to allow or exclude it."""

    BASE = "base"
    CARRIED_OVER = "carried_over"
    BOUGHT = "bought"
    BONUS = "bonus"
    RECEIVED = "received"
    NIGHT = "night"
    DAILY = "daily"


class Hours(Part, frozen=True):
    """Hours of the day in which an allowance can be used; may cross midnight."""

    since: time
    until: time


class ValidityKind(StrEnum):
    """How long an allowance lives, counted from the moment at which it is issued."""

    MONTH_END = "month_end"
    NEXT_MONTH_END = "next_month_end"
    DAYS = "days"
    HOURS = "hours"
    NEVER = "never"


class Validity(Part, frozen=True):
    """How long an allowance lives; `count` says how many days or hours."""

    kind: ValidityKind
    count: int = 0


class PlanAllowance(Part, frozen=True):
    """What a plan or a top-up gives: so much, where, when and until when."""

    amount: Quantity
    validity: Validity
    zone: str
    """ISO 3166 country, or a name that the profile's `zones` tell the countries of."""
    source_class: Literal["base", "bought", "bonus", "carried_over"] = "base"
    hours: Hours | None = None
    paid: bool = False
    """Bought as such for money (a top-up, a prepaid bundle); a monthly plan's base is not."""


class Price(Part, frozen=True):
    """A price in whole minor units of an ISO 4217 currency (yen, cents)."""

    minor: int
    currency: str


class TopUp(Part, frozen=True):
    """An extra that a line on the plan can buy."""

    id: str
    name: Name
    gives: tuple[PlanAllowance, ...]
    source: str
    price: Price | None = None


class Plan(Part, frozen=True):
    """An offer of the operator (or of one of its brands) that a line can be on."""

    id: str
    name: Name
    types: tuple[str, ...]
    """Words that gifting rules use for it: prepaid, postpaid, data_only, voice_data, company, …"""
    source: str
    gives: tuple[PlanAllowance, ...] = ()
    """What one cycle gives; empty where it is unlimited or its size could not be confirmed."""
    unlimited: tuple[Unit, ...] = ()
    top_ups: tuple[TopUp, ...] = ()
    brand: str | None = None
    """Key of the brand whose gifting rules hold, where they differ from the operator's."""
    fair_use: Rule[str] | None = None
    """What happens past a cap, such as "128 kbps"."""
