"""The rows of pools and of their members."""

from collections.abc import Iterable, Sequence

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.db.arrays import UuidArray
from yuzuri.kernel.ids import HolderId, PersonId, PoolId, by_home, home_of
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import Member, Pool

_POOL_COLUMNS = "id, owner, name, operator, opened_at, closed_at"

_POOLS = f"SELECT {_POOL_COLUMNS} FROM pool WHERE home = %s AND id = ANY(%b)"

_POOLS_OF = f"""
SELECT {_POOL_COLUMNS} FROM pool WHERE home = %s AND owner = %s ORDER BY opened_at, id
"""

_ADD_POOL = f"INSERT INTO pool (home, {_POOL_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)"

_MEMBER_COLUMNS = """
line, pool, joined_at, day, month, taken_today, taken_this_month, cap_per_day, cap_per_month,
pool_first, is_paused
"""

_MEMBERS = f"SELECT {_MEMBER_COLUMNS} FROM pool_member WHERE home = %s AND line = ANY(%b)"

# A pool's members may live in any home.
_MEMBERS_OF = f"""
SELECT {_MEMBER_COLUMNS} FROM pool_member WHERE pool = ANY(%b) ORDER BY joined_at, line
"""

_WRITE_MEMBERS = f"""
INSERT INTO pool_member (home, {_MEMBER_COLUMNS})
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[],
    %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::boolean[], %b::boolean[])
ON CONFLICT (home, line) DO UPDATE
SET pool = excluded.pool, joined_at = excluded.joined_at, day = excluded.day,
    month = excluded.month, taken_today = excluded.taken_today,
    taken_this_month = excluded.taken_this_month, cap_per_day = excluded.cap_per_day,
    cap_per_month = excluded.cap_per_month, pool_first = excluded.pool_first,
    is_paused = excluded.is_paused
"""

_REMOVE_MEMBERS = "DELETE FROM pool_member WHERE home = %s AND line = ANY(%b)"


async def take_in_pools(
    connection: Connection, facts: PoolFacts, lines: Iterable[HolderId], pools: Iterable[PoolId]
) -> None:
    """Take in these pools with all who draw on them, and how these lines draw on any pool.

    The homes of all of them are locked.
    """
    pools = list(pools)
    facts.members |= await load_members(connection, lines)
    if pools:
        facts.pools |= await load_pools(connection, pools)
        facts.members |= await load_members_of(connection, pools)


async def write_pools(connection: Connection, facts: PoolFacts) -> None:
    """Write all that decisions have changed of pools and of their members."""
    await add_pools(connection, facts.opened)
    gone = facts.changed - facts.members.keys()
    if gone:
        await remove_members(connection, gone)
    if facts.changed - gone:
        await write_members(connection, (facts.members[line] for line in facts.changed - gone))


async def load_pools(connection: Connection, pools: Iterable[PoolId]) -> dict[PoolId, Pool]:
    """Return the pools with these ids, as far as they exist."""
    found: dict[PoolId, Pool] = {}
    for home, ids in by_home(pools).items():
        cursor = await connection.execute(_POOLS, (home, ids), prepare=True)
        found |= {PoolId(row[0]): _pool(row) async for row in cursor}
    return found


async def pools_of(connection: Connection, owner: PersonId) -> list[Pool]:
    """Return the pools that a person owns, oldest first."""
    cursor = await connection.execute(_POOLS_OF, (home_of(owner), owner))
    return [_pool(row) async for row in cursor]


async def load_members(connection: Connection, lines: Iterable[HolderId]) -> dict[HolderId, Member]:
    """Return what pool each of these lines draws on and how; one that draws on none is left out.

    It holds as long as the homes of the lines are locked. Read before, it tells which homes to lock
    (those of the pools), and has to be read again under their locks.
    """
    return await take_members(await ask_for_members(connection, lines))


async def ask_for_members(
    connection: Connection, lines: Iterable[HolderId]
) -> Sequence[AsyncCursor[TupleRow]]:
    """Ask what `take_members` waits for, so that in a pipeline more can be asked before."""
    return [
        await connection.execute(_MEMBERS, (home, UuidArray(wanted)), prepare=True, binary=True)
        for home, wanted in by_home(lines).items()
    ]


async def take_members(asked: Iterable[AsyncCursor[TupleRow]]) -> dict[HolderId, Member]:
    """Return what `load_members` does."""
    rows = [row for cursor in asked for row in await cursor.fetchall()]
    return {HolderId(row[0]): _member(row) for row in rows}


async def load_members_of(
    connection: Connection, pools: Iterable[PoolId]
) -> dict[HolderId, Member]:
    """Return all who draw on these pools, first come first.

    Who they are holds as long as the homes of the pools are locked.
    """
    cursor = await connection.execute(_MEMBERS_OF, (list(pools),), prepare=True)
    return {HolderId(row[0]): _member(row) async for row in cursor}


async def add_pools(connection: Connection, pools: Iterable[Pool]) -> None:
    """Write pools that were opened."""
    for p in pools:
        row = (home_of(p.id), p.id, p.owner, p.name, p.operator, p.opened_at, p.closed_at)
        await connection.execute(_ADD_POOL, row)


async def write_members(connection: Connection, members: Iterable[Member]) -> None:
    """Write members as they now stand."""
    known = {member.line: member for member in members}
    for home, lines in by_home(known).items():
        rows = (
            (m.line, m.pool, m.joined_at, m.day, m.month, m.taken_today, m.taken_this_month,
             m.cap_per_day, m.cap_per_month, m.pool_first, m.is_paused)
            for m in map(known.__getitem__, lines)
        )  # fmt: skip
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(_WRITE_MEMBERS, (home, *columns), prepare=True)


async def remove_members(connection: Connection, lines: Iterable[HolderId]) -> None:
    """Forget that these lines drew on a pool."""
    for home, gone in by_home(lines).items():
        await connection.execute(_REMOVE_MEMBERS, (home, gone), prepare=True)


def _pool(row: TupleRow) -> Pool:
    pool_id, owner, name, operator, opened_at, closed_at = row
    return Pool(
        id=PoolId(HolderId(pool_id)),
        owner=PersonId(owner),
        name=name,
        operator=operator,
        opened_at=opened_at,
        closed_at=closed_at,
    )


def _member(row: TupleRow) -> Member:
    (line, pool, joined_at, day, month, taken_today, taken_this_month, cap_per_day, cap_per_month,
     pool_first, is_paused) = row  # fmt: skip
    return Member(
        line=HolderId(line),
        pool=PoolId(HolderId(pool)),
        joined_at=joined_at,
        day=day,
        month=month,
        taken_today=taken_today,
        taken_this_month=taken_this_month,
        cap_per_day=cap_per_day,
        cap_per_month=cap_per_month,
        pool_first=pool_first,
        is_paused=is_paused,
    )
