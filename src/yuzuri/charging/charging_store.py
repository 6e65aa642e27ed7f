"""The rows of sessions: loading the facts of decisions in bulk, and writing what became of them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, TypeVar

from msgspec import structs
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from yuzuri.charging.charging_facts import ChargingFacts, LineUse, UseNotice
from yuzuri.charging.sessions import Quota, Session
from yuzuri.db import Connection
from yuzuri.db.arrays import BigintArray, UuidArray
from yuzuri.kernel.ids import HolderId, Home, Id, SessionId, by_home, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.pool_store import (
    ask_for_members,
    ask_for_owed,
    ask_for_pools,
    take_contributions,
    take_members,
    take_pools,
    write_members,
)

_POOLS_OF_SESSIONS = """
SELECT DISTINCT pool FROM charging_quota WHERE home = %s AND session = ANY(%b) AND from_pool > 0
"""

_SESSIONS = """
SELECT id, line, operator, network_function, notify_uri, country, first_sequence, opened_at,
       ended_at
FROM charging_session WHERE home = %s AND id = ANY(%b)
"""

_QUOTAS = """
SELECT id, session, rating_group, line, unit, reported_at, granted, used, returned, overrun, unpaid,
       from_pool, pool, sequence, seen, is_waiting
FROM charging_quota WHERE home = %s AND session = ANY(%b)
"""

_USES = """
SELECT line, unit, cycle_start, used, reached FROM line_use WHERE home = %s AND line = ANY(%b)
"""

_WRITE_SESSIONS = """
INSERT INTO charging_session (home, id, line, operator, network_function, notify_uri, country,
    first_sequence, opened_at, ended_at)
SELECT %s, * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::bigint[], %b::timestamptz[], %b::timestamptz[])
ON CONFLICT (home, id) DO UPDATE SET country = excluded.country, ended_at = excluded.ended_at
"""

_ADD_QUOTAS = """
INSERT INTO charging_quota (home, reported_at, session, rating_group, id, line, granted, used,
    returned, overrun, unpaid, from_pool, sequence, seen, unit, pool, is_waiting)
SELECT %s, %s, * FROM unnest(%b::uuid[], %b::bigint[], %b::uuid[], %b::uuid[], %b::bigint[],
    %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[],
    %b::bigint[], %b::text[], %b::uuid[], %b::boolean[])
"""

# Each row is looked up by its key: a join would be planned by what the table was once.
_CHANGE_QUOTAS = """
UPDATE charging_quota
SET granted = changed.granted, used = changed.used, returned = changed.returned,
    overrun = changed.overrun, unpaid = changed.unpaid, from_pool = changed.from_pool,
    sequence = changed.sequence, seen = changed.seen, reported_at = %s,
    is_waiting = changed.waits <> 0
FROM (
    SELECT given.*, (
        SELECT ctid FROM charging_quota AS known
        WHERE known.home = %s AND known.session = given.session
            AND known.rating_group = given.rating_group) AS place
    FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[],
        %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[])
        AS given (session, rating_group, granted, used, returned, overrun, unpaid, from_pool,
            sequence, seen, waits)
) AS changed
WHERE charging_quota.ctid = changed.place AND charging_quota.home = %s
"""

_NAME_POOLS = """
UPDATE charging_quota SET pool = changed.pool
FROM unnest(%b::uuid[], %b::bigint[], %b::uuid[]) AS changed (session, rating_group, pool)
WHERE charging_quota.home = %s AND charging_quota.session = changed.session
    AND charging_quota.rating_group = changed.rating_group
"""

_WRITE_USES = """
INSERT INTO line_use (home, unit, cycle_start, line, used, reached)
SELECT %s, %s, %s, * FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[])
ON CONFLICT (home, line, unit) DO UPDATE
SET cycle_start = excluded.cycle_start, used = excluded.used, reached = excluded.reached
"""

_ADD_NOTICES = """
INSERT INTO use_notice (home, line, unit, cycle_start, reached, at)
SELECT %s, line, unit, cycle_start, reached, %s
FROM unnest(%b::uuid[], %b::text[], %b::timestamptz[], %b::smallint[])
    AS new (line, unit, cycle_start, reached)
ON CONFLICT DO NOTHING
"""

# A session is asked about once, however much happens before the network has answered. What is to
# wake it later does not put off what is due before.
_ASK_SESSIONS = """
INSERT INTO reauthorization (home, session, asked_at, due_at)
SELECT %s, session, %s, due_at FROM unnest(%b::uuid[], %b::timestamptz[]) AS new (session, due_at)
ON CONFLICT (home, session) DO UPDATE
SET asked_at = excluded.asked_at, due_at = least(reauthorization.due_at, excluded.due_at),
    attempts = 0
"""

_ASK_WAITING = """
INSERT INTO reauthorization (home, session, asked_at, due_at)
SELECT DISTINCT home, session, %(at)s::timestamptz, %(at)s::timestamptz FROM charging_quota
WHERE home = %(home)s AND is_waiting AND line = ANY(%(lines)b)
ON CONFLICT (home, session) DO UPDATE
SET asked_at = excluded.asked_at, due_at = excluded.due_at, attempts = 0
"""

# Whoever draws on a pool, or by a delegation on a line, may live in another home than it.
_ASK_WHO_DRAW = """
INSERT INTO reauthorization (home, session, asked_at, due_at)
SELECT DISTINCT home, session, %(at)s::timestamptz, %(at)s::timestamptz
FROM pool_member JOIN charging_quota USING (home, line)
WHERE is_waiting AND pool_member.pool = ANY(%(holders)b)
ON CONFLICT (home, session) DO UPDATE
SET asked_at = excluded.asked_at, due_at = excluded.due_at, attempts = 0
"""

_ASK_RUNNING = """
INSERT INTO reauthorization (home, session, asked_at, due_at)
SELECT home, id, %(at)s::timestamptz, %(at)s::timestamptz FROM charging_session
WHERE home = %(home)s AND ended_at IS NULL AND line = ANY(%(lines)b)
ON CONFLICT (home, session) DO UPDATE
SET asked_at = excluded.asked_at, due_at = excluded.due_at, attempts = 0
"""

_T = TypeVar("_T")


async def payers_of(connection: Connection, named: Mapping[SessionId, HolderId]) -> set[HolderId]:
    """Return what lines draw on beside their own, and what sessions have set something aside of.

    Those are pools, and lines where a delegation lets another line draw on them.
    """
    members = await ask_for_members(connection, set(named.values()))
    held = [
        await connection.execute(_POOLS_OF_SESSIONS, (home, UuidArray(ids)), prepare=True)
        for home, ids in by_home(named).items()
    ]
    pools = {member.pool for member in (await take_members(members)).values()}
    return pools | {HolderId(row[0]) for cursor in held for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class AskedCharging:
    """The answers that are awaited: sessions, quotas, uses, and how lines draw on what pools."""

    sessions: Sequence[AsyncCursor[TupleRow]]
    quotas: Sequence[AsyncCursor[TupleRow]]
    uses: Sequence[AsyncCursor[TupleRow]]
    members: Sequence[AsyncCursor[TupleRow]]
    pools: Sequence[AsyncCursor[TupleRow]]
    owed: Sequence[AsyncCursor[TupleRow]]


async def ask_for_charging(
    connection: Connection,
    sessions: Iterable[SessionId],
    lines: Iterable[HolderId],
    payers: Collection[HolderId] = (),
) -> AskedCharging:
    """Ask for sessions and for what is known of lines, so that in a pipeline more can be asked."""
    lines = set(lines)
    by_session = [(home, UuidArray(ids)) for home, ids in by_home(sessions).items()]
    by_line = [(home, UuidArray(ids)) for home, ids in by_home(lines).items()]

    async def ask(
        statement: LiteralString, keys: Iterable[tuple[Home, UuidArray]]
    ) -> Sequence[AsyncCursor[TupleRow]]:
        return [await connection.execute(statement, key, prepare=True, binary=True) for key in keys]

    return AskedCharging(
        await ask(_SESSIONS, by_session),
        await ask(_QUOTAS, by_session),
        await ask(_USES, by_line),
        await ask_for_members(connection, lines),
        await ask_for_pools(connection, payers),
        await ask_for_owed(connection, payers),
    )


async def take_charging(facts: ChargingFacts, asked: AskedCharging) -> None:
    """Wait for what was asked, and take it in."""
    for cursor in asked.sessions:
        for row in await cursor.fetchall():
            facts.add_session(_session(row))
    for cursor in asked.quotas:
        for row in await cursor.fetchall():
            facts.add_quota(_quota(row))
    for cursor in asked.uses:
        for row in await cursor.fetchall():
            facts.add_use(_use(row))
    shared = facts.pools
    shared.members |= await take_members(asked.members)
    shared.pools |= await take_pools(asked.pools)
    # Of a pool that commands about it name, more is known already.
    shared.contributions = await take_contributions(asked.owed) | shared.contributions


def foresee_charging(
    facts: ChargingFacts, named: Mapping[SessionId, HolderId], after: ChargingFacts
) -> None:
    """Take in sessions as they will be once the group of other facts is committed.

    What that group has seen counts, whatever was read of it; it is only read itself.
    """
    for session in named.keys() & after.sessions.keys():
        facts.add_session(copy(after.sessions[session]))
        for quota in after.quotas.get(session, {}).values():
            facts.add_quota(structs.replace(quota, is_new=False))
    lines = set(named.values())
    for use in after.uses.values():
        if use.line in lines:
            facts.add_use(copy(use))


async def write_charging(connection: Connection, facts: ChargingFacts) -> None:
    """Write all that decisions changed, and what networks must be told, in the transaction."""
    at = facts.at
    for home, sessions in _by_home(facts.changed_sessions.values(), _line_of):
        columns = _columns(
            (s.id, s.line, s.operator, s.network_function, s.notify_uri, s.country,
             s.first_sequence, s.opened_at, s.ended_at)
            for s in sessions
        )  # fmt: skip
        await connection.execute(_WRITE_SESSIONS, (home, *columns), prepare=True)
    for home, quotas in _by_home(facts.changed_quotas.values(), _line_of):
        await _write_quotas(connection, home, quotas, at)
    if facts.changed_members:
        await write_members(connection, facts.changed_members.values())
    for home, uses in _by_home(facts.changed_uses.values(), _line_of):
        await _write_uses(connection, home, uses)
    for home, notices in _by_home(facts.notices, _line_of):
        columns = _columns((n.line, n.unit.value, n.cycle_start, n.reached) for n in notices)
        await connection.execute(_ADD_NOTICES, (home, at, *columns))
    for home, waking in _by_home(facts.wake_at.items(), lambda one: one[0]):
        await connection.execute(_ASK_SESSIONS, (home, at, *_columns(waking)))


async def ask_waiting(connection: Connection, holders: Collection[HolderId], at: datetime) -> None:
    """Let networks ask again for sessions that have less than they asked for.

    They are those of these lines, and of the lines that draw on these pools or lines.
    """
    for home, lines in by_home(holders).items():
        parameters = {"home": home, "lines": UuidArray(lines), "at": at}
        await connection.execute(_ASK_WAITING, parameters, prepare=True)
    drawn = {"holders": UuidArray(list(holders)), "at": at}
    await connection.execute(_ASK_WHO_DRAW, drawn, prepare=True)


async def ask_running(connection: Connection, lines: Collection[HolderId], at: datetime) -> None:
    """Let networks ask again for every session of these lines."""
    for home, holders in by_home(lines).items():
        parameters = {"home": home, "lines": UuidArray(holders), "at": at}
        await connection.execute(_ASK_RUNNING, parameters, prepare=True)


async def _write_quotas(
    connection: Connection, home: Home, quotas: Sequence[Quota], at: datetime
) -> None:
    new = [quota for quota in quotas if quota.is_new]
    if new:
        columns = (
            *_keys(new),
            UuidArray([q.id for q in new]),
            UuidArray([q.line for q in new]),
            *_counts(new),
            [q.unit.value for q in new],
            [q.pool for q in new],
            [q.is_waiting for q in new],
        )
        await connection.execute(_ADD_QUOTAS, (home, at, *columns), prepare=True)
    known = [quota for quota in quotas if not quota.is_new]
    if known:
        columns = (*_keys(known), *_counts(known), BigintArray([q.is_waiting for q in known]))
        await connection.execute(_CHANGE_QUOTAS, (at, home, *columns, home), prepare=True)
    pooled = [quota for quota in known if quota.pool is not None]
    if pooled:
        pools = [q.pool for q in pooled]
        await connection.execute(_NAME_POOLS, (*_keys(pooled), pools, home), prepare=True)


async def _write_uses(connection: Connection, home: Home, uses: Sequence[LineUse]) -> None:
    months: dict[tuple[Unit, datetime], list[LineUse]] = {}
    for use in uses:
        months.setdefault((use.unit, use.cycle_start), []).append(use)
    for (unit, cycle_start), of_month in months.items():
        columns = (
            UuidArray([use.line for use in of_month]),
            BigintArray([use.used for use in of_month]),
            BigintArray([use.reached for use in of_month]),
        )
        await connection.execute(
            _WRITE_USES, (home, unit.value, cycle_start, *columns), prepare=True
        )


def _keys(quotas: Sequence[Quota]) -> tuple[UuidArray, BigintArray]:
    return UuidArray([q.session for q in quotas]), BigintArray([q.rating_group for q in quotas])


def _counts(quotas: Sequence[Quota]) -> list[BigintArray]:
    counts = (
        (q.granted, q.used, q.returned, q.overrun, q.unpaid, q.from_pool, q.sequence, q.seen)
        for q in quotas
    )
    return [BigintArray(column) for column in zip(*counts, strict=True)]


def _line_of(one: Session | Quota | LineUse | UseNotice) -> HolderId:
    return one.line


def _session(row: Sequence[Any]) -> Session:
    session, line, operator, function, notify_uri, country, sequence, opened_at, ended_at = row
    return Session(
        id=SessionId(session),
        line=HolderId(line),
        operator=operator,
        network_function=function,
        notify_uri=notify_uri,
        country=country,
        first_sequence=sequence,
        opened_at=opened_at,
        ended_at=ended_at,
    )


def _quota(row: Sequence[Any]) -> Quota:
    quota, session, rating_group, line, unit, reported_at, *counts = row
    granted, used, returned, overrun, unpaid, from_pool, pool, sequence, seen, waits = counts
    return Quota(
        id=Id(quota),
        session=SessionId(session),
        rating_group=rating_group,
        line=HolderId(line),
        unit=Unit(unit),
        reported_at=reported_at,
        granted=granted,
        used=used,
        returned=returned,
        overrun=overrun,
        unpaid=unpaid,
        from_pool=from_pool,
        pool=pool,
        sequence=sequence,
        seen=seen,
        is_waiting=waits,
    )


def _use(row: Sequence[Any]) -> LineUse:
    line, unit, cycle_start, used, reached = row
    return LineUse(
        line=HolderId(line), unit=Unit(unit), cycle_start=cycle_start, used=used, reached=reached
    )


def _by_home(
    values: Iterable[_T], holder_of: Callable[[_T], Id]
) -> Iterable[tuple[Home, list[_T]]]:
    groups: dict[Home, list[_T]] = {}
    for value in values:
        groups.setdefault(home_of(holder_of(value)), []).append(value)
    return groups.items()


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
