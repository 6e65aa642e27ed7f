"""A small journal of known pages, for tests that change it behind everybody's back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from psycopg import AsyncConnection

from yuzuri.db import Connection
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, PurchaseId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source, received_allowance
from yuzuri.ledger.changes import HOUSE, House, LedgerChange, NewAllowance, Transfer, TransferKind
from yuzuri.ledger.homes import choose_homes
from yuzuri.ledger.store import load_book
from yuzuri.ledger.writes import write_book

START = datetime(2026, 11, 10, 3, 0, 0, 123456, tzinfo=UTC)
GIVEN = 1_000
"""How much each line is issued, in bytes."""


@dataclass
class Journal:
    """Three lines of one home with two allowances, and the pages that they have written.

    Page 1 has 6 transfers: what is issued. Each page after it has what `move` was given.
    """

    home: Home
    lines: Sequence[HolderId]
    allowances: Sequence[Allowance]
    at: datetime = START
    pages: int = 0

    async def write(self, connection: Connection, *changes: LedgerChange) -> None:
        """Write a page of changes, a minute after the one before."""
        self.at += timedelta(minutes=1)
        async with connection.transaction():
            book = await load_book(connection, self.lines, self.at)
            book.apply(
                NewAllowance(allowance=allowance, holder=change.target)
                for change in changes
                if isinstance(change, Transfer) and change.kind is TransferKind.ISSUE
                for allowance in self.allowances
                if allowance.id == change.allowance
            )
            book.apply(changes)
            await write_book(connection, book)
        self.pages += 1

    def move(self, source: int, target: int, amount: int, allowance: int = 0) -> Transfer:
        """Move so much from one line to another, both by their numbers."""
        return Transfer(
            allowance=self.allowances[allowance].id,
            source=self.lines[source],
            target=self.lines[target],
            amount=amount,
            kind=TransferKind.MOVE,
            cause=new_id(),
        )

    def issue(self, target: HolderId, allowance: Allowance, amount: int = GIVEN) -> Transfer:
        """Issue so much to a line."""
        return Transfer(
            allowance=allowance.id,
            source=HOUSE[House.ISSUED],
            target=target,
            amount=amount,
            kind=TransferKind.ISSUE,
            cause=allowance.purchase,
        )


def new_allowances() -> list[Allowance]:
    """Make two allowances: one of everything, and what is received of it."""
    given = Allowance(
        id=AllowanceId(new_id()),
        unit=Unit.DATA,
        operator="op",
        plan="plan",
        zone="JP",
        source=Source.BASE,
        paid=False,
        issued_at=START,
        expires_at=START + timedelta(days=30, microseconds=7),
        purchase=PurchaseId(new_id()),
        hours=DailyWindow(time(23, 30), time(6), "Asia/Tokyo"),
    )
    return [given, received_allowance(given, None, "op gift.expiry")]


async def write_journal(admin: Connection, homes: int, home: int | None = None) -> Journal:
    """Write six pages into one of so many homes, the last: 6, 7, 7, 1, 7 and 1 transfers."""
    async with admin.transaction():
        await choose_homes(admin, homes)
    home = Home(homes - 1 if home is None else home)
    lines = [HolderId(new_id(home)) for _ in range(3)]
    journal = Journal(home, lines, new_allowances())
    issued = [journal.issue(line, one) for one in journal.allowances for line in lines]
    await journal.write(admin, *issued)
    for count in (7, 7, 1, 7, 1):
        moves = [journal.move(n % 3, (n + 1) % 3, n + count, n % 2) for n in range(count)]
        await journal.write(admin, *moves)
    return journal


@asynccontextmanager
async def as_admin(url: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(url, autocommit=True) as admin:
        await admin.execute("SET search_path = yuzuri")
        yield admin
