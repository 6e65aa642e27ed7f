"""Reading the ledger: a book under its locks, one that is foreseen, and one that is only shown.

What becomes of a book is written by `writes.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import Struct

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.db.arrays import UuidArray
from yuzuri.kernel.ids import (
    AllowanceId,
    HolderId,
    Home,
    Id,
    by_home,
)
from yuzuri.ledger.allowance_rows import AllowanceCache, load_allowances
from yuzuri.ledger.book import Book, Bucket, Hold, HomeState

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
       hold.id, hold.amount, hold.cause, hold.expires_at
FROM bucket
LEFT JOIN hold ON hold.home = bucket.home AND hold.holder = bucket.holder
    AND hold.allowance = bucket.allowance AND hold.lapsed_at IS NULL
WHERE bucket.home = %s AND bucket.holder = ANY(%b)
"""

_LOAD_HOLDS = """
SELECT id, holder, allowance, amount, cause, expires_at FROM hold
WHERE home = %s AND holder = ANY(%b) AND lapsed_at IS NULL
"""

_ROWS_AT_ONCE = 2_000
"""How many rows one side works on while the other works on those before."""


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
    asked = await ask_for_book(connection, holders, homes)
    return await take_book(connection, asked, at, cache or AllowanceCache())


@dataclass(frozen=True, slots=True)
class AskedBook:
    """The answers that are awaited for each home: its lock, and what its holders have."""

    holders: Mapping[Home, Sequence[HolderId]]
    locks: Mapping[Home, AsyncCursor[TupleRow]]
    buckets: Mapping[Home, Sequence[AsyncCursor[TupleRow]]]


async def ask_for_book(
    connection: Connection, holders: Iterable[HolderId], homes: Iterable[Home] = ()
) -> AskedBook:
    """Ask for locks and balances; what is asked after it in a pipeline is read under the locks."""
    wanted = by_home(holders)
    locks: dict[Home, AsyncCursor[TupleRow]] = {}
    buckets: dict[Home, Sequence[AsyncCursor[TupleRow]]] = {}
    for home in sorted({*wanted, *homes}):
        locks[home] = await _ask_for_lock(connection, home)
        buckets[home] = await _ask_for_buckets(connection, home, wanted.get(home, ()))
    return AskedBook(wanted, locks, buckets)


async def take_book(
    connection: Connection, asked: AskedBook, at: datetime, cache: AllowanceCache
) -> Book:
    """Wait for what was asked, and put it into a book."""
    book = Book(at)
    for home, lock in asked.locks.items():
        state = await _locked_state(lock)
        if state is not None:
            book.locked[home] = state
            holders = asked.holders.get(home, ())
            await _take(connection, book, home, holders, asked.buckets[home], cache)
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
    cache: AllowanceCache,
) -> None:
    """Put what holders have, what they hold back of it, and on what terms, into a book."""
    named: set[AllowanceId] = set()
    holding = await _take_buckets(asked, holders, book.buckets, named)
    if holding:
        cursor = await connection.execute(
            _LOAD_HOLDS, (home, UuidArray(holding)), prepare=True, binary=True
        )
        for row in await cursor.fetchall():
            book.add_hold(Hold(*row))
    await _load_terms(connection, book, home, named, cache)


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
