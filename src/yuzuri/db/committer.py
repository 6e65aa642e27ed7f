"""The committer: commands that wait together are decided and committed together.

While one group commits, the next gathers; an idle system answers at once. A group leaves exactly
what its commands leave one by one in that order, a refused command spoils no other, the same
(client, key) again gives the same reply (I4), and what is answered is durable (I14).
The committer knows no rules: a `Road` loads facts, decides and stores.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, Self, TypeVar
from uuid import UUID

from psycopg import OperationalError, errors
from psycopg_pool import AsyncConnectionPool

from yuzuri.db import Connection
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

    def fingerprint(self, command: C_contra) -> bytes:
        """Digest what a command asks, so that one key cannot be used for two different requests."""

    async def load(self, connection: Connection, commands: Sequence[C_contra], at: datetime) -> F:
        """Lock and load, in bulk and in the one global order, the facts that the commands name."""

    def decide(self, facts: F, command: C_contra) -> R:
        """Decide one command on facts that already show the commands before it; no I/O.

        Raises `DomainError` only before it has changed the facts.
        """

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
WHERE home = %s AND (client, key) IN (SELECT * FROM unnest(%b::uuid[], %b::text[]))
"""

_KEEP_REPLIES = """
INSERT INTO command (home, client, key, fingerprint, reply, at)
SELECT %s, client, key, fingerprint, reply, %s
FROM unnest(%b::uuid[], %b::text[], %b::bytea[], %b::bytea[])
    AS kept (client, key, fingerprint, reply)
"""

KEY_LENGTH_MAX = 255
"""Characters of a client's name for a request."""

_CLOSING_TIMEOUT_S = 10.0
"""How long closing waits for the requests that wait."""

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
        self._closing = False
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._worker = asyncio.create_task(self._work(), name="committer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take no more requests, commit those that wait, and answer every one of them."""
        assert self._worker is not None
        self._closing = True
        self._arrived.set()
        try:
            await asyncio.wait_for(self._worker, _CLOSING_TIMEOUT_S)
        except TimeoutError:
            _log.warning("%d requests were still waiting at the end", len(self._in_flight))
        finally:
            for waiting in self._in_flight.values():
                _tell(waiting, DomainError(Code.DATABASE_UNAVAILABLE))
            self._in_flight.clear()

    async def submit(self, request: Request[C]) -> R:
        """Return the outcome once it is durable.

        Raises `DomainError`: `KEY_INVALID` for a key that is none, `REQUEST_IN_FLIGHT` while the
        same key is being worked on, `KEY_REUSED` if it was used for something else, `REQUEST_BUSY`
        if too many wait, `DATABASE_UNAVAILABLE` if the database went away or the committer was
        closed; then the same key may be sent again without harm. What the road raises for this
        command is raised too: nothing of it is kept.
        """
        if not (0 < len(request.key) <= KEY_LENGTH_MAX and request.key.isprintable()):
            raise DomainError(Code.KEY_INVALID)
        if self._closing or self._worker is None or self._worker.done():
            raise DomainError(Code.DATABASE_UNAVAILABLE)
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
            if not self._queue and not self._closing:
                self._arrived.clear()
            if group:
                await self._answer(group)
            elif self._closing:
                return

    async def _answer(self, group: Sequence[_Waiting[C, R]]) -> None:
        """Commit a group and tell each caller; where it fails as a whole, its halves in order."""
        try:
            outcomes: Sequence[R | Exception] = await self._commit_again(group)
        except OperationalError as error:
            _log.warning("the database did not take a group of %d: %s", len(group), error)
            outcomes = [DomainError(Code.DATABASE_UNAVAILABLE) for _ in group]
        except Exception as defect:  # noqa: BLE001 - told to the caller it belongs to
            half = len(group) // 2
            if half:
                await self._answer(group[:half])
                await self._answer(group[half:])
                return
            outcomes = [defect]
        for waiting, outcome in zip(group, outcomes, strict=True):
            del self._in_flight[waiting.request.client, waiting.request.key]
            _tell(waiting, outcome)

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
                    continue
                try:
                    outcome = self._road.decide(facts, request.command)
                except DomainError as error:  # raised before anything was changed
                    outcomes.append(error)
                    continue
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
        # In the order of their keys, as every process writes them: no two wait for each other.
        rows = sorted(
            (w.request.client, w.request.key, w.fingerprint, self._road.encode(outcome))
            for w, outcome in fresh
        )
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(_KEEP_REPLIES, (self._home, at, *columns))


def _tell(waiting: _Waiting[C, R], outcome: R | Exception) -> None:
    if isinstance(outcome, Exception):
        waiting.reply.set_exception(outcome)
        waiting.reply.exception()  # nobody may be waiting any more
    else:
        waiting.reply.set_result(outcome)
