"""To whom one may give; between two operators, both decide."""

from dataclasses import replace

import pytest
from tests.unit.feasibility.asking import APART, PROFILES, codes, judge, reason_of
from tests.unit.feasibility.made_up import plan_with, profile_with, rules_with, with_rules

from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.question import Party, Relation
from yuzuri.feasibility.verdict import Effect, Verdict
from yuzuri.kernel.errors import Code
from yuzuri.kernel.names import Name
from yuzuri.operators.gift_rules import GiftRules, Recipients
from yuzuri.operators.profile import Brand
from yuzuri.operators.sources import Rule

ANYONE, OWN = Recipients.ANYONE, Recipients.SAME_OPERATOR
OTHER = Name(en="Other", ja="Other", zh="Other")


Stated = tuple[bool | None, Recipients | None]
"""Whether gifts are offered, and to whom; None: nothing is published."""


def stated(rules: Stated, confidence: str) -> GiftRules:
    offered, recipients = rules
    return GiftRules(
        offered=None if offered is None else Rule(value=offered, source=confidence),
        recipients=None if recipients is None else Rule(value=recipients, source=confidence),
    )


def between(giver: Stated, receiver: Stated, confidence: str = "high") -> Verdict:
    one = profile_with(stated(giver, confidence))
    other = profile_with(stated(receiver, confidence), id="other", name=OTHER)
    question = with_rules("1 GB")
    return judge_gift(replace(question, giver=Party(one), receiver=Party(other)))


@pytest.mark.parametrize(
    ("giver", "receiver", "feasible", "expected"),
    [
        ((True, ANYONE), (True, ANYONE), True, []),
        ((True, ANYONE), (True, OWN), False, [Code.GIFT_OTHER_OPERATOR]),
        ((True, OWN), (True, ANYONE), False, [Code.GIFT_OTHER_OPERATOR]),
        ((True, OWN), (True, OWN), False, [Code.GIFT_OTHER_OPERATOR] * 2),
        ((True, ANYONE), (False, None), False, [Code.GIFT_NOT_OFFERED]),
        ((False, None), (True, ANYONE), False, [Code.GIFT_NOT_OFFERED]),
        ((True, ANYONE), (None, None), None, [Code.GIFT_RULES_UNKNOWN]),
        ((None, None), (True, ANYONE), None, [Code.GIFT_RULES_UNKNOWN]),
        ((True, ANYONE), (True, None), None, [Code.GIFT_RULES_UNKNOWN]),
        ((True, None), (True, ANYONE), None, [Code.GIFT_RULES_UNKNOWN]),
        ((True, Recipients.LINKED_NUMBERS), (True, ANYONE), False, [Code.GIFT_OTHER_OPERATOR]),
        # One that refuses closes it, whatever is not known of the other.
        ((None, None), (False, None), False, [Code.GIFT_NOT_OFFERED]),
    ],
)
def test_between_operators_both_must_offer_and_let_one_give_to_anyone(
    giver: Stated, receiver: Stated, feasible: bool | None, expected: list[Code]
) -> None:
    verdict = between(giver, receiver)

    assert verdict.feasible is feasible
    effect = Effect.UNDECIDED if feasible is None else Effect.REFUSES
    assert codes(verdict, effect) == expected


def test_the_one_whose_rule_it_is_is_named() -> None:
    reason = reason_of(between((True, ANYONE), (True, OWN)), Code.GIFT_OTHER_OPERATOR)
    assert reason.fields["operator"] == OTHER
    assert reason.evidence is not None
    assert reason.evidence.rule == "other gift.recipients"


@pytest.mark.parametrize(
    ("giver", "receiver"), [((False, None), (True, ANYONE)), ((True, OWN),) * 2]
)
def test_rules_of_low_confidence_never_refuse(giver: Stated, receiver: Stated) -> None:
    assert between(giver, receiver, "low").feasible is None


# ---------------------------------------------------------------- within an operator


@pytest.mark.parametrize(
    ("recipients", "relation", "feasible"),
    [
        (ANYONE, APART, True),
        (OWN, APART, True),
        (Recipients.SAME_ACCOUNT, Relation(same_account=True), True),
        (Recipients.SAME_ACCOUNT, APART, False),
        (Recipients.SAME_ACCOUNT, Relation(), None),
        (Recipients.BILLING_GROUP, Relation(billing_group=True), True),
        (Recipients.BILLING_GROUP, APART, False),
        (Recipients.BILLING_GROUP, Relation(), None),
        (Recipients.LINKED_NUMBERS, Relation(linked=True), True),
        (Recipients.LINKED_NUMBERS, APART, False),
        (Recipients.LINKED_NUMBERS, Relation(), None),
        (ANYONE, Relation(same_line=True), False),
    ],
)
def test_within_an_operator_the_lines_must_belong_together_as_it_says(
    recipients: Recipients, relation: Relation, feasible: bool | None
) -> None:
    question = with_rules("1 GB", recipients=recipients, relation=relation)
    assert judge_gift(question).feasible is feasible


BRANDS = {
    "red": Brand(name=OTHER, gift=rules_with(recipients=Recipients.SAME_BRAND)),
    "blue": Brand(name=OTHER, gift=GiftRules()),
}


@pytest.mark.parametrize(
    ("giver", "receiver", "feasible"),
    [("red", "red", True), ("red", "blue", False), ("red", None, False), ("red", "?", None)],
)
def test_a_brand_can_keep_gifts_to_itself(
    giver: str, receiver: str | None, feasible: bool | None
) -> None:
    profile = profile_with(GiftRules(), brands=BRANDS)
    to = None if receiver == "?" else plan_with(brand=receiver)
    question = replace(
        with_rules("1 GB"),
        giver=Party(profile, plan_with(brand=giver)),
        receiver=Party(profile, to),
    )
    assert judge_gift(question).feasible is feasible


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("types", "to_types", "feasible"),
    [
        (("prepaid",), ("prepaid",), True),
        (("prepaid",), ("postpaid",), False),
        (("prepaid", "company"), ("prepaid",), True),
        (("postpaid",), ("anything",), True),
        (("company",), ("prepaid",), False),
        ((), ("prepaid",), False),
    ],
)
def test_kinds_of_plan_decide_who_gives_to_whom(
    types: tuple[str, ...], to_types: tuple[str, ...], feasible: bool
) -> None:
    rule = {"prepaid": ("prepaid",), "postpaid": ("*",)}
    question = with_rules("1 GB", plan_types=rule, plan=plan_with(types=types))
    receiver = replace(question.receiver, plan=plan_with(types=to_types))
    assert judge_gift(replace(question, receiver=receiver)).feasible is feasible


def test_a_plan_that_can_not_give_can_not_give_to_another_operator_either() -> None:
    rules = rules_with(recipients=ANYONE, plan_types={"prepaid": ("prepaid",)})
    other = Party(profile_with(rules_with(recipients=ANYONE), id="other"), plan_with(types=("x",)))
    question = with_rules("1 GB")

    def give(types: tuple[str, ...]) -> Verdict:
        giver = Party(profile_with(rules), plan_with(types=types))
        return judge_gift(replace(question, giver=giver, receiver=other))

    # What the other operator calls its plans says nothing here.
    assert give(("prepaid",)).feasible is True
    assert codes(give(("company",))) == [Code.GIFT_PLAN_TYPE]


def test_a_reason_about_the_receiver_names_neither_plan_nor_balance() -> None:
    receiver = "smart-ph/home-wifi"
    verdict = judge("smart-ph/giga-video-99", "50 MB", to=receiver)

    plan = next(plan for plan in PROFILES["smart-ph"].plans if plan.id == "home-wifi")
    said = [value for reason in verdict.reasons for value in reason.fields.values()]
    assert plan.name not in said
    assert not {plan.id, *plan.types} & {part for v in said if isinstance(v, tuple) for part in v}


# ---------------------------------------------------------------- the issue's own examples


def test_ahamo_to_povo_is_not_offered_and_the_way_by_code_is_told() -> None:
    verdict = judge("docomo/ahamo", "1 GB", to="kddi/povo", has=None, relation=Relation())

    reason = verdict.refusals[0]
    assert (verdict.feasible, reason.code) == (False, Code.GIFT_NOT_OFFERED)
    assert reason.evidence is not None
    assert (reason.evidence.rule, reason.evidence.as_of) == (
        "docomo brands.ahamo.gift.offered",
        "2026-11",
    )
    assert [other.code for other in verdict.instead] == [Code.INSTEAD_SERVICE] * 2


def test_an_operator_of_whom_nothing_is_known_leaves_it_undecided() -> None:
    for operator in ("google-fi", "spusu", "kddi"):
        verdict = judge(operator, "1 GB", has=None)
        assert codes(verdict, Effect.UNDECIDED) == [Code.GIFT_RULES_UNKNOWN]
        assert verdict.feasible is None
