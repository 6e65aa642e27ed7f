"""The ledger's rows: loading a book under its locks, and writing what became of it, set by set."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, PurchaseId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.ledger.book import Book, Bucket, Entry, Hold

_LOCK_HOLDERS = """
SELECT id FROM holder
WHERE home = %s AND id = ANY(%b)
ORDER BY id
FOR NO KEY UPDATE
"""

# One statement and so one snapshot: what is held and its holds never come from two moments.
_LOAD_BUCKETS = """
SELECT bucket.holder, bucket.allowance, balance, held, entries, head,
       hold.id, hold.amount, hold.cause, hold.opened_at, hold.expires_at
FROM bucket
LEFT JOIN hold ON hold.home = bucket.home AND hold.holder = bucket.holder
    AND hold.allowance = bucket.allowance AND hold.state = 'open'
WHERE bucket.home = %s AND bucket.holder = ANY(%b)
"""

_ALLOWANCE_COLUMNS = """
id, unit, operator, plan, zone, source, paid, issued_at, expires_at, purchase,
hours_since, hours_until, hours_timezone, hops, parent, expiry_rule
"""

_LOAD_ALLOWANCES = f"""
SELECT {_ALLOWANCE_COLUMNS}
FROM allowance
WHERE home = %s AND id = ANY(%b)
"""

_ADD_ALLOWANCES = f"""
INSERT INTO allowance (home, {_ALLOWANCE_COLUMNS})
SELECT %s, * FROM unnest(
    %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[],
    %b::timestamptz[], %b::timestamptz[], %b::uuid[], %b::time[], %b::time[], %b::text[],
    %b::integer[], %b::uuid[], %b::text[])
"""

# The same gift on the same terms gives the same allowance; what is issued is new, or a defect.
_ADD_RECEIVED_ALLOWANCES = f"{_ADD_ALLOWANCES} ON CONFLICT (home, id) DO NOTHING"

_WRITE_BUCKETS = """
INSERT INTO bucket (home, holder, allowance, balance, held, entries, head)
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bytea[])
ON CONFLICT (home, holder, allowance) DO UPDATE
SET balance = excluded.balance, held = excluded.held,
    entries = excluded.entries, head = excluded.head
"""

_WRITE_HOLDS = """
INSERT INTO hold (home, id, holder, allowance, amount, cause, opened_at, expires_at,
                  state, captured, ended_at)
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::uuid[], %b::timestamptz[],
    %b::timestamptz[], %b::text[], %b::bigint[], %b::timestamptz[])
ON CONFLICT (home, id) DO UPDATE
SET state = excluded.state, captured = excluded.captured, ended_at = excluded.ended_at
"""

_COPY_ENTRIES = """
COPY entry (home, holder, transfer, allowance, amount, kind, cause, at, number, hash)
FROM STDIN (FORMAT BINARY)
"""

_ENTRY_TYPES = (
    "int2", "uuid", "uuid", "uuid", "int8", "text", "uuid", "timestamptz", "int8", "bytea",
)  # fmt: skip

_HOLDERS_WITH_EXPIRED = """
SELECT DISTINCT bucket.holder
FROM bucket JOIN allowance ON allowance.home = bucket.home AND allowance.id = bucket.allowance
WHERE bucket.home = %s AND bucket.balance > bucket.held AND allowance.expires_at <= %s
LIMIT %s
"""

_ADD_HOLDER = "INSERT INTO holder (home, id, kind) VALUES (%s, %s, 'line')"


async def load_book(
    connection: Connection, home: Home, holders: Iterable[HolderId], at: datetime
) -> Book:
    """Lock the holders in the one global order, and load all that they have and hold.

    The locks last until the transaction ends. A holder that does not exist has nothing.
    """
    wanted = sorted(set(holders))
    await lock_holders(connection, home, wanted)
    return await read_book(connection, home, wanted, at)


async def lock_holders(connection: Connection, home: Home, holders: Sequence[HolderId]) -> None:
    """Lock all that these holders have until the transaction ends, in the one global order."""
    if holders:
        await connection.execute(_LOCK_HOLDERS, (home, list(holders)))


async def read_book(
    connection: Connection, home: Home, holders: Sequence[HolderId], at: datetime
) -> Book:
    """Read what holders have without locking anything: for showing, never for deciding."""
    book = Book(at)
    if not holders:
        return book
    cursor = await connection.execute(_LOAD_BUCKETS, (home, list(holders)))
    async for row in cursor:
        bucket, (hold_id, *terms) = Bucket(*row[:6]), row[6:]
        book.add_bucket(bucket)
        if hold_id is not None:
            book.add_hold(Hold(hold_id, bucket.holder, bucket.allowance, *terms))
    named = {bucket.allowance for owned in book.buckets.values() for bucket in owned.values()}
    book.allowances = await load_allowances(connection, home, named)
    book.end_lapsed_holds()
    return book


async def load_allowances(
    connection: Connection, home: Home, ids: Iterable[AllowanceId]
) -> dict[AllowanceId, Allowance]:
    """Return the allowances with these ids."""
    cursor = await connection.execute(_LOAD_ALLOWANCES, (home, list(ids)))
    return {AllowanceId(row[0]): _allowance(row) async for row in cursor}


async def write_book(connection: Connection, home: Home, book: Book) -> None:
    """Write all that changed in the book; the caller's transaction makes it one.

    Raises `UniqueViolation` where another process has issued one of the allowances meanwhile.
    """
    # In the order of their ids, as every process writes them: no two wait for each other.
    new = sorted(book.new_allowances.values(), key=lambda allowance: allowance.id)
    for statement, allowances in (
        (_ADD_ALLOWANCES, [allowance for allowance in new if allowance.hops == 0]),
        (_ADD_RECEIVED_ALLOWANCES, [allowance for allowance in new if allowance.hops > 0]),
    ):
        if allowances:
            await connection.execute(statement, (home, *_columns(map(_allowance_row, allowances))))
    if book.changed_buckets:
        buckets = [book.buckets[holder][allowance] for holder, allowance in book.changed_buckets]
        rows = [(b.holder, b.allowance, b.balance, b.held, b.entries, b.head) for b in buckets]
        await connection.execute(_WRITE_BUCKETS, (home, *_columns(rows)))
    if book.changed_holds:
        holds = [book.holds[hold_id] for hold_id in book.changed_holds]
        await connection.execute(_WRITE_HOLDS, (home, *_columns(map(_hold_row, holds))))
    if book.entries:
        await _copy_entries(connection, home, book.entries)


async def holders_with_expired(
    connection: Connection, home: Home, at: datetime, limit: int = 1_000
) -> Sequence[HolderId]:
    """Return holders that still have what has expired."""
    cursor = await connection.execute(_HOLDERS_WITH_EXPIRED, (home, at, limit))
    return [HolderId(row[0]) async for row in cursor]


async def add_holder(connection: Connection, home: Home, holder: HolderId) -> None:
    """Make a holder that can have buckets."""
    await connection.execute(_ADD_HOLDER, (home, holder))


async def _copy_entries(connection: Connection, home: Home, entries: Iterable[Entry]) -> None:
    async with connection.cursor() as cursor, cursor.copy(_COPY_ENTRIES) as copy:
        copy.set_types(_ENTRY_TYPES)
        for e in entries:
            await copy.write_row(
                (home, e.holder, e.transfer, e.allowance, e.amount, e.kind.value,
                 e.cause, e.at, e.number, e.hash)
            )  # fmt: skip


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _allowance_row(allowance: Allowance) -> tuple[Any, ...]:
    a, hours = allowance, allowance.hours
    return (
        a.id, a.unit.value, a.operator, a.plan, a.zone, a.source.value, a.paid, a.issued_at,
        a.expires_at, a.purchase, hours and hours.since, hours and hours.until,
        hours and hours.timezone, a.hops, a.parent, a.expiry_rule,
    )  # fmt: skip


def _allowance(row: TupleRow) -> Allowance:
    (allowance_id, unit, operator, plan, zone, source, paid, issued_at, expires_at, purchase,
     since, until, timezone, hops, parent, expiry_rule) = row  # fmt: skip
    return Allowance(
        id=AllowanceId(allowance_id),
        unit=Unit(unit),
        operator=operator,
        plan=plan,
        zone=zone,
        source=Source(source),
        paid=paid,
        issued_at=issued_at,
        expires_at=expires_at,
        purchase=PurchaseId(purchase),
        hours=None if since is None else DailyWindow(since, until, timezone),
        hops=hops,
        parent=None if parent is None else AllowanceId(parent),
        expiry_rule=expiry_rule,
    )


def _hold_row(hold: Hold) -> tuple[Any, ...]:
    h = hold
    return (
        h.id, h.holder, h.allowance, h.amount, h.cause, h.opened_at, h.expires_at,
        h.state.value, h.captured, h.ended_at,
    )  # fmt: skip
