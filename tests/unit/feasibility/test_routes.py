"""Every way from one line to another: each judged by its own rules, each with its reasons."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.unit.feasibility.asking import APART, DAY, PROFILES, TOGETHER, ask, noon, some

from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.routes import judge_routes
from yuzuri.feasibility.verdict import Effect, Verdict
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.services import Pool

GIVING = ("gift", "link", "request")
MINEO = "mineo/mypita-10gb"
CARRIED: dict[str, Any] = {
    "issued_at": noon(MINEO) - 30 * DAY,
    "expires_at": noon(MINEO, day=1, month=12).replace(hour=0),
}


def judged(question: GiftQuestion) -> Mapping[str, Verdict]:
    return {verdict.route: verdict for verdict in judge_routes(question)}


def codes(verdict: Verdict) -> list[Code]:
    return [reason.code for reason in verdict.reasons if reason.effect is not Effect.NOTES]


def with_pool(question: GiftQuestion, **terms: Any) -> GiftQuestion:
    """Let the giver's operator publish other terms of its pool."""
    profile = question.giver.profile
    services = tuple(
        msgspec.structs.replace(service, **terms) if isinstance(service, Pool) else service
        for service in profile.services
    )
    changed = replace(question.giver, profile=msgspec.structs.replace(profile, services=services))
    return replace(question, giver=changed)


# ---------------------------------------------------------------- giving


def test_one_rule_closes_all_ways_of_giving_alike() -> None:
    routes = judged(ask(MINEO, "15 MB"))
    for name in GIVING:
        assert codes(routes[name]) == [Code.GIFT_STEP]
        assert [i.amount for i in routes[name].instead][:2] == [10_000_000, 20_000_000]


def test_whoever_may_not_take_is_offered_no_other_amount() -> None:
    link = judged(ask(MINEO, "15 MB", to="yuzuri-mobile"))["link"]
    assert codes(link) == [Code.GIFT_STEP, *[Code.GIFT_OTHER_OPERATOR] * 2]
    assert [i for i in link.instead if i.amount or i.at] == []


def test_what_is_the_matter_is_told_once() -> None:
    link = judged(ask("docomo/ahamo", "1 GB", to="kddi/povo"))["link"]
    assert codes(link) == [Code.GIFT_NOT_OFFERED] * 2
    assert len({reason.fields["operator"] for reason in link.reasons}) == 2


def test_a_request_that_is_filled_waits_for_nobody() -> None:
    question = ask(MINEO, "10 MB", has=[some("1 GB", noon(MINEO), ends=DAY)])
    noted = {reason.code for reason in judge_gift(question).reasons}
    assert Code.GIFT_EXPIRES_UNCLAIMED in noted
    request = judged(question)["request"]
    assert Code.GIFT_EXPIRES_UNCLAIMED not in {reason.code for reason in request.reasons}
    assert request.feasible is True


# ---------------------------------------------------------------- pools


@pytest.mark.parametrize(
    ("amount", "has", "told"),
    [
        pytest.param("1 GB", [some("1 GB", noon(MINEO), **CARRIED)], [], id="all of it"),
        pytest.param(
            "1000000001 B",
            [some("1 GB", noon(MINEO), **CARRIED), some("1 GB", noon(MINEO))],
            [Code.POOL_SOURCE],
            id="1 B more than is carried over",
        ),
        pytest.param(
            "1000000001 B",
            [some("1 GB", noon(MINEO), **CARRIED)],
            [Code.BALANCE_NOT_ENOUGH],
            id="1 B more than there is",
        ),
    ],
)
def test_only_what_is_carried_over_goes_into_a_pool_at_mineo(
    amount: str, has: list[Any], told: list[Code]
) -> None:
    pool = judged(ask(MINEO, amount, has=has))["pool"]
    assert (codes(pool), pool.feasible) == (told, not told)
    assert [i.amount for i in pool.instead] == ([10**9] if told else [])


def test_what_is_not_known_leaves_a_pool_undecided() -> None:
    pool = judged(ask("mineo", "10 MB", has=None))["pool"]
    assert (pool.feasible, codes(pool)) == (None, [Code.POOL_SOURCE])
    noted = [reason for reason in pool.reasons if reason.effect is Effect.NOTES]
    assert [(reason.code, reason.fields["limit"]) for reason in noted] == [(Code.POOL_FULL, 10)]


@pytest.mark.parametrize(("same_account", "feasible"), [(True, True), (False, False), (None, None)])
def test_a_pool_of_one_account_is_for_lines_of_one_account(
    same_account: bool | None, feasible: bool | None
) -> None:
    question = with_pool(ask(MINEO, "10 MB"), recipients=Recipients.SAME_ACCOUNT, sources=())
    relation = replace(question.relation, same_account=same_account)
    pool = judged(replace(question, relation=relation))["pool"]
    assert pool.feasible is feasible
    assert codes(pool) == ([] if feasible else [Code.POOL_OTHER_ACCOUNT])


# ---------------------------------------------------------------- delegated use


def test_what_does_not_hold_for_every_plan_is_undecided() -> None:
    named = judged(ask("yuzuri-mobile/monthly", "10 MB"))["delegation"]
    assert (named.feasible, codes(named)) == (True, [])
    any_plan = judged(ask("mineo", "10 MB", has=None))["delegation"]
    assert codes(any_plan) == [Code.DELEGATION_RULES_UNKNOWN, Code.LAW_LINE_HANDING]
    assert any_plan.feasible is False
    profile = PROFILES["mineo"]
    plans = (
        *profile.plans[:1],
        msgspec.structs.replace(profile.plans[1], types=("postpaid", "data_only")),
    )
    mixed = msgspec.structs.replace(profile, plans=plans)
    question = ask("mineo", "10 MB", has=None)
    question = replace(
        question,
        giver=replace(question.giver, profile=mixed),
        receiver=replace(question.receiver, profile=mixed),
    )
    assert judged(question)["delegation"].feasible is None


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("receiver", [operator for operator in PROFILES if operator != "mineo"])
def test_no_way_leads_from_mineo_to_another_operator(receiver: str) -> None:
    for name, verdict in judged(ask(MINEO, "10 MB", to=receiver, relation=APART)).items():
        assert verdict.feasible is False, name


@pytest.mark.parametrize("operator", list(PROFILES))
def test_a_reason_by_a_rule_names_its_source_on_every_route(operator: str) -> None:
    question = ask(operator, "10 MB", has=None, relation=TOGETHER)
    for quantity in (question.quantity, Quantity(10**15, question.unit)):
        for verdict in judge_routes(replace(question, quantity=quantity)):
            for reason in verdict.reasons:
                if reason.evidence is None:
                    assert reason.effect is Effect.UNDECIDED, (verdict.route, reason)
                else:
                    assert reason.evidence.source
                    assert reason.evidence.as_of
