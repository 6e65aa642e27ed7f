"""When rules open and close: blackouts, and the last days of an allowance."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.unit.feasibility.asking import DAY, MICROSECOND, codes, judge, noon, reason_of, some
from tests.unit.feasibility.made_up import with_rules

from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.question import Holding
from yuzuri.feasibility.verdict import Effect, Verdict
from yuzuri.feasibility.windows import blackout_end
from yuzuri.kernel.errors import Code
from yuzuri.operators.gift_rules import Blackout, LastDays

AU, VODACOM = "kddi/au-flat-5", "vodacom-za/prepaid-30-days"
TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")


def local(text: str, zone: ZoneInfo = TOKYO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# ---------------------------------------------------------------- au's monthly blackout


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-30T22:59:59", None),
        ("2026-11-30T22:59:59.999999", None),
        ("2026-11-30T23:00:00", "2026-12-01T09:00"),
        ("2026-12-01T00:00:00", "2026-12-01T09:00"),
        ("2026-12-01T08:59:59", "2026-12-01T09:00"),
        ("2026-12-01T08:59:59.999999", "2026-12-01T09:00"),
        ("2026-12-01T09:00:00", None),
        ("2026-11-29T23:30:00", None),
        ("2026-11-01T03:00:00", "2026-11-01T09:00"),
        ("2026-12-31T23:00:00", "2027-01-01T09:00"),
        ("2027-01-01T08:00:00", "2027-01-01T09:00"),
        # February, with and without its 29th
        ("2027-02-28T22:59:59", None),
        ("2027-02-28T23:00:00", "2027-03-01T09:00"),
        ("2027-03-01T08:59:59", "2027-03-01T09:00"),
        ("2028-02-28T23:00:00", None),
        ("2028-02-29T23:00:00", "2028-03-01T09:00"),
        ("2028-03-01T09:00:00", None),
    ],
)
def test_au_takes_no_gifts_around_the_end_of_the_month(at: str, until: str | None) -> None:
    for instant in (local(at), local(at).astimezone(UTC), local(at).astimezone(NEW_YORK)):
        verdict = judge(AU, "500 MB", at=instant)

        assert verdict.feasible is (until is None)
        if until is not None:
            assert reason_of(verdict, Code.GIFT_BLACKOUT).fields["until"] == local(until)
            assert [other.at for other in verdict.instead if other.at] == [local(until)]


# ---------------------------------------------------------------- other blackouts

NIGHTLY = Blackout(since=time(23), until=time(6))
LUNCH = Blackout(since=time(12), until=time(13))


@pytest.mark.parametrize(
    ("blackout", "at", "until"),
    [
        (NIGHTLY, "2026-11-10T22:59:59", None),
        (NIGHTLY, "2026-11-10T23:00:00", "2026-11-11T06:00"),
        (NIGHTLY, "2026-11-11T00:00:00", "2026-11-11T06:00"),
        (NIGHTLY, "2026-11-11T05:59:59", "2026-11-11T06:00"),
        (NIGHTLY, "2026-11-11T06:00:00", None),
        (NIGHTLY, "2026-12-31T23:30:00", "2027-01-01T06:00"),
        (LUNCH, "2026-11-10T11:59:59", None),
        (LUNCH, "2026-11-10T12:00:00", "2026-11-10T13:00"),
        (LUNCH, "2026-11-10T13:00:00", None),
        # To midnight, and all of the day
        (Blackout(since=time(20), until=time(0)), "2026-11-10T23:59", "2026-11-11T00:00"),
        (Blackout(since=time(0), until=time(0)), "2026-11-10T00:00", "2026-11-11T00:00"),
        # A day that a month lacks is its last one
        (
            Blackout(since=time(23), until=time(1), since_day=31, until_day=1),
            "2026-11-30T23:00",
            "2026-12-01T01:00",
        ),
        # Within one month
        (
            Blackout(since=time(9), until=time(9), since_day=20, until_day=21),
            "2026-11-21T08:59",
            "2026-11-21T09:00",
        ),
        (
            Blackout(since=time(9), until=time(9), since_day=20, until_day=21),
            "2026-11-20T08:59",
            None,
        ),
        # Across two months' ends
        (
            Blackout(since=time(9), until=time(9), since_day=20, until_day=10),
            "2026-11-09T12:00",
            "2026-11-10T09:00",
        ),
    ],
)
def test_a_blackout_holds_its_first_instant_and_not_its_last(
    blackout: Blackout, at: str, until: str | None
) -> None:
    assert blackout_end(blackout, local(at), TOKYO) == (until and local(until))


@pytest.mark.parametrize(
    ("at", "is_dark"),
    [
        # Clocks go from 02:00 to 03:00 on 8 March 2026, and from 02:00 back to 01:00 on 1 November.
        ("2026-03-08T04:00+00:00", True),
        ("2026-03-08T09:59+00:00", True),
        ("2026-03-08T10:00+00:00", False),
        ("2026-11-01T10:59+00:00", True),
        ("2026-11-01T11:00+00:00", False),
    ],
)
def test_a_nightly_blackout_follows_the_clocks_that_change(at: str, is_dark: bool) -> None:
    instant = datetime.fromisoformat(at)
    assert (blackout_end(NIGHTLY, instant, NEW_YORK) is not None) is is_dark


# ---------------------------------------------------------------- the last days


def test_the_last_days_open_at_once_where_the_bundle_is_shorter_than_they_are() -> None:
    day = "vodacom-za/prepaid-1-day"
    held = [some("60 MB", noon(day), ends=DAY, lasts=DAY)]
    assert judge(day, "50 MB", has=held).feasible is True


UNTOLD = LastDays(short_days=3, long_days=5)
"""As Vodacom's, where it would not say what a short bundle is."""


def in_last_days(
    *has: Holding, rule: LastDays = UNTOLD, amount: str = "1 GB", confidence: str = "high"
) -> Verdict:
    return judge_gift(with_rules(amount, has=has, confidence=confidence, last_days=rule))


@pytest.mark.parametrize(
    ("ends", "feasible"),
    [
        (5 * DAY + MICROSECOND, False),
        (5 * DAY, None),
        (4 * DAY, None),
        (3 * DAY + MICROSECOND, None),
        (3 * DAY, True),
        (DAY, True),
        (None, False),
    ],
)
def test_between_short_and_long_it_is_undecided_where_a_short_bundle_is_not_defined(
    ends: timedelta | None, feasible: bool | None
) -> None:
    at = noon("yuzuri-mobile")
    verdict = in_last_days(some("1 GB", at, ends=ends))

    assert verdict.feasible is feasible
    effect = {False: Effect.REFUSES, None: Effect.UNDECIDED, True: Effect.NOTES}[feasible]
    assert (Code.GIFT_TOO_EARLY in codes(verdict, effect)) is (feasible is not True)


def test_enough_must_be_in_its_last_days_at_once() -> None:
    at = noon("yuzuri-mobile")
    rule = LastDays(short_days=3, long_days=5, short_bundle_days=29)
    soon, later, last = (some("1 GB", at, ends=ends * DAY) for ends in (2, 6, 6.5))

    assert in_last_days(soon, later, last, rule=rule).feasible is True
    two = in_last_days(soon, later, last, rule=rule, amount="2 GB")
    assert two.feasible is False
    assert reason_of(two, Code.GIFT_TOO_EARLY).fields["since"] == at + DAY
    assert [other.at for other in two.instead if other.at] == [at + DAY]
    assert [other.amount for other in two.instead if other.amount] == [10**9]
    three = in_last_days(soon, later, last, rule=rule, amount="3 GB")
    assert reason_of(three, Code.GIFT_TOO_EARLY).fields["since"] == at + 1.5 * DAY


def test_no_time_is_told_where_enough_is_never_in_its_last_days_at_once() -> None:
    at = noon("yuzuri-mobile")
    rule = LastDays(short_days=3, long_days=5, short_bundle_days=29)
    # One is over before the other begins.
    verdict = in_last_days(
        some("1 GB", at, ends=DAY), some("1 GB", at, ends=9 * DAY), rule=rule, amount="2 GB"
    )
    assert "since" not in reason_of(verdict, Code.GIFT_TOO_EARLY).fields
    assert [other for other in verdict.instead if other.at] == []


def test_what_is_not_known_to_be_held_is_not_known_to_be_in_its_last_days() -> None:
    verdict = judge_gift(with_rules("1 GB", has=None, last_days=UNTOLD))
    assert codes(verdict, Effect.UNDECIDED) == [Code.GIFT_TOO_EARLY]


def test_last_days_of_low_confidence_never_refuse() -> None:
    at = noon("yuzuri-mobile")
    verdict = in_last_days(some("1 GB", at, ends=20 * DAY), confidence="low")
    assert (verdict.feasible, verdict.arrives) == (None, ())
