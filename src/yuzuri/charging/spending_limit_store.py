"""The rows of subscriptions to counters, and what counters count, read without a lock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from yuzuri.charging.spending_limits import (
    CounterStatus,
    Left,
    LineCounters,
    Subscription,
    count_line,
)
from yuzuri.db import Connection
from yuzuri.db.arrays import UuidArray
from yuzuri.kernel.calendar import month_end, month_start
from yuzuri.kernel.ids import HolderId, Id, by_home, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.subscribers.lines import load_line

LOOK_PAUSE = timedelta(minutes=10)
"""How long after a look that came to nothing time alone lets look again."""

_COLUMNS = """
id, line, network_function, supi, notify_uri, notify_id, counters, told, expires_at
"""

# One statement and so one snapshot: no use is counted as used and as left, or as neither.
_COUNTED = """
SELECT unit, 0::bigint AS used, balance, bucket.expires_at
FROM bucket
JOIN allowance ON allowance.home = bucket.home AND allowance.id = bucket.allowance
WHERE bucket.home = %(home)s AND bucket.holder = %(line)s AND balance > 0
UNION ALL
SELECT unit, used, 0::bigint, NULL::timestamptz
FROM line_use WHERE home = %(home)s AND line = %(line)s AND cycle_start >= %(month)s
"""

_SLOWED = "SELECT FROM pool_member WHERE home = %s AND line = %s AND is_slowed"

_ADD = f"""
INSERT INTO spending_limit_subscription (home, {_COLUMNS}, next_look_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_FIND = f"""
SELECT {_COLUMNS} FROM spending_limit_subscription
WHERE home = %s AND id = %s AND network_function = %s
"""
_OF_LINE = f"SELECT {_COLUMNS} FROM spending_limit_subscription WHERE home = %s AND line = %s"
_CHANGE = """
UPDATE spending_limit_subscription
SET notify_uri = %s, notify_id = %s, counters = %s, told = %s, expires_at = %s, next_look_at = %s
WHERE home = %s AND id = %s
"""
_REMOVE = """
DELETE FROM spending_limit_subscription
WHERE home = %s AND id = %s AND network_function = %s AND expires_at > %s
"""
_NOTE_TOLD = """
UPDATE spending_limit_subscription SET told = told || %s WHERE home = %s AND id = %s
"""
_LOOKED = """
UPDATE spending_limit_subscription SET next_look_at = least(%s, expires_at)
WHERE home = %s AND line = %s
"""
_REMOVE_OVER = """
DELETE FROM spending_limit_subscription WHERE next_look_at <= %(at)s AND expires_at <= %(at)s
"""
_LOOK = """
UPDATE spending_limit_subscription SET next_look_at = least(%s, expires_at) WHERE next_look_at <= %s
RETURNING line
"""

_TELL = """
INSERT INTO counter_change (home, line, asked_at, due_at)
SELECT DISTINCT home, line, %(at)s::timestamptz, %(at)s::timestamptz
FROM spending_limit_subscription WHERE home = %(home)s AND line = ANY(%(lines)b)
ON CONFLICT (home, line) DO UPDATE
SET asked_at = excluded.asked_at, due_at = excluded.due_at, attempts = 0
"""


@dataclass(frozen=True, slots=True)
class CounterNotification:
    """What a subscription has not been told yet."""

    subscription: Subscription
    changed: Mapping[str, CounterStatus]


async def read_counters(
    connection: Connection, profiles: Profiles, line: HolderId, at: datetime
) -> LineCounters:
    """Return the counters of a line as they stand; raises `LINE_UNKNOWN`."""
    known = await load_line(connection, line)
    profile = profiles[known.operator]
    asked = {"home": home_of(line), "line": line, "month": month_start(at, profile.zone)}
    used: dict[Unit, int] = {}
    left = []
    async for unit, amount, balance, expires_at in await connection.execute(_COUNTED, asked):
        used[Unit(unit)] = used.get(Unit(unit), 0) + amount
        left.append(Left(Unit(unit), balance, expires_at))
    unlimited = find_plan(profile, known.plan).unlimited
    slowed = await (await connection.execute(_SLOWED, (home_of(line), line))).fetchone()
    month_ends_at = month_end(at, profile.zone)
    return count_line(used, left, unlimited, month_ends_at, at, is_slowed=slowed is not None)


async def add_subscription(
    connection: Connection, subscription: Subscription, at: datetime
) -> None:
    """Let a network function be told of changes from now on.

    Its counters are looked at once more at once, for what has changed since they were read.
    """
    one = subscription
    await connection.execute(
        _ADD,
        (home_of(one.line), one.id, one.line, one.network_function, one.supi, one.notify_uri,
         one.notify_id, list(one.counters), Jsonb(dict(one.told)), one.expires_at, at),
    )  # fmt: skip


async def find_subscription(
    connection: Connection, subscription: Id, network_function: str, at: datetime
) -> Subscription | None:
    """Return a subscription of a network function; None: it has none of this id that still runs."""
    asked = (home_of(subscription), subscription, network_function)
    row = await (await connection.execute(_FIND, asked)).fetchone()
    found = None if row is None else _subscription(row)
    return None if found is None or found.is_over(at) else found


async def change_subscription(
    connection: Connection, subscription: Subscription, at: datetime
) -> None:
    """Keep a subscription as it now is, with what its network function is told in the answer."""
    one = subscription
    await connection.execute(
        _CHANGE,
        (one.notify_uri, one.notify_id, list(one.counters), Jsonb(dict(one.told)), one.expires_at,
         at, home_of(one.id), one.id),
    )  # fmt: skip


async def remove_subscription(
    connection: Connection, subscription: Id, network_function: str, at: datetime
) -> bool:
    """End a subscription; False: the network function has none of this id that still runs."""
    asked = (home_of(subscription), subscription, network_function, at)
    return (await connection.execute(_REMOVE, asked)).rowcount > 0


# ---------------------------------------------------------------- telling


async def tell_subscribers(
    connection: Connection, lines: Collection[HolderId], at: datetime
) -> None:
    """Let the counters of those of these lines be told to which somebody has subscribed."""
    for home, ids in by_home(lines).items():
        asked = {"home": home, "lines": UuidArray(ids), "at": at}
        await connection.execute(_TELL, asked, prepare=True)


async def look_at_counters(connection: Connection, at: datetime) -> None:
    """Let those lines be looked at whose counters time alone may have changed by now.

    A month has begun, or something has expired. Subscriptions whose time is over are removed.
    """
    await connection.execute(_REMOVE_OVER, {"at": at})
    cursor = await connection.execute(_LOOK, (at + LOOK_PAUSE, at))
    lines = {HolderId(row[0]) for row in await cursor.fetchall()}
    await tell_subscribers(connection, lines, at)


async def due_counter_notifications(
    connection: Connection, profiles: Profiles, line: HolderId, at: datetime
) -> Sequence[CounterNotification]:
    """Return what the subscriptions to a line's counters have not been told yet.

    Each is to be sent, and noted by `note_told` once it has been taken.
    """
    cursor = await connection.execute(_OF_LINE, (home_of(line), line))
    subscriptions = [_subscription(row) for row in await cursor.fetchall()]
    if not subscriptions:
        return []
    counters = await read_counters(connection, profiles, line, at)
    await connection.execute(_LOOKED, (counters.next_change_at, home_of(line), line))
    return [
        CounterNotification(one, changed)
        for one in subscriptions
        if not one.is_over(at) and (changed := one.changed(counters.statuses))
    ]


async def note_told(connection: Connection, notification: CounterNotification) -> None:
    """Note that a subscription has been told."""
    one = notification.subscription
    told = Jsonb(dict(notification.changed))
    await connection.execute(_NOTE_TOLD, (told, home_of(one.id), one.id))


def _subscription(row: Sequence[Any]) -> Subscription:
    subscription, line, function, supi, notify_uri, notify_id, counters, told, expires_at = row
    return Subscription(
        id=Id(subscription),
        line=HolderId(line),
        network_function=function,
        supi=supi,
        notify_uri=notify_uri,
        notify_id=notify_id,
        counters=tuple(counters),
        told={counter: CounterStatus(status) for counter, status in told.items()},
        expires_at=expires_at,
    )
