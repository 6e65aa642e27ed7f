"""What a group has changed of the books, as statements: packed by pure code, then carried out.

A group of thousands goes through here, so ids stay bytes and columns are packed by `db.arrays`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, TypeVar

from yuzuri.db import Connection
from yuzuri.db.arrays import BigintArray, CharArray, PlaceArray, UuidArray
from yuzuri.kernel.ids import AllowanceId, Home, home_of
from yuzuri.ledger.allowance_rows import ADD_ALLOWANCES, allowance_row
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book, Bucket, Hold, HomeState
from yuzuri.ledger.changes import HOUSE_IDS, Transfer
from yuzuri.ledger.journal import LEAF, leaf_hash, merkle_root, page_digest

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
INSERT INTO hold (home, holder, id, allowance, amount, cause, expires_at)
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::uuid[], %b::timestamptz[])
ON CONFLICT (home, holder, id) DO UPDATE
SET allowance = excluded.allowance, amount = excluded.amount, cause = excluded.cause,
    expires_at = excluded.expires_at, lapsed_at = NULL
WHERE hold.lapsed_at IS NOT NULL
"""

_CHANGE_HOLDS = """
UPDATE hold
SET amount = changed.amount, expires_at = changed.expires_at, lapsed_at = changed.lapsed_at
FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::timestamptz[], %b::timestamptz[])
    AS changed (holder, id, amount, expires_at, lapsed_at)
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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_Value = TypeVar("_Value")

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
            ADD_ALLOWANCES,
            (home, *_columns(allowance_row(allowance) for _, allowance in allowances)),
        )
    for home, transfers in _grouped(book, book.transfers, _home_of_transfer):
        yield from _page(book, home, transfers)
    for home, buckets in _grouped(book, book.changed_buckets, _home_of_bucket):
        yield from _bucket_writes(home, buckets, book.allowances)
        yield _end_group(book, home)
    for home in sorted(book.touched):
        if book.written[home].groups == book.locked[home].groups:
            yield _end_group(book, home)
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


def _end_group(book: Book, home: Home) -> Write:
    end = book.written[home]
    book.written[home] = HomeState(end.groups + 1, end.page, end.digest)
    return _END_GROUP, (end.groups + 1, end.page, end.digest, home)


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
    moved = [hold for hold in changed if not hold.is_new and not hold.is_as_written]
    for home, holds in _grouped(book, book.ended_holds.values(), _home_of_hold):
        yield _REMOVE_HOLDS, (*_columns((h.holder, h.id) for h in holds), home)
    for home, holds in _grouped(book, [hold for hold in changed if hold.is_new], _home_of_hold):
        rows = ((h.holder, h.id, h.allowance, h.amount, h.cause, h.expires_at) for h in holds)
        yield _ADD_HOLDS, (home, *_columns(rows))
    for home, holds in _grouped(book, moved, _home_of_hold):
        columns = _columns((h.holder, h.id, h.amount, h.expires_at, h.lapsed_at) for h in holds)
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
