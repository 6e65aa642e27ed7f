"""The links' rows: links, and what each person has had of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.db.arrays import UuidArray
from yuzuri.kernel.ids import GiftId, HolderId, Home, LinkId, PersonId, by_home, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.links import Audience, Link, LinkState, Split, Taker

_COLUMNS = """
id, line, unit, amount, shares, split, least, step, seed, audience, passcode, line_age_days_min,
message, is_giver_hidden, state, posted_at, deadline, ended_at, taken, taken_amount
"""

_LINKS = f"SELECT {_COLUMNS} FROM link WHERE home = %s AND id = ANY(%b)"

_OF_LINES = f"""
SELECT {_COLUMNS} FROM link
WHERE home = ANY(%(homes)b) AND line = ANY(%(lines)b)
    AND (posted_at >= %(since)s OR state = 'open')
ORDER BY posted_at DESC, id DESC
"""

_DUE = """
SELECT id FROM link WHERE home = %s AND state = 'open' AND deadline <= %s
ORDER BY deadline LIMIT %s
"""

_WRITE_LINKS = f"""
INSERT INTO link (home, {_COLUMNS})
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::integer[], %b::text[], %b::bigint[],
    %b::bigint[], %b::bytea[], %b::text[], %b::bytea[], %b::integer[], %b::text[], %b::boolean[],
    %b::text[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[], %b::integer[],
    %b::bigint[])
ON CONFLICT (home, id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at,
    taken = excluded.taken, taken_amount = excluded.taken_amount
"""

_TAKERS = """
SELECT link, person, wrong_passcodes, gift, number, taken_at
FROM unnest(%b::uuid[], %b::uuid[]) AS asked (asked_link, asked_person)
JOIN link_taker ON home = %s AND link = asked_link AND person = asked_person
"""

# A share of a link that lives anywhere. Who takes one has the home of their person locked.
_TAKEN_SINCE = """
SELECT person, count(*) FROM link_taker
WHERE home = ANY(ARRAY(SELECT home FROM home)) AND person = ANY(%b) AND gift IS NOT NULL
    AND taken_at > %s
GROUP BY person
"""

_WRITE_TAKERS = """
INSERT INTO link_taker (home, link, person, wrong_passcodes, gift, number, taken_at)
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::smallint[], %b::uuid[], %b::integer[], %b::timestamptz[])
ON CONFLICT (home, link, person) DO UPDATE SET wrong_passcodes = excluded.wrong_passcodes,
    gift = excluded.gift, number = excluded.number, taken_at = excluded.taken_at
"""


async def load_links(connection: Connection, links: Iterable[LinkId]) -> Sequence[Link]:
    """Return the links with these ids, as far as they exist."""
    found = []
    for home, ids in by_home(links).items():
        cursor = await connection.execute(_LINKS, (home, ids), prepare=True)
        found += [_link(row) async for row in cursor]
    return found


async def links_of_lines(
    connection: Connection, lines: Collection[HolderId], since: datetime
) -> Sequence[Link]:
    """Return what these lines have posted since an instant, or is still open; newest first."""
    homes = sorted({home_of(line) for line in lines})
    parameters = {"homes": homes, "lines": list(lines), "since": since}
    cursor = await connection.execute(_OF_LINES, parameters, prepare=True)
    return [_link(row) async for row in cursor]


async def due_links(
    connection: Connection, home: Home, at: datetime, limit: int = 1_000
) -> Sequence[LinkId]:
    """Return open links whose deadline has passed."""
    cursor = await connection.execute(_DUE, (home, at, limit))
    return [LinkId(row[0]) async for row in cursor]


async def write_links(connection: Connection, links: Iterable[Link]) -> None:
    """Write links as they now stand."""
    known = {link.id: link for link in links}
    for home, ids in by_home(known).items():
        rows = (
            (x.id, x.line, x.unit.value, x.amount, x.shares, x.split.value, x.least, x.step, x.seed,
             x.audience.value, x.passcode, x.line_age_days_min, x.message, x.is_giver_hidden,
             x.state.value, x.posted_at, x.deadline, x.ended_at, x.taken, x.taken_amount)
            for x in map(known.__getitem__, ids)
        )  # fmt: skip
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(_WRITE_LINKS, (home, *columns))


async def load_takers(
    connection: Connection, pairs: Iterable[tuple[LinkId, PersonId]]
) -> Sequence[Taker]:
    """Return what people have had of links, as far as they have had anything."""
    found = []
    by_link_home: dict[Home, list[tuple[LinkId, PersonId]]] = {}
    for pair in pairs:
        by_link_home.setdefault(home_of(pair[0]), []).append(pair)
    for home, asked in by_link_home.items():
        links, people = (UuidArray(column) for column in zip(*asked, strict=True))
        cursor = await connection.execute(_TAKERS, (links, people, home), prepare=True)
        found += [_taker(row) async for row in cursor]
    return found


async def count_taken_since(
    connection: Connection, people: Collection[PersonId], since: datetime
) -> Mapping[PersonId, int]:
    """Return how many shares, of whatever links, each person has taken after an instant."""
    parameters = (UuidArray(list(people)), since)
    cursor = await connection.execute(_TAKEN_SINCE, parameters, prepare=True)
    return {PersonId(person): count async for person, count in cursor}


async def write_takers(connection: Connection, takers: Iterable[Taker]) -> None:
    """Write what people have had of links."""
    by_link_home: dict[Home, list[Taker]] = {}
    for taker in takers:
        by_link_home.setdefault(home_of(taker.link), []).append(taker)
    for home, written in by_link_home.items():
        keys = (UuidArray([t.link for t in written]), UuidArray([t.person for t in written]))
        rows = ((t.wrong_passcodes, t.gift, t.number, t.taken_at) for t in written)
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(_WRITE_TAKERS, (home, *keys, *columns), prepare=True)


def _link(row: TupleRow) -> Link:
    (link_id, line, unit, amount, shares, split, least, step, seed, audience, passcode,
     line_age_days_min, message, is_giver_hidden, state, posted_at, deadline, ended_at, taken,
     taken_amount) = row  # fmt: skip
    return Link(
        id=LinkId(link_id),
        line=HolderId(line),
        unit=Unit(unit),
        amount=amount,
        shares=shares,
        split=Split(split),
        least=least,
        step=step,
        seed=seed,
        audience=Audience(audience),
        passcode=passcode,
        line_age_days_min=line_age_days_min,
        message=message,
        is_giver_hidden=is_giver_hidden,
        state=LinkState(state),
        posted_at=posted_at,
        deadline=deadline,
        ended_at=ended_at,
        taken=taken,
        taken_amount=taken_amount,
    )


def _taker(row: TupleRow) -> Taker:
    link, person, wrong_passcodes, gift, number, taken_at = row
    return Taker(
        link=LinkId(link),
        person=PersonId(person),
        wrong_passcodes=wrong_passcodes,
        gift=GiftId(gift) if gift else None,
        number=number,
        taken_at=taken_at,
    )
