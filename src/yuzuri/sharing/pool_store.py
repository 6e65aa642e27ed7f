"""The rows of pools: who draws on one, who is invited, and who has put in what."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from yuzuri.db import Connection
from yuzuri.db.arrays import UuidArray
from yuzuri.kernel.ids import (
    AllowanceId,
    DelegationId,
    HolderId,
    Home,
    InvitationId,
    PersonId,
    PoolId,
    by_home,
    home_of,
)
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import Allotment, Contribution, Invitation, Member, Pool, Role

_POOL_COLUMNS = """
id, owner, name, operator, opened_at, closed_at, successor, members_fill, month, size
"""

_POOLS = f"SELECT {_POOL_COLUMNS} FROM pool WHERE home = %s AND id = ANY(%b)"

# Whoever took a pool over may live in another home than it does.
_POOLS_OF = f"""
SELECT {_POOL_COLUMNS} FROM pool WHERE owner = %(person)s OR successor = %(person)s
ORDER BY opened_at, id
"""

_WRITE_POOL = f"""
INSERT INTO pool (home, {_POOL_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (home, id) DO UPDATE
SET owner = excluded.owner, closed_at = excluded.closed_at, successor = excluded.successor,
    month = excluded.month, size = excluded.size
"""

_MEMBER_COLUMNS = """
line, pool, joined_at, day, month, taken_today, taken_this_month, taken, cap_per_day, cap_per_month,
share, share_percent, pool_first, is_paused, is_slowed, role, delegation, since, until
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
    %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[],
    %b::smallint[], %b::boolean[], %b::boolean[], %b::boolean[], %b::text[], %b::uuid[],
    %b::timestamptz[], %b::timestamptz[])
ON CONFLICT (home, line) DO UPDATE
SET pool = excluded.pool, joined_at = excluded.joined_at, day = excluded.day,
    month = excluded.month, taken_today = excluded.taken_today,
    taken_this_month = excluded.taken_this_month, taken = excluded.taken,
    cap_per_day = excluded.cap_per_day, cap_per_month = excluded.cap_per_month,
    share = excluded.share, share_percent = excluded.share_percent,
    pool_first = excluded.pool_first, is_paused = excluded.is_paused,
    is_slowed = excluded.is_slowed, role = excluded.role, delegation = excluded.delegation,
    since = excluded.since, until = excluded.until
"""

_REMOVE_MEMBERS = "DELETE FROM pool_member WHERE home = %s AND line = ANY(%b)"

_INVITATION_COLUMNS = """
id, pool, by, number, uses_max, uses, allotment, role, invited_at, until, withdrawn_at
"""

_INVITATIONS = f"SELECT {_INVITATION_COLUMNS} FROM pool_invitation WHERE home = %s AND id = ANY(%b)"

_INVITATIONS_TO = f"""
SELECT {_INVITATION_COLUMNS} FROM pool_invitation
WHERE (pool = ANY(%(pools)b) OR number = ANY(%(numbers)b))
    AND withdrawn_at IS NULL AND uses < uses_max AND until > %(at)s
ORDER BY invited_at, id
"""

_POOLS_OF_INVITATIONS = "SELECT pool FROM pool_invitation WHERE home = %s AND id = ANY(%b)"

_WRITE_INVITATION = f"""
INSERT INTO pool_invitation (home, {_INVITATION_COLUMNS})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (home, id) DO UPDATE
SET uses = excluded.uses, withdrawn_at = excluded.withdrawn_at
"""

_CONTRIBUTIONS = """
SELECT pool, line, allowance, amount, is_owed FROM pool_contribution
WHERE home = %s AND pool = ANY(%b) ORDER BY line, allowance, is_owed
"""

_OWED = """
SELECT pool, line, allowance, amount, is_owed FROM pool_contribution
WHERE home = %s AND pool = ANY(%b) AND is_owed ORDER BY line, allowance
"""

# A line may live in another home than the pool that it has left.
_OWING = "SELECT DISTINCT pool FROM pool_contribution WHERE line = ANY(%b) AND is_owed"

_FORGET_CONTRIBUTIONS = "DELETE FROM pool_contribution WHERE home = %s AND pool = ANY(%b)"

_ADD_CONTRIBUTIONS = """
INSERT INTO pool_contribution (home, pool, line, allowance, amount, is_owed)
SELECT %s, * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::boolean[])
"""

_LINES_OF_POOLS = """
SELECT line FROM pool_member WHERE pool = ANY(%(pools)b)
UNION SELECT line FROM pool_contribution WHERE pool = ANY(%(pools)b)
"""

# What has nothing left to pay is to be forgotten too.
_TO_SETTLE = """
SELECT DISTINCT owed.pool FROM pool_contribution owed
LEFT JOIN bucket
    ON bucket.home = owed.home AND bucket.holder = owed.pool AND bucket.allowance = owed.allowance
WHERE owed.home = %s AND is_owed AND (coalesce(balance, 0) = 0 OR balance > held)
LIMIT %s
"""


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
        facts.contributions |= await load_contributions(connection, pools)


async def write_pools(connection: Connection, facts: PoolFacts) -> None:
    """Write all that decisions have changed of pools and of their people."""
    for pool in facts.changed_pools:
        await _write_pool(connection, facts.pools[pool])
    for invitation in facts.changed_invitations:
        await _write_invitation(connection, facts.invitations[invitation])
    if facts.changed_contributions:
        changed = {pool: facts.contributions[pool] for pool in facts.changed_contributions}
        await _write_contributions(connection, changed)
    gone = facts.changed - facts.members.keys()
    if gone:
        await remove_members(connection, gone)
    if facts.changed - gone:
        await write_members(connection, (facts.members[line] for line in facts.changed - gone))


# ---------------------------------------------------------------- pools


async def load_pools(connection: Connection, pools: Iterable[HolderId]) -> dict[PoolId, Pool]:
    """Return the pools with these ids, as far as they exist."""
    return await take_pools(await ask_for_pools(connection, pools))


async def ask_for_pools(
    connection: Connection, pools: Iterable[HolderId]
) -> Sequence[AsyncCursor[TupleRow]]:
    """Ask what `take_pools` waits for, so that in a pipeline more can be asked before."""
    return [
        await connection.execute(_POOLS, (home, UuidArray(ids)), prepare=True)
        for home, ids in by_home(pools).items()
    ]


async def take_pools(asked: Iterable[AsyncCursor[TupleRow]]) -> dict[PoolId, Pool]:
    """Return what `load_pools` does."""
    rows = [row for cursor in asked for row in await cursor.fetchall()]
    return {pool.id: pool for pool in map(_pool, rows)}


async def pools_of(connection: Connection, person: PersonId) -> list[Pool]:
    """Return the pools that a person owns, or is offered to take over, oldest first."""
    cursor = await connection.execute(_POOLS_OF, {"person": person})
    return [_pool(row) async for row in cursor]


async def lines_of_pools(connection: Connection, pools: Iterable[PoolId]) -> set[HolderId]:
    """Return the lines that draw on these pools or have put something in, wherever they live."""
    cursor = await connection.execute(_LINES_OF_POOLS, {"pools": list(pools)})
    return {HolderId(row[0]) async for row in cursor}


async def pools_to_settle(
    connection: Connection, home: Home, limit: int = 1_000
) -> Sequence[PoolId]:
    """Return pools that owe something which nothing holds."""
    cursor = await connection.execute(_TO_SETTLE, (home, limit))
    return [PoolId(row[0]) async for row in cursor]


# ---------------------------------------------------------------- members


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
    connection: Connection, pools: Iterable[HolderId]
) -> dict[HolderId, Member]:
    """Return all who draw on these pools, first come first.

    Who they are holds as long as the homes of the pools are locked.
    """
    cursor = await connection.execute(_MEMBERS_OF, (list(pools),), prepare=True)
    return {HolderId(row[0]): _member(row) async for row in cursor}


async def write_members(connection: Connection, members: Iterable[Member]) -> None:
    """Write members as they now stand."""
    known = {member.line: member for member in members}
    for home, lines in by_home(known).items():
        rows = (
            (m.line, m.pool, m.joined_at, m.day, m.month, m.taken_today, m.taken_this_month,
             m.taken, a.cap_per_day, a.cap_per_month, a.share, a.share_percent, a.pool_first,
             a.is_paused, a.is_slowed, m.role.value, m.delegation, m.since, m.until)
            for m in map(known.__getitem__, lines)
            for a in (m.allotment,)
        )  # fmt: skip
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(_WRITE_MEMBERS, (home, *columns), prepare=True)


async def remove_members(connection: Connection, lines: Iterable[HolderId]) -> None:
    """Forget that these lines drew on a pool."""
    for home, gone in by_home(lines).items():
        await connection.execute(_REMOVE_MEMBERS, (home, gone), prepare=True)


# ---------------------------------------------------------------- invitations


async def pools_of_invitations(
    connection: Connection, invitations: Iterable[InvitationId]
) -> set[PoolId]:
    """Return the pools that these invitations are to; that never changes."""
    found: set[PoolId] = set()
    for home, ids in by_home(invitations).items():
        cursor = await connection.execute(_POOLS_OF_INVITATIONS, (home, ids))
        found |= {PoolId(row[0]) async for row in cursor}
    return found


async def load_invitations(
    connection: Connection, invitations: Iterable[InvitationId]
) -> dict[InvitationId, Invitation]:
    """Return the invitations with these ids, as far as they exist."""
    found: dict[InvitationId, Invitation] = {}
    for home, ids in by_home(invitations).items():
        cursor = await connection.execute(_INVITATIONS, (home, ids))
        found |= {one.id: one async for one in _each(cursor)}
    return found


async def open_invitations(
    connection: Connection,
    *,
    at: datetime,
    pools: Collection[PoolId] = (),
    numbers: Collection[str] = (),
) -> Sequence[Invitation]:
    """Return the invitations to these pools, and those to these numbers, oldest first."""
    asked = {"pools": list(pools), "numbers": list(numbers), "at": at}
    return [one async for one in _each(await connection.execute(_INVITATIONS_TO, asked))]


# ---------------------------------------------------------------- contributions


async def load_contributions(
    connection: Connection, pools: Iterable[PoolId]
) -> dict[PoolId, Sequence[Contribution]]:
    """Return what lines have put into these pools; one that nobody has is empty."""
    pools = list(pools)
    found = await take_contributions(await _ask_for(connection, _CONTRIBUTIONS, pools))
    return dict.fromkeys(pools, ()) | found


async def pools_owing(connection: Connection, lines: Iterable[HolderId]) -> set[PoolId]:
    """Return the pools that these lines have left, and have still to get something back from."""
    cursor = await connection.execute(_OWING, (list(lines),))
    return {PoolId(row[0]) async for row in cursor}


async def ask_for_owed(
    connection: Connection, pools: Iterable[HolderId]
) -> Sequence[AsyncCursor[TupleRow]]:
    """Ask what pools owe to lines that have left; `take_contributions` waits for it."""
    return await _ask_for(connection, _OWED, pools)


async def take_contributions(
    asked: Iterable[AsyncCursor[TupleRow]],
) -> dict[PoolId, Sequence[Contribution]]:
    """Return contributions by pool, in the order of their lines."""
    found: dict[PoolId, list[Contribution]] = {}
    for cursor in asked:
        for pool, line, allowance, amount, is_owed in await cursor.fetchall():
            found.setdefault(PoolId(pool), []).append(
                Contribution(
                    pool=PoolId(pool),
                    line=HolderId(line),
                    allowance=AllowanceId(allowance),
                    amount=amount,
                    is_owed=is_owed,
                )
            )
    return dict(found)


async def _ask_for(
    connection: Connection, statement: Any, pools: Iterable[HolderId]
) -> Sequence[AsyncCursor[TupleRow]]:
    return [
        await connection.execute(statement, (home, UuidArray(ids)), prepare=True)
        for home, ids in by_home(pools).items()
    ]


# ---------------------------------------------------------------- rows


async def _write_pool(connection: Connection, p: Pool) -> None:
    row = (p.id, p.owner, p.name, p.operator, p.opened_at, p.closed_at, p.successor, p.members_fill,
           p.month, p.size)  # fmt: skip
    await connection.execute(_WRITE_POOL, (home_of(p.id), *row))


async def _write_invitation(connection: Connection, i: Invitation) -> None:
    allotment = Jsonb(msgspec.to_builtins(i.allotment))
    row = (i.id, i.pool, i.by, i.number, i.uses_max, i.uses, allotment, i.role.value, i.invited_at,
           i.until, i.withdrawn_at)  # fmt: skip
    await connection.execute(_WRITE_INVITATION, (home_of(i.id), *row))


async def _write_contributions(
    connection: Connection, contributions: Mapping[PoolId, Sequence[Contribution]]
) -> None:
    for home, pools in by_home(contributions).items():
        await connection.execute(_FORGET_CONTRIBUTIONS, (home, pools))
        rows = [
            (one.pool, one.line, one.allowance, one.amount, one.is_owed)
            for pool in pools
            for one in contributions[pool]
        ]
        if rows:
            columns = (list(column) for column in zip(*rows, strict=True))
            await connection.execute(_ADD_CONTRIBUTIONS, (home, *columns))


async def _each(cursor: AsyncCursor[TupleRow]) -> Any:
    async for row in cursor:
        (invitation, pool, by, number, uses_max, uses, allotment, role, invited_at, until,
         withdrawn_at) = row  # fmt: skip
        yield Invitation(
            id=InvitationId(invitation),
            pool=PoolId(pool),
            by=PersonId(by),
            number=number,
            uses_max=uses_max,
            uses=uses,
            allotment=msgspec.convert(allotment, Allotment),
            role=Role(role),
            invited_at=invited_at,
            until=until,
            withdrawn_at=withdrawn_at,
        )


def _pool(row: TupleRow) -> Pool:
    (pool_id, owner, name, operator, opened_at, closed_at, successor, members_fill, month,
     size) = row  # fmt: skip
    return Pool(
        id=PoolId(HolderId(pool_id)),
        owner=PersonId(owner),
        name=name,
        operator=operator,
        opened_at=opened_at,
        closed_at=closed_at,
        successor=None if successor is None else PersonId(successor),
        members_fill=members_fill,
        month=month,
        size=size,
    )


def _member(row: TupleRow) -> Member:
    (line, pool, joined_at, day, month, taken_today, taken_this_month, taken, cap_per_day,
     cap_per_month, share, share_percent, pool_first, is_paused, is_slowed, role, delegation, since,
     until) = row  # fmt: skip
    return Member(
        line=HolderId(line),
        pool=HolderId(pool),
        joined_at=joined_at,
        day=day,
        month=month,
        taken_today=taken_today,
        taken_this_month=taken_this_month,
        taken=taken,
        allotment=Allotment(
            cap_per_day=cap_per_day,
            cap_per_month=cap_per_month,
            share=share,
            share_percent=share_percent,
            pool_first=pool_first,
            is_paused=is_paused,
            is_slowed=is_slowed,
        ),
        role=Role(role),
        delegation=None if delegation is None else DelegationId(delegation),
        since=since,
        until=until,
    )
