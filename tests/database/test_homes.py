"""Homes keep allowances of their own: what comes to a home is written down there."""

from datetime import UTC, datetime

import pytest
from psycopg import AsyncConnection

from yuzuri.db.connect import Database
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, PurchaseId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import HOUSE, House, NewAllowance, Transfer, TransferKind
from yuzuri.ledger.homes import choose_homes
from yuzuri.ledger.store import load_book
from yuzuri.ledger.writes import write_book
from yuzuri.runtime.verify import verify

AT = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)

DATA = Allowance(
    id=AllowanceId(new_id()),
    unit=Unit.DATA,
    operator="op",
    plan="plan",
    zone="JP",
    source=Source.BASE,
    paid=False,
    issued_at=AT,
    expires_at=None,
    purchase=PurchaseId(new_id()),
)


@pytest.fixture
async def two_homes(database: Database, admin_connection: AsyncConnection) -> Database:
    async with admin_connection.transaction():
        await choose_homes(admin_connection, 2)
    return database


async def give(database: Database, to: HolderId, *beside: HolderId) -> None:
    """Let some of the allowance come to a holder, in a group that loads others too."""
    async with database.connection() as connection:
        book = await load_book(connection, [to, *beside], AT)
        book.apply(
            [
                NewAllowance(allowance=DATA, holder=to),
                Transfer(
                    allowance=DATA.id,
                    source=HOUSE[House.CONVERTED],
                    target=to,
                    amount=5,
                    kind=TransferKind.GIFT,
                    cause=DATA.purchase,
                ),
            ]
        )
        await write_book(connection, book)


async def breaches_of_i9(database: Database) -> tuple[str, ...]:
    async with database.connection() as connection:
        findings = await verify(connection, AT)
    return next(finding.breaches for finding in findings if finding.number == "I9")


async def load(database: Database, holder: HolderId) -> Book:
    async with database.connection() as connection:
        return await load_book(connection, [holder], AT)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
async def test_an_allowance_is_written_down_in_each_home_that_some_of_it_comes_to(
    two_homes: Database, first: int, second: int
) -> None:
    early, late = HolderId(new_id(Home(first))), HolderId(new_id(Home(second)))
    await give(two_homes, early)
    await give(two_homes, late, early)
    for holder in (early, late):
        assert (await load(two_homes, holder)).allowances == {DATA.id: DATA}


async def test_verify_finds_what_has_no_terms_in_its_home(
    two_homes: Database, admin_connection: AsyncConnection
) -> None:
    for home in (Home(0), Home(1)):
        await give(two_homes, HolderId(new_id(home)))
    missing = f"allowance {DATA.id} of home 1: its terms are not written down there"
    assert missing not in await breaches_of_i9(two_homes)
    await admin_connection.execute("DELETE FROM allowance WHERE home = 1")
    assert missing in await breaches_of_i9(two_homes)
