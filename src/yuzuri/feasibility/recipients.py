"""To whom one may give: the rules on operators, brands, accounts and kinds of plan."""

from collections.abc import Iterator

from yuzuri.feasibility.question import GiftQuestion, Party
from yuzuri.feasibility.reasons import refuse, undecided, unknown_rules
from yuzuri.feasibility.verdict import Effect, Reason
from yuzuri.kernel.errors import Code
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.plans import Plan
from yuzuri.operators.sources import Rule

_CODES = {
    Recipients.ANYONE: Code.GIFT_OTHER_OPERATOR,
    Recipients.SAME_OPERATOR: Code.GIFT_OTHER_OPERATOR,
    Recipients.SAME_BRAND: Code.GIFT_OTHER_OPERATOR,
    Recipients.SAME_ACCOUNT: Code.GIFT_OTHER_ACCOUNT,
    Recipients.BILLING_GROUP: Code.GIFT_OTHER_BILLING_GROUP,
    Recipients.LINKED_NUMBERS: Code.GIFT_NOT_LINKED,
}


def belongs(question: GiftQuestion, recipients: Recipients) -> bool | None:
    """Tell whether the receiver is among those that the giver's operator names; None: not known."""
    relation = question.relation
    if recipients is Recipients.ANYONE:
        return True
    if not question.is_within_operator:
        return False
    return {
        Recipients.SAME_OPERATOR: True,
        Recipients.SAME_BRAND: same_brand(question),
        Recipients.SAME_ACCOUNT: relation.same_account,
        Recipients.BILLING_GROUP: relation.billing_group,
        Recipients.LINKED_NUMBERS: relation.linked,
    }[recipients]


def same_brand(question: GiftQuestion) -> bool | None:
    """Tell whether both are with one brand of one operator; None: not known."""
    one, other = question.giver, question.receiver
    if not question.is_within_operator:
        return False
    if not one.profile.brands:
        return True
    if one.plan is None or other.plan is None:
        return None
    return one.plan.brand == other.plan.brand


def check_recipient(question: GiftQuestion) -> Iterator[Reason]:
    """The receiver is one of those to whom the operator lets one give, and is not the giver.

    Between operators, each of the two must let its customers give to anyone.
    """
    giver, receiver = question.giver, question.receiver
    if question.relation.same_line:
        yield Reason(Code.GIFT_TO_ONESELF, Effect.REFUSES, {})
    if not question.is_within_operator:
        yield from _check_across(giver, receiver)
        yield from _check_across(receiver, giver)
        return
    rule = giver.rules.recipients
    if rule is None or not _offers(giver):
        return
    is_among = belongs(question, rule.value)
    if is_among is not True:
        say = undecided if is_among is None else refuse
        other = receiver.profile.name
        yield say(giver, _CODES[rule.value], "recipients", rule, other=other)


def _check_across(party: Party, other: Party) -> Iterator[Reason]:
    rule = party.rules.recipients
    if not _offers(party):
        return
    if rule is None:
        yield unknown_rules(party)
    elif rule.value is not Recipients.ANYONE:
        name = other.profile.name
        yield refuse(party, Code.GIFT_OTHER_OPERATOR, "recipients", rule, other=name)


def _offers(party: Party) -> bool:
    offered = party.rules.offered
    return offered is not None and offered.value


def check_plan_types(question: GiftQuestion) -> Iterator[Reason]:
    """A line on the giver's kind of plan may give, and to one on the receiver's kind.

    The kinds are the operator's own words, so they say nothing of another operator's plans.
    """
    yield from check_giving_plan(question)
    yield from check_receiving_plan(question)


def check_giving_plan(question: GiftQuestion) -> Iterator[Reason]:
    """A line on the giver's kind of plan may give at all."""
    giver, rule = question.giver, question.giver.rules.plan_types
    if rule is None:
        return
    if giver.plan is None:
        yield undecided(giver, Code.GIFT_PLAN_TYPE, "plan_types", rule, types=tuple(rule.value))
    elif not _open_to(giver.plan, rule):
        yield refuse(giver, Code.GIFT_PLAN_TYPE, "plan_types", rule, types=tuple(rule.value))


def check_receiving_plan(question: GiftQuestion) -> Iterator[Reason]:
    """A line on the giver's kind of plan, if it may give, may give to one on the receiver's."""
    giver, plan, rule = question.giver, question.receiver.plan, question.giver.rules.plan_types
    if rule is None or giver.plan is None or not question.is_within_operator:
        return
    open_to = _open_to(giver.plan, rule)
    if not open_to or "*" in open_to or (plan and not open_to.isdisjoint(plan.types)):
        return
    say = undecided if plan is None else refuse
    yield say(giver, Code.GIFT_PLAN_TYPE, "plan_types", rule, types=tuple(sorted(open_to)))


def _open_to(plan: Plan, rule: Rule[dict[str, tuple[str, ...]]]) -> set[str]:
    return {to for kind in plan.types for to in rule.value.get(kind, ())}
