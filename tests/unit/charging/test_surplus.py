"""What will be left at its end, and when that is worth a word."""

import dataclasses
from datetime import UTC, datetime, time, timedelta

import pytest

from yuzuri.charging.surplus import foresee_surplus
from yuzuri.charging.use import Hours, HourUse, UsePart
from yuzuri.feasibility.question import Holding
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, PurchaseId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source, received_allowance
from yuzuri.operators.plans import AllowanceClass

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GB = 10**9
YEARS_AGO = AT - 900 * DAY


def allowance(days_left: float | None, **changes: object) -> Allowance:
    plain: dict[str, object] = {
        "id": AllowanceId(new_id()),
        "unit": Unit.DATA,
        "operator": "op",
        "plan": "plan",
        "zone": "JP",
        "source": Source.BASE,
        "paid": False,
        "issued_at": AT - 20 * DAY,
        "expires_at": None if days_left is None else AT + days_left * DAY,
        "purchase": PurchaseId(new_id()),
    }
    return Allowance(**(plain | changes))  # type: ignore[arg-type]


NIGHT = DailyWindow(time(23), time(6), "Asia/Tokyo")


def week(per_day: int, **changes: object) -> Hours:
    """Use of so much a day for the last seven days."""
    plain: dict[str, object] = {
        "unit": Unit.DATA,
        "kind": AllowanceClass.BASE,
        "zone": "JP",
        "is_night": False,
        "from_pool": False,
        "amount": per_day,
    }
    part = UsePart(**(plain | changes))  # type: ignore[arg-type]
    return tuple(
        HourUse(AT - days * DAY, AT - days * DAY + timedelta(hours=1), (part,))
        for days in range(7, 0, -1)
    )


def left(*holdings: Holding, use: Hours, active_since: datetime = YEARS_AGO) -> list[int]:
    return [surplus.amount for surplus in foresee_surplus(holdings, use, active_since, AT)]


# What is used goes on at the pace of the last seven days, a quarter faster: 0.8 GB a day is 1 GB.
GB_A_DAY = week(8 * GB // 10)


@pytest.mark.parametrize(
    ("days_left", "available", "expected"),
    [
        # In the last three days: whatever is worth giving, and nothing where all will be used.
        (2, 5 * GB, [3 * GB]),
        (3, 3 * GB + 100_000_000, [100_000_000]),
        (3, 3 * GB + 99_999_999, []),
        (2, 2 * GB, []),
        (2, 1 * GB, []),
        # Before: only where it is more than a fifth of what is there.
        (4, 5 * GB, []),
        (4, 5 * GB + 4, [GB + 4]),
        (3.001, int(3.2 * GB), []),
        (10, 20 * GB, [10 * GB]),
        # Further off a pace says nothing.
        (10.01, 20 * GB, []),
        (40, 900 * GB, []),
        (None, 900 * GB, []),
        # What is over is gone.
        (0, 5 * GB, []),
        (-1, 5 * GB, []),
    ],
)
def test_what_is_left_is_told_where_it_is_worth_it(
    days_left: float | None, available: int, expected: list[int]
) -> None:
    assert left(Holding(allowance(days_left), available), use=GB_A_DAY) == expected


def test_what_ends_sooner_pays_first_and_spares_what_ends_later() -> None:
    soon, later = allowance(1), allowance(3)
    # Of 3 GB in three days the first pays 1 GB before it ends, so that the other pays 2 GB.
    assert left(Holding(later, 5 * GB), Holding(soon, 4 * GB), use=GB_A_DAY) == [3 * GB, 3 * GB]
    # The first pays all it has; the other takes over at once.
    assert left(Holding(later, 5 * GB), Holding(soon, GB // 2), use=GB_A_DAY) == [
        5 * GB - 5 * GB // 2
    ]


def test_night_and_day_are_foreseen_apart() -> None:
    day, night = allowance(2), allowance(2, hours=NIGHT, source=Source.BONUS)
    holdings = (Holding(day, 5 * GB), Holding(night, 5 * GB))
    by_day = {s.allowance.id: s.amount for s in foresee_surplus(holdings, GB_A_DAY, YEARS_AGO, AT)}
    assert by_day == {day.id: 3 * GB, night.id: 5 * GB}
    at_night = week(8 * GB // 10, is_night=True, kind=AllowanceClass.BONUS)
    found = foresee_surplus(holdings, at_night, YEARS_AGO, AT)
    assert {s.allowance.id: s.amount for s in found} == {day.id: 5 * GB, night.id: 3 * GB}


@pytest.mark.parametrize("elsewhere", [{"zone": "asia"}, {"unit": Unit.VOICE}, {"from_pool": True}])
def test_only_what_it_would_have_paid_for_counts(elsewhere: dict[str, object]) -> None:
    use = week(8 * GB // 10, **elsewhere)
    assert left(Holding(allowance(2), 5 * GB), use=use) == [5 * GB]


def test_what_was_received_is_not_proposed_and_still_used_up() -> None:
    received = received_allowance(allowance(1), AT + DAY, None)
    own = allowance(3)
    assert left(Holding(received, 4 * GB), Holding(own, 5 * GB), use=GB_A_DAY) == [3 * GB]


@pytest.mark.parametrize(("days", "is_told"), [(3, True), (2.99, False)])
def test_a_pace_needs_three_days_of_the_line_and_of_the_allowance(
    days: float, is_told: bool
) -> None:
    old, new = allowance(2), allowance(2, issued_at=AT - days * DAY)
    assert bool(left(Holding(new, 5 * GB), use=GB_A_DAY)) is is_told
    since = AT - days * DAY
    assert bool(left(Holding(old, 5 * GB), use=GB_A_DAY, active_since=since)) is is_told
    short = tuple(dataclasses.replace(h, since=max(h.since, since)) for h in GB_A_DAY)
    assert bool(left(Holding(old, 50 * GB), use=short)) is is_told
    assert left(Holding(old, 5 * GB), use=()) == []


@pytest.mark.parametrize(
    ("unit", "least"), [(Unit.DATA, 100_000_000), (Unit.VOICE, 300), (Unit.SMS, 10)]
)
def test_crumbs_are_not_worth_anybodys_time(unit: Unit, least: int) -> None:
    use = week(0)
    crumb = allowance(1, unit=unit)
    assert left(Holding(crumb, least), use=use) == [least]
    assert left(Holding(crumb, least - 1), use=use) == []


def test_what_ends_first_is_told_first() -> None:
    sooner, later = allowance(1), allowance(2, unit=Unit.VOICE)
    found = foresee_surplus([Holding(later, 600), Holding(sooner, GB)], week(0), YEARS_AGO, AT)
    assert [surplus.allowance.id for surplus in found] == [sooner.id, later.id]
