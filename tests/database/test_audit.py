"""The journal's proof on a real database: whatever is changed behind it is found and named."""

from contextlib import aclosing
from typing import LiteralString

import pytest
from psycopg import AsyncConnection
from tests.database.journals import Journal, write_journal

from yuzuri.db.connect import Database
from yuzuri.db.invariants import SHOWN_MAX, Breach
from yuzuri.kernel.ids import Home
from yuzuri.ledger import proof
from yuzuri.ledger.journal import (
    FIRST_DIGEST,
    LEAF,
    leaf_checksum,
    leaf_hash,
    merkle_root,
    page_digest,
)
from yuzuri.ledger.proof import find_breaches
from yuzuri.ledger.statement_store import is_still_there, load_heads
from yuzuri.runtime.verify import verify


async def breaches(connection: AsyncConnection) -> list[Breach]:
    return [breach async for breach in find_breaches(connection)]


async def behind(admin: AsyncConnection, journal: Journal, *statements: LiteralString) -> None:
    """Change what was written, past all that guards the tables."""
    await admin.execute(
        """
        ALTER TABLE transfer DROP CONSTRAINT IF EXISTS transfer_amount_check,
            DROP CONSTRAINT IF EXISTS transfer_check,
            DROP CONSTRAINT IF EXISTS transfer_kind_check;
        ALTER TABLE journal_page DROP CONSTRAINT IF EXISTS journal_page_transfers_check;
        """
    )
    for statement in statements:
        done = await admin.execute(statement, {"home": journal.home})
        assert done.rowcount > 0, "nothing was changed"


async def rewrite(
    admin: AsyncConnection, journal: Journal, page: int, *, root: bool = False
) -> None:
    """Make a page's checksums fit its transfers again, and its root and digest if so wanted."""
    cursor = await admin.execute(
        """
        SELECT page, position, (extract(epoch FROM at) * 1000000)::bigint, charsend(kind), amount,
               uuid_send(allowance), uuid_send(source), uuid_send(target), uuid_send(cause)
        FROM transfer JOIN journal_page p ON p.home = transfer.home AND number = page
        WHERE page = %s AND transfer.home = %s ORDER BY position
        """,
        (page, journal.home),
    )
    rows = await cursor.fetchall()
    hashes = [leaf_hash(LEAF.pack(journal.home, *row)) for row in rows]
    for row, hashed in zip(rows, hashes, strict=True):
        await admin.execute(
            "UPDATE transfer SET checksum = %s WHERE home = %s AND page = %s AND position = %s",
            (leaf_checksum(hashed), journal.home, page, row[1]),
        )
    if root:
        await admin.execute(
            "UPDATE journal_page SET root = %s, transfers = %s WHERE home = %s AND number = %s",
            (merkle_root(hashes), len(rows), journal.home, page),
        )


async def rewrite_digest(admin: AsyncConnection, journal: Journal, page: int) -> bytes:
    cursor = await admin.execute(
        """
        SELECT (extract(epoch FROM at) * 1000000)::bigint, transfers, root,
               (SELECT digest FROM journal_page WHERE home = p.home AND number = p.number - 1)
        FROM journal_page p WHERE home = %s AND number = %s
        """,
        (journal.home, page),
    )
    row = await cursor.fetchone()
    assert row is not None
    at_us, transfers, root, previous = row
    digest = page_digest(previous or FIRST_DIGEST, journal.home, page, at_us, transfers, root)
    await admin.execute(
        "UPDATE journal_page SET digest = %s WHERE home = %s AND number = %s",
        (digest, journal.home, page),
    )
    return digest


# ---------------------------------------------------------------- verify: what is found


async def test_nothing_is_found_where_nothing_was_changed(admin: AsyncConnection) -> None:
    assert await breaches(admin) == []


async def test_a_journal_that_has_no_page_yet_is_whole(admin_connection: AsyncConnection) -> None:
    assert await breaches(admin_connection) == []


NOT_WRITTEN = "it is not what was written"
THEY_ARE_MISSING = "they are missing"
IT_IS_MISSING = "it is missing"
WRONG_HEADER = "its header is not what was written after the page before it"
THAT_ROW = "WHERE home = %(home)s AND page = 3 AND position = 2"
THAT_PAGE = "WHERE home = %(home)s AND number = 3"

EDITS: list[tuple[LiteralString, list[Breach]]] = [
    # Each column of a transfer
    (f"UPDATE transfer SET amount = amount + 1 {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (f"UPDATE transfer SET amount = 1000000000 {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (
        f"UPDATE transfer SET allowance = gen_random_uuid() {THAT_ROW}",
        [("transfer 3/2", NOT_WRITTEN)],
    ),
    (
        f"UPDATE transfer SET source = gen_random_uuid() {THAT_ROW}",
        [("transfer 3/2", NOT_WRITTEN)],
    ),
    (
        f"UPDATE transfer SET target = gen_random_uuid() {THAT_ROW}",
        [("transfer 3/2", NOT_WRITTEN)],
    ),
    (
        f"UPDATE transfer SET source = target, target = source {THAT_ROW}",
        [("transfer 3/2", NOT_WRITTEN)],
    ),
    (f"UPDATE transfer SET cause = gen_random_uuid() {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (f"UPDATE transfer SET kind = 'g' {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (f"UPDATE transfer SET kind = '?' {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (f"UPDATE transfer SET kind = '' {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (f"UPDATE transfer SET amount = -amount {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (f"UPDATE transfer SET target = source {THAT_ROW}", [("transfer 3/2", NOT_WRITTEN)]),
    (
        f"UPDATE transfer SET checksum = checksum + 1 {THAT_ROW}",
        [("transfer 3/2", "its checksum is not what was written")],
    ),
    (
        f"UPDATE transfer SET position = 9 {THAT_ROW}",
        [("transfer 3/2", IT_IS_MISSING), ("transfer 3/9", "its page has only 7 transfers")],
    ),
    (
        f"UPDATE transfer SET position = 0 {THAT_ROW}",
        [("transfer 3/0", "it was never written"), ("transfer 3/2", IT_IS_MISSING)],
    ),
    (
        f"UPDATE transfer SET position = -5 {THAT_ROW}",
        [("transfer 3/-5", "it was never written"), ("transfer 3/2", IT_IS_MISSING)],
    ),
    (
        f"UPDATE transfer SET page = 6 {THAT_ROW}",
        [("transfer 3/2", IT_IS_MISSING), ("transfer 6/2", "its page has only 1 transfers")],
    ),
    (
        f"UPDATE transfer SET page = 99 {THAT_ROW}",
        [("transfer 3/2", IT_IS_MISSING), ("transfer 99/2", "its page is not there")],
    ),
    (
        f"UPDATE transfer SET page = -1 {THAT_ROW}",
        [("transfer -1/2", "its page is not there"), ("transfer 3/2", IT_IS_MISSING)],
    ),
    # Rows that are gone, and rows that were put in
    (f"DELETE FROM transfer {THAT_ROW}", [("transfer 3/2", IT_IS_MISSING)]),
    (
        "DELETE FROM transfer WHERE home = %(home)s AND page = 3 AND position IN (1, 4, 5, 7)",
        [
            ("transfer 3/1", IT_IS_MISSING),
            ("transfers 3/4 to 3/5", THEY_ARE_MISSING),
            ("transfer 3/7", IT_IS_MISSING),
        ],
    ),
    (
        "DELETE FROM transfer WHERE home = %(home)s AND page = 3",
        [("transfers 3/1 to 3/7", THEY_ARE_MISSING)],
    ),
    ("DELETE FROM transfer WHERE home = %(home)s AND page = 4", [("transfer 4/1", IT_IS_MISSING)]),
    (
        """
        INSERT INTO transfer (page, amount, checksum, allowance, source, target, cause, position,
                              home, kind)
        SELECT page, amount, checksum, allowance, source, target, cause, 8, home, kind
        FROM transfer WHERE home = %(home)s AND page = 3 AND position = 7
        """,
        [("transfer 3/8", "its page has only 7 transfers")],
    ),
    (
        """
        INSERT INTO transfer (page, amount, checksum, allowance, source, target, cause, position,
                              home, kind)
        SELECT page, amount, checksum, allowance, source, target, cause, position, home, kind
        FROM transfer WHERE home = %(home)s AND page = 3 AND position = 7
        """,
        [("transfer 3/7", "it is there twice")],
    ),
    # Rows that changed places
    (
        """
        UPDATE transfer SET position = 7 - position
        WHERE home = %(home)s AND page = 3 AND position IN (2, 5)
        """,
        [("transfer 3/2", NOT_WRITTEN), ("transfer 3/5", NOT_WRITTEN)],
    ),
    (
        """
        UPDATE transfer SET page = 5 - page
        WHERE home = %(home)s AND position = 4 AND page IN (2, 3)
        """,
        [("transfer 2/4", NOT_WRITTEN), ("transfer 3/4", NOT_WRITTEN)],
    ),
    # Each column of a page
    (
        f"UPDATE journal_page SET at = at + interval '1 microsecond' {THAT_PAGE}",
        [("page 3", WRONG_HEADER)],
    ),
    (f"UPDATE journal_page SET at = 'infinity' {THAT_PAGE}", [("page 3", WRONG_HEADER)]),
    (f"UPDATE journal_page SET at = '-infinity' {THAT_PAGE}", [("page 3", WRONG_HEADER)]),
    (
        "UPDATE journal_page SET at = '1999-01-01' WHERE home = %(home)s AND number = 4",
        [("page 4", WRONG_HEADER)],
    ),
    (
        f"UPDATE journal_page SET transfers = 8 {THAT_PAGE}",
        [("page 3", WRONG_HEADER), ("transfer 3/8", IT_IS_MISSING)],
    ),
    (
        f"UPDATE journal_page SET transfers = -1 {THAT_PAGE}",
        [
            ("page 3", WRONG_HEADER),
            *[(f"transfer 3/{n}", "its page has only -1 transfers") for n in range(1, 8)],
        ],
    ),
    (
        f"UPDATE journal_page SET transfers = 5 {THAT_PAGE}",
        [
            ("page 3", WRONG_HEADER),
            ("transfer 3/6", "its page has only 5 transfers"),
            ("transfer 3/7", "its page has only 5 transfers"),
        ],
    ),
    (
        f"UPDATE journal_page SET root = sha256(root) {THAT_PAGE}",
        [("page 3", WRONG_HEADER)],
    ),
    (f"UPDATE journal_page SET root = '' {THAT_PAGE}", [("page 3", WRONG_HEADER)]),
    (f"UPDATE journal_page SET digest = sha256(digest) {THAT_PAGE}", [("page 3", WRONG_HEADER)]),
    (
        "UPDATE journal_page SET digest = sha256(digest) WHERE home = %(home)s AND number = 6",
        [("page 6", WRONG_HEADER)],
    ),
    (
        f"UPDATE journal_page SET number = 99 {THAT_PAGE}",
        [
            ("transfers 3/1 to 3/7", "their page is not there"),
            ("page 3", IT_IS_MISSING),
            ("pages 7 to 98", THEY_ARE_MISSING),
            ("transfers 99/1 to 99/7", THEY_ARE_MISSING),
            ("home", "its last page is 99, not 6"),
        ],
    ),
    (
        f"UPDATE journal_page SET number = 0 {THAT_PAGE}",
        [
            ("page 0", "no page has such a number"),
            ("transfers 3/1 to 3/7", "their page is not there"),
            ("page 3", IT_IS_MISSING),
        ],
    ),
    # Pages that are gone
    (
        f"DELETE FROM journal_page {THAT_PAGE}",
        [("transfers 3/1 to 3/7", "their page is not there"), ("page 3", IT_IS_MISSING)],
    ),
    (
        "DELETE FROM journal_page WHERE home = %(home)s AND number IN (3, 4)",
        [
            ("transfers 3/1 to 3/7", "their page is not there"),
            ("transfer 4/1", "its page is not there"),
            ("pages 3 to 4", THEY_ARE_MISSING),
        ],
    ),
    # The end of the journal
    ("UPDATE home SET page = 5 WHERE home = %(home)s", [("home", "its last page is 6, not 5")]),
    ("UPDATE home SET page = 7 WHERE home = %(home)s", [("page 7", IT_IS_MISSING)]),
    (
        "UPDATE home SET digest = sha256(digest) WHERE home = %(home)s",
        [("home", "its digest is not that of its last page, 6")],
    ),
    ("DELETE FROM home WHERE home = %(home)s", [("home", IT_IS_MISSING)]),
]


def in_home(home: Home, found: list[Breach]) -> list[Breach]:
    return [(f"{row} {home}" if row == "home" else f"{row} of home {home}", what)
            for row, what in found]  # fmt: skip


@pytest.mark.parametrize(("statement", "found"), EDITS)
async def test_what_was_changed_behind_the_journal_is_named_and_nothing_else(
    journal: Journal,
    admin: AsyncConnection,
    monkeypatch: pytest.MonkeyPatch,
    statement: LiteralString,
    found: list[Breach],
) -> None:
    await behind(admin, journal, statement)
    expected = in_home(journal.home, found)
    assert await breaches(admin) == expected
    # The same where only a few pages are asked for at a time.
    for pages_max, transfers_max in ((1, 1), (2, 8), (3, 1_000)):
        monkeypatch.setattr(proof, "_PAGES_MAX", pages_max)
        monkeypatch.setattr(proof, "_TRANSFERS_MAX", transfers_max)
        monkeypatch.setattr(proof, "_NUMBERS_COUNTED", 1)
        assert await breaches(admin) == expected


async def test_a_transfer_that_was_put_into_a_home_that_is_not_there_is_named(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(admin, journal, f"UPDATE transfer SET home = 77 {THAT_ROW}")
    assert await breaches(admin) == [
        (f"transfer 3/2 of home {journal.home}", IT_IS_MISSING),
        ("transfer 3/2 of home 77", "its page is not there"),
        ("home 77", IT_IS_MISSING),
    ]


async def test_a_page_that_was_put_into_a_home_that_is_not_there_is_named(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(
        admin,
        journal,
        f"""
        INSERT INTO journal_page (home, number, at, transfers, root, digest)
        SELECT 77, number, at, transfers, root, digest FROM journal_page {THAT_PAGE}
        """,
    )
    assert await breaches(admin) == [
        ("pages 1 to 2 of home 77", THEY_ARE_MISSING),
        ("transfers 3/1 to 3/7 of home 77", THEY_ARE_MISSING),
        ("home 77", IT_IS_MISSING),
    ]


@pytest.mark.parametrize("pages_max", [1, 2, 20_000])
async def test_homes_are_told_apart_where_they_have_written_the_same_pages(
    admin_connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch, pages_max: int
) -> None:
    monkeypatch.setattr(proof, "_PAGES_MAX", pages_max)
    monkeypatch.setattr(proof, "_NUMBERS_COUNTED", 1)
    three = [await write_journal(admin_connection, homes=3, home=home) for home in range(3)]
    assert await breaches(admin_connection) == []
    for journal in three[1:]:
        edit = f"UPDATE transfer SET amount = amount + 1 {THAT_ROW}"
        await behind(admin_connection, journal, edit)
    assert await breaches(admin_connection) == [
        (f"transfer 3/2 of home {home}", NOT_WRITTEN) for home in (1, 2)
    ]


async def test_no_more_is_asked_for_at_once_than_is_good(
    admin: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages have 6, 7, 7, 1, 7 and 1 transfers."""
    monkeypatch.setattr(proof, "_NUMBERS_COUNTED", 1)
    everything = [proof._NUMBER_MAX]
    assert await proof._cut_stretches(admin, 1) == everything
    monkeypatch.setattr(proof, "_TRANSFERS_MAX", 8)
    assert await proof._cut_stretches(admin, 1) == [1, 2, 4, *everything]
    monkeypatch.setattr(proof, "_TRANSFERS_MAX", 1_000)
    monkeypatch.setattr(proof, "_PAGES_MAX", 4)
    assert await proof._cut_stretches(admin, 1) == [4, *everything]


async def test_a_time_that_was_changed_with_its_digest_changes_all_that_was_hashed_with_it(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(admin, journal, f"UPDATE journal_page SET at = at - interval '1 day' {THAT_PAGE}")
    await rewrite_digest(admin, journal, 3)
    assert await breaches(admin) == [
        *[(f"transfer 3/{n} of home {journal.home}", NOT_WRITTEN) for n in range(1, 8)],
        (f"page 4 of home {journal.home}", WRONG_HEADER),
    ]


async def test_one_who_also_rewrites_the_checksum_is_found_by_the_root(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(admin, journal, f"UPDATE transfer SET amount = amount + 1 {THAT_ROW}")
    await rewrite(admin, journal, 3)
    assert await breaches(admin) == [
        (f"page 3 of home {journal.home}", "its 7 transfers are not those that were written")
    ]


async def test_one_who_moves_a_transfer_and_rewrites_its_checksum_is_found_by_its_place(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(admin, journal, f"UPDATE transfer SET position = 9 {THAT_ROW}")
    await rewrite(admin, journal, 3)
    assert await breaches(admin) == [
        (f"transfer 3/2 of home {journal.home}", IT_IS_MISSING),
        (f"transfer 3/9 of home {journal.home}", "its page has only 7 transfers"),
    ]


async def test_one_who_also_rewrites_the_root_is_found_by_the_digest(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(admin, journal, f"UPDATE transfer SET amount = amount + 1 {THAT_ROW}")
    await rewrite(admin, journal, 3, root=True)
    assert await breaches(admin) == [(f"page 3 of home {journal.home}", WRONG_HEADER)]


async def test_one_who_also_rewrites_the_digest_is_found_by_the_next_page(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(admin, journal, f"DELETE FROM transfer {THAT_ROW}")
    await admin.execute(
        "UPDATE transfer SET position = position - 1 WHERE home = %s AND page = 3 AND position > 2",
        [journal.home],
    )
    await rewrite(admin, journal, 3, root=True)
    await rewrite_digest(admin, journal, 3)
    assert await breaches(admin) == [(f"page 4 of home {journal.home}", WRONG_HEADER)]


async def test_one_who_rewrites_the_last_page_is_found_by_the_home(
    journal: Journal, admin: AsyncConnection
) -> None:
    last = "WHERE home = %(home)s AND page = 6"
    await behind(admin, journal, f"UPDATE transfer SET amount = amount + 1 {last}")
    await rewrite(admin, journal, 6, root=True)
    await rewrite_digest(admin, journal, 6)
    assert await breaches(admin) == [
        (f"home {journal.home}", "its digest is not that of its last page, 6")
    ]


async def test_a_tail_that_was_cut_off_is_missed(journal: Journal, admin: AsyncConnection) -> None:
    await cut_tail(admin, journal)
    assert await breaches(admin) == [(f"pages 5 to 6 of home {journal.home}", THEY_ARE_MISSING)]


async def test_one_who_rewrites_all_that_follows_is_found_by_a_published_digest_alone(
    journal: Journal, admin: AsyncConnection
) -> None:
    """What no database can prove of itself."""
    published = await load_heads(admin)
    assert [head.page for head in published if head.home == journal.home] == [6]
    assert all([await is_still_there(admin, head) for head in published])

    await behind(admin, journal, f"UPDATE transfer SET amount = amount + 1 {THAT_ROW}")
    for page in (3, 4, 5, 6):
        await rewrite(admin, journal, page, root=True)
        digest = await rewrite_digest(admin, journal, page)
    await admin.execute("UPDATE home SET digest = %s WHERE home = %s", [digest, journal.home])
    assert await breaches(admin) == []
    lost = [head.home for head in published if not await is_still_there(admin, head)]
    assert lost == [journal.home]


async def test_one_who_cuts_off_the_tail_and_the_home_is_found_by_a_published_digest_alone(
    journal: Journal, admin: AsyncConnection
) -> None:
    published = await load_heads(admin)
    await cut_tail(admin, journal)
    await admin.execute(
        """
        UPDATE home SET page = 4, digest = (SELECT digest FROM journal_page
                                            WHERE home = %(home)s AND number = 4)
        WHERE home = %(home)s
        """,
        {"home": journal.home},
    )
    assert await breaches(admin) == []
    lost = [head.home for head in published if not await is_still_there(admin, head)]
    assert lost == [journal.home]


async def cut_tail(admin: AsyncConnection, journal: Journal) -> None:
    await behind(
        admin,
        journal,
        "DELETE FROM transfer WHERE home = %(home)s AND page > 4",
        "DELETE FROM journal_page WHERE home = %(home)s AND number > 4",
    )


async def test_verify_names_the_first_rows_and_checks_what_comes_after(
    database: Database, admin_connection: AsyncConnection
) -> None:
    journal = await write_journal(admin_connection, homes=2)
    progress: list[tuple[int, int]] = []

    async def found() -> dict[str, tuple[str, ...]]:
        async with database.connection() as connection:
            findings = await verify(connection, journal.at, lambda *counts: progress.append(counts))
        return {finding.number: finding.breaches for finding in findings}

    before = await found()
    assert before["I5"] == ()
    assert progress[-1] == (29, 29)
    await behind(admin_connection, journal, f"UPDATE transfer SET amount = amount + 1 {THAT_ROW}")
    after = await found()
    assert after["I5"][0] == f"transfer 3/2 of home {journal.home}: {NOT_WRITTEN}"
    assert [row.split()[0] for row in after["I5"]] == ["transfer", "bucket", "bucket"]
    assert after["I9"] == before["I9"]

    many = "UPDATE transfer SET amount = amount + 1 WHERE home = %(home)s AND page IN (1, 2)"
    await behind(admin_connection, journal, many)
    assert (await found())["I5"] == tuple(
        f"transfer 1/{position} of home {journal.home}: {NOT_WRITTEN}"
        for position in range(1, SHOWN_MAX + 1)
    )


async def test_a_check_that_is_left_early_leaves_the_connection_to_others(
    journal: Journal, admin: AsyncConnection
) -> None:
    await behind(admin, journal, f"UPDATE transfer SET amount = amount + 1 {THAT_ROW}")
    async with aclosing(find_breaches(admin)) as found:
        assert await anext(found) == (f"transfer 3/2 of home {journal.home}", NOT_WRITTEN)
    row = await (await admin.execute("SELECT 1")).fetchone()
    assert row == (1,)
