"""Groups: commands that are decided one after another and committed in one transaction.

What a group leaves is exactly what its commands leave one by one in that order. A command that is
refused spoils no other; one that fails takes no other with it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from psycopg import AsyncCursor, OperationalError, errors
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from yuzuri.db import Connection
from yuzuri.db.arrays import BigintArray, UuidArray
from yuzuri.kernel.calendar import Clock
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Home

Pool = AsyncConnectionPool[Connection]

_log = logging.getLogger(__name__)

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)
R = TypeVar("R")
F = TypeVar("F")


class Road(Protocol[C_contra, R, F]):
    """How commands become changes: facts, decision, storing. See `docs/decisions/0001`."""

    def home_of(self, command: C_contra) -> Home:
        """Return the home that a command waits in, and where its key is kept."""

    def fingerprint(self, command: C_contra) -> bytes:
        """Digest what a command asks, so that one key cannot be used for two different requests."""

    async def load(self, connection: Connection, commands: Sequence[C_contra], at: datetime) -> F:
        """Lock in the one global order, and load in bulk, the facts that the commands name."""

    async def foresee(
        self, connection: Connection, commands: Sequence[C_contra], at: datetime, after: F
    ) -> F | None:
        """Read, locking nothing, the facts as they will be once the group of `after` is committed.

        None where that cannot be known. `after` is only read: it is being stored.
        """

    async def confirm(self, connection: Connection, facts: F) -> bool:
        """Lock what foreseen facts name, and tell whether they have become true."""

    def decide(self, facts: F, command: C_contra) -> R:
        """Decide one command on facts that already show the commands before it; no I/O.

        Raises `DomainError` only before it has changed the facts.
        """

    def prepare(self, facts: F) -> None:
        """Work out what `store` will write; no I/O."""

    async def store(self, connection: Connection, facts: F) -> None:
        """Write all that changed, set by set."""

    def encode(self, outcome: R) -> bytes:
        """Turn an outcome into what is kept, to be given again for the same key."""

    def decode(self, reply: bytes) -> R:
        """Turn a kept reply back into the outcome."""


class Waiting(msgspec.Struct, Generic[C, R], eq=False):
    """A command that waits: what its request is called, what it asks, and whom to tell."""

    name: bytes
    fingerprint: int
    command: C
    tell: Callable[[R | Exception], None]


_LOAD_REPLIES = """
SELECT name, fingerprint, reply FROM command WHERE home = %s AND name = ANY(%b)
"""

_KEEP_REPLIES = """
INSERT INTO command (home, name, fingerprint, reply)
SELECT %s, * FROM unnest(%b::uuid[], %b::bigint[], %b::bytea[])
"""

_TRIES = 5
_RACES = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
"""Another process was first with something that no home's lock covers: decided again."""

_Known = Mapping[bytes, tuple[int, bytes]]
"""What was answered under a name before: the fingerprint of the request, and the reply."""

_Fresh = tuple[bytes, int, bytes]
"""A name, the fingerprint of its request, and the reply that is to be kept."""


class Decided(msgspec.Struct, Generic[R, F], frozen=True):
    """A group that is decided: its facts as it leaves them, what is answered, what is kept."""

    facts: F
    outcomes: list[R | Exception]
    kept: tuple[UuidArray, BigintArray, list[bytes]] | None
    """Names, fingerprints and replies; None where nothing is to be written."""


class Groups(Generic[C, R, F]):
    """Decides and commits groups down a road, each over one connection of the pool."""

    def __init__(self, pool: Pool, road: Road[C, R, F], clock: Clock) -> None:
        self._pool = pool
        self._road = road
        self._clock = clock

    async def foresee(
        self, home: Home, group: Sequence[Waiting[C, R]], after: F
    ) -> Decided[R, F] | None:
        """Decide a group while the one before is written; None where it must wait for that."""
        try:
            async with self._pool.connection() as connection, connection.pipeline():
                commands = [waiting.command for waiting in group]
                asked = await _ask_for_replies(connection, home, group)
                facts = await self._road.foresee(connection, commands, self._clock(), after)
                if facts is None:
                    return None
                known = await _known_replies(asked)
            return self._decide(facts, group, known)
        except Exception:  # noqa: BLE001 - whatever it is, the group itself will meet it
            _log.debug("a group was not foreseen", exc_info=True)
            return None

    async def commit(
        self,
        group: Sequence[Waiting[C, R]],
        foreseen: Decided[R, F] | None,
        decided: asyncio.Future[F | None],
    ) -> tuple[list[R | Exception], bool]:
        """Commit a group and return its outcomes; where it fails as a whole, its halves in order.

        With them, whether the facts that `decided` was told are what is committed.
        """
        try:
            return await self._commit_again(group, foreseen, decided)
        except OperationalError as error:
            _log.warning("the database did not take a group of %d: %s", len(group), error)
            return [DomainError(Code.DATABASE_UNAVAILABLE) for _ in group], False
        except Exception as defect:  # noqa: BLE001 - told to the caller it belongs to
            half = len(group) // 2
            if not half:
                return [defect], False
            first, _ = await self.commit(group[:half], None, decided)
            second, _ = await self.commit(group[half:], None, decided)
            return [*first, *second], False
        finally:
            if not decided.done():
                decided.set_result(None)

    async def _commit_again(
        self,
        group: Sequence[Waiting[C, R]],
        foreseen: Decided[R, F] | None,
        decided: asyncio.Future[F | None],
    ) -> tuple[list[R | Exception], bool]:
        for attempt in range(_TRIES):
            try:
                return await self._commit(group, foreseen, decided), attempt == 0
            except _RACES:
                foreseen = None
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError

    async def _commit(
        self,
        group: Sequence[Waiting[C, R]],
        foreseen: Decided[R, F] | None,
        decided: asyncio.Future[F | None],
    ) -> list[R | Exception]:
        road = self._road
        home = road.home_of(group[0].command)
        # In one pipeline: PostgreSQL works on what it has while more is on its way.
        async with self._pool.connection() as connection, connection.pipeline():
            done = foreseen
            if done is None or not await road.confirm(connection, done.facts):
                # Asked before the lock, so that all is asked at once. A key that another process
                # answers in between is there twice then, and the group is decided again.
                asked = await _ask_for_replies(connection, home, group)
                commands = [waiting.command for waiting in group]
                facts = await road.load(connection, commands, self._clock())
                done = self._decide(facts, group, await _known_replies(asked))
            if not decided.done():  # what is not stored is nothing to go on from
                decided.set_result(None if done.kept is None else done.facts)
            if done.kept is not None:
                await road.store(connection, done.facts)
                await connection.execute(_KEEP_REPLIES, (home, *done.kept), prepare=True)
            await connection.commit()
        return done.outcomes

    def _decide(self, facts: F, group: Sequence[Waiting[C, R]], known: _Known) -> Decided[R, F]:
        road = self._road
        outcomes: list[R | Exception] = []
        fresh: list[_Fresh] = []
        for waiting in group:
            if known and waiting.name in known:
                fingerprint, reply = known[waiting.name]
                same = fingerprint == waiting.fingerprint
                outcomes.append(road.decode(reply) if same else DomainError(Code.KEY_REUSED))
                continue
            try:
                outcome = road.decide(facts, waiting.command)
            except DomainError as error:  # raised before anything was changed
                outcomes.append(error)
                continue
            outcomes.append(outcome)
            fresh.append((waiting.name, waiting.fingerprint, road.encode(outcome)))
        road.prepare(facts)
        return Decided(facts, outcomes, _kept_columns(fresh) if fresh else None)


async def _ask_for_replies(
    connection: Connection, home: Home, group: Sequence[Waiting[Any, Any]]
) -> AsyncCursor[TupleRow]:
    names = UuidArray([waiting.name for waiting in group])
    return await connection.execute(_LOAD_REPLIES, (home, names), prepare=True)


async def _known_replies(asked: AsyncCursor[TupleRow]) -> _Known:
    return {row[0]: (row[1], bytes(row[2])) async for row in asked}


def _kept_columns(fresh: list[_Fresh]) -> tuple[UuidArray, BigintArray, list[bytes]]:
    # In the order of their names: neighbours in the index one after another.
    names, fingerprints, replies = zip(*sorted(fresh), strict=True)
    return UuidArray(names), BigintArray(fingerprints), list(replies)
