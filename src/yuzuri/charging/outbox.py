"""What a network has to be told: written with the change that makes it true, told by a job.

What holds: of several processes one tells each thing at a time; and what is asked for again while
it is being told is told again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.db.arrays import UuidArray
from yuzuri.kernel.ids import HolderId, Home, Id, SessionId


@dataclass(frozen=True, slots=True)
class Outbox:
    """One table of things to be told: a row for each session or line, with the name of its key."""

    table: str
    key: str


REAUTHORIZATIONS = Outbox("reauthorization", "session")
COUNTER_CHANGES = Outbox("counter_change", "line")


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that is due, taken for a while; `attempts` counts the present one."""

    outbox: Outbox
    home: Home
    key: Id
    asked_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Reauthorization:
    """A running session whose network is to ask again, for these rating groups."""

    session: SessionId
    line: HolderId
    network_function: str
    notify_uri: str
    rating_groups: Sequence[int]


_DUE_HOMES = """
SELECT DISTINCT home FROM (SELECT home FROM {table} WHERE due_at <= %s ORDER BY due_at LIMIT %s) due
"""
_TAKE = """
UPDATE {table} SET due_at = %(until)s, attempts = attempts + 1
WHERE home = %(home)s AND {key} IN (
    SELECT {key} FROM {table} WHERE home = %(home)s AND due_at <= %(at)s
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING {key}, asked_at, attempts
"""
_DONE = "DELETE FROM {table} WHERE home = %s AND {key} = %s AND asked_at = %s"
_LATER = "UPDATE {table} SET due_at = %s WHERE home = %s AND {key} = %s AND asked_at = %s"

# Those rating groups that wait, or all where none does.
_SESSIONS = """
SELECT id, line, network_function, notify_uri, coalesce(
    (SELECT array_agg(rating_group ORDER BY rating_group) FROM charging_quota
     WHERE home = %(home)s AND session = running.id AND is_waiting),
    (SELECT array_agg(rating_group ORDER BY rating_group) FROM charging_quota
     WHERE home = %(home)s AND session = running.id), '{}')
FROM (SELECT id, line, network_function, notify_uri FROM charging_session
      WHERE home = %(home)s AND id = ANY(%(sessions)b)
          AND ended_at IS NULL AND notify_uri IS NOT NULL) running
"""


def _of(outbox: Outbox, statement: str) -> str:
    return statement.format(table=outbox.table, key=outbox.key)


async def due_homes(
    connection: Connection, outbox: Outbox, at: datetime, limit: int
) -> Sequence[Home]:
    """Return the homes of what has been due longest."""
    cursor = await connection.execute(_of(outbox, _DUE_HOMES), (at, limit), prepare=True)
    return [Home(row[0]) async for row in cursor]


async def take_due(
    connection: Connection, outbox: Outbox, home: Home, at: datetime, until: datetime, limit: int
) -> Sequence[Due]:
    """Take what is due in a home: nobody else takes it before `until`."""
    asked = {"home": home, "at": at, "until": until, "limit": limit}
    cursor = await connection.execute(_of(outbox, _TAKE), asked, prepare=True)
    return [Due(outbox, home, Id(row[0]), row[1], row[2]) async for row in cursor]


async def note_done(connection: Connection, due: Due) -> None:
    """Remove what has been told, unless it has been asked for again since."""
    await connection.execute(_of(due.outbox, _DONE), (due.home, due.key, due.asked_at))


async def put_off(connection: Connection, due: Due, until: datetime) -> None:
    """Let what could not be told be due again later, unless it has been asked for since."""
    await connection.execute(_of(due.outbox, _LATER), (until, due.home, due.key, due.asked_at))


async def load_reauthorizations(
    connection: Connection, home: Home, sessions: Collection[Id]
) -> Mapping[Id, Reauthorization]:
    """Return what the networks of these sessions are told; one that has ended is left out."""
    asked = {"home": home, "sessions": UuidArray(list(sessions))}
    cursor = await connection.execute(_SESSIONS, asked, prepare=True)
    return {
        Id(row[0]): Reauthorization(SessionId(row[0]), HolderId(row[1]), row[2], row[3], row[4])
        async for row in cursor
    }
