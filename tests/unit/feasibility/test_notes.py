"""What does not stand in the way, but one should know before."""

from datetime import timedelta

import pytest
from tests.unit.feasibility.asking import DAY, codes, judge, noon, reason_of, some

from yuzuri.feasibility.question import Holding
from yuzuri.feasibility.verdict import Effect
from yuzuri.kernel.errors import Code

SAFARICOM, SMART, MINEO = "safaricom/no-expiry", "smart-ph/giga-video-99", "mineo/mypita-10gb"
FIZZ, YUZURI = "fizz/fizz", "yuzuri-mobile/monthly"


@pytest.mark.parametrize(
    ("giver", "amount", "notes"),
    [
        (SMART, "50 MB", [Code.GIFT_FEE]),
        (SAFARICOM, "5 MB", [Code.GIFT_IRREVERSIBLE]),
        (FIZZ, "500 MB", [Code.GIFT_IRREVERSIBLE]),
        # A fee of nothing is no fee.
        (MINEO, "10 MB", []),
        ("iijmio/giga-5gb", "1 GB", []),
        ("cell-c/prepaid-30-days", "1 MB", []),
        # One can take it back until it is accepted.
        (YUZURI, "10 MB", []),
    ],
)
def test_a_possible_gift_says_what_it_costs_and_that_it_is_for_good(
    giver: str, amount: str, notes: list[Code]
) -> None:
    verdict = judge(giver, amount, has=[some("9 GB", noon(giver), ends=90 * DAY)])

    assert verdict.feasible is True
    assert codes(verdict, Effect.NOTES) == notes


def test_vodacom_takes_no_fee() -> None:
    giver = "vodacom-za/prepaid-30-days"
    assert Code.GIFT_FEE not in codes(judge(giver, "50 MB"), Effect.NOTES)


def test_a_note_is_no_refusal() -> None:
    assert judge(SMART, "50 MB").refusals == ()


def test_the_fee_is_told_in_minor_units_of_its_currency() -> None:
    fee = reason_of(judge(SMART, "50 MB"), Code.GIFT_FEE)
    assert (fee.fields["minor"], fee.fields["currency"]) == (100, "PHP")


@pytest.mark.parametrize(
    ("ends", "is_lost"),
    [
        # Yuzuri Mobile's offers wait 72 hours.
        (3 * DAY, True),
        (3 * DAY + DAY / 24, False),
        (2 * DAY, True),
        (None, False),
    ],
)
def test_one_is_warned_where_what_nobody_claims_would_be_over(
    ends: timedelta | None, is_lost: bool
) -> None:
    verdict = judge(YUZURI, "10 MB", has=[some("1 GB", noon(YUZURI), ends=ends)])

    assert (Code.GIFT_EXPIRES_UNCLAIMED in codes(verdict, Effect.NOTES)) is is_lost


def test_what_can_not_be_refused_arrives_at_once_and_needs_no_warning() -> None:
    verdict = judge(FIZZ, "500 MB", has=[some("1 GB", noon(FIZZ), ends=DAY)])

    assert verdict.feasible is True
    assert Code.GIFT_EXPIRES_UNCLAIMED not in codes(verdict, Effect.NOTES)


def test_mineos_offer_of_the_last_days_ends_with_the_month_and_warns_of_what_ends_with_it() -> None:
    # A member once lost 5,000 MB so: the gift came back already expired.
    at = noon(MINEO, 29)
    month_end = noon(MINEO, 1, 12).replace(hour=0)
    verdict = judge(MINEO, "5000 MB", at=at, has=[some("6 GB", at, expires_at=month_end)])

    assert verdict.deadline == month_end
    warning = reason_of(verdict, Code.GIFT_EXPIRES_UNCLAIMED)
    assert warning.fields["until"] == month_end


def test_the_law_is_named_only_where_it_ends_paid_value_sooner() -> None:
    at = noon(YUZURI)

    def notes(held: Holding) -> list[Code]:
        return codes(judge(YUZURI, "10 MB", has=[held]), Effect.NOTES)

    for paid, said in ((True, [Code.LAW_PAID_VALUE_EXPIRY]), (False, [])):
        assert notes(some("1 GB", at, ends=30 * DAY, lasts=60 * DAY, paid=paid)) == []
        assert notes(some("1 GB", at, ends=None, issued_at=at - 100 * DAY, paid=paid)) == said
