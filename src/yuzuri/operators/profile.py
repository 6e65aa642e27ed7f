"""The shape of an operator's profile: what it sells, and what it lets its customers give.

A profile is a TOML file. Each rule names the source that it was read from, so that every verdict
can say by which rule, where that rule stands, as of when, and how sure we are. A rule that nobody
could confirm is left out, never guessed: absence means "unknown", not "allowed", not "forbidden".
"""

from datetime import time
from enum import StrEnum
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.names import Name
from yuzuri.kernel.quantities import Quantity, Unit

T_co = TypeVar("T_co", covariant=True)


class Confidence(StrEnum):
    """How sure we are that a rule is in force as written."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of a profile; an unknown key is an error, so that no typing slip passes silently."""


class Source(_Part, frozen=True):
    """Where a rule was read, and the date that it speaks for (YYYY[-MM[-DD]])."""

    title: str
    url: str
    as_of: str
    confidence: Confidence


class Rule(_Part, Generic[T_co], frozen=True):
    """One published rule: its value, and the key of the source that it was read from."""

    value: T_co
    source: str


# ---------------------------------------------------------------- plans


class AllowanceClass(StrEnum):
    """What kind of allowance it is, in the words that gifting rules use to allow or exclude it."""

    BASE = "base"
    CARRIED_OVER = "carried_over"
    BOUGHT = "bought"
    BONUS = "bonus"
    RECEIVED = "received"
    NIGHT = "night"
    DAILY = "daily"


class Hours(_Part, frozen=True):
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


class Validity(_Part, frozen=True):
    """How long an allowance lives; `count` says how many days or hours."""

    kind: ValidityKind
    count: int = 0


class PlanAllowance(_Part, frozen=True):
    """What a plan or a top-up gives: so much, where, when and until when."""

    amount: Quantity
    validity: Validity
    zone: str
    """ISO 3166 country, or a name that the operator uses for a group of countries."""
    source_class: Literal["base", "bought", "bonus", "carried_over"] = "base"
    hours: Hours | None = None
    paid: bool = False
    """Bought as such for money (a top-up, a prepaid bundle); a monthly plan's base is not."""


class Price(_Part, frozen=True):
    """A price in whole minor units of an ISO 4217 currency (yen, cents)."""

    minor: int
    currency: str


class TopUp(_Part, frozen=True):
    """An extra that a line on the plan can buy."""

    id: str
    name: Name
    gives: tuple[PlanAllowance, ...]
    source: str
    price: Price | None = None


class Plan(_Part, frozen=True):
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


# ---------------------------------------------------------------- gifting rules


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


class Expiry(_Part, frozen=True):
    """When a received gift ends.

    `keep`: as it was. `later_of_both`: the later of the giver's and the receiver's own. `fixed`: so
    many hours after it arrived. `reset`: at the end of the month that is `months` after the present
    one. `recipient_cycle`: at the end of the receiver's cycle, `cycles` after the present one.
    """

    kind: ExpiryKind
    hours: int = 0
    months: int = 0
    cycles: int = 0


class ClaimLifetime(_Part, frozen=True):
    """How long an offered gift waits: so many hours, or to the end of the day so many days later.

    Where `month_end` says so, the end of the month is the end in any case.
    """

    hours: int | None = None
    days: int | None = None
    month_end: bool = False


class Blackout(_Part, frozen=True):
    """When no gift can be made: daily from `since` to `until`, or monthly where days are given.

    `since_day` 0 is the last day of the month; the window may cross midnight or the month's end.
    """

    since: time
    until: time
    since_day: int | None = None
    until_day: int | None = None


class LastDays(_Part, frozen=True):
    """A gift is possible only in the last days before the allowance ends.

    Bundles issued for at most `short_bundle_days` follow `short_days`, others `long_days`.
    Where the operator does not say what a short bundle is, `short_bundle_days` is absent.
    """

    short_days: int
    long_days: int
    short_bundle_days: int | None = None


class YoungLine(_Part, frozen=True):
    """A line younger than `days` may give at most so much a month."""

    days: int
    volume_per_month: Quantity


class GiftRules(_Part, frozen=True):
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


# ---------------------------------------------------------------- other ways an operator offers


class Pool(_Part, tag="pool", tag_field="kind", frozen=True):
    """Several lines draw on what they put together."""

    name: Name
    source: str
    lines_max: int | None = None
    voice_lines_max: int | None = None
    several_groups: bool = False
    """One account can keep several such pools."""
    recipients: Recipients | None = None
    sources: tuple[AllowanceClass, ...] = ()
    expiry: ExpiryKind | None = None
    over_cap: str | None = None


class Tank(_Part, tag="tank", tag_field="kind", frozen=True):
    """A common store: anyone donates, and lines in need draw within limits."""

    name: Name
    source: str
    draw_per_month: Quantity | None = None
    draws_per_month: int | None = None
    opens_on_day: int | None = None
    only_when_left_at_most: Quantity | None = None
    left_limit_for_net_takers: bool = False
    """`only_when_left_at_most` binds only lines that have drawn more than they gave."""
    open_days: int | None = None
    extendable: bool = False
    in_area: bool = False


class Bank(_Part, tag="bank", tag_field="kind", frozen=True):
    """A store of one's own in which data does not expire."""

    name: Name
    source: str
    price_per_month: Price | None = None
    deposit_per_month: Quantity | None = None
    expiry: Expiry | None = None


class Pledge(_Part, tag="pledge", tag_field="kind", frozen=True):
    """A reward for leaving the network free at busy hours."""

    name: Name
    source: str
    quiet_hours: Hours | None = None
    weekdays_only: bool = False
    counted_from_day: int | None = None
    """Day of the month on which the count of pledges starts again."""
    rewards: tuple[tuple[int, Quantity], ...] = ()
    """So many pledges kept → so much data."""
    free_use: tuple[tuple[int, Hours], ...] = ()
    """So many pledges kept → use in these hours of the next month is not counted."""


class Present(_Part, tag="present", tag_field="kind", frozen=True):
    """Buying an amount anew for somebody else."""

    name: Name
    source: str
    prices: tuple[tuple[Quantity, Price], ...] = ()
    validity: Validity | None = None
    recipients: Recipients | None = None


class TransferableCode(_Part, tag="code", tag_field="kind", frozen=True):
    """A code that can be handed on before it is entered."""

    name: Name
    source: str
    transferable: bool
    resale: bool | None = None
    starts_at_entry: bool | None = None
    """The time of what it gives runs from when it is entered, not from when it was bought."""


class MemberControl(_Part, tag="members", tag_field="kind", frozen=True):
    """The manager of a group plan shares it out, pauses or slows its members."""

    name: Name
    source: str
    data_only_lines_max: int | None = None
    slow_kbps: int | None = None
    lag: int | None = None
    """Seconds until a pause acts."""


class Conversion(_Part, tag="conversion", tag_field="kind", frozen=True):
    """What is left of one kind becomes another kind on the same line."""

    name: Name
    source: str
    gives: Quantity
    for_each: Quantity
    reserve_max_percent_of_plan: int | None = None
    expires: bool | None = None


class PartnerApi(_Part, tag="partner_api", tag_field="kind", frozen=True):
    """What a reseller's partner interface can do with a bundle."""

    name: Name
    source: str
    order: bool = False
    top_up: bool = False
    suspend: bool = False
    revoke_unstarted: bool = False
    split_started: bool = False
    share_link: bool = False


Service = (
    Pool
    | Tank
    | Bank
    | Pledge
    | Present
    | TransferableCode
    | MemberControl
    | Conversion
    | PartnerApi
)


# ---------------------------------------------------------------- the whole


class OperatorKind(StrEnum):
    """What sort of company it is."""

    NETWORK = "network"
    MVNO = "mvno"
    RESELLER = "reseller"
    EXAMPLE = "example"


class Brand(_Part, frozen=True):
    """A brand of the operator with gifting rules of its own."""

    name: Name
    gift: GiftRules
    services: tuple[Service, ...] = ()


class Profile(_Part, frozen=True):
    """One operator: its plans, its gifting rules and the other ways that it offers."""

    id: str
    name: Name
    kind: OperatorKind
    country: str
    timezone: str
    networks: tuple[str, ...]
    sources: dict[str, Source]
    gift: GiftRules
    plans: tuple[Plan, ...]
    brands: dict[str, Brand] = {}
    services: tuple[Service, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the operator's days and months are counted."""
        return ZoneInfo(self.timezone)
