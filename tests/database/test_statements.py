"""Statements: somebody who has nothing but the file can tell whether it is what was written."""

import copy
import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import pytest
from psycopg import AsyncConnection
from tests.database.conftest import Written
from tests.database.journals import GIVEN, START, Journal, as_admin, write_journal

from yuzuri.db.connect import Database
from yuzuri.kernel.ids import HolderId, new_id
from yuzuri.ledger.statement import (
    HEADER,
    FaultKind,
    Statement,
    StatementError,
    check_statement,
    encode_statement,
    find_published,
    read_statement,
)
from yuzuri.ledger.statement_store import load_heads, load_statement


@dataclass(frozen=True)
class Exported:
    """A statement and the journal that it was made from."""

    statement: Statement
    journal: Journal

    @property
    def document(self) -> Any:
        """The statement as somebody else reads it."""
        return json.loads(encode_statement(self.statement))


async def export(
    url: str, line: HolderId, since: datetime | None = None, until: datetime | None = None
) -> Statement:
    async with as_admin(url) as admin, admin.transaction():
        return await load_statement(admin, line, since, until)


@pytest.fixture
async def exported(written: Written) -> Exported:
    """The first line's statement from beginning to end."""
    journal = written.journal
    return Exported(await export(written.url, journal.lines[0]), journal)


def faults(document: Any) -> set[FaultKind]:
    """Check what was read from JSON, as `yuzuri audit check` does."""
    try:
        statement = read_statement(json.dumps(document).encode())
    except StatementError as error:
        return {error.fault.kind}
    return {fault.kind for fault in check_statement(statement)}


# ---------------------------------------------------------------- what it holds


async def test_a_statement_of_each_line_holds_and_is_read_as_it_was_written(
    written: Written,
) -> None:
    for line in written.journal.lines:
        statement = await export(written.url, line)
        assert list(check_statement(statement)) == []
        assert read_statement(encode_statement(statement)) == statement


async def test_it_has_all_transfers_of_the_line_and_no_other(
    written: Written, admin: AsyncConnection
) -> None:
    line = written.journal.lines[1]
    statement = await export(written.url, line)
    cursor = await admin.execute(
        "SELECT page, position, amount FROM transfer WHERE source = %(line)s OR target = %(line)s"
        " ORDER BY page, position",
        {"line": line},
    )
    rows = await cursor.fetchall()
    assert [(t.page, t.position, t.amount) for t in statement.transfers] == rows
    assert {t.kind for t in statement.transfers} == {"issue", "move"}


async def test_it_names_the_balances_and_the_terms(
    exported: Exported, admin: AsyncConnection
) -> None:
    statement, journal = exported.statement, exported.journal
    assert statement.start == ()
    cursor = await admin.execute(
        "SELECT allowance, balance FROM bucket WHERE holder = %s", [journal.lines[0]]
    )
    balances = {allowance.uuid: balance for allowance, balance in await cursor.fetchall()}
    assert {balance.allowance: balance.amount for balance in statement.end} == balances
    given, received = sorted(statement.allowances, key=lambda terms: terms.hops)
    assert given.id == journal.allowances[0].id.uuid
    assert given.hours is not None
    assert given.expires_at == journal.allowances[0].expires_at
    assert (received.parent, received.expiry_rule) == (given.id, "op gift.expiry")


async def test_it_ends_with_the_digest_of_the_last_page(
    exported: Exported, admin: AsyncConnection
) -> None:
    heads = {head.home: head for head in await load_heads(admin)}
    head = heads[exported.journal.home]
    chain = exported.statement.journal
    assert (chain.first, chain.last, chain.head) == (1, head.page, head.digest)


async def test_parts_of_a_statement_make_the_whole(written: Written) -> None:
    journal, line = written.journal, written.journal.lines[0]
    whole = await export(written.url, line)
    for minutes in range(8):
        middle = START + timedelta(minutes=minutes)
        before = await export(written.url, line, until=middle)
        after = await export(written.url, line, since=middle)
        assert before.transfers + after.transfers == whole.transfers
        assert before.end == after.start
        assert after.end == whole.end
    between = await export(
        written.url, line, START + timedelta(minutes=3), START + timedelta(minutes=4)
    )
    assert {transfer.page for transfer in between.transfers} == {3}
    assert between.journal.first == 3
    assert between.journal.last == journal.pages


async def test_clocks_that_are_set_back_tear_no_statement_apart(
    database_url: str, admin_connection: AsyncConnection
) -> None:
    """Pages follow their numbers: what was written after a page belongs after it, whatever it says.

    By the times alone, the line would begin the second part with less than nothing.
    """
    journal = await write_journal(admin_connection, homes=1)
    noon = journal.at + timedelta(hours=1)
    line = journal.lines[0]
    for minutes, moved in ((0, journal.move(1, 0, 900)), (-30, journal.move(0, 1, 1_800))):
        journal.at = noon + timedelta(minutes=minutes)
        await journal.write(admin_connection, moved)
    journal.at = noon + timedelta(minutes=5)
    await journal.write(admin_connection, journal.move(0, 1, 1))
    before = await export(database_url, line, until=noon)
    after = await export(database_url, line, since=noon)
    assert [transfer.amount for transfer in after.transfers] == [900, 1_800, 1]
    assert before.end == after.start
    assert after.end == (await export(database_url, line)).end
    for part in (before, after):
        assert faults(json.loads(encode_statement(part))) == set()


async def test_what_was_given_away_whole_is_no_balance(
    database_url: str, admin_connection: AsyncConnection
) -> None:
    journal = await write_journal(admin_connection, homes=1)
    line = journal.lines[0]
    had = (await export(database_url, line)).end
    given = journal.allowances[0].id.uuid
    amount = next(balance.amount for balance in had if balance.allowance == given)
    await journal.write(admin_connection, journal.move(0, 1, amount))
    statement = read_statement(encode_statement(await export(database_url, line)))
    assert [balance.allowance for balance in had] == sorted(t.id for t in statement.allowances)
    assert statement.end == tuple(balance for balance in had if balance.allowance != given)


async def test_a_time_that_ends_before_it_begins_has_no_transfers(written: Written) -> None:
    line, begins = written.journal.lines[0], START + timedelta(minutes=5)
    statement = await export(written.url, line, begins, START + timedelta(minutes=2))
    assert statement.transfers == ()
    assert statement.end == statement.start == (await export(written.url, line, begins)).start


async def test_a_line_that_has_nothing_has_a_statement_too(written: Written) -> None:
    nobody = HolderId(new_id(written.journal.home))
    statement = await export(written.url, nobody)
    assert (statement.transfers, statement.end, statement.journal.headers) == ((), (), b"")
    assert find_published(statement, statement.journal.head) == written.journal.pages
    assert faults(json.loads(encode_statement(statement))) == set()


async def test_nobody_elses_transfers_are_in_it(exported: Exported, admin: AsyncConnection) -> None:
    cursor = await admin.execute(
        "SELECT cause::text FROM transfer WHERE kind = 'm' AND %s NOT IN (source, target)",
        [exported.journal.lines[0]],
    )
    others = [cause for (cause,) in await cursor.fetchall()]
    assert len(others) >= 5
    text = encode_statement(exported.statement).decode()
    assert [cause for cause in others if cause in text] == []


# ---------------------------------------------------------------- what a published digest proves


async def test_every_page_of_a_statement_can_be_compared_with_what_was_published(
    exported: Exported, admin: AsyncConnection
) -> None:
    cursor = await admin.execute(
        "SELECT number, encode(digest, 'hex') FROM journal_page WHERE home = %s",
        [exported.journal.home],
    )
    for number, digest in await cursor.fetchall():
        assert find_published(exported.statement, digest) == number
    assert find_published(exported.statement, "00" * 31 + "01") is None


async def test_what_was_published_before_the_first_transfer_proves_none(written: Written) -> None:
    statement = await export(
        written.url, written.journal.lines[0], since=START + timedelta(minutes=5)
    )
    assert statement.journal.first == 5
    assert find_published(statement, statement.journal.previous) == statement.journal.first - 1


async def test_a_home_that_was_rewritten_from_the_start_is_told_by_a_published_digest(
    written: Written, admin_connection: AsyncConnection, database_url: str
) -> None:
    """The statement of another history holds in itself, but not beside what was published."""
    published = (await export(written.url, written.journal.lines[0])).journal.head
    other = await write_journal(admin_connection, homes=1)
    forged = await export(database_url, other.lines[0])
    assert list(check_statement(forged)) == []
    assert find_published(forged, published) is None


# ---------------------------------------------------------------- a statement that was changed

UNPROVED = {"allowances", "since", "until"}
"""What is the operator's word: terms, but for the ids by which transfers name them, and from when
until when nothing was left out."""


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value that is no list and no object."""
    match value:
        case dict():
            for key, part in value.items():
                yield from leaves(part, (*path, key))
        case list():
            for index, part in enumerate(value):
                yield from leaves(part, (*path, index))
        case _:
            yield path


def at_path(document: Any, path: tuple[str | int, ...]) -> tuple[Any, str | int]:
    for step in path[:-1]:
        document = document[step]
    return document, path[-1]


def changed(value: Any) -> Iterator[Any]:
    """Yield other values of the same kind, as near as can be."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1)
        case str():
            for index in {0, len(value) // 2, len(value) - 3} & set(range(len(value))):
                for letter in ("0", "1", "A", "b"):
                    if value[index].lower() != letter.lower():
                        yield value[:index] + letter + value[index + 1 :]
        case _:
            yield "2026-11-10T03:00:00Z"


async def test_no_value_can_be_changed_unnoticed(exported: Exported) -> None:
    document = exported.document
    tried = 0
    for path in leaves(document):
        if path[0] in UNPROVED and path[-1] != "id":
            continue
        for other in changed(at_path(document, path)[0][path[-1]]):
            tampered = copy.deepcopy(document)
            place, key = at_path(tampered, path)
            if place[key] == other or is_same_bytes(place[key], other):
                continue
            place[key] = other
            assert faults(tampered), f"{path} became {other!r} unnoticed"
            tried += 1
    assert tried > 500


def is_same_bytes(one: str, other: str) -> bool:
    """Tell whether two texts are one base64: the last digit has bits that mean nothing."""
    try:
        return b64decode(one, validate=True) == b64decode(other, validate=True)
    except (TypeError, ValueError):
        return False


OTHER_ID = "019a8e5e-0000-7000-8000-79757a757269"
OTHER_DIGEST = "11" * 32

CHANGES: list[tuple[tuple[str | int, ...], object, FaultKind]] = [
    (("line",), OTHER_ID, FaultKind.OTHER_LINE),
    (("home",), 3, FaultKind.HEAD),
    (("home",), 3, FaultKind.HOME),
    (("since",), "2026-11-10T03:01:00.123457Z", FaultKind.BEGINNING),
    (("until",), "2026-11-10T03:06:00.123456Z", FaultKind.PERIOD),
    (("start",), [{"allowance": OTHER_ID, "amount": 1}], FaultKind.START),
    (("start",), [{"allowance": OTHER_ID, "amount": 1}], FaultKind.BALANCE),
    (("end",), [], FaultKind.BALANCE),
    (("end", 0, "amount"), 1, FaultKind.BALANCE),
    (("allowances",), [], FaultKind.TERMS),
    (("transfers", -1, "page"), 5, FaultKind.TIME),
    (("transfers", -1, "page"), 7, FaultKind.PAGE),
    (("transfers", -1, "position"), 2, FaultKind.NOT_WRITTEN),
    (("transfers", 0, "position"), 2**31 - 1, FaultKind.NOT_WRITTEN),
    (("transfers", 0, "at"), "2026-11-10T03:00:00Z", FaultKind.TIME),
    (("transfers", 0, "kind"), "gift", FaultKind.NOT_WRITTEN),
    (("transfers", 0, "amount"), GIVEN + 1, FaultKind.NOT_WRITTEN),
    (("transfers", 0, "allowance"), OTHER_ID, FaultKind.NOT_WRITTEN),
    (("transfers", 0, "source"), OTHER_ID, FaultKind.NOT_WRITTEN),
    (("transfers", 0, "target"), OTHER_ID, FaultKind.NOT_WRITTEN),
    (("transfers", 0, "cause"), OTHER_ID, FaultKind.NOT_WRITTEN),
    (("transfers", 0, "path"), "", FaultKind.NOT_WRITTEN),
    (("transfers", 0, "path"), b64encode(bytes(96)).decode(), FaultKind.NOT_WRITTEN),
    (("transfers", 0, "path"), b64encode(bytes(95)).decode(), FaultKind.NOT_WRITTEN),
    (("journal", "first"), 2, FaultKind.HEAD),
    (("journal", "previous"), OTHER_DIGEST, FaultKind.ROOTLESS),
    (("journal", "previous"), OTHER_DIGEST, FaultKind.HEAD),
    (("journal", "headers"), "", FaultKind.PAGE),
    (("journal", "head"), OTHER_DIGEST, FaultKind.HEAD),
]


@pytest.mark.parametrize(("path", "value", "fault"), CHANGES)
async def test_what_was_changed_in_a_statement_is_named(
    exported: Exported, path: tuple[str | int, ...], value: object, fault: FaultKind
) -> None:
    document = exported.document
    place, key = at_path(document, path)
    assert place[key] != value
    place[key] = value
    assert fault in faults(document)


async def test_a_transfer_that_was_left_out_is_told_by_the_balance(exported: Exported) -> None:
    for index in range(len(exported.statement.transfers)):
        document = exported.document
        document["transfers"].pop(index)
        assert FaultKind.BALANCE in faults(document)


async def test_a_transfer_that_was_left_out_with_its_balance_may_be_told_by_an_overdraft(
    exported: Exported,
) -> None:
    document = exported.document
    issued = document["transfers"].pop(0)
    for balance in document["end"]:
        if balance["allowance"] == issued["allowance"]:
            balance["amount"] -= issued["amount"]
    document["end"] = [balance for balance in document["end"] if balance["amount"] > 0]
    assert FaultKind.OVERDRAWN in faults(document)


async def test_transfers_out_of_their_order_or_told_twice_are_refused(exported: Exported) -> None:
    swapped, doubled = exported.document, exported.document
    swapped["transfers"][1:3] = reversed(swapped["transfers"][1:3])
    doubled["transfers"].insert(1, doubled["transfers"][1])
    assert FaultKind.ORDER in faults(swapped)
    assert FaultKind.ORDER in faults(doubled)


async def test_headers_that_were_cut_off_are_refused(exported: Exported) -> None:
    def without(count: int) -> Any:
        document = exported.document
        headers = b64decode(document["journal"]["headers"])[: -count or None]
        document["journal"]["headers"] = b64encode(headers).decode()
        return document

    assert faults(without(0)) == set()
    assert FaultKind.HEADERS in faults(without(1))
    assert FaultKind.HEAD in faults(without(HEADER.size))
    assert FaultKind.PAGE in faults(without(3 * HEADER.size))
    assert {FaultKind.HEAD, FaultKind.PAGE} <= faults(without(6 * HEADER.size))


async def test_balances_and_terms_told_twice_are_refused(exported: Exported) -> None:
    for part in ("end", "allowances"):
        document = exported.document
        document[part].append(document[part][0])
        assert FaultKind.TWICE in faults(document)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"format": "yuzuri-statement"}',
        b'{"format": "yuzuri-statement", "version": 1}',
        b'{"format": "another", "version": 1}',
        b"\xff\xfe",
        b'{"format": "yuzuri-statement", "version": "1"}',
    ],
)
def test_what_is_no_statement_is_refused_by_a_reason(text: bytes) -> None:
    with pytest.raises(StatementError) as error:
        read_statement(text)
    assert error.value.fault.kind is FaultKind.UNREADABLE
    assert error.value.fault.fields["problem"]


async def test_another_version_and_fields_that_are_not_known_are_refused(
    exported: Exported,
) -> None:
    newer, more = exported.document, exported.document
    newer["version"] = 2
    more["transfers"][0]["note"] = "hello"
    assert faults(newer) == {FaultKind.VERSION}
    assert faults(more) == {FaultKind.UNREADABLE}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", -1),
        ("amount", 2**63),
        ("page", 0),
        ("position", 2**31),
        ("kind", "steal"),
        ("at", "2026-11-10T03:01:00.123456"),
        ("source", "nobody"),
    ],
)
async def test_values_that_no_transfer_has_are_refused(
    exported: Exported, field: str, value: object
) -> None:
    document = exported.document
    document["transfers"][0][field] = value
    assert faults(document) == {FaultKind.UNREADABLE}


@pytest.mark.parametrize("at_us", [2**63 - 1, -(2**63)])
async def test_headers_with_times_beyond_all_calendars_are_refused(
    exported: Exported, at_us: int
) -> None:
    document = exported.document
    headers = bytearray(b64decode(document["journal"]["headers"]))
    headers[:8] = at_us.to_bytes(8, "big", signed=True)
    document["journal"]["headers"] = b64encode(headers).decode()
    assert {FaultKind.HEAD, FaultKind.TIME} <= faults(document)


def test_the_program_in_the_docs_proves_a_statement_without_yuzuri(
    exported: Exported, tmp_path: Path
) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    program = tmp_path / "check.py"
    program.write_text(docs.partition("```python\n")[2].partition("```")[0])
    file = tmp_path / "statement.json"

    def check(document: Any) -> "subprocess.CompletedProcess[str]":
        file.write_text(json.dumps(document))
        return subprocess.run(
            [sys.executable, "-I", "-S", str(program), str(file)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    document = exported.document
    proved = check(document)
    count, head = len(document["transfers"]), document["journal"]["head"]
    assert proved.stdout == f"{count} transfers are proved by {head}\n", proved.stderr
    for field in ("amount", "position"):
        false = copy.deepcopy(document)
        false["transfers"][-1][field] += 1
        assert "AssertionError" in check(false).stderr


# ---------------------------------------------------------------- what it cannot tell


async def test_transfers_that_cancel_out_can_be_left_out_unnoticed(
    written: Written, database_url: str, admin_connection: AsyncConnection
) -> None:
    """Said in docs/audit.md: a statement does not prove that nothing is missing."""
    journal = await write_journal(admin_connection, homes=1)
    await journal.write(admin_connection, journal.move(0, 1, 5), journal.move(1, 0, 5))
    statement = await export(database_url, journal.lines[0])
    shorter = msgspec.structs.replace(statement, transfers=statement.transfers[:-2])
    assert list(check_statement(shorter)) == []


async def test_terms_are_the_operators_word(exported: Exported) -> None:
    """Said in docs/audit.md: the journal has the ids of allowances, not their terms."""
    document = exported.document
    document["allowances"][0]["plan"] = "another"
    assert faults(document) == set()


# ---------------------------------------------------------------- a journal that was changed


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE transfer SET amount = amount + 1 WHERE page = 2 AND position = 1", "not_written"),
        ("UPDATE transfer SET amount = amount + 1 WHERE page = 2 AND position = 2", "not_written"),
        ("UPDATE transfer SET position = 8 WHERE page = 2 AND position = 1", "not_written"),
        ("UPDATE transfer SET page = 77 WHERE page = 2 AND position = 1", "page"),
        ("DELETE FROM transfer WHERE page = 2 AND position = 2", "not_written"),
        ("DELETE FROM transfer WHERE page = 1", "overdrawn"),
        ("UPDATE journal_page SET at = at + interval '1 s' WHERE number = 2", "head"),
        ("UPDATE journal_page SET at = 'infinity' WHERE number = 2", "page"),
        ("UPDATE journal_page SET root = sha256(root) WHERE number = 4", "head"),
        ("DELETE FROM journal_page WHERE number = 4", "page"),
        ("DELETE FROM journal_page WHERE number = 2", "page"),
        ("UPDATE home SET digest = sha256(digest)", "head"),
        ("DELETE FROM allowance", "terms"),
    ],
)
async def test_nobody_is_given_a_statement_that_does_not_hold(
    database: Database,
    admin_connection: AsyncConnection,
    statement: LiteralString,
    fault: str,
) -> None:
    journal = await write_journal(admin_connection, homes=1)
    done = await admin_connection.execute(statement)
    assert done.rowcount > 0
    for until in (None, START + timedelta(days=1)):
        async with database.connection() as connection:
            with pytest.raises(StatementError) as error:
                await load_statement(connection, journal.lines[0], until=until)
        assert error.value.fault.kind.value == fault
