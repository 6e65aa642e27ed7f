"""The ledger's tables: what may never be changed, what the database refuses, what is found."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import LiteralString

import msgspec
import pytest
from psycopg import AsyncConnection, errors
from psycopg.errors import CheckViolation, InsufficientPrivilege
from tests.ids import numbered
from tests.model.world import ISSUED, World, breaches, choose, open_world

from yuzuri.db.connect import Database
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import (
    HOME,
    AllowanceId,
    HolderId,
    HoldId,
    Home,
    PurchaseId,
    in_home,
    new_id,
)
from yuzuri.kernel.quantities import AMOUNT_MAX, Unit
from yuzuri.ledger.allowances import Allowance, Source, received_allowance
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import (
    HOUSE,
    House,
    LedgerChange,
    NewAllowance,
    OpenHold,
    ReleaseHold,
    Transfer,
    TransferKind,
)
from yuzuri.ledger.store import load_book, read_book
from yuzuri.ledger.writes import write_book
from yuzuri.settings import Settings

AT = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)

DATA = Allowance(
    id=AllowanceId(new_id()),
    unit=Unit.DATA,
    operator="op",
    plan="plan",
    zone="JP",
    source=Source.BONUS,
    paid=True,
    issued_at=AT,
    expires_at=AT + timedelta(days=1, microseconds=7),
    purchase=PurchaseId(new_id()),
    hours=DailyWindow(time(23, 30), time(6), "Asia/Tokyo"),
)
PLAIN = dataclasses.replace(
    DATA, id=AllowanceId(new_id()), paid=False, expires_at=None, hours=None, source=Source.BASE
)


in_homes = pytest.mark.parametrize("homes", [1, 16])
"""In one home, and where each line has another."""


@pytest.fixture
def homes() -> int:
    """How many homes there are, where a test does not say that it wants several."""
    return 1


@pytest.fixture
async def world(
    settings: Settings, database_url: str, database: Database, homes: int
) -> AsyncIterator[World]:
    await choose(database_url, homes)
    async with open_world(settings, database) as world:
        yield world


def issued(holder: HolderId, allowance: Allowance, amount: int) -> list[LedgerChange]:
    return [
        NewAllowance(allowance=allowance, holder=holder),
        Transfer(
            allowance=allowance.id,
            source=HOUSE[House.ISSUED],
            target=holder,
            amount=amount,
            kind=TransferKind.ISSUE,
            cause=allowance.purchase,
        ),
    ]


async def change(
    database: Database, holder: HolderId, *changes: LedgerChange, at: datetime = AT
) -> Book:
    """Write what happens to a holder as one group."""
    async with database.connection() as connection:
        book = await load_book(connection, [holder], at)
        book.apply(changes)
        await write_book(connection, book)
    return book


async def load(database: Database, *holders: HolderId, at: datetime = AT) -> Book:
    async with database.connection() as connection:
        return await load_book(connection, holders, at)


# ---------------------------------------------------------------- what is written is what is read


@pytest.mark.parametrize(
    "allowance", [DATA, PLAIN, received_allowance(PLAIN, AT + timedelta(days=3), "op gift.expiry")]
)
async def test_an_allowance_is_read_as_it_was_written(
    database: Database, allowance: Allowance
) -> None:
    holder = HolderId(new_id())
    await change(database, holder, *issued(holder, allowance, AMOUNT_MAX))
    book = await load(database, holder)
    assert book.allowances == {allowance.id: allowance}
    assert [bucket.balance for bucket in book.buckets_of(holder)] == [AMOUNT_MAX]


def of_hold(number: int, holder: HolderId, amount: int) -> OpenHold:
    return OpenHold(
        id=HoldId(numbered(number)),
        holder=holder,
        allowance=DATA.id,
        amount=amount,
        cause=DATA.purchase,
        expires_at=AT + timedelta(hours=1),
    )


def of_part(number: int, holder: HolderId, amount: int) -> Transfer:
    return Transfer(
        allowance=DATA.id,
        source=holder,
        target=HOUSE[House.USED],
        amount=amount,
        kind=TransferKind.USE,
        cause=DATA.purchase,
        hold=HoldId(numbered(number)),
        keep_rest=True,
    )


async def test_a_bucket_and_its_holds_are_read_as_they_were_written(database: Database) -> None:
    holder = HolderId(new_id())
    await change(database, holder, *issued(holder, DATA, 100))
    written = await change(database, holder, of_hold(301, holder, 30), of_hold(302, holder, 20))
    book = await load(database, holder, HolderId(new_id()))
    async with database.connection() as connection:
        read = await read_book(connection, [holder], AT)
    for found in (book, read):
        [bucket] = found.buckets_of(holder)
        assert (bucket.allowance, bucket.balance, bucket.held) == (DATA.id, 100, 50)
        assert found.buckets.keys() == {holder}
        for hold in found.holds.values():
            hold.is_new, hold.written = True, None
        assert found.holds == written.holds
        assert [hold.amount for hold in found.open_holds(DATA.purchase)] in ([30, 20], [20, 30])


async def test_a_hold_that_ended_is_gone_and_one_that_ran_out_says_when(
    database: Database, admin_connection: AsyncConnection
) -> None:
    holder = HolderId(new_id())
    later, over = AT + timedelta(minutes=10), AT + timedelta(hours=1)
    await change(database, holder, *issued(holder, DATA, 100))
    opened = [of_hold(301 + n, holder, amount) for n, amount in enumerate((30, 20, 9))]
    await change(database, holder, *opened)
    await change(
        database,
        holder,
        of_part(301, holder, 12),
        of_part(302, holder, 20),
        ReleaseHold(id=HoldId(numbered(303))),
        at=later,
    )
    statement = "SELECT id, amount, lapsed_at FROM hold"
    cursor = await admin_connection.execute(statement)
    assert await cursor.fetchall() == [(numbered(301), 18, None)]
    [bucket] = (await load(database, holder, at=later)).buckets_of(holder)
    assert (bucket.balance, bucket.held) == (68, 18)

    unwritten = await load(database, holder, at=over)
    assert (unwritten.holds, unwritten.buckets_of(holder)[0].held) == ({}, 0)
    await change(database, holder, at=over)
    cursor = await admin_connection.execute(statement)
    assert await cursor.fetchall() == [(numbered(301), 18, over)]
    for at in (over, AT):  # by a clock that is behind, too
        book = await load(database, holder, at=at)
        assert (book.holds, book.buckets_of(holder)[0].held) == ({}, 0)


@pytest.mark.parametrize("is_swept", [True, False])
async def test_the_name_of_a_hold_that_ran_out_may_be_used_again(
    database: Database, is_swept: bool
) -> None:
    """Whether that it ran out was written down before, or is noticed just now."""
    holder, over = HolderId(new_id()), AT + timedelta(hours=1)
    await change(database, holder, *issued(holder, DATA, 100))
    await change(database, holder, of_hold(301, holder, 30))
    if is_swept:
        await change(database, holder, at=over)
    until = over + timedelta(hours=1)
    again = msgspec.structs.replace(of_hold(301, holder, 50), expires_at=until)
    await change(database, holder, again, at=over)
    book = await load(database, holder, at=over)
    [hold] = book.holds.values()
    assert (hold.amount, hold.expires_at) == (50, until)
    assert [bucket.held for bucket in book.buckets_of(holder)] == [50]
    assert [
        bucket.held for bucket in (await load(database, holder, at=until)).buckets_of(holder)
    ] == [0]


async def test_homes_know_nothing_of_each_other(database_url: str, database: Database) -> None:
    await choose(database_url, 3)
    here = HolderId(new_id(HOME))
    there, elsewhere = (HolderId(in_home(here, Home(home))) for home in (1, 2))
    other = dataclasses.replace(DATA, plan="another")
    await change(database, here, *issued(here, DATA, 100))
    await change(database, there, *issued(there, other, 7))
    for holder, amount, allowance in ((here, 100, DATA), (there, 7, other)):
        book = await load(database, holder)
        assert [bucket.balance for bucket in book.buckets_of(holder)] == [amount]
        assert book.allowances == {DATA.id: allowance}
    assert (await load(database, elsewhere)).buckets == {}


async def test_an_allowance_keeps_the_terms_that_it_was_first_written_with(
    database: Database,
) -> None:
    one, other = HolderId(new_id()), HolderId(new_id())
    await change(database, one, *issued(one, DATA, 100))
    await change(database, other, *issued(other, dataclasses.replace(DATA, plan="x"), 100))
    assert (await load(database, other)).allowances == {DATA.id: DATA}


# ---------------------------------------------------------------- what is written is proved


def hashed(of: str, *parts: bytes | tuple[int, int]) -> bytes:
    """Hash parts of which some are whole numbers of so many bytes, as the docs write it down."""
    whole = [
        part if isinstance(part, bytes) else part[0].to_bytes(part[1], "big", signed=True)
        for part in parts
    ]
    return sha256({"leaf": b"\0", "node": b"\1", "page": b""}[of] + b"".join(whole)).digest()


async def test_each_group_is_a_page_that_is_chained_to_the_one_before(
    database: Database, admin_connection: AsyncConnection
) -> None:
    """Worked out here once more, from the rows alone."""
    holder = HolderId(numbered(101))
    kinds = [DATA, *(dataclasses.replace(DATA, id=AllowanceId(new_id())) for _ in range(3))]
    for group in (kinds[:1], kinds[1:]):
        changes = [step for kind in group for step in issued(holder, kind, 100)]
        await change(database, holder, *changes)
    await change(database, holder, of_hold(301, holder, 1))  # moves nothing: no page
    cursor = await admin_connection.execute(
        "SELECT number, (extract(epoch FROM at) * 1000000)::bigint, transfers, root, digest"
        " FROM journal_page WHERE home = 0 ORDER BY number"
    )
    pages = await cursor.fetchall()
    assert [(number, transfers) for number, _, transfers, *_ in pages] == [(1, 1), (2, 3)]
    digest = bytes(32)
    for number, at, transfers, root, kept in pages:
        assert at == AT.timestamp() * 1_000_000
        cursor = await admin_connection.execute(
            "SELECT position, kind::text, amount, allowance, source, target, cause, checksum"
            " FROM transfer WHERE home = 0 AND page = %s ORDER BY position",
            [number],
        )
        leaves = []
        for position, kind, amount, *ids, checksum in await cursor.fetchall():
            place = ((0, 2), (number, 8), (position, 4), (at, 8))
            leaf = hashed("leaf", *place, kind.encode(), (amount, 8), *map(bytes, ids))
            assert int.from_bytes(leaf[:8], "big", signed=True) == checksum
            leaves.append(leaf)
        assert len(leaves) == transfers
        top = leaves[0]
        if len(leaves) == 3:
            top = hashed("node", hashed("node", *leaves[:2]), leaves[2])
        assert root == top
        digest = hashed("page", digest, (0, 2), (number, 8), (at, 8), (transfers, 4), root)
        assert kept == digest
    cursor = await admin_connection.execute("SELECT page, digest FROM home")
    assert await cursor.fetchall() == [(2, digest)]


async def test_the_digest_of_what_is_written_never_changes(
    database: Database, admin_connection: AsyncConnection
) -> None:
    holder, kind = HolderId(numbered(101)), AllowanceId(numbered(201))
    fixed = dataclasses.replace(DATA, id=kind, purchase=PurchaseId(numbered(501)))
    at = AT + timedelta(microseconds=7)
    await change(database, holder, *issued(holder, fixed, 5), at=at)
    cursor = await admin_connection.execute("SELECT encode(digest, 'hex') FROM home")
    assert await cursor.fetchone() == (
        "c0e55c11df2e641445d1bcf3aab097385d32bedeb9e501e45c83ef25ab2ed61f",
    )


# ---------------------------------------------------------------- what nobody who serves may do


WRITTEN = {
    "transfer": "amount = amount + 1",
    "journal_page": "root = ''",
    "allowance": "expires_at = NULL",
    "command": "reply = ''",
    "line": "person = gen_random_uuid()",
    "person": "nickname = 'x'",
}
"""What is written once, and a change of it."""


@pytest.mark.parametrize("table", WRITTEN)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_who_serves_can_not_change_what_was_written(
    database: Database, table: str, statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with database.connection() as connection:
            await connection.execute(statement.format(table, WRITTEN[table]).encode())


@pytest.mark.parametrize(
    "statement",
    [
        # Buckets that are over and holds that ended are removed, each by itself.
        "TRUNCATE bucket",
        "TRUNCATE hold",
        "TRUNCATE in_transit",
        "UPDATE in_transit SET amount = 1",
        "DELETE FROM gift",
        "TRUNCATE gift",
        "INSERT INTO home (home) VALUES (1)",
        "DELETE FROM home",
        "TRUNCATE home",
    ],
)
async def test_who_serves_can_not_take_away_what_is_under_way(
    database: Database, statement: LiteralString
) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with database.connection() as connection:
            await connection.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bucket SET balance = -1, held = 0",
        "UPDATE bucket SET held = -1",
        "UPDATE bucket SET held = balance + 1",
        "UPDATE bucket SET balance = held - 1",
        "UPDATE hold SET amount = 0",
        "UPDATE transfer SET amount = 0",
        "UPDATE transfer SET amount = -1",
        "UPDATE transfer SET target = source",
        "UPDATE transfer SET kind = 'x'",
        "UPDATE journal_page SET transfers = 0",
        "UPDATE home SET home = -1",
        "UPDATE home SET home = 1024",
        "UPDATE gift SET amount = 0",
        "UPDATE gift SET state = 'accepted'",
        "UPDATE gift SET ended_at = offered_at",
        "UPDATE gift SET to_line = from_line",
    ],
)
async def test_the_database_itself_refuses(
    world: World, admin_connection: AsyncConnection, change: LiteralString
) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    await world.offer(giver, receiver, 100)
    with pytest.raises(CheckViolation):
        await admin_connection.execute(change)


@pytest.mark.parametrize("table", ["journal_page", "bucket", "hold", "allowance", "gift"])
async def test_no_row_is_there_twice(
    world: World, admin_connection: AsyncConnection, table: LiteralString
) -> None:
    """Two groups that took themselves for the same page could not both be written."""
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    await world.offer(giver, receiver, 100)
    with pytest.raises(errors.UniqueViolation):
        await admin_connection.execute(f"INSERT INTO {table} SELECT * FROM {table}")


# ---------------------------------------------------------------- what verify finds

# Of a gift of 60, what left its giver and what came to its receiver.
_TAKEN = "kind = 'g' AND source IN (SELECT from_line FROM gift)"
_GIVEN = "kind = 'g' AND target IN (SELECT to_line FROM gift)"
_PAGES = f"(home, number) IN (SELECT home, page FROM transfer WHERE {_GIVEN})"

EDITS: list[tuple[LiteralString, set[str]]] = [
    # Behind what is offered, as a superuser: which invariants name it.
    (f"UPDATE transfer SET amount = amount + 1 WHERE {_GIVEN}", {"I5", "I6", "I9"}),
    (f"UPDATE transfer SET amount = amount + 1 WHERE {_TAKEN}", {"I5", "I6", "I9"}),
    (f"UPDATE transfer SET cause = gen_random_uuid() WHERE {_GIVEN}", {"I5", "I6", "I9"}),
    (f"UPDATE transfer SET position = 9 WHERE {_GIVEN}", {"I5"}),
    (f"UPDATE transfer SET page = 9 WHERE {_GIVEN}", {"I5"}),
    (f"UPDATE transfer SET checksum = checksum + 1 WHERE {_GIVEN}", {"I5"}),
    (f"UPDATE transfer SET kind = 'e' WHERE {_GIVEN}", {"I5", "I6"}),
    (f"UPDATE transfer SET target = gen_random_uuid() WHERE {_GIVEN}", {"I1", "I5", "I6"}),
    (f"UPDATE transfer SET home = home + 1 WHERE {_GIVEN}", {"I1", "I5"}),
    (f"DELETE FROM transfer WHERE {_GIVEN}", {"I5", "I6", "I9"}),
    (f"DELETE FROM transfer WHERE {_TAKEN}", {"I5", "I6", "I9"}),
    ("DELETE FROM transfer WHERE kind = 'g'", {"I5", "I6"}),
    ("DELETE FROM transfer WHERE kind = 'i'", {"I2", "I4", "I5"}),
    ("INSERT INTO transfer SELECT * FROM transfer WHERE kind = 'i'", {"I4", "I5"}),
    (f"UPDATE journal_page SET at = at + interval '1 second' WHERE {_PAGES}", {"I5"}),
    (f"UPDATE journal_page SET root = '' WHERE {_PAGES}", {"I5"}),
    (f"DELETE FROM journal_page WHERE {_PAGES}", {"I5"}),
    ("UPDATE home SET digest = ''", {"I5"}),
    ("UPDATE home SET page = page + 1", {"I5"}),
    ("INSERT INTO in_transit SELECT home, cause, target, allowance, 1, now(), now()"
     " FROM transfer WHERE kind = 'i'", {"I1"}),
    ("UPDATE bucket SET balance = balance + 1", {"I5"}),
    ("UPDATE bucket SET held = held - 1 WHERE held > 0", {"I3"}),
    ("UPDATE bucket SET expires_at = NULL", {"I8"}),
    ("DELETE FROM bucket WHERE held = 0", {"I5"}),
    ("UPDATE hold SET amount = amount - 1", {"I3", "I6"}),
    ("UPDATE hold SET lapsed_at = now()", {"I3"}),
    ("DELETE FROM hold", {"I3", "I6"}),
    ("UPDATE gift SET state = 'accepted', ended_at = offered_at WHERE state = 'open'", {"I6"}),
    ("UPDATE gift SET state = 'declined' WHERE state = 'accepted'", {"I4", "I6"}),
    ("UPDATE gift SET amount = amount + 1 WHERE state = 'open'", {"I6"}),
    ("DELETE FROM gift WHERE state = 'open'", {"I4"}),
    ("DELETE FROM gift WHERE state = 'accepted'", {"I4"}),
    ("DELETE FROM command WHERE convert_from(reply, 'UTF8') LIKE '%accepted%'", {"I4"}),
    ("DELETE FROM command WHERE convert_from(reply, 'UTF8') LIKE '%urchased%'", {"I4"}),
    ("UPDATE allowance SET expires_at = expires_at + interval '1 second' WHERE hops = 1", {"I8"}),
    ("UPDATE allowance SET expires_at = NULL, paid = true WHERE hops = 1", {"I8", "I9"}),
    ("UPDATE allowance SET purchase = gen_random_uuid() WHERE hops = 1", {"I9"}),
    ("UPDATE allowance SET hops = 2 WHERE hops = 1", {"I9"}),
    ("UPDATE allowance SET parent = gen_random_uuid() WHERE hops = 1", {"I9"}),
    ("DELETE FROM allowance WHERE hops = 0", {"I9"}),
    ("GRANT UPDATE ON transfer TO yuzuri_serve", {"I5"}),
    ("GRANT DELETE ON journal_page TO yuzuri_serve", {"I5"}),
]  # fmt: skip


@in_homes
@pytest.mark.parametrize(("edit", "named"), EDITS, ids=[edit for edit, _ in EDITS])
async def test_what_is_changed_behind_the_ledger_is_named(
    settings: Settings,
    database_url: str,
    database: Database,
    admin_connection: AsyncConnection,
    edit: LiteralString,
    named: set[str],
    homes: int,
) -> None:
    await choose(database_url, homes)
    async with open_world(settings, database) as world:
        giver, receiver = await world.new_lines(2)
        await world.buy(giver)
        await world.give(giver, receiver, 60)
        await world.offer(giver, receiver, 100)
    await admin_connection.execute(edit)
    found = {breach.split()[0] for breach in await breaches(database, world.at)}
    assert found >= named


@in_homes
async def test_an_edited_transfer_is_named_by_its_page_and_its_position(
    settings: Settings,
    database_url: str,
    database: Database,
    admin_connection: AsyncConnection,
    homes: int,
) -> None:
    await choose(database_url, homes)
    async with open_world(settings, database) as world:
        giver, receiver = await world.new_lines(2)
        await world.buy(giver)
        await world.give(giver, receiver, 60)
    await admin_connection.execute(
        "UPDATE transfer SET amount = 6000 WHERE target = %s", [receiver.id]
    )
    place = "2/2 of home 0" if homes == 1 else "1/1 of home 1"
    found = await breaches(database, world.at)
    assert f"I5 transfer {place}: it is not what was written" in found
    assert any(b.startswith(f"I5 bucket {receiver.id}") and "sum to 6000" in b for b in found)
    assert any(b.startswith("I6 gift") and b.endswith("brought 6000") for b in found)


@in_homes
async def test_nothing_is_named_where_nothing_is_wrong(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    await world.give(giver, receiver, 60)
    assert await world.breaches() == []
    assert await world.left(giver) == ISSUED - 60
