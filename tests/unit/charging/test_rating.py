"""Rating groups: what a number counts, and which allowances may pay for it."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from tests.charging.core import PROFILES
from tests.ids import numbered

from yuzuri.charging.rating import (
    RatingGroup,
    RatingTable,
    last_instant,
    may_pay,
    read_rating_table,
    usable_until,
)
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import AllowanceId, PurchaseId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source

NOON = datetime(2026, 11, 10, 3, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 10, 15, tzinfo=UTC)
"""In Japan."""

NIGHT = DailyWindow(time(23), time(6), "Asia/Tokyo")


def allowance(
    *,
    unit: Unit = Unit.DATA,
    zone: str = "JP",
    source: Source = Source.BASE,
    ends: datetime | None = None,
    hours: DailyWindow | None = None,
) -> Allowance:
    return Allowance(
        id=AllowanceId(numbered(1)),
        unit=unit,
        operator="tokyo",
        plan="plan",
        zone=zone,
        source=source,
        paid=False,
        issued_at=NOON,
        expires_at=ends,
        purchase=PurchaseId(numbered(2)),
        hours=hours,
    )


def group(
    *,
    sources: tuple[Source, ...] = (),
    limited: bool = True,
    zones: tuple[str, ...] = (),
) -> RatingGroup:
    return RatingGroup(
        first=1, last=1, name="g", unit=Unit.DATA, sources=sources, limited=limited, zones=zones
    )


ANY = group()


# ---------------------------------------------------------------- who may pay


@pytest.mark.parametrize(
    ("given", "rated", "country", "at", "pays"),
    [
        (allowance(), ANY, "JP", NOON, True),
        (allowance(unit=Unit.VOICE), ANY, "JP", NOON, False),
        (allowance(), ANY, "KR", NOON, False),
        (allowance(zone="neighbours"), ANY, "KR", NOON, True),
        (allowance(zone="neighbours"), ANY, "JP", NOON, False),
        (allowance(zone="XX"), ANY, "XX", NOON, True),
        (allowance(ends=NOON), ANY, "JP", NOON, False),
        (allowance(ends=NOON + timedelta(microseconds=1)), ANY, "JP", NOON, True),
        (allowance(hours=NIGHT), ANY, "JP", NOON, False),
        (allowance(hours=NIGHT), ANY, "JP", MIDNIGHT, True),
        (allowance(hours=NIGHT), group(limited=False), "JP", MIDNIGHT, False),
        (allowance(), group(limited=False), "JP", MIDNIGHT, True),
        (allowance(), group(sources=(Source.BONUS,)), "JP", NOON, False),
        (allowance(source=Source.BONUS), group(sources=(Source.BONUS,)), "JP", NOON, True),
        (allowance(), group(zones=("neighbours",)), "JP", NOON, False),
        (allowance(zone="neighbours"), group(zones=("neighbours",)), "TW", NOON, True),
    ],
)
def test_an_allowance_pays_for_its_kind_where_and_while_it_may(
    given: Allowance, rated: RatingGroup, country: str, at: datetime, pays: bool
) -> None:
    assert may_pay(given, rated, PROFILES, country, at) is pays


@pytest.mark.parametrize(
    ("given", "at", "until"),
    [
        (allowance(), NOON, None),
        (allowance(ends=MIDNIGHT), NOON, MIDNIGHT),
        (allowance(hours=NIGHT), MIDNIGHT, MIDNIGHT + timedelta(hours=6)),
        (
            allowance(hours=NIGHT, ends=MIDNIGHT + timedelta(hours=1)),
            MIDNIGHT,
            MIDNIGHT + timedelta(hours=1),
        ),
        (
            allowance(hours=NIGHT, ends=MIDNIGHT + timedelta(days=1)),
            MIDNIGHT,
            MIDNIGHT + timedelta(hours=6),
        ),
    ],
)
def test_it_may_pay_until_its_hours_or_it_are_over(
    given: Allowance, at: datetime, until: datetime | None
) -> None:
    assert usable_until(given, at) == until


MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("since", "until", "decides"),
    [
        (None, NOON, NOON - MOMENT),
        (NOON - timedelta(hours=1), NOON, NOON - MOMENT),
        (NOON - MOMENT, NOON, NOON - MOMENT),
        (NOON, NOON, NOON),
        (NOON + timedelta(hours=1), NOON, NOON),
    ],
)
def test_what_ends_with_a_window_was_used_in_it(
    since: datetime | None, until: datetime, decides: datetime
) -> None:
    assert last_instant(since, until) == decides


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("number", "unit", "counted", "limited"),
    [
        (1, Unit.DATA, True, True),
        (99, Unit.DATA, True, True),
        (100, Unit.DATA, False, True),
        (110, Unit.DATA, True, False),
        (119, Unit.DATA, True, False),
        (200, Unit.VOICE, True, True),
        (300, Unit.SMS, True, True),
        (349, Unit.SMS, True, True),
    ],
)
def test_the_shipped_table_says_what_a_number_counts(
    number: int, unit: Unit, counted: bool, limited: bool
) -> None:
    found = read_rating_table().find(number)
    assert found is not None
    assert (found.unit, found.counted, found.limited) == (unit, counted, limited)


def test_numbers_in_no_group_have_no_rate() -> None:
    table = read_rating_table()
    for _ in range(2):
        assert [table.find(number) for number in (0, 120, 199, 350, 2**32 - 1, -1)] == [None] * 6


def test_a_table_takes_its_groups_in_any_order() -> None:
    groups = [
        RatingGroup(first=first, last=first + 9, name=str(first), unit=Unit.DATA)
        for first in (20, 10, 30)
    ]
    table = RatingTable(groups)
    found = [table.find(number) for number in (9, 10, 19, 20, 39, 40)]
    assert [one.name if one else None for one in found] == [None, "10", "10", "20", "30", None]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "rating_groups"),
        ("[[rating_groups]]\nfrom = 1\nto = 2\nname = 'a'\nunit = 'byte'", "unit"),
        ("[[rating_groups]]\nfrom = 1\nto = 2\nname = 'a'\nunit = 'data'\nfree = 1", "free"),
        ("[[rating_groups]]\nfrom = 3\nto = 2\nname = 'a'\nunit = 'data'", "from 3 to 2"),
        ("[[rating_groups]]\nfrom = -1\nto = 2\nname = 'a'\nunit = 'data'", "from -1 to 2"),
        ("[[rating_groups]]\nfrom = 1\nto = 4294967296\nname = 'a'\nunit = 'data'", "4294967296"),
        (
            "[[rating_groups]]\nfrom = 5\nto = 9\nname = 'b'\nunit = 'data'\n"
            "[[rating_groups]]\nfrom = 1\nto = 5\nname = 'a'\nunit = 'sms'",
            "a and b share numbers",
        ),
        ("[[rating_groups]", ""),
    ],
)
def test_a_table_that_is_wrong_is_refused_and_says_where(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "groups.toml"
    path.write_text(text)
    with pytest.raises(DomainError) as caught:
        read_rating_table(path)
    refusal = caught.value.refusal
    assert refusal.code is Code.PROFILE_INVALID
    assert refusal.fields["file"] == "groups.toml"
    assert problem in str(refusal.fields["problem"])


def test_a_table_that_is_not_there_or_is_no_text_is_refused(tmp_path: Path) -> None:
    unreadable = tmp_path / "groups.toml"
    unreadable.write_bytes(b"\xff\xfe")
    for path in (unreadable, tmp_path / "none.toml"):
        with pytest.raises(DomainError):
            read_rating_table(path)
