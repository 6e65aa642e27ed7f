"""The other ways of sharing that operators publish: pools, tanks, banks, presents, codes."""

from yuzuri.kernel.names import Name
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.gift_rules import Expiry, ExpiryKind, Recipients
from yuzuri.operators.plans import AllowanceClass, Hours, Price, Validity
from yuzuri.operators.sources import Part


class Pool(Part, tag="pool", tag_field="kind", frozen=True):
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


class Tank(Part, tag="tank", tag_field="kind", frozen=True):
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


class Bank(Part, tag="bank", tag_field="kind", frozen=True):
    """A store of one's own in which data does not expire."""

    name: Name
    source: str
    price_per_month: Price | None = None
    deposit_per_month: Quantity | None = None
    expiry: Expiry | None = None


class Pledge(Part, tag="pledge", tag_field="kind", frozen=True):
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


class Present(Part, tag="present", tag_field="kind", frozen=True):
    """Buying an amount anew for somebody else."""

    name: Name
    source: str
    prices: tuple[tuple[Quantity, Price], ...] = ()
    validity: Validity | None = None
    recipients: Recipients | None = None


class TransferableCode(Part, tag="code", tag_field="kind", frozen=True):
    """A code that can be handed on before it is entered."""

    name: Name
    source: str
    transferable: bool
    resale: bool | None = None
    starts_at_entry: bool | None = None
    """The time of what it gives runs from when it is entered, not from when it was bought."""


class MemberControl(Part, tag="members", tag_field="kind", frozen=True):
    """The manager of a group plan shares it out, pauses or slows its members."""

    name: Name
    source: str
    data_only_lines_max: int | None = None
    slow_kbps: int | None = None
    lag: int | None = None
    """Seconds until a pause acts."""


class Conversion(Part, tag="conversion", tag_field="kind", frozen=True):
    """What is left of one kind becomes another kind on the same line."""

    name: Name
    source: str
    gives: Quantity
    for_each: Quantity
    reserve_max_percent_of_plan: int | None = None
    expires: bool | None = None


class PartnerApi(Part, tag="partner_api", tag_field="kind", frozen=True):
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
