"""What a question about a gift consists of: all that a rule may look at, and nothing else."""

from dataclasses import dataclass
from datetime import datetime

from yuzuri.feasibility.windows import surely_open
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import spending_order
from yuzuri.operators.profile import AllowanceClass, GiftRules, Plan, Profile
from yuzuri.operators.profiles import gift_rules


@dataclass(frozen=True, slots=True)
class Party:
    """A giver or receiver: a real line, or somebody on a plan (or on any plan) of an operator."""

    profile: Profile
    plan: Plan | None = None
    activated_at: datetime | None = None

    @property
    def rules(self) -> GiftRules:
        """The gifting rules that hold for the party's plan."""
        return gift_rules(self.profile, self.plan)

    @property
    def rules_name(self) -> str:
        """Where those rules stand in the profile."""
        brand = self.plan.brand if self.plan else None
        return "gift" if brand is None else f"brands.{brand}.gift"


@dataclass(frozen=True, slots=True)
class Relation:
    """How the two lines belong together; None: not known."""

    same_line: bool = False
    same_account: bool | None = None
    billing_group: bool | None = None
    linked: bool | None = None


NOTHING_KNOWN = Relation()
"""Two different lines of which nothing more is known."""


@dataclass(frozen=True, slots=True)
class Holding:
    """So much of an allowance that the giver could still use, in base units."""

    allowance: Allowance
    available: int


@dataclass(frozen=True, slots=True)
class PastGift:
    """A gift that counts towards a limit: open or accepted."""

    quantity: Quantity
    at: datetime
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftQuestion:
    """Whether `giver` can give `quantity` to `receiver` at the instant `at`.

    `holdings` None: it is not known what the giver has. `sent` and `received` go back a month.
    """

    giver: Party
    receiver: Party
    quantity: Quantity
    at: datetime
    relation: Relation = NOTHING_KNOWN
    holdings: tuple[Holding, ...] | None = None
    sent: tuple[PastGift, ...] = ()
    received: tuple[PastGift, ...] = ()
    receiver_expiry: datetime | None = None
    """When the receiver's own allowance of the unit ends last; None: not known, or it has none."""

    @property
    def unit(self) -> Unit:
        """What is asked for."""
        return self.quantity.unit

    @property
    def amount(self) -> int:
        """How much is asked for, in base units."""
        return self.quantity.amount

    @property
    def is_within_operator(self) -> bool:
        """Both are customers of one operator."""
        return self.giver.profile.id == self.receiver.profile.id

    def usable(self) -> tuple[Holding, ...]:
        """What the giver has of the unit and could still use at the instant."""
        return tuple(
            holding
            for holding in self.holdings or ()
            if holding.allowance.unit is self.unit and not holding.allowance.is_over(self.at)
        )

    def giftable(self) -> tuple[Holding, ...]:
        """What of it the operator's rules on sources let one give."""
        return tuple(h for h in self.usable() if may_be_given(h.allowance, self.giver.rules))

    def ready(self) -> tuple[Holding, ...]:
        """What of that can be given at this very instant, soonest expiry first."""
        last_days = self.giver.rules.last_days
        ready = [
            holding
            for holding in self.giftable()
            if last_days is None or surely_open(last_days.value, holding.allowance, self.at)
        ]
        return tuple(sorted(ready, key=lambda holding: spending_order(holding.allowance)))


DAILY_SECONDS_MAX = 24 * 3600


def classes_of(allowance: Allowance) -> frozenset[AllowanceClass]:
    """Say what an allowance is in the words that gifting rules use."""
    first = AllowanceClass.RECEIVED if allowance.hops else AllowanceClass(allowance.source.value)
    classes = {first}
    if allowance.hours is not None:
        classes.add(AllowanceClass.NIGHT)
    if allowance.expires_at is not None:
        lifetime_s = (allowance.expires_at - allowance.issued_at).total_seconds()
        if lifetime_s <= DAILY_SECONDS_MAX:
            classes.add(AllowanceClass.DAILY)
    return frozenset(classes)


def may_be_given(allowance: Allowance, rules: GiftRules) -> bool:
    """Tell whether the rules on sources and on giving again let an allowance be given."""
    classes = classes_of(allowance)
    if rules.excluded is not None and classes & set(rules.excluded.value):
        return False
    if rules.sources is not None and not classes & set(rules.sources.value):
        return False
    return not (rules.regift is not None and not rules.regift.value and allowance.hops)
