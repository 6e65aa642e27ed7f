"""Each published rule of each shipped profile, asked on both sides of its edge."""

from collections.abc import Iterator

import pytest
from tests.unit.feasibility.asking import PROFILES, ask, party
from tests.unit.feasibility.rule_table import TABLE, Case

from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.verdict import Effect
from yuzuri.operators.gift_rules import GiftRules, Recipients
from yuzuri.operators.profile import Profile


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_a_rule_stands_in_the_way_on_one_side_of_its_edge_only(case: Case) -> None:
    question = ask(case.giver, case.amount, **case.given)
    verdict = judge_gift(question)

    rule = f"{question.giver.profile.id} {question.giver.rules_name}.{case.rule}"
    in_the_way = {
        reason.code
        for reason in verdict.reasons
        if reason.evidence and reason.evidence.rule == rule and reason.effect is not Effect.NOTES
    }
    assert in_the_way == ({case.code} if case.code else set())
    assert verdict.feasible is case.feasible


@pytest.mark.parametrize("case", [c for c in TABLE if c.feasible is False and c.code], ids=str)
def test_a_rule_that_refuses_is_cited_with_its_source(case: Case) -> None:
    question = ask(case.giver, case.amount, **case.given)
    (reason, *_) = [r for r in judge_gift(question).reasons if r.code is case.code]

    rule = getattr(question.giver.rules, case.rule)
    source = question.giver.profile.sources[rule.source]
    assert reason.evidence is not None
    assert source.title in reason.evidence.source
    assert (reason.evidence.as_of, reason.evidence.confidence) == (source.as_of, source.confidence)


# ---------------------------------------------------------------- no rule without a case

TESTED_ELSEWHERE = {
    "fee": "test_notes",
    "reversible": "test_notes",
    "refusable": "test_notes",
    "claim_lifetime": "test_expiry",
    "expiry": "test_expiry",
}
TOLD_ONLY = {
    "resale": "no gift carries a price, so there is nothing to judge",
    "unclaimed_returns": "what is not taken has never left the giver",
    "linked_numbers_max": "whoever links numbers keeps it",
}


def sides(rules: GiftRules, name: str) -> set[bool]:
    """On which sides of a rule one can be at all: True keeps it, False breaks it."""
    value = getattr(rules, name).value
    if name in {"offered", "regift"} and value is True:
        return {True}
    if name == "offered":
        return {False}
    if name == "cycle_share_percent" and rules is PROFILES["line-mobile"].gift:
        # The size of its plans could not be confirmed, so no amount keeps within a share of it.
        return {False}
    if name == "units" and len(value) == 3:
        return {True}
    if name == "recipients" and value is Recipients.ANYONE:
        return {True}
    return {True, False}


def rule_sides(profile: Profile) -> Iterator[tuple[str, str, bool]]:
    named = {"gift": profile.gift}
    named |= {f"brands.{key}.gift": brand.gift for key, brand in profile.brands.items()}
    for where, rules in named.items():
        for name in GiftRules.__struct_fields__:
            if getattr(rules, name) is not None and name not in {*TESTED_ELSEWHERE, *TOLD_ONLY}:
                for side in sides(rules, name):
                    yield f"{profile.id} {where}", name, side


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.id)
def test_no_rule_of_a_profile_is_without_a_case_on_each_side(profile: Profile) -> None:
    tested = set()
    for case in TABLE:
        giver = party(case.giver)
        tested.add((f"{giver.profile.id} {giver.rules_name}", case.rule, case.code is None))

    assert set(rule_sides(profile)) - tested == set()
