"""Until when a gift can be accepted and used: the five kinds, time zones, months, the law."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.feasibility.asking import DAY, HOUR, ask, codes, judge, noon, some

from yuzuri.feasibility.arrival import received_terms
from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code
from yuzuri.ledger.allowances import Allowance, received_allowance
from yuzuri.operators.gift_rules import Expiry, ExpiryKind
from yuzuri.operators.sources import Confidence, Rule, Source

MINEO, IIJ, SAFARICOM = "mineo/mypita-10gb", "iijmio/giga-5gb", "safaricom/no-expiry"
SMART, FIZZ, YUZURI = "smart-ph/giga-video-99", "fizz/fizz", "yuzuri-mobile/monthly"
LIQUID, LINE = "liquid-home/home", "line-mobile/line-mobile"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def with_expiry(question: GiftQuestion, expiry: Expiry, confidence: str = "high") -> GiftQuestion:
    """The same question under another expiry rule of the giver's operator."""
    profile = question.giver.profile
    source = Source(title="made up", url="", as_of="2026-11", confidence=Confidence(confidence))
    gift = msgspec.structs.replace(profile.gift, expiry=Rule(value=expiry, source="stated"))
    changed = msgspec.structs.replace(
        profile, gift=gift, sources={**profile.sources, "stated": source}
    )
    return replace(question, giver=replace(question.giver, profile=changed))


def only_arrival(question: GiftQuestion) -> tuple[datetime | None, bool]:
    (arrival,) = judge_gift(question).arrives
    return arrival.expires_at, arrival.is_known


# ---------------------------------------------------------------- the five kinds


@pytest.mark.parametrize(
    ("giver", "amount", "at", "ends", "arrives_until"),
    [
        # keep: as it was, however long
        (IIJ, "1 GB", "2026-11-10T03:00", "2026-11-30T15:00", "2026-11-30T15:00"),
        (YUZURI, "1 GB", "2026-11-10T03:00", "2027-11-30T15:00", "2027-11-30T15:00"),
        # no rule is published: as it was
        ("nuro-mobile/nuro", "1 GB", "2026-11-10T03:00", "2026-11-30T15:00", "2026-11-30T15:00"),
        # reset: mineo, the end of next month on Tokyo's clocks
        (MINEO, "1 GB", "2026-11-10T03:00", "2026-11-30T15:00", "2026-12-31T15:00"),
        (MINEO, "1 GB", "2026-11-30T14:59:59", "2026-11-30T15:00", "2026-12-31T15:00"),
        (MINEO, "1 GB", "2026-11-30T15:00", "2026-12-31T15:00", "2027-01-31T15:00"),
        (MINEO, "1 GB", "2026-12-10T00:00", "2026-12-31T15:00", "2027-01-31T15:00"),
        (MINEO, "1 GB", "2027-01-31T00:00", "2027-02-28T15:00", "2027-02-28T15:00"),
        (MINEO, "1 GB", "2028-01-31T00:00", "2028-02-01T15:00", "2028-02-29T15:00"),
        # reset also shortens
        (MINEO, "1 GB", "2026-11-10T03:00", "2027-06-30T15:00", "2026-12-31T15:00"),
        # fixed: Smart, 24 hours, longer or shorter than it was
        (SMART, "50 MB", "2026-11-10T03:00", "2026-11-17T03:00", "2026-11-11T03:00"),
        (SMART, "50 MB", "2026-11-10T03:00", "2026-11-10T05:00", "2026-11-11T03:00"),
        (SMART, "50 MB", "2028-02-28T16:00", "2028-03-17T03:00", "2028-02-29T16:00"),
    ],
)
def test_what_is_received_ends_by_the_givers_operators_rule(
    giver: str, amount: str, at: str, ends: str, arrives_until: str
) -> None:
    held = some("20 GB", utc(at), expires_at=utc(ends), issued_at=utc(at) - DAY)
    question = ask(giver, amount, at=utc(at), has=[held])

    assert only_arrival(question) == (utc(arrives_until), True)


@pytest.mark.parametrize(
    ("receiver_has", "arrives_until", "is_known"),
    [
        (("2026-11-20T00:00",), "2026-11-20T00:00", True),
        (("2026-11-20T00:00", "2026-12-24T00:00"), "2026-12-24T00:00", True),
        (("2026-11-11T00:00",), "2026-11-12T03:00", True),
        # The receiver has nothing: the later of both is the giver's own.
        ((), "2026-11-12T03:00", True),
        (("never",), None, True),
        # It is not known what the receiver has: nothing is lengthened by a guess.
        (None, "2026-11-12T03:00", False),
    ],
)
def test_the_later_of_both_looks_at_all_that_the_receiver_has(
    receiver_has: tuple[str, ...] | None, arrives_until: str | None, is_known: bool
) -> None:
    at = utc("2026-11-10T03:00")
    known = None
    if receiver_has is not None:
        ends = [None if end == "never" else utc(end) for end in receiver_has]
        known = tuple(plain(at, ends=None, expires_at=end) for end in ends)
    question = ask(SAFARICOM, "10 MB", at=at, has=[some("1 GB", at)], receiver_has=known)

    assert only_arrival(question) == (arrives_until and utc(arrives_until), is_known)


def test_what_never_ends_is_the_later_of_both_whatever_the_receiver_has() -> None:
    at = noon(SAFARICOM)
    assert only_arrival(ask(SAFARICOM, "10 MB", has=[some("1 GB", at, ends=None)])) == (None, True)


@pytest.mark.parametrize(
    ("receiver", "at", "arrives_until"),
    [
        ("yuzuri-mobile/monthly", "2026-11-10T03:00", "2026-12-31T15:00"),
        # Already December in Tokyo.
        ("yuzuri-mobile/monthly", "2026-11-30T15:00", "2027-01-31T15:00"),
        ("yuzuri-mobile/carry-over", "2027-01-10T03:00", "2027-02-28T15:00"),
        ("yuzuri-mobile/carry-over", "2028-01-10T03:00", "2028-02-29T15:00"),
    ],
)
def test_the_recipients_cycle_is_counted_by_the_recipients_plan(
    receiver: str, at: str, arrives_until: str
) -> None:
    cycle = Expiry(kind=ExpiryKind.RECIPIENT_CYCLE, cycles=1)
    question = ask(YUZURI, "1 GB", to=receiver, at=utc(at))

    assert only_arrival(with_expiry(question, cycle)) == (utc(arrives_until), True)


def test_the_recipients_month_follows_the_clocks_that_go_back() -> None:
    # Google Fi counts in Los Angeles: 1 November 2026 begins in summer time, 1 December does not.
    at = utc("2026-10-31T12:00")
    cycle = Expiry(kind=ExpiryKind.RECIPIENT_CYCLE)
    question = with_expiry(ask("google-fi/flexible", "1 GB", at=at), cycle)
    later = with_expiry(ask("google-fi/flexible", "1 GB", at=at + 10 * DAY), cycle)

    assert received_terms(question, plain(at)).expires_at == utc("2026-11-01T07:00")
    assert received_terms(later, plain(at)).expires_at == utc("2026-12-01T08:00")


def plain(at: datetime, **terms: Any) -> Allowance:
    return some("1 GB", at, **terms).allowance


def test_a_recipients_cycle_in_days_runs_from_when_its_base_was_issued() -> None:
    at = noon(YUZURI)
    cycle = Expiry(kind=ExpiryKind.RECIPIENT_CYCLE, cycles=1)
    own = plain(at, ends=4 * DAY, lasts=7 * DAY, plan="travel-7d")
    next_one = plain(at, ends=11 * DAY, lasts=14 * DAY, plan="travel-7d")
    gift = plain(at, ends=DAY, plan="travel-7d", hops=1)
    other = plain(at, ends=DAY, plan="hours-24")
    has = (gift, other, next_one, own)
    question = ask(YUZURI, "1 GB", to="yuzuri-mobile/travel-7d", receiver_has=has)

    assert only_arrival(with_expiry(question, cycle)) == (at + 11 * DAY, True)


@pytest.mark.parametrize(
    ("giver", "receiver", "has"),
    [
        # Fizz: no plan's size is told.
        (FIZZ, FIZZ, None),
        (FIZZ, "fizz", None),
        # So many days from when is not known.
        (YUZURI, "yuzuri-mobile/travel-7d", None),
        (YUZURI, "yuzuri-mobile/travel-7d", ()),
    ],
)
def test_an_unknown_cycle_never_lengthens(
    giver: str, receiver: str, has: tuple[Allowance, ...] | None
) -> None:
    question = ask(giver, "1 GB", to=receiver, receiver_has=has)
    question = with_expiry(question, Expiry(kind=ExpiryKind.RECIPIENT_CYCLE, cycles=1))

    assert only_arrival(question) == (noon(giver) + 2 * DAY, False)


@pytest.mark.parametrize(("ends", "kept"), [(1, 1), (99, 30)])
def test_a_rule_of_low_confidence_never_lengthens(ends: int, kept: int) -> None:
    # Reset to the end of this month: 30 days from the first on.
    at = noon(YUZURI, 1).replace(hour=0)
    reset = Expiry(kind=ExpiryKind.RESET)
    question = ask(YUZURI, "1 GB", at=at, has=[some("9 GB", at, ends=ends * DAY)])

    assert only_arrival(with_expiry(question, reset)) == (at + 30 * DAY, True)
    assert only_arrival(with_expiry(question, reset, "low")) == (at + kept * DAY, False)


def test_parts_that_end_together_arrive_together_soonest_first() -> None:
    at = noon(YUZURI)
    has = [some("2 GB", at, ends=9 * DAY), some("1 GB", at), some("1 GB", at, hops=1)]
    first, second = judge(YUZURI, "3 GB", has=has).arrives

    assert (first.quantity.amount, first.expires_at) == (2 * 10**9, at + 2 * DAY)
    assert (second.quantity.amount, second.expires_at) == (10**9, at + 9 * DAY)


# ---------------------------------------------------------------- paid value


@pytest.mark.parametrize("giver", [MINEO, SMART, SAFARICOM, LIQUID, FIZZ])
def test_paid_value_is_never_lengthened_by_a_rule(giver: str) -> None:
    at = noon(giver)
    paid = plain(at, ends=5 * HOUR, paid=True)
    question = ask(giver, "1 GB", receiver_has=(plain(at, ends=99 * DAY),))

    terms = received_terms(question, paid)
    assert (terms.expires_at, terms.expiry_rule) == (at + 5 * HOUR, None)


def test_of_paid_value_the_later_of_both_is_known_without_the_receiver() -> None:
    terms = received_terms(ask(SAFARICOM, "5 MB"), plain(noon(SAFARICOM), paid=True))
    assert terms.is_known


@pytest.mark.parametrize(("days_since_issue", "ends_in_days"), [(0, 180), (100, 80), (179, 1)])
def test_paid_value_in_japan_ends_180_days_after_its_first_issue(
    days_since_issue: int, ends_in_days: int
) -> None:
    at = noon(YUZURI)
    held = some("1 GB", at, ends=None, paid=True, issued_at=at - days_since_issue * DAY)
    verdict = judge(YUZURI, "10 MB", has=[held])

    assert verdict.arrives[0].expires_at == at + ends_in_days * DAY
    assert verdict.deadline == at + min(ends_in_days, 3) * DAY


def test_paid_value_is_counted_from_its_first_issue_through_every_hand() -> None:
    at = noon(YUZURI)
    allowance = plain(at, ends=None, paid=True, issued_at=at)
    for month in range(5):
        question = ask(YUZURI, "10 MB", at=at + month * 30 * DAY)
        terms = received_terms(question, allowance)
        allowance = received_allowance(allowance, terms.expires_at, terms.expiry_rule)

    assert (allowance.hops, allowance.issued_at) == (5, at)
    assert allowance.expires_at == at + 180 * DAY


@pytest.mark.parametrize(
    ("paid", "giver", "feasible"),
    [(True, YUZURI, False), (False, YUZURI, True), (True, SAFARICOM, True)],
)
def test_what_the_law_has_ended_can_not_be_given(paid: bool, giver: str, feasible: bool) -> None:
    at = noon(giver)
    held = some("1 GB", at, ends=None, paid=paid, issued_at=at - 180 * DAY)
    verdict = judge(giver, "10 MB", has=[held])

    assert verdict.feasible is feasible
    assert codes(verdict) == ([] if feasible else [Code.LAW_PAID_VALUE_EXPIRY])


def test_what_the_law_has_ended_does_not_stand_in_the_way_of_what_it_has_not() -> None:
    at = noon(YUZURI)
    ended = some("1 GB", at, ends=DAY, paid=True, issued_at=at - 200 * DAY)
    verdict = judge(YUZURI, "1 GB", has=[ended, some("2 GB", at, ends=9 * DAY)])

    assert verdict.feasible is True
    assert [arrival.expires_at for arrival in verdict.arrives] == [at + 9 * DAY]


# ---------------------------------------------------------------- what it stays


def test_where_and_when_it_can_be_used_stays_as_it_was() -> None:
    at = noon(YUZURI)
    night = DailyWindow(time(23), time(6), "Asia/Tokyo")
    given = replace(plain(at, hours=night), zone="asia")
    received = received_allowance(given, given.expires_at, None)

    assert (received.zone, received.hours) == ("asia", night)
    assert received.purchase == given.purchase


# ---------------------------------------------------------------- until when it can be accepted


@pytest.mark.parametrize(
    ("giver", "amount", "at", "deadline"),
    [
        # mineo: to the end of the day after next, or of the month
        (MINEO, "10 MB", "2026-11-10T03:00", "2026-11-12T15:00"),
        (MINEO, "10 MB", "2026-11-10T14:59:59", "2026-11-12T15:00"),
        (MINEO, "10 MB", "2026-11-10T15:00", "2026-11-13T15:00"),
        (MINEO, "10 MB", "2026-11-28T03:00", "2026-11-30T15:00"),
        (MINEO, "10 MB", "2026-11-29T03:00", "2026-11-30T15:00"),
        (MINEO, "10 MB", "2026-11-30T14:59", "2026-11-30T15:00"),
        (MINEO, "10 MB", "2028-02-28T03:00", "2028-02-29T15:00"),
        # Yuzuri Mobile: 72 hours
        (YUZURI, "10 MB", "2026-11-29T03:00", "2026-12-02T03:00"),
        # where nothing is published: a week
        (IIJ, "1 GB", "2026-11-10T03:00", "2026-11-17T03:00"),
    ],
)
def test_an_offer_waits_as_long_as_the_operator_says(
    giver: str, amount: str, at: str, deadline: str
) -> None:
    held = some("20 GB", utc(at), ends=100 * DAY)
    assert judge(giver, amount, at=utc(at), has=[held]).deadline == utc(deadline)


def test_an_offer_never_waits_longer_than_any_part_of_it_lasts() -> None:
    at = noon(YUZURI)
    has = [some("1 GB", at, ends=HOUR), some("1 GB", at, ends=9 * DAY)]
    assert judge(YUZURI, "1 GB", has=has).deadline == at + HOUR
    assert judge(YUZURI, "1100 MB", has=has).deadline == at + HOUR


# ---------------------------------------------------------------- where nothing is known


@pytest.mark.parametrize(
    ("giver", "amount", "expires_at"),
    [
        ("mineo", "1 GB", "2026-12-31T15:00"),
        # Smart sells what it gives, and paid value is never lengthened: not known.
        ("smart-ph", "1 GB", None),
        ("safaricom", "10 MB", None),
        ("liquid-home", "1 GB", None),
        ("iijmio", "1 GB", None),
        ("fizz", "1 GB", None),
    ],
)
def test_what_is_told_of_the_end_where_it_is_not_known_what_the_giver_has(
    giver: str, amount: str, expires_at: str | None
) -> None:
    (arrival,) = judge(giver, amount, has=None).arrives

    assert arrival.expires_at == (expires_at and utc(expires_at))
    assert arrival.is_known is (expires_at is not None)


def test_a_closed_operators_rule_still_says_how_it_was() -> None:
    at = utc("2026-11-10T03:00")
    terms = received_terms(ask(LINE, "1 GB", at=at), plain(at, ends=timedelta(days=60)))
    assert terms.expires_at == utc("2026-11-30T15:00")
