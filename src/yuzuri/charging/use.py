"""What lines have used, hour by hour and kind by kind, as the journal tells it. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from yuzuri.db import Connection
from yuzuri.feasibility.holdings import classes_of
from yuzuri.kernel.calendar import month_start
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, by_home, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowance_rows import load_allowances
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.plans import AllowanceClass
from yuzuri.operators.profile import Profile
from yuzuri.subscribers.lines import Line

RANGE_MAX = timedelta(days=32)
"""How much time one may ask about: 31 days by any clocks."""

_CLOCKS_APART = timedelta(hours=1)
"""How far a page's time may lie before that of an earlier page, and still be found."""

_KINDS = (
    AllowanceClass.RECEIVED,
    AllowanceClass.CARRIED_OVER,
    AllowanceClass.BASE,
    AllowanceClass.BONUS,
    AllowanceClass.BOUGHT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsePart:
    """So much of one kind, in base units.

    `is_night`: it was paid by what can be used at certain hours of the day only.
    """

    unit: Unit
    kind: AllowanceClass
    zone: str
    is_night: bool
    from_pool: bool
    amount: int


@dataclass(frozen=True, slots=True)
class HourUse:
    """An hour as the operator's clocks show it, and what was used in it."""

    since: datetime
    until: datetime
    parts: tuple[UsePart, ...] = ()

    def total(self, unit: Unit, *, is_night: bool | None = None) -> int:
        """Sum what was used of a unit in base units: of night allowances, of others, or of all."""
        return sum(
            part.amount
            for part in self.parts
            if part.unit is unit and is_night in (None, part.is_night)
        )


Hours = tuple[HourUse, ...]
"""Every hour of a time without a gap, oldest first."""


def hour_starts(since: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return when each hour begins that clocks in `zone` show between two instants.

    A day has 23 or 25 of them where clocks are changed in it.
    """
    starts = [_hour_start(since, zone)]
    while (start := _hour_start(starts[-1] + timedelta(hours=1), zone)) < until:
        starts.append(start)
    return starts


def _hour_start(at: datetime, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)


# The first page that may be of the time asked for, by halving: no index has the times of pages.
_FIRST_PAGE = """
search (low, high) AS (
    SELECT 1::bigint, page + 1 FROM home WHERE home = %(home)s
    UNION ALL
    SELECT CASE WHEN at < %(early)s THEN number + 1 ELSE low END,
           CASE WHEN at < %(early)s THEN high ELSE number END
    FROM search
    JOIN journal_page ON journal_page.home = %(home)s AND number = (low + high) / 2
    WHERE low < high
)
"""

# One by one, by its key: the journal of all lines is far longer than that of a few.
_ITS_PAGE = """
CROSS JOIN LATERAL (
    SELECT at FROM journal_page
    WHERE journal_page.home = %(home)s AND number = transfer.page LIMIT 1
) AS its_page
"""

_OF_TIME = """
transfer.home = %(home)s AND kind = 'u' AND transfer.page >= (SELECT max(low) FROM search)
AND at >= %(since)s AND at < %(until)s
"""

_OWN = f"""
WITH RECURSIVE {_FIRST_PAGE}
SELECT source, allowance, width_bucket(at, %(hours)b::timestamptz[]) AS hour, sum(amount)::bigint
FROM transfer
{_ITS_PAGE}
WHERE source = ANY(%(lines)b) AND {_OF_TIME}
GROUP BY source, allowance, hour
"""

# What a pool has paid has a quota of the line as its cause.
_POOLED = f"""
WITH RECURSIVE {_FIRST_PAGE},
quota AS MATERIALIZED (
    SELECT id, line, pool FROM charging_quota
    WHERE home = %(home)s AND line = ANY(%(lines)b) AND reported_at >= %(since)s
)
SELECT line, allowance, width_bucket(at, %(hours)b::timestamptz[]) AS hour, sum(amount)::bigint
FROM transfer
JOIN quota ON quota.id = cause
{_ITS_PAGE}
WHERE source = ANY(ARRAY(SELECT DISTINCT pool FROM quota WHERE pool IS NOT NULL)) AND {_OF_TIME}
GROUP BY line, allowance, hour
"""


async def load_use(
    connection: Connection,
    lines: Iterable[HolderId],
    since: datetime,
    until: datetime,
    zone: ZoneInfo,
) -> dict[HolderId, Hours]:
    """Return what each line has used of its own and from its pool, between two instants.

    The first and the last hour are whole ones. Hours are those of clocks in `zone`; what was used
    is of the hour in which the network reported it. Raises `ValueError` beyond `RANGE_MAX`.
    """
    if not since < until <= since + RANGE_MAX:
        raise ValueError(f"one can ask about up to {RANGE_MAX.days} days")
    starts = hour_starts(since, until, zone)
    ends = [*starts[1:], _hour_start(starts[-1] + timedelta(hours=1), zone)]
    use: dict[HolderId, Hours] = {}
    for home, wanted in by_home(lines).items():
        parts = await _load_parts(connection, home, wanted, starts, ends[-1], zone)
        for line in wanted:
            use[line] = tuple(
                HourUse(start, end, tuple(parts.get((line, hour), ())))
                for hour, (start, end) in enumerate(zip(starts, ends, strict=True))
            )
    return use


_THIS_MONTH = """
SELECT line, unit, used FROM line_use
WHERE home = %s AND line = ANY(%b) AND cycle_start >= %s AND used > 0
"""


async def load_month_use(
    connection: Connection, line: Line, profile: Profile, at: datetime
) -> Mapping[Unit, int]:
    """Return how much of its own a line has used in its operator's month, in base units.

    It is a total: what for, where and at which hour stands nowhere in it.
    """
    since = month_start(at, profile.zone)
    cursor = await connection.execute(_THIS_MONTH, (home_of(line.id), [line.id], since))
    return {Unit(unit): used async for _, unit, used in cursor}


async def _load_parts(
    connection: Connection,
    home: Home,
    lines: Sequence[HolderId],
    starts: Sequence[datetime],
    until: datetime,
    zone: ZoneInfo,
) -> Mapping[tuple[HolderId, int], Sequence[UsePart]]:
    """Return what was used by line and by number of the hour."""
    asked = {
        "home": home,
        "lines": list(lines),
        "hours": list(starts),
        "since": starts[0],
        "until": until,
        "early": starts[0] - _CLOCKS_APART,
    }
    rows: list[tuple[HolderId, AllowanceId, int, int, bool]] = []
    for statement, from_pool in ((_OWN, False), (_POOLED, True)):
        cursor = await connection.execute(statement, asked)
        async for line, allowance, hour, amount in cursor:
            rows.append((line, allowance, hour - 1, amount, from_pool))
    known = await load_allowances(connection, home, {allowance for _, allowance, *_ in rows})
    parts: dict[tuple[HolderId, int], dict[UsePart, int]] = {}
    for line, allowance, hour, amount, from_pool in rows:
        part = _part_of(known[allowance], starts[hour], zone, from_pool=from_pool)
        of_hour = parts.setdefault((line, hour), {})
        of_hour[part] = of_hour.get(part, 0) + amount
    return {place: _sized(of_hour) for place, of_hour in parts.items()}


def _part_of(allowance: Allowance, at: datetime, zone: ZoneInfo, *, from_pool: bool) -> UsePart:
    classes = classes_of(allowance, at, zone)
    return UsePart(
        unit=allowance.unit,
        kind=next(kind for kind in _KINDS if kind in classes),
        zone=allowance.zone,
        is_night=allowance.hours is not None,
        from_pool=from_pool,
        amount=0,
    )


def _sized(amounts: Mapping[UsePart, int]) -> tuple[UsePart, ...]:
    return tuple(replace(part, amount=amount) for part, amount in amounts.items())
