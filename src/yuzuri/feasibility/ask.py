"""Asking without an account, whether somebody on one plan can give to somebody on another.

What a line on a fresh cycle of the plan would have is assumed where a plan is named; that nothing
has been given before; and nothing else. What then is not known leaves the verdict undecided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.catalog.purchases import issued_by
from yuzuri.feasibility.question import NOTHING_KNOWN, GiftQuestion, Holding, Party, Relation
from yuzuri.feasibility.routes import judge_routes
from yuzuri.feasibility.verdict import Verdict
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.ids import Id, PurchaseId
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles, find_plan

_NO_PURCHASE = PurchaseId(Id(bytes(16)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question about plans. `giver` and `receiver` are OPERATOR or OPERATOR/PLAN."""

    giver: str
    receiver: str
    quantity: Quantity
    at: datetime
    relation: Relation = NOTHING_KNOWN


def answer(profiles: Profiles, ask: Ask) -> Sequence[Verdict]:
    """Return a verdict for each route that exists; raises `DomainError` for unknown names."""
    giver, receiver = (find_party(profiles, name) for name in (ask.giver, ask.receiver))
    question = GiftQuestion(
        giver=giver,
        receiver=receiver,
        quantity=ask.quantity,
        at=ask.at,
        relation=ask.relation,
        holdings=_assumed_holdings(giver, ask),
    )
    return judge_routes(question)


def find_party(profiles: Profiles, name: str) -> Party:
    """Return somebody on OPERATOR or OPERATOR/PLAN; raises `DomainError` that lists them."""
    operator, slash, plan = name.strip().lower().partition("/")
    profile = profiles[operator]
    return Party(profile, find_plan(profile, plan) if slash else None)


def _assumed_holdings(giver: Party, ask: Ask) -> tuple[Holding, ...] | None:
    """Return what a fresh cycle gives; None where no plan is named or its size is not known."""
    plan = giver.plan
    if plan is None or not plan.gives:
        return None
    issued = issued_by(giver.profile, plan, plan.gives, _NO_PURCHASE, ask.at)
    holdings = tuple(Holding(allowance, amount) for allowance, amount in issued)
    is_counted = ask.quantity.unit in {holding.allowance.unit for holding in holdings}
    return holdings if is_counted else None


def complete_ask(
    profiles: Profiles,
    *,
    giver: str,
    receiver: str | None,
    amount: str | None,
    unit: Unit | None,
    at: datetime,
    relation: Relation = NOTHING_KNOWN,
) -> Ask:
    """Read a question as people put it; raises `DomainError`.

    Where no receiver is named it is another line of the giver's operator; where no amount is, the
    least that can be given.
    """
    quantity = (
        smallest_quantity(profiles, giver, unit or Unit.DATA)
        if amount is None
        else parse_quantity(amount, unit)
    )
    to = receiver or giver.partition("/")[0]
    return Ask(giver=giver, receiver=to, quantity=quantity, at=at, relation=relation)


_SMALLEST = {Unit.DATA: 1_000_000, Unit.VOICE: 60, Unit.SMS: 1}


def smallest_quantity(profiles: Profiles, giver: str, unit: Unit) -> Quantity:
    """Return the least that an operator lets one give, for a question that names no amount."""
    rules = find_party(profiles, giver).rules
    named = [rule.value for rule in (rules.minimum, rules.step, rules.sizes) if rule is not None]
    amounts = [q.amount for quantities in named for q in quantities if q.unit is unit]
    return Quantity(amounts[0] if amounts else _SMALLEST[unit], unit)
