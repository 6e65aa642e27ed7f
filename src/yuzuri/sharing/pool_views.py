"""Pools as their people see them: what is left in one, and what each member has taken of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.ids import PersonId
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.store import read_book
from yuzuri.sharing.pool_store import load_members, load_members_of, load_pools, pools_of
from yuzuri.sharing.pools import Member, Pool
from yuzuri.subscribers.lines import Line, Person, lines_of, load_lines, load_people


@dataclass(frozen=True, slots=True)
class MemberInView:
    """Who draws on a pool; to others by nickname and masked number only."""

    member: Member
    line: Line
    person: Person


@dataclass(frozen=True, slots=True)
class PoolInView:
    """A pool with what is left in it of each unit, and those of its members whom one may see."""

    pool: Pool
    left: tuple[Quantity, ...]
    members: tuple[MemberInView, ...]


async def load_pool_views(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[PoolInView]:
    """Return the pools that a person owns or draws on; a read that waits for no write.

    The owner sees all members, and a member sees themselves.
    """
    own = await load_members(connection, [line.id for line in await lines_of(connection, person)])
    pools = {pool.id: pool for pool in await pools_of(connection, person)}
    pools |= await load_pools(connection, {member.pool for member in own.values()})
    members = await load_members_of(connection, pools)
    lines = await load_lines(connection, members)
    people = await load_people(connection, {line.person for line in lines.values()})
    book = await read_book(connection, pools, at)
    views = []
    for pool in pools.values():
        left = (
            Quantity(sum(bucket.available for bucket, _ in book.holdings(pool.id, unit)), unit)
            for unit in Unit
        )
        seen = (
            MemberInView(member, lines[member.line], people[lines[member.line].person])
            for member in members.values()
            if member.pool == pool.id and (pool.owner == person or member.line in own)
        )
        views.append(PoolInView(pool, tuple(some for some in left if some.amount), tuple(seen)))
    return views
