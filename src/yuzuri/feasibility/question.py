"""What a question about a gift consists of: all that a rule may look at, and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.gift_rules import GiftRules
from yuzuri.operators.plans import Plan
from yuzuri.operators.profile import Profile
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
    """A gift that counts towards a limit: open or accepted; or `count` gifts that are one matter.

    `quantity` is what they are together.
    """

    quantity: Quantity
    at: datetime
    is_open: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftQuestion:
    """Whether `giver` can give `quantity` to `receiver` at the instant `at`, as `count` gifts.

    `holdings` None: it is not known what the giver has. `sent` and `received` go back a month, and
    have gifts of every unit. `receiver_has` is what the receiver can still use of the unit asked
    for; None: not known.
    """

    giver: Party
    receiver: Party
    quantity: Quantity
    at: datetime
    relation: Relation = NOTHING_KNOWN
    holdings: tuple[Holding, ...] | None = None
    sent: tuple[PastGift, ...] = ()
    received: tuple[PastGift, ...] = ()
    receiver_has: tuple[Allowance, ...] | None = None
    count: int = 1

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

    @property
    def age(self) -> timedelta | None:
        """How old the giver's line is; None: not known."""
        activated_at = self.giver.activated_at
        return None if activated_at is None else self.at - activated_at

    def usable(self) -> tuple[Holding, ...]:
        """What the giver has of the unit and could still use at the instant."""
        return tuple(
            holding
            for holding in self.holdings or ()
            if holding.allowance.unit is self.unit and not holding.allowance.is_over(self.at)
        )
