"""How often and how much in a while, on the clocks of the operator whose limit it is."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.unit.feasibility.asking import ask, codes, judge, noon, past, reason_of
from tests.unit.feasibility.made_up import BASE, plan_with, profile_with, rules_with, with_rules

from yuzuri.feasibility.gift import judge_acceptance, judge_gift
from yuzuri.feasibility.question import GiftQuestion, Party
from yuzuri.feasibility.verdict import Effect
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.plans import Hours, PlanAllowance, Validity, ValidityKind

YUZURI, CELL_C = "yuzuri-mobile/monthly", "cell-c/prepaid-30-days"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---------------------------------------------------------------- days and months


@pytest.mark.parametrize(
    ("sent_at", "at", "feasible"),
    [
        # Johannesburg is two hours ahead: its day begins at 22:00 UTC.
        ("2026-11-09T22:00", "2026-11-10T21:59:59", False),
        ("2026-11-09T21:59:59", "2026-11-10T21:59:59", True),
        ("2026-11-09T22:00", "2026-11-10T22:00", True),
        # A clock that has been set back does not make room.
        ("2026-11-10T11:00", "2026-11-10T10:00", False),
    ],
)
def test_a_day_is_the_givers_operators_day(sent_at: str, at: str, feasible: bool) -> None:
    sent = past(*[("1 MB", utc(sent_at))] * 3)
    assert judge(CELL_C, "1 MB", at=utc(at), sent=sent).feasible is feasible


@pytest.mark.parametrize(
    ("sent_at", "feasible"),
    [("2026-10-31T21:59:59", True), ("2026-10-31T22:00", False)],
)
def test_a_month_is_the_givers_operators_month(sent_at: str, feasible: bool) -> None:
    sent = past(("1 GB", utc(sent_at)))
    assert judge(CELL_C, "1 MB", at=utc("2026-11-30T12:00"), sent=sent).feasible is feasible


def test_gifts_of_every_unit_count_and_only_those_of_the_unit_add_up() -> None:
    at = noon(YUZURI)
    counted = with_rules("1 GB", count_per_day=1, known={"sent": past(("1 sms", at))})
    assert codes(judge_gift(counted)) == [Code.GIFT_COUNT_PER_DAY]
    volume = (parse_quantity("1 GB"),)
    summed = with_rules("1 GB", volume_per_day=volume, known={"sent": past(("999 sms", at))})
    assert judge_gift(summed).feasible is True


def test_a_unit_that_a_rule_does_not_name_is_not_limited_by_it() -> None:
    sizes = ("step", "minimum", "maximum", "sizes", "keep")
    volumes = ("volume_per_day", "volume_per_month", "received_per_month")
    rules: dict[str, Any] = dict.fromkeys((*sizes, *volumes), (parse_quantity("10 MB"),))
    assert judge_gift(with_rules("7 sms", **rules)).feasible is True
    assert judge_gift(with_rules("7 MB", **rules)).feasible is False


# ---------------------------------------------------------------- the receiver


def across(amount: str, *, at: datetime, received: Any, confidence: str = "high") -> GiftQuestion:
    """Tokyo gives to somebody whose operator counts in Los Angeles, and limits what is received."""
    anyone = rules_with(recipients=Recipients.ANYONE)
    limit = (parse_quantity("1 GB"),)
    limited = rules_with(confidence, received_per_month=limit)
    limited = msgspec.structs.replace(limited, recipients=anyone.recipients)
    receiver = profile_with(limited, id="far", timezone="America/Los_Angeles")
    question = with_rules(amount, at=at, known={"received": received})
    giver = Party(profile_with(anyone), question.giver.plan, question.giver.activated_at)
    return replace(question, giver=giver, receiver=Party(receiver))


@pytest.mark.parametrize(
    ("received_at", "feasible"),
    [
        # In Los Angeles it is still October: what was received there on the 1st of Tokyo counts.
        ("2026-10-31T16:00", False),
        ("2026-10-01T07:00", False),
        ("2026-10-01T06:59:59", True),
    ],
)
def test_what_is_received_in_a_month_is_counted_by_the_receivers_operators_clocks(
    received_at: str, feasible: bool
) -> None:
    at = utc("2026-11-01T03:00")
    received = past(("1 GB", utc(received_at)))
    assert judge_gift(across("1 MB", at=at, received=received)).feasible is feasible


def test_the_proposed_time_is_the_first_of_the_receivers_month() -> None:
    at = utc("2026-11-01T03:00")
    verdict = judge_gift(across("1 MB", at=at, received=past(("1 GB", at))))
    assert [other.at for other in verdict.instead if other.at] == [utc("2026-11-01T07:00")]


def test_the_giver_is_not_told_what_the_receiver_has_had_from_others() -> None:
    at = noon(YUZURI)
    verdict = judge(YUZURI, "10 GB", received=past(("49 GB", at)))

    reason = reason_of(verdict, Code.GIFT_RECEIVED_PER_MONTH)
    assert reason.fields == {
        "operator": BASE.name,
        "limit": Quantity(50 * 10**9, Unit.DATA),
    }
    # Neither by what would still fit.
    assert 10**9 not in {other.amount for other in verdict.instead}


def test_what_the_receiver_may_get_is_asked_again_when_it_is_accepted() -> None:
    at = noon(YUZURI)
    fits = ask(YUZURI, "1 GB", received=past(("49 GB", at)))
    assert judge_acceptance(fits) == ()
    too_much = ask(YUZURI, "1001 MB", received=past(("49 GB", at)), sent=past(("50 GB", at)))
    assert [r.code for r in judge_acceptance(too_much)] == [Code.GIFT_RECEIVED_PER_MONTH]


# ---------------------------------------------------------------- a share of the cycle


def gives(amount: str, kind: ValidityKind = ValidityKind.MONTH_END, **terms: Any) -> PlanAllowance:
    validity = Validity(kind=kind, count=terms.pop("count", 0))
    return PlanAllowance(amount=parse_quantity(amount), validity=validity, zone="JP", **terms)


NIGHT_HOURS = Hours(since=noon(YUZURI).time(), until=noon(YUZURI).time().replace(hour=18))


@pytest.mark.parametrize(
    ("plan_gives", "most"),
    [
        ((gives("10 GB"),), "5 GB"),
        ((gives("10 GB"), gives("20 min"), gives("4 GB")), "7 GB"),
        # Night data and bonuses come on top of the base.
        ((gives("10 GB"), gives("30 GB", hours=NIGHT_HOURS)), "5 GB"),
        ((gives("10 GB"), gives("30 GB", source_class="bonus")), "5 GB"),
        ((gives("3 B"),), "1 B"),
    ],
)
def test_a_share_is_one_of_the_plans_base(plan_gives: tuple[PlanAllowance, ...], most: str) -> None:
    plan = plan_with(gives=plan_gives)
    just = parse_quantity(most).amount
    assert judge_gift(with_rules(most, plan=plan, cycle_share_percent=50)).feasible is True
    above = judge_gift(with_rules(f"{just + 1} B", plan=plan, cycle_share_percent=50))
    assert codes(above) == [Code.GIFT_CYCLE_SHARE]


@pytest.mark.parametrize(
    "plan",
    [
        plan_with(gives=()),
        plan_with(gives=(gives("10 GB"),), unlimited=(Unit.DATA,)),
        plan_with(gives=(gives("10 min"),)),
    ],
)
def test_a_share_of_what_is_not_known_is_undecided(plan: Any) -> None:
    verdict = judge_gift(with_rules("1 MB", plan=plan, cycle_share_percent=50))
    assert codes(verdict, Effect.UNDECIDED) == [Code.GIFT_CYCLE_SHARE]
    assert verdict.feasible is None


@pytest.mark.parametrize(("days_ago", "feasible"), [(6.99, False), (7, True)])
def test_a_cycle_of_days_reaches_as_many_days_back(days_ago: float, feasible: bool) -> None:
    at = noon(YUZURI, 3)
    plan = plan_with(gives=(gives("10 GB", ValidityKind.DAYS, count=7),))
    sent = past(("5 GB", at - days_ago * (noon(YUZURI, 2) - noon(YUZURI, 1))))
    question = with_rules("1 GB", at=at, plan=plan, cycle_share_percent=50, known={"sent": sent})

    verdict = judge_gift(question)
    assert verdict.feasible is feasible
    later = [other.at for other in verdict.instead if other.at]
    assert later == ([] if feasible else [sent[0].at + 7 * (at - noon(YUZURI, 2))])


# ---------------------------------------------------------------- age


@pytest.mark.parametrize(("age_days", "feasible"), [(29.999, False), (30, True), (None, None)])
def test_a_line_must_be_so_old(age_days: float | None, feasible: bool | None) -> None:
    at = noon(YUZURI)
    question = with_rules("1 GB", at=at, line_age_days_min=30)
    day = at - noon(YUZURI, 9)
    activated_at = None if age_days is None else at - age_days * day
    giver = Party(question.giver.profile, question.giver.plan, activated_at)
    verdict = judge_gift(replace(question, giver=giver))

    assert verdict.feasible is feasible
    later = [other.at for other in verdict.instead if other.at]
    assert later == ([activated_at + 30 * day] if activated_at and not feasible else [])


def test_a_young_line_of_unknown_age_that_has_given_before_is_undecided() -> None:
    mineo = "mineo/mypita-10gb"
    sent = past(("5 GB", noon(mineo, 3)))
    assert judge(mineo, "1 GB", age_days=None, sent=sent).feasible is True
    unsure = judge(mineo, "1010 MB", age_days=None, sent=sent)
    assert codes(unsure, Effect.UNDECIDED) == [Code.GIFT_YOUNG_LINE_VOLUME]
    assert [other.amount for other in unsure.instead if other.amount] == [10**9]
