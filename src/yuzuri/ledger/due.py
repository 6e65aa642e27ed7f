"""What time or a crash has left to do: travellers between homes, lapsed holds, expired balances."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from yuzuri.db import Connection
from yuzuri.kernel.ids import HolderId, Home, Id, TransferId
from yuzuri.ledger.allowance_rows import load_allowances
from yuzuri.ledger.allowances import Allowance

_TRANSIT = """
SELECT id, target, allowance, amount FROM in_transit
WHERE home = %s AND left_at <= %s ORDER BY left_at LIMIT %s
"""

_LAPSED = """
SELECT DISTINCT holder FROM hold
WHERE home = %s AND lapsed_at IS NULL AND expires_at <= %s LIMIT %s
"""

_WITH_EXPIRED = """
SELECT holder, expires_at FROM bucket
WHERE home = %s AND expires_at <= %s AND (expires_at, holder) > (%s, %s) AND held = 0
ORDER BY expires_at, holder
LIMIT %s
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Traveller(msgspec.Struct, frozen=True):
    """What has left a home for a holder of another."""

    id: TransferId
    target: HolderId
    allowance: Allowance
    amount: int


async def travellers(
    connection: Connection, home: Home, before: datetime, limit: int = 500
) -> Sequence[Traveller]:
    """Return what left a home by an instant and is not known to have arrived, oldest first."""
    cursor = await connection.execute(_TRANSIT, (home, before, limit))
    rows = await cursor.fetchall()
    terms = await load_allowances(connection, home, {row[2] for row in rows})
    return [Traveller(row[0], row[1], terms[row[2]], row[3]) for row in rows]


async def holders_with_lapsed(
    connection: Connection, home: Home, at: datetime, limit: int = 500
) -> Sequence[HolderId]:
    """Return holders with holds that have run out and were not yet written down as such."""
    cursor = await connection.execute(_LAPSED, (home, at, limit))
    return [row[0] async for row in cursor]


async def holders_with_expired(
    connection: Connection,
    home: Home,
    at: datetime,
    after: tuple[datetime, HolderId] | None = None,
    limit: int = 500,
) -> Sequence[tuple[datetime, HolderId]]:
    """Return holders with buckets that are over and hold nothing, in order, `after` the last seen.

    A holder with several such buckets may be named several times.
    """
    since = after or (_EPOCH, HolderId(Id(bytes(16))))
    cursor = await connection.execute(_WITH_EXPIRED, (home, at, *since, limit), prepare=True)
    return [(row[1], row[0]) async for row in cursor]
