"""The ledger's rows: loading a book under its locks, and writing what became of it, set by set.

A group of thousands goes through here, so ids stay bytes and columns are packed by `db.arrays`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.db.arrays import BigintArray, CharArray, PlaceArray, UuidArray
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import (
    AllowanceId,
    HolderId,
    Home,
    Id,
    PurchaseId,
    TransferId,
    by_home,
    home_of,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.ledger.book import Book, Bucket, Hold, HomeState
from yuzuri.ledger.changes import HOUSE_IDS, Transfer
from yuzuri.ledger.journal import LEAF, leaf_hash, merkle_root, page_digest

# FOR NO KEY UPDATE: reads of the row, and inserts that refer to it, go on.
_LOCK_HOME = "SELECT groups, page, digest FROM home WHERE home = %s FOR NO KEY UPDATE"

# Rows of one width in one value: thousands of them are unpacked by one call.
_LOAD_BUCKETS = """
SELECT string_agg(
    uuid_send(holder) || uuid_send(allowance) || int8send(balance) || int8send(held)
    || tidsend(ctid), '')
FROM bucket WHERE home = %s AND holder = ANY(%b)
"""
_BUCKET_ROW = Struct(">16s16sqq6s")

# One statement and so one snapshot: what is held and its holds never come from two moments.
_READ_BUCKETS = """
SELECT bucket.holder, bucket.allowance, balance, held,
       hold.id, hold.amount, hold.cause, hold.opened_at, hold.expires_at
FROM bucket
LEFT JOIN hold ON hold.home = bucket.home AND hold.holder = bucket.holder
    AND hold.allowance = bucket.allowance AND hold.lapsed_at IS NULL
WHERE bucket.home = %s AND bucket.holder = ANY(%b)
"""

_LOAD_HOLDS = """
SELECT id, holder, allowance, amount, cause, opened_at, expires_at FROM hold
WHERE home = %s AND holder = ANY(%b) AND lapsed_at IS NULL
"""

_ALLOWANCE_COLUMNS = """
id, unit, operator, plan, zone, source, paid, issued_at, expires_at, purchase,
hours_since, hours_until, hours_timezone, hops, parent, expiry_rule
"""

_LOAD_ALLOWANCES = f"SELECT {_ALLOWANCE_COLUMNS} FROM allowance WHERE home = %s AND id = ANY(%b)"

_ADD_ALLOWANCES = f"""
INSERT INTO allowance (home, {_ALLOWANCE_COLUMNS})
SELECT %s, * FROM unnest(
    %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[],
    %b::timestamptz[], %b::timestamptz[], %b::uuid[], %b::time[], %b::time[], %b::text[],
    %b::integer[], %b::uuid[], %b::text[])
ON CONFLICT (home, id) DO NOTHING
"""

# By its place: the home is locked, so nothing has moved the row since it was loaded, and no index
# is searched a second time.
_UPDATE_PLACES = """
UPDATE bucket SET balance = changed.balance, held = changed.held
FROM unnest(%b::tid[], %b::bigint[], %b::bigint[]) AS changed (place, balance, held)
WHERE bucket.ctid = changed.place AND bucket.home = %s
"""

# What the group before has changed has its row elsewhere now.
_UPDATE_BUCKETS = """
UPDATE bucket SET balance = changed.balance, held = changed.held
FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[])
    AS changed (holder, allowance, balance, held)
WHERE bucket.home = %s AND bucket.holder = changed.holder AND bucket.allowance = changed.allowance
"""

_ADD_BUCKETS = """
INSERT INTO bucket (home, holder, allowance, balance, held, expires_at)
SELECT %s, * FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[], %b::timestamptz[])
"""

_REMOVE_BUCKETS = """
DELETE FROM bucket USING unnest(%b::uuid[], %b::uuid[]) AS closed (holder, allowance)
WHERE bucket.home = %s AND bucket.holder = closed.holder AND bucket.allowance = closed.allowance
"""

_ADD_HOLDS = """
INSERT INTO hold (home, holder, id, allowance, amount, cause, opened_at, expires_at)
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::uuid[], %b::timestamptz[],
    %b::timestamptz[])
ON CONFLICT (home, holder, id) DO UPDATE
SET allowance = excluded.allowance, amount = excluded.amount, cause = excluded.cause,
    opened_at = excluded.opened_at, expires_at = excluded.expires_at, lapsed_at = NULL
WHERE hold.lapsed_at IS NOT NULL
"""

_CHANGE_HOLDS = """
UPDATE hold SET amount = changed.amount, lapsed_at = changed.lapsed_at
FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::timestamptz[])
    AS changed (holder, id, amount, lapsed_at)
WHERE hold.home = %s AND hold.holder = changed.holder AND hold.id = changed.id
"""

_REMOVE_HOLDS = """
DELETE FROM hold USING unnest(%b::uuid[], %b::uuid[]) AS ended (holder, id)
WHERE hold.home = %s AND hold.holder = ended.holder AND hold.id = ended.id
"""

_ADD_TRANSFERS = """
INSERT INTO transfer
    (home, page, amount, checksum, allowance, source, target, cause, kind, position)
SELECT %s, %s, * FROM unnest(
    %b::bigint[], %b::bigint[], %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::"char"[])
    WITH ORDINALITY
"""

_ADD_PAGE = """
INSERT INTO journal_page (home, number, at, transfers, root, digest)
VALUES (%s, %s, %s, %s, %b, %b)
"""

_END_GROUP = "UPDATE home SET groups = %s, page = %s, digest = %b WHERE home = %s"

_ENTER_TRANSIT = """
INSERT INTO in_transit (home, id, target, allowance, amount, left_at, deadline)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

_LEAVE_TRANSIT = "DELETE FROM in_transit WHERE home = %s AND id = ANY(%b)"

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


_ROWS_AT_ONCE = 2_000
"""How many rows one side works on while the other works on those before."""

_Value = TypeVar("_Value")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class AllowanceCache:
    """Allowances that this process has read lately: they never change, so they are never stale."""

    def __init__(self, size_max: int = 200_000) -> None:
        self._known: dict[tuple[Home, AllowanceId], Allowance] = {}
        self._size_max = size_max

    def take(
        self, home: Home, ids: Iterable[AllowanceId], found: dict[AllowanceId, Allowance]
    ) -> list[AllowanceId]:
        """Put those that are known into `found` and return the others."""
        missing = []
        for allowance_id in ids:
            known = self._known.get((home, allowance_id))
            if known is None:
                missing.append(allowance_id)
            else:
                found[allowance_id] = known
        return missing

    def keep(self, home: Home, allowances: Iterable[Allowance]) -> None:
        """Remember what was read from the database."""
        if len(self._known) > self._size_max:
            self._known.clear()
        for allowance in allowances:
            self._known[home, allowance.id] = allowance


async def lock_home(connection: Connection, home: Home) -> HomeState | None:
    """Wait until all that the home's holders have is ours until the transaction ends.

    Whoever locks several homes does so in their order. Returns how its books stand; None where
    there is no such home.
    """
    return await _locked_state(await _ask_for_lock(connection, home))


async def load_book(
    connection: Connection,
    holders: Iterable[HolderId],
    at: datetime,
    *,
    homes: Iterable[Home] = (),
    cache: AllowanceCache | None = None,
) -> Book:
    """Lock the homes of the holders (and `homes`) in order, and load all that the holders have.

    The locks last until the transaction ends. A holder that does not exist has nothing.
    """
    wanted = by_home(holders)
    book = Book(at)
    locks: dict[Home, AsyncCursor[TupleRow]] = {}
    asked: dict[Home, list[AsyncCursor[TupleRow]]] = {}
    # All is asked before the first answer is waited for.
    for home in sorted({*wanted, *homes}):
        locks[home] = await _ask_for_lock(connection, home)
        asked[home] = await _ask_for_buckets(connection, home, wanted.get(home, ()))
    for home, lock in locks.items():
        state = await _locked_state(lock)
        if state is not None:
            book.locked[home] = state
            await _take(connection, book, home, wanted.get(home, []), asked[home], cache)
    book.end_lapsed_holds()
    return book


async def foresee_book(
    connection: Connection,
    home: Home,
    holders: Sequence[HolderId],
    at: datetime,
    after: Book,
    cache: AllowanceCache,
) -> Book:
    """Read what holders of a home will have once the group of another book is committed.

    Nothing is locked: `confirm_book` tells under the lock whether it has become true.
    """
    unseen = [holder for holder in holders if holder not in after.buckets]
    book = Book(at, locked={home: after.written[home]})
    asked = await _ask_for_buckets(connection, home, unseen)
    await _take(connection, book, home, unseen, asked, cache)
    seen = {holder for holder in holders if holder in after.buckets}
    for holder in seen:
        owned = after.buckets[holder]
        book.buckets[holder] = {id_: bucket.once_written() for id_, bucket in owned.items()}
        for allowance in owned:
            book.allowances[allowance] = after.allowances[allowance]
            book.recorded.add((home, allowance))
    for hold in after.holds.values():
        if hold.holder in seen:
            book.add_hold(hold.once_written())
    book.end_lapsed_holds()
    return book


async def confirm_book(connection: Connection, book: Book) -> bool:
    """Lock the home of a foreseen book, and tell whether it stands where that book begins."""
    for home, foreseen in book.locked.items():
        if await _locked_state(await _ask_for_lock(connection, home)) != foreseen:
            return False
    return True


async def _ask_for_lock(connection: Connection, home: Home) -> AsyncCursor[TupleRow]:
    return await connection.execute(_LOCK_HOME, (home,), prepare=True)


async def _locked_state(asked: AsyncCursor[TupleRow]) -> HomeState | None:
    row = await asked.fetchone()
    return None if row is None else HomeState(*row)


async def _take(
    connection: Connection,
    book: Book,
    home: Home,
    holders: Sequence[HolderId],
    asked: Iterable[AsyncCursor[TupleRow]],
    cache: AllowanceCache | None,
) -> None:
    """Put what holders have, what they hold back of it, and on what terms, into a book."""
    named: set[AllowanceId] = set()
    holding = await _take_buckets(asked, holders, book.buckets, named)
    if holding:
        cursor = await connection.execute(_LOAD_HOLDS, (home, UuidArray(holding)), prepare=True)
        for row in await cursor.fetchall():
            book.add_hold(Hold(*row))
    await _load_terms(connection, book, home, named, cache or AllowanceCache())


async def read_book(connection: Connection, holders: Iterable[HolderId], at: datetime) -> Book:
    """Read what holders have without locking anything: for showing, never for deciding."""
    book = Book(at)
    for home, owners in by_home(holders).items():
        cursor = await connection.execute(_READ_BUCKETS, (home, UuidArray(owners)))
        async for row in cursor:
            bucket = Bucket(*row[:4])
            if book.bucket(bucket.holder, bucket.allowance) is None:
                book.add_bucket(bucket)
            if row[4] is not None:
                book.add_hold(Hold(row[4], bucket.holder, bucket.allowance, *row[5:]))
        named = {allowance for holder in owners for allowance in book.buckets.get(holder, ())}
        await _load_terms(connection, book, home, named, AllowanceCache())
    book.end_lapsed_holds()
    return book


async def load_allowances(
    connection: Connection, home: Home, ids: Iterable[AllowanceId]
) -> dict[AllowanceId, Allowance]:
    """Return the allowances of a home with these ids."""
    cursor = await connection.execute(_LOAD_ALLOWANCES, (home, UuidArray(list(ids))), prepare=True)
    return {row[0]: _allowance(row) async for row in cursor}


Write = tuple[LiteralString, Sequence[Any]]
"""A statement with its parameters."""


async def write_book(connection: Connection, book: Book) -> None:
    """Write all that changed in the book; the caller's transaction makes it one."""
    await carry_out(connection, pack_book(book))


async def carry_out(connection: Connection, writes: Iterable[Write]) -> None:
    """Execute statements in their order."""
    for statement, parameters in writes:
        await connection.execute(statement, parameters, prepare=True)


def pack_book(book: Book) -> list[Write]:
    """Return what writes all that changed in the book; `book.written` says where that leaves it."""
    book.written = dict(book.locked)
    return list(_writes_of(book))


def _writes_of(book: Book) -> Iterator[Write]:
    for home, allowances in _grouped(book, book.new_allowances.items(), lambda new: new[0][0]):
        yield (
            _ADD_ALLOWANCES,
            (home, *_columns(_allowance_row(allowance) for _, allowance in allowances)),
        )
    for home, transfers in _grouped(book, book.transfers, _home_of_transfer):
        yield from _page(book, home, transfers)
    for home, buckets in _grouped(book, book.changed_buckets, _home_of_bucket):
        yield from _bucket_writes(home, buckets, book.allowances)
        end = book.written[home]
        book.written[home] = HomeState(end.groups + 1, end.page, end.digest)
        yield _END_GROUP, (end.groups + 1, end.page, end.digest, home)
    if book.changed_holds or book.ended_holds:
        yield from _hold_writes(book)
    for entered in book.entered_transit:
        yield (
            _ENTER_TRANSIT,
            (home_of(entered.source), entered.id, entered.target, entered.allowance,
             entered.amount, book.at, entered.deadline),
        )  # fmt: skip
    for home, left in _grouped(book, book.left_transit, lambda change: change.home):
        yield _LEAVE_TRANSIT, (home, UuidArray([end.id for end in left]))


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


async def _ask_for_buckets(
    connection: Connection, home: Home, holders: Sequence[HolderId]
) -> list[AsyncCursor[TupleRow]]:
    """Ask in parts, so that some rows are taken in while PostgreSQL looks for the next."""
    return [
        await connection.execute(
            _LOAD_BUCKETS, (home, UuidArray(holders[start : start + _ROWS_AT_ONCE])),
            prepare=True, binary=True,
        )
        for start in range(0, len(holders), _ROWS_AT_ONCE)
    ]  # fmt: skip


async def _take_buckets(
    asked: Iterable[AsyncCursor[TupleRow]],
    holders: Iterable[HolderId],
    buckets: dict[HolderId, dict[AllowanceId, Bucket]],
    named: set[AllowanceId],
) -> list[HolderId]:
    """Put what holders have into `buckets`, what of into `named`; returns who holds some back."""
    holding: list[HolderId] = []
    known = {holder: holder for holder in holders}
    allowances: dict[bytes, AllowanceId] = {}
    for cursor in asked:
        row = await cursor.fetchone()
        rows = b"" if row is None or row[0] is None else row[0]
        for holder_bytes, allowance_bytes, balance, held, place in _BUCKET_ROW.iter_unpack(rows):
            holder = known[holder_bytes]
            allowance = allowances.get(allowance_bytes)
            if allowance is None:
                allowance = allowances[allowance_bytes] = AllowanceId(Id(allowance_bytes))
            owned = buckets.get(holder)
            if owned is None:
                owned = buckets[holder] = {}
            owned[allowance] = Bucket(holder, allowance, balance, held, True, place)
            if held:
                holding.append(holder)
    named.update(allowances.values())
    return holding


async def _load_terms(
    connection: Connection,
    book: Book,
    home: Home,
    named: Iterable[AllowanceId],
    cache: AllowanceCache,
) -> None:
    """Put the terms of what a home's holders have into the book."""
    missing = cache.take(home, named, book.allowances)
    if missing:
        read = await load_allowances(connection, home, missing)
        cache.keep(home, read.values())
        book.allowances |= read
    book.recorded |= {(home, allowance) for allowance in named}


def _page(book: Book, home: Home, transfers: Sequence[Transfer]) -> Iterator[Write]:
    """Yield what writes a group's transfers as the next page of its home's journal."""
    end, at_us = book.locked[home], (book.at - _EPOCH) // _MICROSECOND
    number = end.page + 1
    hashes = [
        leaf_hash(
            LEAF.pack(home, number, position, at_us, t.kind.encode(), t.amount,
                      t.allowance, t.source, t.target, t.cause)
        )
        for position, t in enumerate(transfers, start=1)
    ]  # fmt: skip
    columns = (
        BigintArray([t.amount for t in transfers]),
        BigintArray.of_bytes([hashed[:8] for hashed in hashes]),
        UuidArray([t.allowance for t in transfers]),
        UuidArray([t.source for t in transfers]),
        UuidArray([t.target for t in transfers]),
        UuidArray([t.cause for t in transfers]),
        CharArray([t.kind.encode() for t in transfers]),
    )
    yield _ADD_TRANSFERS, (home, number, *columns)
    root = merkle_root(hashes)
    digest = page_digest(end.digest, home, number, at_us, len(transfers), root)
    yield _ADD_PAGE, (home, number, book.at, len(transfers), root, digest)
    book.written[home] = HomeState(end.groups, number, digest)


def _bucket_writes(
    home: Home, changed: Sequence[Bucket], allowances: Mapping[AllowanceId, Allowance]
) -> Iterator[Write]:
    # First, as the same group may have put something there again.
    closed = [b for b in changed if b.is_closed and b.has_row]
    if closed:
        keys = (UuidArray([b.holder for b in closed]), UuidArray([b.allowance for b in closed]))
        yield _REMOVE_BUCKETS, (*keys, home)
    # In the order of their places: neighbours on a page one after another.
    placed = sorted(
        [(b.place, b.balance, b.held) for b in changed if b.place is not None and not b.is_closed]
    )
    if placed:
        places, *amounts = zip(*placed, strict=True)
        yield _UPDATE_PLACES, (PlaceArray(places), *map(BigintArray, amounts), home)
    others = [b for b in changed if b.place is None and not b.is_closed]
    moved = [(b.holder, b.allowance, b.balance, b.held) for b in others if b.has_row]
    if moved:
        holders, owned, *amounts = zip(*sorted(moved), strict=True)
        keys = (UuidArray(holders), UuidArray(owned))
        yield _UPDATE_BUCKETS, (*keys, *map(BigintArray, amounts), home)
    new = [
        (b.holder, b.allowance, b.balance, b.held, allowances[b.allowance].expires_at)
        for b in others
        if not b.has_row
    ]
    if new:
        yield _ADD_BUCKETS, (home, *_columns(new))


def _hold_writes(book: Book) -> Iterator[Write]:
    changed = list(book.changed_holds.values())
    for home, holds in _grouped(book, book.ended_holds, _home_of_hold):
        yield _REMOVE_HOLDS, (*_columns((h.holder, h.id) for h in holds), home)
    for home, holds in _grouped(book, [hold for hold in changed if hold.is_new], _home_of_hold):
        rows = (
            (h.holder, h.id, h.allowance, h.amount, h.cause, h.opened_at, h.expires_at)
            for h in holds
        )
        yield _ADD_HOLDS, (home, *_columns(rows))
    for home, holds in _grouped(book, [h for h in changed if not h.is_new], _home_of_hold):
        columns = _columns((h.holder, h.id, h.amount, h.lapsed_at) for h in holds)
        yield _CHANGE_HOLDS, (*columns, home)


def _home_of_transfer(transfer: Transfer) -> Home:
    return home_of(transfer.target if transfer.source in HOUSE_IDS else transfer.source)


def _home_of_hold(hold: Hold) -> Home:
    return home_of(hold.holder)


def _home_of_bucket(bucket: Bucket) -> Home:
    return home_of(bucket.holder)


def _grouped(
    book: Book, values: Collection[_Value], home_of_value: Callable[[_Value], Home]
) -> Iterable[tuple[Home, list[_Value]]]:
    """Return values by home; where one is locked, all are of that one."""
    if not values:
        return ()
    if len(book.locked) == 1:
        return ((home, list(values)) for home in book.locked)
    groups: dict[Home, list[_Value]] = {}
    for value in values:
        groups.setdefault(home_of_value(value), []).append(value)
    return groups.items()


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
