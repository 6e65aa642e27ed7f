"""The gifts' rows: loading the facts of decisions in bulk, and writing what gifts became."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.db.arrays import BigintArray, UuidArray
from yuzuri.kernel.ids import (
    DelegationId,
    GiftId,
    HolderId,
    Home,
    LinkId,
    RequestId,
    by_home,
    home_of,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.book import Book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gifts import Gift, GiftState
from yuzuri.sharing.link_rows import links_of_lines
from yuzuri.subscribers.lines import Line, linked_numbers

PAST_LIMIT = timedelta(days=32)
"""How far back limits look: longer than any month. What ended since then may have begun before."""

_COLUMNS = """
id, from_line, to_line, amount, unit, message, state, offered_at, deadline, ended_at,
via, is_share, authority, is_giver_hidden, is_receiver_hidden, thanks
"""

_LINES_OF_GIFTS = "SELECT from_line, to_line FROM gift WHERE home = %s AND id = ANY(%b)"

# A gift lives in the home of its giver; what was received may come from any home.

_GIFTS = f"SELECT {_COLUMNS} FROM gift WHERE home = %s AND id = ANY(%b)"

_PAST = f"""
SELECT {_COLUMNS} FROM gift
WHERE home = ANY(%(homes)b) AND from_line = ANY(%(lines)b) AND offered_at >= %(since)s
    AND NOT is_share
UNION
SELECT {_COLUMNS} FROM gift
WHERE home = ANY(%(homes)b) AND from_line = ANY(%(lines)b) AND state = 'open'
UNION
SELECT {_COLUMNS} FROM gift
WHERE home = ANY(ARRAY(SELECT home FROM home)) AND to_line = ANY(%(lines)b)
    AND ended_at >= %(since)s
"""

_HISTORY = f"""
SELECT {_COLUMNS} FROM gift
WHERE from_line = ANY(%(givers)b) AND home = ANY(%(homes)b) AND NOT is_share
   OR to_line = ANY(%(receivers)b) AND home = ANY(ARRAY(SELECT home FROM home))
   OR authority = ANY(%(acting)b) AND home = ANY(%(acting_homes)b)
ORDER BY offered_at DESC, id DESC
LIMIT %(limit)s
"""

_VIA = f"""
SELECT {_COLUMNS} FROM gift WHERE home = ANY(ARRAY(SELECT home FROM home)) AND via = %s
ORDER BY ended_at DESC, id DESC
LIMIT %s
"""

_DUE = """
SELECT id FROM gift WHERE home = %s AND state = 'open' AND deadline <= %s
ORDER BY deadline LIMIT %s
"""

_WRITE_GIFTS = f"""
INSERT INTO gift (home, {_COLUMNS})
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::text[], %b::text[], %b::text[],
    %b::timestamptz[], %b::timestamptz[], %b::timestamptz[],
    %b::uuid[], %b::boolean[], %b::uuid[], %b::boolean[], %b::boolean[], %b::text[])
ON CONFLICT (home, id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at
"""


async def lines_of_gifts(connection: Connection, gifts: Iterable[GiftId]) -> set[HolderId]:
    """Return the lines that gifts are between: what must be locked before they are decided."""
    lines: set[HolderId] = set()
    for home, ids in by_home(gifts).items():
        cursor = await connection.execute(_LINES_OF_GIFTS, (home, ids), prepare=True)
        lines |= {line async for row in cursor for line in row}
    return lines


async def load_gift_facts(
    connection: Connection, book: Book, profiles: Profiles, lines: Mapping[HolderId, Line]
) -> GiftFacts:
    """Load what decisions on gifts between these lines may look at, beside the book."""
    facts = GiftFacts(book, profiles, lines)
    await take_in_gifts(connection, facts, (), lines)
    return facts


async def take_in_gifts(
    connection: Connection,
    facts: GiftFacts,
    gifts: Iterable[GiftId],
    giving: Collection[HolderId],
) -> None:
    """Load these gifts, and all that limits and rules look at of the lines that give or receive.

    A gift between other lines than those of the facts is left out: it was offered after the lines
    were locked.
    """
    facts.linked = {**facts.linked, **await linked_numbers(connection, giving)}
    for gift in await load_gifts(connection, gifts):
        if gift.from_line in facts.lines and gift.to_line in facts.lines:
            facts.add_gift(gift)
    await take_in_past(connection, facts, giving)


async def take_in_past(connection: Connection, facts: GiftFacts, lines: Iterable[HolderId]) -> None:
    """Load what limits count of these lines: their gifts, and the links that they have posted."""
    asked, since = list(lines), facts.at - PAST_LIMIT
    homes = sorted({home_of(line) for line in asked})
    parameters = {"homes": homes, "lines": asked, "since": since}
    cursor = await connection.execute(_PAST, parameters, prepare=True)
    async for row in cursor:
        facts.add_past(_gift(row))
    for link in await links_of_lines(connection, asked, since):
        facts.add_posted(link)


async def load_gifts(connection: Connection, gifts: Iterable[GiftId]) -> Sequence[Gift]:
    """Return the gifts with these ids, as far as they exist."""
    found = []
    for home, ids in by_home(gifts).items():
        cursor = await connection.execute(_GIFTS, (home, ids), prepare=True)
        found += [_gift(row) async for row in cursor]
    return found


async def gift_history(
    connection: Connection,
    lines: Sequence[HolderId],
    limit: int = 100,
    *,
    sent: bool = True,
    received: bool = True,
    acting: Sequence[DelegationId] = (),
) -> Sequence[Gift]:
    """Return the gifts from (`sent`) and to (`received`) these lines, newest first.

    So are those that were given on these delegations (`acting`), from whichever line.
    Shares of a link are among those that were received only: for its giver they are one matter.
    """
    parameters = {
        "homes": sorted({home_of(line) for line in lines}),
        "givers": list(lines) if sent else [],
        "receivers": list(lines) if received else [],
        "acting": list(acting),
        "acting_homes": sorted({home_of(one) for one in acting}),
        "limit": limit,
    }
    cursor = await connection.execute(_HISTORY, parameters)
    return [_gift(row) async for row in cursor]


async def gifts_via(connection: Connection, via: LinkId | RequestId, limit: int) -> Sequence[Gift]:
    """Return the gifts that came by a link, or to a request, newest first."""
    cursor = await connection.execute(_VIA, (via, limit))
    return [_gift(row) async for row in cursor]


async def due_gifts(
    connection: Connection, home: Home, at: datetime, limit: int = 1_000
) -> Sequence[GiftId]:
    """Return open gifts whose deadline has passed."""
    cursor = await connection.execute(_DUE, (home, at, limit))
    return [GiftId(row[0]) async for row in cursor]


async def write_gifts(connection: Connection, gifts: Iterable[Gift]) -> None:
    """Write gifts as they now stand."""
    known = {gift.id: gift for gift in gifts}
    for home, ids in by_home(known).items():
        written = [known[gift_id] for gift_id in ids]
        rows = (
            (g.unit.value, g.message, g.state.value, g.offered_at, g.deadline, g.ended_at, g.via,
             g.is_share, g.authority, g.is_giver_hidden, g.is_receiver_hidden, g.thanks)
            for g in written
        )  # fmt: skip
        columns = (list(column) for column in zip(*rows, strict=True))
        lines = (UuidArray([g.from_line for g in written]), UuidArray([g.to_line for g in written]))
        amounts = BigintArray([g.amount for g in written])
        parameters = (home, UuidArray(ids), *lines, amounts, *columns)
        await connection.execute(_WRITE_GIFTS, parameters, prepare=True)


def _gift(row: TupleRow) -> Gift:
    (gift_id, from_line, to_line, amount, unit, message, state, offered_at, deadline, ended_at,
     via, is_share, authority, is_giver_hidden, is_receiver_hidden, thanks) = row  # fmt: skip
    return Gift(
        id=GiftId(gift_id),
        from_line=HolderId(from_line),
        to_line=HolderId(to_line),
        unit=Unit(unit),
        amount=amount,
        message=message,
        state=GiftState(state),
        offered_at=offered_at,
        deadline=deadline,
        ended_at=ended_at,
        via=via,
        is_share=is_share,
        authority=DelegationId(authority) if authority else None,
        is_giver_hidden=is_giver_hidden,
        is_receiver_hidden=is_receiver_hidden,
        thanks=thanks,
    )
