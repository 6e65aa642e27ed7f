"""The chain check: every transfer and page of the journals against what was written (I5).

One pass over all homes, a stretch of page numbers at a time, in memory that does not grow with the
journal. Each breach names its row. Who also rewrites the rest of the chain, up
to the home's own digest, is found out only by a digest that was published before.
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import LiteralString, cast

from psycopg.abc import Params
from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.db.invariants import Breach, Progress, ignore_progress
from yuzuri.kernel.ids import Home
from yuzuri.ledger.journal import (
    FIRST_DIGEST,
    LEAF,
    PageHeader,
    leaf_hash,
    merkle_root,
    page_digest,
)

_PAGES_MAX = 20_000
_TRANSFERS_MAX = 200_000
"""How much is asked of the database at once: what it sorts in a moment and in little space."""

_NUMBERS_COUNTED = 25
"""How many pages are counted together, and so never parted: at most 8,000 transfers each."""

_ROWS_AT_ONCE = 2_000
_TOLD_EVERY = 10_000

_MISSING = "they are missing"

_NUMBER_MIN, _NUMBER_MAX = -(2**63), 2**63 - 1

# A time that no page has stands for infinity, so that it is one more header that is wrong.
AT_US = "CASE WHEN isfinite(at) THEN (extract(epoch FROM at) * 1000000)::bigint ELSE 0 END"
"""The time of a page in microseconds since 1970, in SQL."""

_HOMES = "SELECT home FROM home UNION SELECT home FROM journal_page ORDER BY home"

_TOTAL = "SELECT count(*) FROM transfer"

_STRETCHES = """
SELECT number / %(width)s * %(width)s, count(*), sum(greatest(transfers, 0))::bigint
FROM journal_page GROUP BY 1 ORDER BY 1
"""

# By each home, so that the primary key leads to them.
_PAGES = f"""
SELECT home, number, {AT_US}, transfers, root, digest FROM journal_page
WHERE home = ANY(%s) AND number BETWEEN %s AND %s ORDER BY home, number
"""

_ENDS = "SELECT home, page, digest FROM home"

# Checksums and ids as bytes: nothing is made of them but a hash.
_TRANSFERS = """
SELECT home, page, position, int8send(checksum), charsend(kind), amount,
       uuid_send(allowance), uuid_send(source), uuid_send(target), uuid_send(cause)
FROM transfer WHERE page BETWEEN %s AND %s ORDER BY home, page, position
"""


async def find_breaches(
    connection: Connection, progress: Progress = ignore_progress
) -> AsyncGenerator[Breach, None]:
    """Yield what is not as it was written in the journals, a stretch of page numbers at a time.

    The connection must be in a transaction that sees one snapshot; reads only.
    """
    ((total,),) = await _fetch(connection, _TOTAL)
    checked = told = 0
    chains = {home: _Chain(home) for (home,) in await _fetch(connection, _HOMES)}
    async with aclosing(_read_journals(connection, list(chains))) as journals:
        async for home, header, rows in journals:
            chain = chains.setdefault(home, _Chain(home))
            for breach in chain.stray(rows) if header is None else chain.check(header, rows):
                yield breach
            checked += len(rows)
            if checked - told >= _TOLD_EVERY:
                told = checked
                progress(checked, total)
    ends = {home: (page, digest) for home, page, digest in await _fetch(connection, _ENDS)}
    for home, chain in sorted(chains.items()):
        for breach in chain.check_end(ends.get(home)):
            yield breach
    progress(checked, total)


@dataclass(slots=True)
class _Chain:
    """How far a home's chain of pages has been followed."""

    home: Home
    number: int = 0
    digests: tuple[bytes, ...] = (FIRST_DIGEST,)
    """The last page's digest, as it is kept and as it follows from the page, if that differs:
    the next page was chained to one of the two. Empty where that page is missing."""

    def check(self, header: PageHeader, rows: Sequence[TupleRow]) -> Iterator[Breach]:
        """Check the next page and its transfers, which come in the order of their positions."""
        if header.number <= self.number:
            yield self._page(header), "no page has such a number"
            return
        if header.number > self.number + 1:
            yield self._missing(self.number + 1, header.number - 1)
            self.digests = ()
        known, follows = self._follow(header)
        if not follows:
            yield self._page(header), "its header is not what was written after the page before it"
        self.number, self.digests = header.number, known

        hashes = [
            leaf_hash(LEAF.pack(home, page, position, header.at_us, kind, amount, *ids))
            for home, page, position, _, kind, amount, *ids in rows
        ]
        if len(rows) == header.transfers and all(
            position == row[2] and hashed.startswith(row[3])
            for position, (hashed, row) in enumerate(zip(hashes, rows, strict=True), start=1)
        ):
            if follows and merkle_root(hashes) != header.root:
                what = f"its {len(rows)} transfers are not those that were written"
                yield self._page(header), what
            return
        yield from self._explain(header, rows, hashes, follows=follows)

    def stray(self, rows: Sequence[TupleRow]) -> Iterator[Breach]:
        """Name the transfers of one page that is not there itself."""
        first, last = rows[0], rows[-1]
        if len(rows) == 1:
            yield self._transfer(first), "its page is not there"
        else:
            yield (
                f"transfers {first[1]}/{first[2]} to {last[1]}/{last[2]} of home {self.home}",
                ("their page is not there"),
            )

    def check_end(self, end: tuple[int, bytes] | None) -> Iterator[Breach]:
        """Check that the home's own row names the last page."""
        row = f"home {self.home}"
        if end is None:
            yield row, "it is missing"
            return
        number, digest = end
        if number > self.number:
            yield self._missing(self.number + 1, number)
        elif number < self.number:
            yield row, f"its last page is {self.number}, not {number}"
        elif self.digests and digest not in self.digests:
            yield row, f"its digest is not that of its last page, {number}"

    def _transfer(self, row: TupleRow) -> str:
        return f"transfer {row[1]}/{row[2]} of home {self.home}"

    def _page(self, header: PageHeader) -> str:
        return f"page {header.number} of home {self.home}"

    def _follow(self, header: PageHeader) -> tuple[tuple[bytes, ...], bool]:
        follow = {
            page_digest(
                before, self.home, header.number, header.at_us, header.transfers, header.root
            )
            for before in self.digests
        }
        if not self.digests or header.digest in follow:
            return (header.digest,), True
        return (header.digest, *follow), False

    def _missing(self, first: int, last: int) -> Breach:
        if last == first:
            return f"page {first} of home {self.home}", "it is missing"
        return f"pages {first} to {last} of home {self.home}", _MISSING

    def _explain(
        self,
        header: PageHeader,
        rows: Sequence[TupleRow],
        hashes: Sequence[bytes],
        *,
        follows: bool,
    ) -> Iterator[Breach]:
        changed = [not hashed.startswith(row[3]) for hashed, row in zip(hashes, rows, strict=True)]
        # Every leaf has the page's time in it: where the header is wrong too, that may be all.
        is_time_changed = not follows and all(changed)
        is_root_right = merkle_root(hashes) == header.root
        expected = 1
        for row, is_changed in zip(rows, changed, strict=True):
            position = row[2]
            if position < expected:
                what = "it is there twice" if position > 0 else "it was never written"
                yield self._transfer(row), what
                continue
            if position > header.transfers:
                yield self._transfer(row), f"its page has only {header.transfers} transfers"
                continue
            yield from self._gap(header, expected, position - 1)
            expected = position + 1
            if is_changed and not is_time_changed:
                what = "its checksum is" if is_root_right else "it is"
                yield self._transfer(row), f"{what} not what was written"
        yield from self._gap(header, expected, header.transfers)

    def _gap(self, header: PageHeader, first: int, last: int) -> Iterator[Breach]:
        page = header.number
        if first == last:
            yield f"transfer {page}/{first} of home {self.home}", "it is missing"
        elif first < last:
            yield f"transfers {page}/{first} to {page}/{last} of home {self.home}", _MISSING


async def _fetch(
    connection: Connection, query: LiteralString, parameters: Params = ()
) -> Sequence[TupleRow]:
    return await (await connection.execute(query, parameters)).fetchall()


async def _read_journals(
    connection: Connection, homes: Sequence[Home]
) -> AsyncGenerator[tuple[Home, PageHeader | None, Sequence[TupleRow]], None]:
    """Yield each page with its transfers, those of a home in order; None: they have no page."""
    since = _NUMBER_MIN
    for until in await _cut_stretches(connection, len(homes)):
        pages = deque(
            (home, PageHeader(*header))
            for home, *header in await _fetch(connection, _PAGES, (homes, since, until))
        )
        asked = read_pages(connection, _TRANSFERS, (since, until))
        async with aclosing(asked) as transfers:
            async for place, rows in transfers:
                while pages and (pages[0][0], pages[0][1].number) < place:
                    yield *pages.popleft(), ()
                if pages and (pages[0][0], pages[0][1].number) == place:
                    yield *pages.popleft(), rows
                else:
                    yield place[0], None, rows
        for page in pages:
            yield *page, ()
        since = until + 1


async def _cut_stretches(connection: Connection, homes: int) -> list[int]:
    """Return the last page numbers of stretches that are good to check at once."""
    ends: list[int] = []
    pages = transfers = 0
    width = max(1, _NUMBERS_COUNTED // max(1, homes))
    async with connection.cursor(binary=True) as cursor:
        async for row in cursor.stream(_STRETCHES, {"width": width}, size=_ROWS_AT_ONCE):
            number, more_pages, more_transfers = row
            pages, transfers = pages + more_pages, transfers + more_transfers
            if pages > _PAGES_MAX or transfers > _TRANSFERS_MAX:
                ends.append(number - 1)
                pages, transfers = more_pages, more_transfers
    return [*ends, _NUMBER_MAX]


async def read_pages(
    connection: Connection, query: LiteralString, parameters: Params
) -> AsyncGenerator[tuple[tuple[Home, int], list[TupleRow]], None]:
    """Yield home and number of each page that has transfers, with the rows that a query selects.

    It must select home and page first, and in their order. One page is in memory at a time.
    """
    place, rows = (Home(0), 0), list[TupleRow]()
    async with connection.cursor(binary=True) as cursor:
        asked = cursor.stream(query, parameters, size=_ROWS_AT_ONCE)
        # Only a generator can be closed, and it must be: until then the connection is not free.
        async with aclosing(cast("AsyncGenerator[TupleRow, None]", asked)) as stream:
            async for row in stream:
                if rows and (row[1] != place[1] or row[0] != place[0]):
                    yield place, rows
                    rows = []
                if not rows:
                    place = (row[0], row[1])
                rows.append(row)
    if rows:
        yield place, rows
