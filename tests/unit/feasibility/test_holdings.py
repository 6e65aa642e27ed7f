"""From what one may give, where only a part of what one has may be given."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.unit.feasibility.asking import (
    DAY,
    HOUR,
    MICROSECOND,
    PROFILES,
    codes,
    judge,
    noon,
    reason_of,
    some,
)
from tests.unit.feasibility.made_up import with_rules

from yuzuri.feasibility.gift import gift_parts, judge_gift
from yuzuri.feasibility.holdings import classes_of
from yuzuri.feasibility.question import Holding
from yuzuri.feasibility.verdict import Effect
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Source
from yuzuri.operators.plans import AllowanceClass

YUZURI, TELECHOICE, SAFARICOM = "yuzuri-mobile/monthly", "telechoice/mobile-35gb", "safaricom/daily"
TOKYO = ZoneInfo("Asia/Tokyo")
NIGHT = DailyWindow(time(22), time(6), "Africa/Nairobi")
AT = noon(YUZURI)

BASE, CARRIED, BONUS = AllowanceClass.BASE, AllowanceClass.CARRIED_OVER, AllowanceClass.BONUS
RECEIVED, DAILY, AT_NIGHT = AllowanceClass.RECEIVED, AllowanceClass.DAILY, AllowanceClass.NIGHT


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


# ---------------------------------------------------------------- what an allowance is


@pytest.mark.parametrize(
    ("held", "classes"),
    [
        (some("1 GB", AT), {BASE}),
        (some("1 GB", AT, source=Source.BONUS), {BONUS}),
        (some("1 GB", AT, hours=NIGHT), {BASE, AT_NIGHT}),
        (some("1 GB", AT, hours=NIGHT, hops=1), {RECEIVED, AT_NIGHT}),
        (some("1 GB", AT, source=Source.BOUGHT, hops=2), {RECEIVED}),
        (some("1 GB", AT, lasts=DAY, ends=HOUR), {BASE, DAILY}),
        (some("1 GB", AT, lasts=DAY + MICROSECOND, ends=HOUR), {BASE}),
        (some("1 GB", AT, ends=None), {BASE}),
    ],
)
def test_an_allowance_is_of_the_classes_that_rules_speak_of(
    held: Holding, classes: set[AllowanceClass]
) -> None:
    assert classes_of(held.allowance, AT, TOKYO) == classes


@pytest.mark.parametrize(
    ("issued_at", "expires_at", "at", "classes"),
    [
        # Base to the end of the next month is carried over from the first of that month on.
        ("2026-10-05T00:00", "2026-12-01T00:00", "2026-10-31T23:59:59", {BASE}),
        ("2026-10-05T00:00", "2026-12-01T00:00", "2026-11-01T00:00:00", {CARRIED}),
        ("2028-01-31T12:00", "2028-03-01T00:00", "2028-02-01T00:00:00", {CARRIED}),
        # A bundle of 30 days is not.
        ("2026-10-25T09:00", "2026-11-24T09:00", "2026-11-10T00:00:00", {BASE}),
        # What ends with the month is no daily bundle, though issued on its last day.
        ("2026-11-30T13:00", "2026-12-01T00:00", "2026-11-30T14:00:00", {BASE}),
        ("2026-11-30T13:00", "2026-12-01T13:00", "2026-11-30T14:00:00", {BASE, DAILY}),
    ],
)
def test_what_ends_with_a_month_is_told_by_the_operators_clocks(
    issued_at: str, expires_at: str, at: str, classes: set[AllowanceClass]
) -> None:
    held = some("1 GB", AT, issued_at=tokyo(issued_at), expires_at=tokyo(expires_at))
    for instant in (tokyo(at), tokyo(at).astimezone(UTC)):
        assert classes_of(held.allowance, instant, TOKYO) == classes


# ---------------------------------------------------------------- a part of it


def at_telechoice(amount: str, *has: Holding) -> tuple[bool | None, list[Code]]:
    verdict = judge(TELECHOICE, amount, has=has)
    return verdict.feasible, codes(verdict)


def test_only_what_may_be_given_counts_and_only_rules_that_keep_something_back_are_named() -> None:
    at = noon(TELECHOICE)
    base, bonus = some("2 GB", at), some("9 GB", at, source=Source.BONUS)
    received, over = some("9 GB", at, hops=1), some("9 GB", at, ends=-DAY)

    assert at_telechoice("2 GB", base, bonus, received) == (True, [])
    assert at_telechoice("3 GB", base, bonus) == (False, [Code.GIFT_EXCLUDED])
    assert at_telechoice("3 GB", base, received) == (False, [Code.GIFT_REGIFT])
    both = [Code.GIFT_EXCLUDED, Code.GIFT_REGIFT]
    assert at_telechoice("3 GB", base, bonus, received) == (False, both)
    # Of what is over nothing is kept back: it is gone.
    assert at_telechoice("3 GB", base, over) == (False, [Code.ALLOWANCE_EXPIRED])
    assert at_telechoice("12 GB", base, over) == (False, [Code.BALANCE_NOT_ENOUGH])
    # Too little in any case, and some of it kept back: both are told.
    much = [Code.BALANCE_NOT_ENOUGH, Code.GIFT_EXCLUDED]
    assert at_telechoice("13 GB", base, bonus) == (False, much)


def test_what_can_be_given_is_told_with_the_rule_unless_it_is_nothing() -> None:
    at = noon(TELECHOICE)
    bonus = some("9 GB", at, source=Source.BONUS)

    some_of_it = reason_of(
        judge(TELECHOICE, "3 GB", has=[some("2 GB", at), bonus]), Code.GIFT_EXCLUDED
    )
    assert some_of_it.fields["available"] == Quantity(2 * 10**9, Unit.DATA)
    nothing = reason_of(judge(TELECHOICE, "3 GB", has=[bonus]), Code.GIFT_EXCLUDED)
    assert "available" not in nothing.fields


def test_what_is_used_up_at_the_very_instant_is_over() -> None:
    at = noon(YUZURI)
    assert judge(YUZURI, "10 MB", has=[some("1 GB", at, ends=MICROSECOND)]).feasible is True
    assert codes(judge(YUZURI, "10 MB", has=[some("1 GB", at, ends=timedelta(0))])) == [
        Code.ALLOWANCE_EXPIRED
    ]


def test_other_units_are_no_balance() -> None:
    at = noon(YUZURI)
    assert codes(judge(YUZURI, "1 min", has=[some("9 GB", at)])) == [Code.BALANCE_NOT_ENOUGH]


def test_the_soonest_expiry_is_given_first_and_what_may_not_be_given_never() -> None:
    at = noon(TELECHOICE)
    soon, late, never = (some("1 GB", at, ends=ends) for ends in (DAY, 9 * DAY, None))
    bonus = some("9 GB", at, ends=HOUR, source=Source.BONUS)
    verdict = judge(TELECHOICE, "2 GB", has=[never, late, bonus, soon])

    assert [arrival.expires_at for arrival in verdict.arrives] == [at + DAY, at + 9 * DAY]


# ---------------------------------------------------------------- what must be kept


@pytest.mark.parametrize(
    ("amount", "others", "expected"),
    [
        ("1 GB", (), []),
        ("1001 MB", (), [Code.GIFT_KEEP]),
        ("1100 MB", (), [Code.GIFT_KEEP]),
        # More than there is: that alone is said.
        ("1101 MB", (), [Code.BALANCE_NOT_ENOUGH]),
        # What stays on the line is kept, whatever its kind; what is over is not there.
        ("1100 MB", (some("100 MB", noon(YUZURI), hours=NIGHT),), []),
        ("1100 MB", (some("100 MB", noon(YUZURI), ends=-HOUR),), [Code.GIFT_KEEP]),
        ("1100 MB", (some("9 h", noon(YUZURI)),), [Code.GIFT_KEEP]),
    ],
)
def test_so_much_stays_on_the_line(
    amount: str, others: tuple[Holding, ...], expected: list[Code]
) -> None:
    has = [some("1100 MB", noon(YUZURI)), *others]
    assert codes(judge(YUZURI, amount, has=has)) == expected


# ---------------------------------------------------------------- what is little sure, or not known


def test_a_source_rule_of_low_confidence_leaves_it_undecided_and_keeps_nothing_else_back() -> None:
    bonus, base = some("5 GB", AT, source=Source.BONUS), some("1 GB", AT)
    low = {"confidence": "low", "excluded": (BONUS,)}

    enough = judge_gift(with_rules("1 GB", has=[bonus, base], **low))  # type: ignore[arg-type] # its own words
    assert enough.feasible is True
    unsure = judge_gift(with_rules("2 GB", has=[bonus, base], **low))  # type: ignore[arg-type] # its own words
    assert unsure.feasible is None
    assert codes(unsure, Effect.UNDECIDED) == [Code.GIFT_EXCLUDED]
    # Nothing is told to arrive: of what surely can be given there is not enough.
    assert unsure.arrives == ()
    assert [other.amount for other in unsure.instead if other.amount] == [10**9]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("kddi/au", [Code.GIFT_EXCLUDED]),
        ("smart-ph/home-wifi", [Code.GIFT_REGIFT]),
        ("fizz/fizz", [Code.GIFT_SOURCE, Code.GIFT_REGIFT]),
        ("mineo/mypita-10gb", []),
        ("vodacom-za/hybrid", [Code.GIFT_EXCLUDED, Code.GIFT_TOO_EARLY]),
    ],
)
def test_rules_on_sources_leave_it_undecided_where_it_is_not_known_what_the_giver_has(
    operator: str, expected: list[Code]
) -> None:
    verdict = judge(operator, "500 MB", has=None)
    assert codes(verdict, Effect.UNDECIDED) == expected


# ---------------------------------------------------------------- night data


def test_safaricom_refuses_night_data_also_as_a_gift_and_by_its_plan() -> None:
    at = noon(SAFARICOM)
    for hops in (0, 1):
        held = some("750 MB", at, hours=NIGHT, source=Source.BOUGHT, hops=hops)
        verdict = judge(SAFARICOM, "10 MB", has=[held])
        assert (verdict.feasible, codes(verdict)) == (False, [Code.GIFT_EXCLUDED])


def test_night_data_is_given_as_night_data() -> None:
    night = some("1 GB", AT, hours=NIGHT)
    ((part, amount),) = gift_parts(with_rules("1 GB", has=[night]))
    assert (part.allowance.hours, amount) == (NIGHT, 10**9)


def test_night_data_arrives_apart_from_what_can_be_used_all_day() -> None:
    verdict = judge_gift(with_rules("2 GB", has=[some("1 GB", AT, hours=NIGHT), some("1 GB", AT)]))
    assert {(arrival.hours, arrival.quantity.amount) for arrival in verdict.arrives} == {
        (NIGHT, 10**9),
        (None, 10**9),
    }


def test_the_shipped_night_plan_is_what_the_rule_is_about() -> None:
    (night,) = next(p for p in PROFILES["safaricom"].plans if p.id == "night").gives
    assert (night.hours is not None, night.source_class) == (True, "bonus")
