"""The committer: commands that wait together are decided and committed together.

While one group commits, the next gathers; an idle system answers at once. A group leaves exactly
what its commands leave one by one in that order, a refused command spoils no other, the same
(client, key) again gives the same reply (I4), and what is answered is durable (I14).
The committer knows no rules: a `Road` loads facts, decides and stores.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

from psycopg import AsyncConnection, OperationalError, errors
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from yuzuri.kernel.calendar import Clock
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Home

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)
R = TypeVar("R")
F = TypeVar("F")


class Road(Protocol[C_contra, R, F]):
    """How commands become changes: facts, decision, storing. See `docs/decisions/0001`."""

    def fingerprint(self, command: C_contra) -> bytes:
        """Digest what a command asks, so that one key cannot be used for two different requests."""

    async def load(self, connection: Connection, commands: Sequence[C_contra], at: datetime) -> F:
        """Lock and load, in bulk and in the one global order, the facts that the commands name."""

    def decide(self, facts: F, command: C_contra) -> R:
        """Decide one command on facts that already show the commands before it; no I/R."""

    async def store(self, connection: Connection, facts: F) -> None:
        """Write all that changed, set by set."""

    def encode(self, outcome: R) -> bytes:
        """Turn an outcome into what is kept, to be given again for the same key."""

    def decode(self, reply: bytes) -> R:
        """Turn a kept reply back into the outcome."""


@dataclass(frozen=True, slots=True)
class Request(Generic[C]):
    """A command with the client's name for it: one effect per (client, key), for ever."""

    client: UUID
    key: str
    command: C


@dataclass(slots=True, eq=False)
class _Waiting(Generic[C, R]):
    request: Request[C]
    fingerprint: bytes
    reply: asyncio.Future[R] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


_LOAD_REPLIES = """
SELECT client, key, fingerprint, reply FROM command
WHERE home = %s AND (client, key) IN (SELECT * FROM unnest(%s::uuid[], %s::text[]))
"""

_KEEP_REPLIES = """
INSERT INTO command (home, client, key, fingerprint, reply, at)
SELECT %s, client, key, fingerprint, reply, %s
FROM unnest(%s::uuid[], %s::text[], %s::bytea[], %s::bytea[])
    AS kept (client, key, fingerprint, reply)
"""

_TRIES = 5
_RACES = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
"""Another process answered the same key, or locked first: the group is decided again."""


class Committer(Generic[C, R, F]):
    """Gathers requests and commits them in groups over one connection of the pool."""

    def __init__(
        self,
        pool: Pool,
        road: Road[C, R, F],
        clock: Clock,
        home: Home,
        *,
        group_max: int = 1_000,
        queue_max: int = 20_000,
    ) -> None:
        self._pool = pool
        self._road = road
        self._clock = clock
        self._home = home
        self._group_max = group_max
        self._queue_max = queue_max
        self._queue: deque[_Waiting[C, R]] = deque()
        self._in_flight: dict[tuple[UUID, str], _Waiting[C, R]] = {}
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._worker = asyncio.create_task(self._work(), name="committer")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._worker is not None
        self._worker.cancel()
        with suppress(asyncio.CancelledError):
            await self._worker
        for waiting in self._in_flight.values():
            waiting.reply.cancel()

    async def submit(self, request: Request[C]) -> R:
        """Return the outcome once it is durable.

        Raises `DomainError`: `REQUEST_IN_FLIGHT` while the same key is being worked on,
        `KEY_REUSED` if it was used for something else, `REQUEST_BUSY` if too many wait,
        `DATABASE_UNAVAILABLE` if the database went away; then the same key may be sent again
        without harm.
        """
        name = (request.client, request.key)
        fingerprint = self._road.fingerprint(request.command)
        same = self._in_flight.get(name)
        if same is not None:
            reused = same.fingerprint != fingerprint
            raise DomainError(Code.KEY_REUSED if reused else Code.REQUEST_IN_FLIGHT)
        if len(self._queue) >= self._queue_max:
            raise DomainError(Code.REQUEST_BUSY)
        waiting: _Waiting[C, R] = _Waiting(request, fingerprint)
        self._in_flight[name] = waiting
        self._queue.append(waiting)
        self._arrived.set()
        # The command goes on even if the caller does not wait for it.
        return await asyncio.shield(waiting.reply)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            group = [self._queue.popleft() for _ in range(min(len(self._queue), self._group_max))]
            if not self._queue:
                self._arrived.clear()
            if group:
                await self._answer(group)

    async def _answer(self, group: list[_Waiting[C, R]]) -> None:
        """Commit a group and tell each caller; where the group fails as a whole, one by one."""
        try:
            outcomes: list[R | Exception] = list(await self._commit_again(group))
        except (OperationalError, PoolTimeout):
            outcomes = [DomainError(Code.DATABASE_UNAVAILABLE) for _ in group]
        except Exception as defect:  # noqa: BLE001 - told to the caller it belongs to
            if len(group) > 1:
                for one in group:
                    await self._answer([one])
                return
            outcomes = [defect]
        for waiting, outcome in zip(group, outcomes, strict=True):
            del self._in_flight[waiting.request.client, waiting.request.key]
            if isinstance(outcome, Exception):
                waiting.reply.set_exception(outcome)
                waiting.reply.exception()  # nobody may be waiting any more
            else:
                waiting.reply.set_result(outcome)

    async def _commit_again(self, group: Sequence[_Waiting[C, R]]) -> list[R | Exception]:
        for _ in range(_TRIES - 1):
            with suppress(*_RACES):
                return await self._commit(group)
        return await self._commit(group)

    async def _commit(self, group: Sequence[_Waiting[C, R]]) -> list[R | Exception]:
        async with self._pool.connection() as connection:
            at = self._clock()
            commands = [waiting.request.command for waiting in group]
            facts = await self._road.load(connection, commands, at)
            # Read after the locks: what another process answered before them is visible now.
            known = await self._known_replies(connection, group)
            outcomes: list[R | Exception] = []
            fresh: list[tuple[_Waiting[C, R], R]] = []
            for waiting in group:
                request = waiting.request
                if (request.client, request.key) in known:
                    fingerprint, reply = known[request.client, request.key]
                    same = fingerprint == waiting.fingerprint
                    outcomes.append(
                        self._road.decode(reply) if same else DomainError(Code.KEY_REUSED)
                    )
                else:
                    outcome = self._road.decide(facts, request.command)
                    outcomes.append(outcome)
                    fresh.append((waiting, outcome))
            if fresh:
                await self._road.store(connection, facts)
                await self._keep_replies(connection, fresh, at)
        return outcomes

    async def _known_replies(
        self, connection: Connection, group: Sequence[_Waiting[C, R]]
    ) -> dict[tuple[UUID, str], tuple[bytes, bytes]]:
        clients = [waiting.request.client for waiting in group]
        keys = [waiting.request.key for waiting in group]
        cursor = await connection.execute(_LOAD_REPLIES, (self._home, clients, keys))
        return {(row[0], row[1]): (bytes(row[2]), bytes(row[3])) async for row in cursor}

    async def _keep_replies(
        self, connection: Connection, fresh: Sequence[tuple[_Waiting[C, R], R]], at: datetime
    ) -> None:
        columns: tuple[list[Any], ...] = (
            [waiting.request.client for waiting, _ in fresh],
            [waiting.request.key for waiting, _ in fresh],
            [waiting.fingerprint for waiting, _ in fresh],
            [self._road.encode(outcome) for _, outcome in fresh],
        )
        await connection.execute(_KEEP_REPLIES, (self._home, at, *columns))
