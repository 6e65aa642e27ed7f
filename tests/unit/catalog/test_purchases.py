"""What a purchase of a plan or top-up issues: so much, where, when and until when."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.ids import numbered

from yuzuri.catalog.purchases import Purchase, Purchased, decide_purchase, expiry_of, issued_by
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, PersonId, PurchaseId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Source
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import HOUSE, House, NewAllowance, Transfer, TransferKind
from yuzuri.operators.plans import Validity, ValidityKind
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import find_plan, read_profiles
from yuzuri.subscribers.lines import Line

PROFILES = read_profiles()
AT = datetime(2026, 11, 10, 3, tzinfo=UTC)
PURCHASE = PurchaseId(numbered(101))
LINE = HolderId(numbered(102))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "count", "at", "zone", "ends"),
    [
        (ValidityKind.MONTH_END, 0, "2026-11-10T03:00", "Asia/Tokyo", "2026-11-30T15:00"),
        (ValidityKind.MONTH_END, 0, "2026-11-30T14:59:59", "Asia/Tokyo", "2026-11-30T15:00"),
        # On the 1st in Tokyo, still November elsewhere
        (ValidityKind.MONTH_END, 0, "2026-11-30T15:00", "Asia/Tokyo", "2026-12-31T15:00"),
        (ValidityKind.MONTH_END, 0, "2028-02-10T00:00", "UTC", "2028-03-01T00:00"),
        (ValidityKind.MONTH_END, 0, "2026-10-31T12:00", "America/Toronto", "2026-11-01T04:00"),
        (ValidityKind.NEXT_MONTH_END, 0, "2026-11-10T03:00", "Asia/Tokyo", "2026-12-31T15:00"),
        (ValidityKind.NEXT_MONTH_END, 0, "2026-12-31T15:00", "Asia/Tokyo", "2027-02-28T15:00"),
        (ValidityKind.NEXT_MONTH_END, 0, "2026-10-31T12:00", "America/Toronto", "2026-12-01T05:00"),
        # So many times 24 hours, whatever the clocks do
        (ValidityKind.DAYS, 1, "2026-11-10T03:00", "Africa/Nairobi", "2026-11-11T03:00"),
        (ValidityKind.DAYS, 30, "2026-10-20T12:00", "America/Toronto", "2026-11-19T12:00"),
        (ValidityKind.DAYS, 30, "2028-02-01T00:00", "UTC", "2028-03-02T00:00"),
        (ValidityKind.HOURS, 24, "2028-02-28T16:00", "UTC", "2028-02-29T16:00"),
        (ValidityKind.HOURS, 1, "2026-12-31T23:30", "UTC", "2027-01-01T00:30"),
        (ValidityKind.NEVER, 0, "2026-11-10T03:00", "UTC", None),
    ],
)
def test_a_validity_is_counted_on_the_operators_clocks(
    kind: ValidityKind, count: int, at: str, zone: str, ends: str | None
) -> None:
    validity = Validity(kind=kind, count=count)
    for instant in (utc(at), utc(at).astimezone(ZoneInfo("Asia/Kolkata"))):
        assert expiry_of(validity, instant, ZoneInfo(zone)) == (ends and utc(ends))


def test_a_plan_issues_all_that_its_profile_says() -> None:
    profile = PROFILES["yuzuri-mobile"]
    plan = find_plan(profile, "monthly")
    data, voice, sms, night = issued_by(profile, plan, plan.gives, PURCHASE, AT)

    assert [(a.unit, n) for a, n in (data, voice, sms, night)] == [
        (Unit.DATA, 20 * 10**9),
        (Unit.VOICE, 3600),
        (Unit.SMS, 100),
        (Unit.DATA, 30 * 10**9),
    ]
    base, extra = data[0], night[0]
    assert (base.source, base.paid, base.hours) == (Source.BASE, False, None)
    assert (extra.source, extra.paid) == (Source.BONUS, False)
    assert extra.hours == DailyWindow(time(23), time(6), "Asia/Tokyo")
    for allowance in (base, extra):
        assert (allowance.operator, allowance.plan, allowance.zone) == (
            "yuzuri-mobile",
            "monthly",
            "JP",
        )
        assert (allowance.issued_at, allowance.expires_at) == (AT, utc("2026-11-30T15:00"))
        assert (allowance.purchase, allowance.hops, allowance.parent) == (PURCHASE, 0, None)


def test_a_top_up_that_is_paid_is_bought_and_its_expiry_its_own() -> None:
    profile = PROFILES["kddi"]
    plan = find_plan(profile, "povo")
    top_up = next(one for one in plan.top_ups if one.id == "3gb-30d")
    ((allowance, amount),) = issued_by(profile, plan, top_up.gives, PURCHASE, AT)

    assert (amount, allowance.source, allowance.paid) == (3 * 10**9, Source.BOUGHT, True)
    assert allowance.expires_at == AT + timedelta(days=30)


def test_the_same_purchase_issues_the_same_allowances_and_another_others() -> None:
    profile = PROFILES["yuzuri-mobile"]
    plan = find_plan(profile, "monthly")
    once, again, other = (
        [a.id for a, _ in issued_by(profile, plan, plan.gives, purchase, AT)]
        for purchase in (PURCHASE, PURCHASE, PurchaseId(numbered(109)))
    )
    assert once == again
    assert len({*once, *other}) == 8


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.id)
def test_every_shipped_plan_and_top_up_can_be_issued(profile: Profile) -> None:
    for plan in profile.plans:
        for gives in (plan.gives, *(top_up.gives for top_up in plan.top_ups)):
            for allowance, amount in issued_by(profile, plan, gives, PURCHASE, AT):
                assert amount > 0
                assert not allowance.is_over(AT)


# ---------------------------------------------------------------- the decision


def line(operator: str = "yuzuri-mobile", plan: str = "monthly") -> Line:
    return Line(
        id=LINE, person=PersonId(numbered(103)), operator=operator, plan=plan,
        number="+819012345678", label="mine", activated_at=AT,
    )  # fmt: skip


def test_a_purchase_moves_from_the_house_to_the_line_just_what_it_issues() -> None:
    outcome, changes = decide_purchase(
        Book(AT), {LINE: line()}, PROFILES, Purchase(id=PURCHASE, line=LINE)
    )
    assert isinstance(outcome, Purchased)
    new = [change.allowance.id for change in changes if isinstance(change, NewAllowance)]
    moved = [change for change in changes if isinstance(change, Transfer)]

    assert [(t.allowance, t.amount) for t in moved] == list(outcome.issued)
    assert new == [t.allowance for t in moved]
    assert {(t.source, t.target, t.kind, t.cause) for t in moved} == {
        (HOUSE[House.ISSUED], LINE, TransferKind.ISSUE, PURCHASE)
    }


def test_a_purchase_of_a_top_up_issues_only_that() -> None:
    command = Purchase(id=PURCHASE, line=LINE, top_up="1gb-30d")
    outcome, _ = decide_purchase(Book(AT), {LINE: line()}, PROFILES, command)
    assert isinstance(outcome, Purchased)
    assert [amount for _, amount in outcome.issued] == [10**9]


def test_what_is_not_known_is_refused_and_changes_nothing() -> None:
    unknown_line = decide_purchase(Book(AT), {}, PROFILES, Purchase(id=PURCHASE, line=LINE))
    assert unknown_line == (Refusal(Code.LINE_UNKNOWN), [])

    command = Purchase(id=PURCHASE, line=LINE, top_up="1tb")
    refusal, changes = decide_purchase(Book(AT), {LINE: line()}, PROFILES, command)
    assert changes == []
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.TOP_UP_UNKNOWN
    assert refusal.fields["known"] == ("1gb-30d", "10gb-90d", "talk-30d")


def test_a_purchase_that_has_issued_is_refused_the_next_time() -> None:
    book, command = Book(AT), Purchase(id=PURCHASE, line=LINE)
    _, changes = decide_purchase(book, {LINE: line()}, PROFILES, command)
    book.apply(changes)

    again = decide_purchase(book, {LINE: line()}, PROFILES, command)
    assert again == (Refusal(Code.KEY_REUSED), [])


@pytest.mark.parametrize(
    ("operator", "plan", "code"),
    [
        ("nobody", "monthly", Code.OPERATOR_UNKNOWN),
        ("yuzuri-mobile", "gone", Code.PLAN_UNKNOWN),
    ],
)
def test_a_line_of_an_operator_or_plan_that_is_gone_is_told(
    operator: str, plan: str, code: Code
) -> None:
    with pytest.raises(DomainError) as caught:
        decide_purchase(
            Book(AT), {LINE: line(operator, plan)}, PROFILES, Purchase(id=PURCHASE, line=LINE)
        )
    assert caught.value.refusal.code is code
