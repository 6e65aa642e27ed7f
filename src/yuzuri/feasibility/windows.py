"""When rules open and close: blackouts, and the last days of an allowance."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from yuzuri.kernel.calendar import local_instant
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.gift_rules import Blackout, LastDays


def blackout_end(blackout: Blackout, at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the blackout that `at` lies in ends, or None outside; its first instant is in."""
    today = at.astimezone(zone).date()
    # A window that holds `at` began in this month or the last one, or yesterday or today.
    for begins in _beginnings(blackout, today):
        since = local_instant(begins, blackout.since, zone)
        until = local_instant(_end_day(blackout, begins), blackout.until, zone)
        if since <= at < until:
            return until
    return None


def _beginnings(blackout: Blackout, today: date) -> tuple[date, ...]:
    if blackout.since_day is None:
        return (today - timedelta(days=1), today)
    last_month = today.replace(day=1) - timedelta(days=1)
    return (month_day(last_month, blackout.since_day), month_day(today, blackout.since_day))


def _end_day(blackout: Blackout, begins: date) -> date:
    if blackout.until_day is None:
        crosses = blackout.until <= blackout.since
        return begins + timedelta(days=1 if crosses else 0)
    same_month = month_day(begins, blackout.until_day)
    if same_month > begins or (same_month == begins and blackout.until > blackout.since):
        return same_month
    next_month = begins.replace(day=1) + timedelta(days=32)
    return month_day(next_month, blackout.until_day)


def month_day(month: date, day: int) -> date:
    """Return the day of the month; 0, or a day that the month lacks, is its last one."""
    last = (month.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return last if day == 0 or day > last.day else month.replace(day=day)


def surely_open(last_days: LastDays, allowance: Allowance, at: datetime) -> bool:
    """Tell whether the last days of an allowance have begun, whatever a short bundle may be."""
    opening = opens_at(last_days, allowance)
    return opening is not None and opening.surely <= at


@dataclass(frozen=True, slots=True)
class Opening:
    """From when an allowance can be given: perhaps from the one instant, surely from the other."""

    perhaps: datetime
    surely: datetime


def opens_at(last_days: LastDays, allowance: Allowance) -> Opening | None:
    """Return when the last days of an allowance begin; None: it does not expire, so they never do.

    Where the operator does not say what a short bundle is, the two instants differ.
    """
    if allowance.expires_at is None:
        return None
    short, long = (
        allowance.expires_at - timedelta(days=days)
        for days in (last_days.short_days, last_days.long_days)
    )
    if last_days.short_bundle_days is None:
        return Opening(perhaps=min(short, long), surely=max(short, long))
    lifetime = allowance.expires_at - allowance.issued_at
    opens = short if lifetime <= timedelta(days=last_days.short_bundle_days) else long
    return Opening(perhaps=opens, surely=opens)
