"""Instants that plans and rules speak of: the end of a month, so many days, an hour of the day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from yuzuri.kernel.errors import Code, DomainError

Clock = Callable[[], datetime]
"""Where the time comes from; always aware, always a parameter, so that tests can move it."""


FOREVER = datetime.max.replace(tzinfo=UTC)
"""Stands for "does not expire" where instants are compared; nothing can be added to it."""


def utc_now() -> datetime:
    """Tell the time of the machine."""
    return datetime.now(UTC)


_YEARS = range(2000, 2200)
"""The years in which days and months can be counted, with room on both sides."""


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """Read an ISO 8601 time, in `zone` where it names none; raises `TIME_UNREADABLE`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.year not in _YEARS:
        raise DomainError(Code.TIME_UNREADABLE, text=text[:40])
    return at if at.tzinfo else at.replace(tzinfo=zone)


def month_end(at: datetime, zone: ZoneInfo, months_later: int = 0) -> datetime:
    """Return the first instant after the month of `at`, or so many months later, in `zone`."""
    local = at.astimezone(zone)
    months = local.year * 12 + local.month + months_later
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=zone).astimezone(UTC)


def month_start(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant of the month of `at`, local to `zone`."""
    return month_end(at, zone, -1)


def day_start(at: datetime, zone: ZoneInfo, days_later: int = 0) -> datetime:
    """Return the first instant of the day of `at` (or so many days later), local to `zone`."""
    day = at.astimezone(zone).date() + timedelta(days=days_later)
    return local_instant(day, time(), zone)


def local_instant(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    """Return the instant at which clocks in `zone` show this day and time."""
    return datetime.combine(day, clock_time, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DailyWindow:
    """Hours of the day in a time zone, such as 23:00-06:00 in Asia/Tokyo; may cross midnight.

    Where both are the same, all of the day belongs to it.
    """

    since: time
    until: time
    timezone: str

    def __str__(self) -> str:
        return f"{self.since:%H:%M}–{self.until:%H:%M}"

    def contains(self, at: datetime) -> bool:
        """Tell whether clocks in the zone show an hour of it; `since` is inside, `until` not."""
        shown = at.astimezone(ZoneInfo(self.timezone)).time()
        if self.since < self.until:
            return self.since <= shown < self.until
        return shown >= self.since or shown < self.until

    def next_until(self, at: datetime) -> datetime:
        """Return when it closes for the first time after an instant."""
        return _next_time(self.until, at, ZoneInfo(self.timezone))

    def next_since(self, at: datetime) -> datetime:
        """Return when it opens for the first time after an instant."""
        return _next_time(self.since, at, ZoneInfo(self.timezone))


def _next_time(clock_time: time, at: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after `at` at which clocks in `zone` show this time."""
    today = at.astimezone(zone).date()
    days = (local_instant(today + timedelta(days=later), clock_time, zone) for later in range(3))
    return next(instant for instant in days if instant > at)
