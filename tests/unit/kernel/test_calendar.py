"""The ends of months and days, and hours of the day, where clocks differ and change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from yuzuri.kernel.calendar import (
    FOREVER,
    DailyWindow,
    day_start,
    local_instant,
    month_end,
    month_start,
    parse_instant,
    utc_now,
)
from yuzuri.kernel.errors import Code, DomainError, Refusal


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "months_later", "end"),
    [
        ("2026-11-10T00:00", "Asia/Tokyo", 0, "2026-11-30T15:00"),
        ("2026-11-30T14:59:59.999999", "Asia/Tokyo", 0, "2026-11-30T15:00"),
        # Its last instant is in the month, the one after is in the next.
        ("2026-11-30T15:00", "Asia/Tokyo", 0, "2026-12-31T15:00"),
        ("2026-11-30T15:00", "UTC", 0, "2026-12-01T00:00"),
        ("2026-12-10T00:00", "Asia/Tokyo", 0, "2026-12-31T15:00"),
        ("2026-12-10T00:00", "Asia/Tokyo", 1, "2027-01-31T15:00"),
        ("2026-11-10T00:00", "UTC", 14, "2028-02-01T00:00"),
        # The 31st, a month with 30 days later
        ("2026-10-31T12:00", "UTC", 1, "2026-12-01T00:00"),
        # February with and without its 29th
        ("2027-01-31T12:00", "UTC", 1, "2027-03-01T00:00"),
        ("2028-02-29T12:00", "UTC", 0, "2028-03-01T00:00"),
        ("2028-02-28T12:00", "UTC", 0, "2028-03-01T00:00"),
        # The month begins in summer time and ends in winter time.
        ("2026-10-10T12:00", "America/Los_Angeles", 0, "2026-11-01T07:00"),
        ("2026-11-10T12:00", "America/Los_Angeles", 0, "2026-12-01T08:00"),
        ("2026-03-02T12:00", "America/Los_Angeles", 0, "2026-04-01T07:00"),
    ],
)
def test_a_month_ends_when_the_clocks_of_the_zone_say_so(
    at: str, zone: str, months_later: int, end: str
) -> None:
    for instant in (utc(at), utc(at).astimezone(ZoneInfo("Pacific/Apia"))):
        assert month_end(instant, ZoneInfo(zone), months_later) == utc(end)


@pytest.mark.parametrize(
    ("at", "start"),
    [
        ("2026-11-30T14:59", "2026-10-31T15:00"),
        ("2026-11-30T15:00", "2026-11-30T15:00"),
        ("2027-01-01T00:00", "2026-12-31T15:00"),
    ],
)
def test_a_month_starts_where_the_last_one_ends(at: str, start: str) -> None:
    assert month_start(utc(at), ZoneInfo("Asia/Tokyo")) == utc(start)


@pytest.mark.parametrize(
    ("at", "zone", "days_later", "start"),
    [
        ("2026-11-10T14:59:59", "Asia/Tokyo", 0, "2026-11-09T15:00"),
        ("2026-11-10T15:00", "Asia/Tokyo", 0, "2026-11-10T15:00"),
        ("2026-11-10T15:00", "Asia/Tokyo", 2, "2026-11-12T15:00"),
        ("2028-02-28T12:00", "UTC", 1, "2028-02-29T00:00"),
        # A day of 23 hours, and one of 25
        ("2026-03-08T12:00", "America/Los_Angeles", 0, "2026-03-08T08:00"),
        ("2026-03-08T12:00", "America/Los_Angeles", 1, "2026-03-09T07:00"),
        ("2026-11-01T12:00", "America/Los_Angeles", 1, "2026-11-02T08:00"),
        # São Paulo once put its clocks forward at midnight: that day began at 01:00.
        ("2018-11-04T12:00", "America/Sao_Paulo", 0, "2018-11-04T03:00"),
    ],
)
def test_a_day_starts_when_the_clocks_of_the_zone_say_so(
    at: str, zone: str, days_later: int, start: str
) -> None:
    assert day_start(utc(at), ZoneInfo(zone), days_later) == utc(start)


@pytest.mark.parametrize(
    ("day", "shown", "instant"),
    [
        # 02:30 is shown by no clock on this day, 01:30 on the other by two: the first is meant.
        (date(2026, 3, 8), time(2, 30), "2026-03-08T10:30"),
        (date(2026, 11, 1), time(1, 30), "2026-11-01T08:30"),
    ],
)
def test_a_clock_time_that_is_shown_never_or_twice_is_one_instant(
    day: date, shown: time, instant: str
) -> None:
    assert local_instant(day, shown, ZoneInfo("America/Los_Angeles")) == utc(instant)


NIGHT = DailyWindow(time(22), time(6), "Africa/Nairobi")
OFFICE = DailyWindow(time(9), time(17), "Africa/Nairobi")
WHOLE_DAY = DailyWindow(time(5), time(5), "Africa/Nairobi")
TO_MIDNIGHT = DailyWindow(time(20), time(0), "Africa/Nairobi")


@pytest.mark.parametrize(
    ("window", "shown", "is_inside"),
    [
        (NIGHT, "21:59:59.999999", False),
        (NIGHT, "22:00:00", True),
        (NIGHT, "00:00:00", True),
        (NIGHT, "05:59:59.999999", True),
        (NIGHT, "06:00:00", False),
        (NIGHT, "12:00:00", False),
        (OFFICE, "08:59:59", False),
        (OFFICE, "09:00:00", True),
        (OFFICE, "16:59:59", True),
        (OFFICE, "17:00:00", False),
        (OFFICE, "23:00:00", False),
        (TO_MIDNIGHT, "23:59:59", True),
        (TO_MIDNIGHT, "00:00:00", False),
        (WHOLE_DAY, "04:59:59", True),
        (WHOLE_DAY, "05:00:00", True),
    ],
)
def test_hours_of_the_day_hold_their_first_instant_and_not_their_last(
    window: DailyWindow, shown: str, is_inside: bool
) -> None:
    local = datetime.fromisoformat(f"2026-11-10T{shown}").replace(tzinfo=ZoneInfo("Africa/Nairobi"))
    for instant in (local, local.astimezone(UTC)):
        assert window.contains(instant) is is_inside


def test_hours_follow_the_clocks_that_change() -> None:
    night = DailyWindow(time(23), time(6), "America/Los_Angeles")
    assert night.contains(utc("2026-11-01T13:59"))
    assert not night.contains(utc("2026-11-01T14:00"))
    assert not night.contains(utc("2026-10-31T13:00"))


def test_forever_is_after_everything_and_now_has_a_zone() -> None:
    assert utc_now() + timedelta(days=300_000) < FOREVER
    assert utc_now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-31T23:30+09:00", "2026-12-31T14:30"),
        ("2026-12-31T23:30", "2026-12-31T14:30"),
        ("2026-12-31T23:30:59.5Z", "2026-12-31T23:30:59.5"),
        ("2026-12-31", "2026-12-30T15:00"),
        ("2000-01-01T09:00", "2000-01-01T00:00"),
        ("2199-12-31T23:59Z", "2199-12-31T23:59"),
    ],
)
def test_a_time_is_read_in_the_zone_unless_it_names_one(text: str, instant: str) -> None:
    assert parse_instant(text, ZoneInfo("Asia/Tokyo")) == utc(instant)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2026-02-29", "2026-13-01", "2026-11-10T25:00", "12:00", "1793250000"),
        # Days and months could not be counted on both sides of these.
        *("0001-01-01T00:00Z", "1999-12-31T23:59Z", "2200-01-01T00:00Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_what_is_no_time_that_can_be_counted_with_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as caught:
        parse_instant(text, ZoneInfo("Asia/Tokyo"))
    assert caught.value.refusal == Refusal(Code.TIME_UNREADABLE, {"text": text})
