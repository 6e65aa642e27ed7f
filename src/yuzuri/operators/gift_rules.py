"""What an operator publishes about giving to another subscriber, rule by rule."""

from datetime import time
from enum import StrEnum

from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.plans import AllowanceClass, Price
from yuzuri.operators.sources import Part, Rule


class Recipients(StrEnum):
    """Who may receive."""

    SAME_OPERATOR = "same_operator"
    SAME_BRAND = "same_brand"
    SAME_ACCOUNT = "same_account"
    BILLING_GROUP = "billing_group"
    LINKED_NUMBERS = "linked_numbers"
    ANYONE = "anyone"


class ExpiryKind(StrEnum):
    """Until when a gift can be used by its receiver: the five kinds found among real operators."""

    KEEP = "keep"
    LATER_OF_BOTH = "later_of_both"
    FIXED = "fixed"
    RESET = "reset"
    RECIPIENT_CYCLE = "recipient_cycle"


class Expiry(Part, frozen=True):
    """When a received gift ends.

    `keep`: as it was. `later_of_both`: the later of the giver's and the receiver's own. `fixed`: so
    many hours after it arrived. `reset`: at the end of the month that is `months` after the present
    one. `recipient_cycle`: at the end of the receiver's cycle, `cycles` after the present one.
    """

    kind: ExpiryKind
    hours: int = 0
    months: int = 0
    cycles: int = 0


class ClaimLifetime(Part, frozen=True):
    """How long an offered gift waits: so many hours, or to the end of the day so many days later.

    Where `month_end` says so, the end of the month is the end in any case.
    """

    hours: int | None = None
    days: int | None = None
    month_end: bool = False


class Blackout(Part, frozen=True):
    """When no gift can be made: daily from `since` to `until`, or monthly where days are given.

    `since_day` 0 is the last day of the month; the window may cross midnight or the month's end.
    """

    since: time
    until: time
    since_day: int | None = None
    until_day: int | None = None


class LastDays(Part, frozen=True):
    """A gift is possible only in the last days before the allowance ends.

    Bundles issued for at most `short_bundle_days` follow `short_days`, others `long_days`.
    Where the operator does not say what a short bundle is, `short_bundle_days` is absent.
    """

    short_days: int
    long_days: int
    short_bundle_days: int | None = None


class YoungLine(Part, frozen=True):
    """A line younger than `days` may give at most so much a month."""

    days: int
    volume_per_month: Quantity


class GiftRules(Part, frozen=True):
    """What an operator or brand publishes about giving to another subscriber.

    A rule in quantities says something only about the units that it names, once each.
    """

    offered: Rule[bool] | None = None
    units: Rule[tuple[Unit, ...]] | None = None
    recipients: Rule[Recipients] | None = None
    step: Rule[tuple[Quantity, ...]] | None = None
    minimum: Rule[tuple[Quantity, ...]] | None = None
    maximum: Rule[tuple[Quantity, ...]] | None = None
    sizes: Rule[tuple[Quantity, ...]] | None = None
    fee: Rule[Price] | None = None
    count_per_day: Rule[int] | None = None
    count_per_month: Rule[int] | None = None
    volume_per_day: Rule[tuple[Quantity, ...]] | None = None
    volume_per_month: Rule[tuple[Quantity, ...]] | None = None
    received_per_month: Rule[tuple[Quantity, ...]] | None = None
    keep: Rule[tuple[Quantity, ...]] | None = None
    cycle_share_percent: Rule[int] | None = None
    """At most this share of the plan's base for a cycle."""
    sources: Rule[tuple[AllowanceClass, ...]] | None = None
    """Only these may be given; absent: the operator names none."""
    excluded: Rule[tuple[AllowanceClass, ...]] | None = None
    """These may not be given."""
    regift: Rule[bool] | None = None
    plan_types: Rule[dict[str, tuple[str, ...]]] | None = None
    """Giver's plan type → receivers' ("*": any). A type that is absent cannot give."""
    linked_numbers_max: Rule[int] | None = None
    pending_max: Rule[int] | None = None
    line_age_days_min: Rule[int] | None = None
    young_line: Rule[YoungLine] | None = None
    blackout: Rule[Blackout] | None = None
    last_days: Rule[LastDays] | None = None
    claim_lifetime: Rule[ClaimLifetime] | None = None
    expiry: Rule[Expiry] | None = None
    unclaimed_returns: Rule[bool] | None = None
    """An unclaimed gift goes back to its giver with its original expiry."""
    refusable: Rule[bool] | None = None
    """False: a gift arrives without being accepted."""
    reversible: Rule[bool] | None = None
    resale: Rule[bool] | None = None
