"""The shape of an operator's profile: what it sells, and what it lets its customers give.

A profile is a TOML file. Each rule names the source that it was read from, so that every verdict
can say by which rule, where that rule stands, as of when, and how sure we are. A rule that nobody
could confirm is left out, never guessed: absence means "unknown", not "allowed", not "forbidden".
"""

from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.names import Name
from yuzuri.operators.delegation_rules import DelegationRules
from yuzuri.operators.gift_rules import GiftRules
from yuzuri.operators.plans import Plan
from yuzuri.operators.services import Service
from yuzuri.operators.sources import Part, Rule, Source

Colour = Annotated[str, msgspec.Meta(pattern="^#[0-9a-f]{6}$")]
"""A colour as #rrggbb."""


class OperatorKind(StrEnum):
    """What sort of company it is."""

    NETWORK = "network"
    MVNO = "mvno"
    RESELLER = "reseller"
    EXAMPLE = "example"


class Brand(Part, frozen=True):
    """A brand of the operator with gifting rules of its own."""

    name: Name
    gift: GiftRules
    services: tuple[Service, ...] = ()


class Profile(Part, frozen=True):
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
    brands: dict[str, Brand] = msgspec.field(default_factory=dict)
    services: tuple[Service, ...] = ()
    delegation: DelegationRules = DelegationRules()
    colour: Rule[Colour] | None = None
    """What people know it by; None: we have read of none."""
    zones: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """The operator's own names for groups of countries → ISO 3166 countries."""

    def covers(self, zone: str, country: str) -> bool:
        """Whether an allowance of a zone can be used in a country (ISO 3166)."""
        return zone == country or country in self.zones.get(zone, ())

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the operator's days and months are counted."""
        return ZoneInfo(self.timezone)
