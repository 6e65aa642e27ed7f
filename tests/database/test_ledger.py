"""The ledger's tables: what may never be changed, what the database refuses, what is found."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import LiteralString

import pytest
from psycopg import AsyncConnection, errors
from psycopg.errors import CheckViolation, InsufficientPrivilege
from tests.model.world import ISSUED, World, breaches, open_world

from yuzuri.db.connect import Database
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import HOME, AllowanceId, HolderId, Home, PurchaseId, TransferId, new_id
from yuzuri.kernel.quantities import AMOUNT_MAX, Unit
from yuzuri.ledger.allowances import Allowance, Source, received_allowance
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import HOUSE, House, NewAllowance, OpenHold, Transfer, TransferKind
from yuzuri.ledger.store import add_holder, load_book, write_book
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


@pytest.fixture
async def world(settings: Settings, database: Database) -> AsyncIterator[World]:
    async with open_world(settings, database) as world:
        yield world


async def issue(
    database: Database, holder: HolderId, allowance: Allowance, amount: int, home: Home = HOME
) -> None:
    async with database.connection() as connection:
        await add_holder(connection, home, holder)
        book = await load_book(connection, home, [holder], AT)
        book.apply(
            [
                NewAllowance(allowance=allowance),
                Transfer(
                    id=TransferId(new_id()),
                    allowance=allowance.id,
                    source=HOUSE[House.ISSUED],
                    target=holder,
                    amount=amount,
                    kind=TransferKind.ISSUE,
                    cause=allowance.purchase,
                ),
            ]
        )
        await write_book(connection, home, book)


async def load(database: Database, *holders: HolderId, home: Home = HOME) -> Book:
    async with database.connection() as connection:
        return await load_book(connection, home, holders, AT)


# ---------------------------------------------------------------- what is written is what is read


@pytest.mark.parametrize(
    "allowance", [DATA, PLAIN, received_allowance(PLAIN, AT + timedelta(days=3), "op gift.expiry")]
)
async def test_an_allowance_is_read_as_it_was_written(
    database: Database, allowance: Allowance
) -> None:
    holder = HolderId(new_id())
    await issue(database, holder, allowance, AMOUNT_MAX)
    book = await load(database, holder)
    assert book.allowances == {allowance.id: allowance}
    assert [bucket.balance for bucket in book.buckets_of(holder)] == [AMOUNT_MAX]


async def test_a_bucket_and_its_holds_are_read_as_they_were_written(database: Database) -> None:
    holder = HolderId(new_id())
    await issue(database, holder, DATA, 100)
    async with database.connection() as connection:
        written = await load_book(connection, HOME, [holder], AT)
        written.apply(
            [
                OpenHold(
                    id=new_id(),  # type: ignore[arg-type] # any id will do
                    holder=holder,
                    allowance=DATA.id,
                    amount=amount,
                    cause=DATA.purchase,
                    expires_at=AT + timedelta(hours=1),
                )
                for amount in (30, 20)
            ]
        )
        await write_book(connection, HOME, written)
    book = await load(database, holder, HolderId(new_id()))
    assert book.buckets == written.buckets
    assert book.holds == written.holds
    assert [hold.amount for hold in book.open_holds(DATA.purchase)] in ([30, 20], [20, 30])


async def test_homes_know_nothing_of_each_other(database: Database) -> None:
    holder = HolderId(new_id())
    other = dataclasses.replace(DATA, plan="another")
    await issue(database, holder, DATA, 100)
    await issue(database, holder, other, 7, home=Home(1))
    for home, amount, allowance in ((HOME, 100, DATA), (Home(1), 7, other)):
        book = await load(database, holder, home=home)
        assert [bucket.balance for bucket in book.buckets_of(holder)] == [amount]
        assert book.allowances == {DATA.id: allowance}
    assert (await load(database, holder, home=Home(2))).buckets == {}


async def test_what_is_issued_twice_is_stopped(database: Database) -> None:
    await issue(database, HolderId(new_id()), DATA, 100)
    with pytest.raises(errors.UniqueViolation):
        await issue(database, HolderId(new_id()), dataclasses.replace(DATA, plan="x"), 100)


# ---------------------------------------------------------------- what nobody who serves may do


@pytest.mark.parametrize("table", ["entry", "allowance", "command", "holder", "line", "person"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_who_serves_can_not_change_what_was_written(
    database: Database, table: str, statement: str
) -> None:
    changed = {
        "entry": "amount = amount + 1",
        "allowance": "expires_at = NULL",
        "command": "reply = ''",
        "holder": "id = gen_random_uuid()",
        "line": "person = gen_random_uuid()",
        "person": "nickname = 'x'",
    }[table]
    with pytest.raises(InsufficientPrivilege):
        async with database.connection() as connection:
            await connection.execute(statement.format(table, changed).encode())


@pytest.mark.parametrize("table", ["bucket", "hold", "gift"])
async def test_who_serves_can_not_take_away_what_is_under_way(
    database: Database, table: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with database.connection() as connection:
            await connection.execute(f"DELETE FROM {table}".encode())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bucket SET balance = -1, held = 0",
        "UPDATE bucket SET held = -1",
        "UPDATE bucket SET held = balance + 1",
        "UPDATE bucket SET balance = held - 1",
        "UPDATE hold SET amount = 0",
        "UPDATE hold SET state = 'released'",
        "UPDATE hold SET captured = amount + 1, state = 'captured', ended_at = opened_at",
        "UPDATE hold SET captured = 1",
        "UPDATE hold SET captured = 0, state = 'captured', ended_at = opened_at",
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


@pytest.mark.parametrize("column", ["amount", "number"])
async def test_an_entry_of_nothing_is_refused(
    world: World, admin_connection: AsyncConnection, column: str
) -> None:
    [line] = await world.new_lines(1)
    await world.buy(line)
    insert = "INSERT INTO entry SELECT home, holder, {}, allowance, {}, kind, cause, at, number,"
    insert += " hash FROM entry LIMIT 1"
    transfer, amount = ("transfer", "amount") if column == "number" else ("allowance", "0")
    error = errors.UniqueViolation if column == "number" else CheckViolation
    with pytest.raises(error):
        await admin_connection.execute(insert.format(transfer, amount).encode())


# ---------------------------------------------------------------- what verify finds

EDITS: list[tuple[LiteralString, set[str]]] = [
    # Behind what is offered, as a superuser: which invariants name it.
    ("UPDATE entry SET amount = amount + 1 WHERE kind = 'gift' AND amount = 60", {"I1", "I5"}),
    ("UPDATE entry SET at = at + interval '1 second' WHERE amount = 60 AND number > 0", {"I5"}),
    ("UPDATE entry SET cause = gen_random_uuid() WHERE amount = 60 AND number > 0", {"I5", "I6"}),
    ("UPDATE entry SET number = 9 WHERE amount = 60 AND number > 0", {"I5"}),
    ("UPDATE entry SET kind = 'expire' WHERE amount = 60 AND number > 0", {"I5", "I6"}),
    ("DELETE FROM entry WHERE amount = 60 AND number > 0", {"I1", "I5", "I6"}),
    (
        "DELETE FROM entry WHERE transfer = (SELECT transfer FROM entry WHERE amount = -60"
        " AND number > 0)",
        {"I5", "I6", "I9"},
    ),
    ("UPDATE bucket SET balance = balance + 1", {"I5"}),
    ("UPDATE bucket SET head = '' WHERE held > 0", {"I5"}),
    ("UPDATE bucket SET held = held - 1 WHERE held > 0", {"I3"}),
    ("DELETE FROM bucket WHERE held = 0", {"I5"}),
    ("UPDATE hold SET amount = amount - 1 WHERE state = 'open'", {"I3", "I6"}),
    ("DELETE FROM hold WHERE state = 'open'", {"I3", "I6"}),
    ("UPDATE gift SET state = 'accepted', ended_at = offered_at WHERE state = 'open'", {"I6"}),
    ("UPDATE gift SET state = 'declined' WHERE state = 'accepted'", {"I4", "I6"}),
    ("UPDATE gift SET amount = amount + 1 WHERE state = 'open'", {"I6"}),
    ("DELETE FROM gift WHERE state = 'open'", {"I6"}),
    ("DELETE FROM command WHERE convert_from(reply, 'UTF8') LIKE '%accepted%'", {"I4"}),
    ("DELETE FROM command WHERE convert_from(reply, 'UTF8') LIKE '%urchased%'", {"I4"}),
    ("UPDATE allowance SET expires_at = expires_at + interval '1 second' WHERE hops = 1", {"I8"}),
    ("UPDATE allowance SET expires_at = NULL, paid = true WHERE hops = 1", {"I8", "I9"}),
    ("UPDATE allowance SET purchase = gen_random_uuid() WHERE hops = 1", {"I9"}),
    ("UPDATE allowance SET hops = 2 WHERE hops = 1", {"I9"}),
    ("UPDATE allowance SET parent = gen_random_uuid() WHERE hops = 1", {"I9"}),
    ("DELETE FROM allowance WHERE hops = 0", {"I9"}),
    ("GRANT UPDATE ON entry TO yuzuri_serve", {"I5"}),
]


@pytest.mark.parametrize(("edit", "named"), EDITS, ids=[edit for edit, _ in EDITS])
async def test_what_is_changed_behind_the_ledger_is_named(
    settings: Settings,
    database: Database,
    admin_connection: AsyncConnection,
    edit: LiteralString,
    named: set[str],
) -> None:
    async with open_world(settings, database) as world:
        giver, receiver = await world.new_lines(2)
        await world.buy(giver)
        await world.give(giver, receiver, 60)
        await world.offer(giver, receiver, 100)
    await admin_connection.execute(edit)
    found = {breach.split()[0] for breach in await breaches(database, world.at)}
    assert found >= named


async def test_an_edited_entry_is_named_by_its_transfer(
    settings: Settings, database: Database, admin_connection: AsyncConnection
) -> None:
    async with open_world(settings, database) as world:
        giver, receiver = await world.new_lines(2)
        await world.buy(giver)
        await world.give(giver, receiver, 60)
    cursor = await admin_connection.execute(
        "UPDATE entry SET amount = 6000 WHERE holder = %s RETURNING transfer", [receiver.id]
    )
    row = await cursor.fetchone()
    assert row is not None
    found = await breaches(database, world.at)
    assert any(b.startswith("I5 entry") and str(row[0]) in b for b in found)
    assert any(b.startswith("I1 transfer") and str(row[0]) in b for b in found)


async def test_nothing_is_named_where_nothing_is_wrong(world: World) -> None:
    giver, receiver = await world.new_lines(2)
    await world.buy(giver)
    await world.give(giver, receiver, 60)
    assert await world.breaches() == []
    assert await world.left(giver) == ISSUED - 60
