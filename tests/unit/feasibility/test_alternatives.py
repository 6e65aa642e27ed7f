"""What would work instead: the nearest amounts, the first time, and other ways."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.feasibility.asking import (
    APART,
    DAY,
    HOUR,
    MICROSECOND,
    TOGETHER,
    ask,
    judge,
    noon,
    past,
    some,
)
from tests.unit.feasibility.made_up import with_rules

from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.question import GiftQuestion, Relation
from yuzuri.feasibility.verdict import Verdict
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code
from yuzuri.kernel.names import Name
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import Source

MINEO, AU, YUZURI = "mineo/mypita-10gb", "kddi/au-flat-5", "yuzuri-mobile/monthly"
SAFARICOM, VODACOM = "safaricom/no-expiry", "vodacom-za/prepaid-30-days"
TELECHOICE, LIQUID = "telechoice/mobile-35gb", "liquid-home/home"


def amounts(verdict: Verdict) -> list[int]:
    return [other.amount for other in verdict.instead if other.amount is not None]


def base_units(*texts: str) -> list[int]:
    return [parse_quantity(text).amount for text in texts]


@pytest.mark.parametrize(
    ("giver", "amount", "given", "instead"),
    [
        (MINEO, "15 MB", {}, ["10 MB", "20 MB"]),
        (
            MINEO,
            "15 MB",
            {"has": None, "relation": Relation(), "age_days": None},
            ["10 MB", "20 MB"],
        ),
        (MINEO, "1 MB", {}, ["10 MB"]),
        (MINEO, "20 GB", {}, ["9990 MB"]),
        (MINEO, "7 GB", {"age_days": 10}, ["6 GB"]),
        (MINEO, "7 GB", {"age_days": None}, ["6 GB"]),
        (MINEO, "7 GB", {"age_days": 10, "sent": past(("1555 MB", noon(MINEO)))}, ["4440 MB"]),
        (MINEO, "1 GB", {"has": [some("555 MB", noon(MINEO))]}, ["550 MB"]),
        (MINEO, "1 GB", {"has": [some("9 MB", noon(MINEO))]}, []),
        (AU, "700 MB", {}, ["500 MB", "1 GB"]),
        (SAFARICOM, "50 MB", {}, ["10 MB"]),
        (SAFARICOM, "1 MB", {}, ["5 MB"]),
        (SAFARICOM, "10 MB", {"has": [some("12 MB", noon(SAFARICOM))]}, ["7 MB"]),
        (SAFARICOM, "10 MB", {"has": [some("9 MB", noon(SAFARICOM))]}, []),
        (VODACOM, "300 MB", {}, ["250 MB", "500 MB"]),
        (VODACOM, "2 GB", {}, ["1 GB"]),
        (VODACOM, "1 GB", {"has": [some("300 MB", noon(VODACOM))]}, ["250 MB"]),
        (TELECHOICE, "20 GB", {}, ["17 GB"]),
        (TELECHOICE, "1500 MB", {}, ["1 GB", "2 GB"]),
        (LIQUID, "500 MB", {}, ["1 GB"]),
        (LIQUID, "11 GB", {"sent": past(("13 GB", noon(LIQUID)))}, ["7 GB"]),
        (YUZURI, "10 sms", {"has": [some("5 sms", noon(YUZURI))]}, ["4 sms"]),
        (YUZURI, "100 s", {}, ["60 s", "120 s"]),
        # Where another amount does not help, none is told.
        (MINEO, "15 MB", {"to": AU}, []),
        (AU, "700 MB", {"relation": APART}, []),
    ],
)
def test_the_nearest_amounts_that_would_work_are_told(
    giver: str, amount: str, given: dict[str, Any], instead: list[str]
) -> None:
    assert amounts(judge(giver, amount, **given)) == base_units(*instead)


GRIDS = [
    # operator, its step (or sizes), the largest amount to look at
    (MINEO, ["10 MB"], "10100 MB"),
    (AU, ["500 MB"], "12 GB"),
    (TELECHOICE, ["1 GB"], "40 GB"),
    (VODACOM, [], "1100 MB"),
    (YUZURI, ["1 MB"], "800 MB"),
]


@pytest.mark.parametrize(("giver", "step", "largest"), GRIDS)
def test_no_amount_of_the_operators_grid_is_nearer(
    giver: str, step: list[str], largest: str
) -> None:
    (most,) = base_units(largest)
    grid = (
        list(range(0, most, base_units(*step)[0]))[1:]
        if step
        else base_units("50 MB", "100 MB", "250 MB", "500 MB", "1 GB")
    )
    held = [some("7777777777 B", noon(giver)), some("9 GB", noon(giver), source=Source.BONUS)]
    question = ask(giver, "1 B", has=held, sent=past(("123456789 B", noon(giver))))
    possible = [amount for amount in grid if judge_at(question, amount).feasible is True]
    assert possible

    for asked in sorted({*base_units("1 B", largest), *(n + 1 for n in grid[:: len(grid) // 5])}):
        verdict = judge_at(question, asked)
        if verdict.feasible is not True:
            below = max((n for n in possible if n < asked), default=None)
            above = min((n for n in possible if n > asked), default=None)
            assert amounts(verdict) == [n for n in (below, above) if n is not None]


def judge_at(question: GiftQuestion, amount: int) -> Verdict:
    return judge_gift(replace(question, quantity=Quantity(amount, question.unit)))


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("giver", "amount", "given", "later"),
    [
        (AU, "500 MB", {"at": noon(AU, 30).replace(hour=23)}, 10 * HOUR),
        # Both an amount and a time would be needed: neither alone is told.
        (AU, "700 MB", {"at": noon(AU, 30).replace(hour=23)}, None),
        (SAFARICOM, "5 MB", {"sent": past(*[("5 MB", noon(SAFARICOM))] * 2)}, 12 * HOUR),
        (SAFARICOM, "5 MB",
         {"at": noon(SAFARICOM, 30), "sent": past(*[("5 MB", noon(SAFARICOM))] * 20)}, 12 * HOUR),
        (MINEO, "7 GB", {"age_days": 44}, DAY),
        (MINEO, "7 GB", {"age_days": 42}, None),
        (VODACOM, "50 MB", {"has": [some("1 GB", noon(VODACOM), ends=9 * DAY)]}, 4 * DAY),
        (VODACOM, "50 MB",
         {"has": [some("1 GB", noon(VODACOM), ends=9 * DAY, lasts=29 * DAY)]}, 6 * DAY),
        # The other month is too late: what the giver has is over by then.
        (LIQUID, "1 GB", {"sent": past(*[("1 GB", noon(LIQUID))] * 2)}, None),
        (LIQUID, "1 GB",
         {"at": noon(LIQUID, 29), "sent": past(*[("1 GB", noon(LIQUID))] * 2)}, 36 * HOUR),
    ],
)  # fmt: skip
def test_the_first_time_at_which_it_would_work_is_told(
    giver: str, amount: str, given: dict[str, Any], later: timedelta | None
) -> None:
    question = ask(giver, amount, **given)
    verdict = judge_gift(question)

    times = [other.at for other in verdict.instead if other.at is not None]
    assert times == ([] if later is None else [question.at + later])
    for at in times:
        assert judge_gift(replace(question, at=at)).feasible is True
        assert judge_gift(replace(question, at=at - MICROSECOND)).feasible is not True


def test_a_time_that_falls_into_a_blackout_is_moved_to_its_end() -> None:
    at = noon(AU, 30)
    question = with_rules(
        "1 GB",
        at=at,
        count_per_month=1,
        blackout=ask(AU, "1 GB").giver.rules.blackout.value,  # type: ignore[union-attr] # au has one
        known={"sent": past(("1 GB", at))},
    )
    times = [other.at for other in judge_gift(question).instead if other.at is not None]
    assert times == [at + 21 * HOUR]


# ---------------------------------------------------------------- other ways


def ways(giver: str, receiver: str, **given: Any) -> list[str]:
    verdict = judge(giver, "1 TB", to=receiver, **given)
    named = [o.fields["service"] for o in verdict.instead if o.code is Code.INSTEAD_SERVICE]
    return [name.en for name in named if isinstance(name, Name)]


@pytest.mark.parametrize(
    ("giver", "receiver", "relation", "expected"),
    [
        # A pledge, a bank of one's own and a tank for disasters bring nothing to somebody else.
        (MINEO, MINEO, APART, ["Packet Share", "Free Tank"]),
        (MINEO, AU, APART, []),
        (AU, AU, APART, ["Data Present"]),
        (AU, "kddi", APART, ["Data Present"]),
        # A promo code can not be handed on; a code of povo helps somebody with povo only.
        (AU, "kddi/povo", APART, ["Prepaid code", "Trade code"]),
        ("kddi/povo", AU, APART, []),
        ("kddi/povo", "kddi/povo", APART, ["Prepaid code", "Trade code"]),
        ("docomo/ahamo", "kddi/povo", APART, ["Prepaid code", "Trade code"]),
        ("docomo/ahamo", AU, APART, []),
        ("iijmio/giga-5gb", "iijmio/giga-5gb", TOGETHER, ["Data share"]),
        ("iijmio/giga-5gb", "iijmio/giga-5gb", Relation(), ["Data share"]),
        ("iijmio/giga-5gb", "iijmio/giga-5gb", APART, []),
        ("airalo/japan-1gb-7d", MINEO, APART, ["Order new data for the other person"]),
        # Pausing members, and turning one's own minutes into data, give nobody anything.
        ("google-fi/flexible", "google-fi/flexible", APART, []),
        ("spusu/spusu", "spusu/spusu", APART, []),
    ],
)
def test_only_ways_that_could_bring_it_to_the_receiver_are_told(
    giver: str, receiver: str, relation: Relation, expected: list[str]
) -> None:
    assert ways(giver, receiver, relation=relation) == expected


def test_ways_for_data_are_not_told_for_minutes() -> None:
    assert judge(MINEO, "1 min").instead == ()


def test_every_way_is_told_with_its_source() -> None:
    verdict = judge("docomo/ahamo", "1 GB", to="kddi/povo")
    assert all(other.evidence and other.evidence.source for other in verdict.instead)
    assert verdict.instead
