"""The published rules on gifts, one small check each; together they are the whole verdict.

A check looks at the question and yields reasons; it yields nothing where the operator names no such
rule. Those on the receiver, on limits in a while and on what the giver has stand in modules of
their own (`recipients`, `limits`, `holdings`).
"""

from collections.abc import Callable, Iterator

from yuzuri.feasibility.holdings import check_balance, check_last_days, check_sources
from yuzuri.feasibility.limits import check_age, check_counts, check_volumes
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.reasons import note, of_unit, refuse, unknown_rules
from yuzuri.feasibility.recipients import check_plan_types, check_recipient
from yuzuri.feasibility.verdict import Reason
from yuzuri.feasibility.windows import blackout_end
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity

Check = Callable[[GiftQuestion], Iterator[Reason]]


def check_offered(question: GiftQuestion) -> Iterator[Reason]:
    """The operator offers gifts at all; between operators, both must."""
    parties = [question.giver]
    if not question.is_within_operator:
        parties.append(question.receiver)
    for party in parties:
        rule = party.rules.offered
        if rule is None:
            yield unknown_rules(party)
        elif not rule.value:
            yield refuse(party, Code.GIFT_NOT_OFFERED, "offered", rule)


def check_unit(question: GiftQuestion) -> Iterator[Reason]:
    """What is given is of a kind that the operator lets one give."""
    giver, rule = question.giver, question.giver.rules.units
    if rule is not None and question.unit not in rule.value:
        offered = tuple(unit.value for unit in rule.value)
        fields = {"unit": question.unit.value, "offered": offered}
        yield refuse(giver, Code.GIFT_UNIT_NOT_OFFERED, "units", rule, **fields)


def check_amount(question: GiftQuestion) -> Iterator[Reason]:
    """The amount is one of the sizes, a multiple of the step, not too small and not too large."""
    giver, rules, amount = question.giver, question.giver.rules, question.amount
    step, least, most = (of_unit(r, question) for r in (rules.step, rules.minimum, rules.maximum))
    if least is not None and rules.minimum and amount < least:
        limit = Quantity(least, question.unit)
        yield refuse(giver, Code.GIFT_MINIMUM, "minimum", rules.minimum, limit=limit)
    if most is not None and rules.maximum and amount > most:
        limit = Quantity(most, question.unit)
        yield refuse(giver, Code.GIFT_MAXIMUM, "maximum", rules.maximum, limit=limit)
    if step is not None and rules.step and amount % step:
        by = Quantity(step, question.unit)
        yield refuse(giver, Code.GIFT_STEP, "step", rules.step, step=by, amount=question.quantity)
    if rules.sizes is not None:
        sizes = tuple(size for size in rules.sizes.value if size.unit is question.unit)
        if sizes and question.quantity not in sizes:
            yield refuse(giver, Code.GIFT_SIZE, "sizes", rules.sizes, sizes=sizes)


def check_blackout(question: GiftQuestion) -> Iterator[Reason]:
    """It is not an hour at which the operator takes no gifts."""
    giver, rule = question.giver, question.giver.rules.blackout
    if rule is not None:
        ends = blackout_end(rule.value, question.at, giver.profile.zone)
        if ends is not None:
            yield refuse(giver, Code.GIFT_BLACKOUT, "blackout", rule, until=ends)


def check_notes(question: GiftQuestion) -> Iterator[Reason]:
    """What it costs, and whether it can be taken back: what one should know before."""
    giver, rules = question.giver, question.giver.rules
    if rules.fee is not None and rules.fee.value.minor:
        fee = rules.fee.value
        yield note(giver, Code.GIFT_FEE, "fee", rules.fee, minor=fee.minor, currency=fee.currency)
    if rules.reversible is not None and not rules.reversible.value:
        yield note(giver, Code.GIFT_IRREVERSIBLE, "reversible", rules.reversible)


CHECKS: tuple[Check, ...] = (
    check_offered,
    check_unit,
    check_recipient,
    check_plan_types,
    check_amount,
    check_counts,
    check_volumes,
    check_age,
    check_blackout,
    check_balance,
    check_sources,
    check_last_days,
    check_notes,
)
"""Every check, in the order in which a reader wants the reasons."""
