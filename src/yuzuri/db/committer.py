"""The committer: commands that wait together are decided and committed together.

Commands wait by home. While one group of a home commits, its next one gathers; groups of other
homes commit side by side, and an idle system answers at once. A group leaves exactly what its
commands leave one by one in that order, a refused command spoils no other, the same (client, key)
again gives the same reply (I4), and what is answered is durable (I14).
The committer knows no rules: a `Road` loads facts, decides and stores.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Generic, Protocol, Self, TypeVar, cast

import msgspec
from psycopg import AsyncCursor, OperationalError, errors
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from yuzuri.db import Connection
from yuzuri.db.arrays import BigintArray, UuidArray
from yuzuri.kernel.calendar import Clock
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Home, Id

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


class Request(msgspec.Struct, Generic[C], frozen=True):
    """A command with the client's name for it: one effect per (client, key), for ever."""

    client: Id
    key: str
    command: C


class _Waiting(msgspec.Struct, Generic[C, R], eq=False):
    name: bytes
    fingerprint: int
    command: C
    tell: Callable[[R | Exception], None]


class _Sheaf(Generic[R]):
    """The answers to requests that were posted together."""

    def __init__(self, size: int) -> None:
        self._answers: list[R | Exception | None] = [None] * size
        self._missing = size
        self._is_complete = asyncio.Event()

    def answer(self, position: int, outcome: R | Exception) -> None:
        self._answers[position] = outcome
        self._missing -= 1
        if not self._missing:
            self._is_complete.set()

    async def complete(self) -> list[R | Exception]:
        if self._missing:
            await self._is_complete.wait()
        return cast("list[R | Exception]", self._answers)


def _answer_caller(reply: "asyncio.Future[R]", outcome: R | Exception) -> None:
    if reply.done():  # nobody waits any more
        return
    if isinstance(outcome, Exception):
        reply.set_exception(outcome)
    else:
        reply.set_result(outcome)


_LOAD_REPLIES = """
SELECT name, fingerprint, reply FROM command WHERE home = %s AND name = ANY(%b)
"""

_KEEP_REPLIES = """
INSERT INTO command (home, name, fingerprint, reply)
SELECT %s, * FROM unnest(%b::uuid[], %b::bigint[], %b::bytea[])
"""

KEY_LENGTH_MAX = 255
"""Characters of a client's name for a request."""

_CLOSING_TIMEOUT_S = 10.0
"""How long closing waits for the requests that wait."""

_CROWD = 64
"""With more than so many commands waiting it pays to look at facts ahead."""

_TRIES = 5
_RACES = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
"""Another process was first with something that no home's lock covers: decided again."""


class Committer(Generic[C, R, F]):
    """Gathers requests and commits them in groups, each over one connection of the pool."""

    def __init__(
        self,
        pool: Pool,
        road: Road[C, R, F],
        clock: Clock,
        *,
        group_max: int = 8_000,
        queue_max: int = 20_000,
        groups_at_once: int = 4,
    ) -> None:
        self._pool = pool
        self._road = road
        self._clock = clock
        self._group_max = group_max
        self._queue_max = queue_max
        self._side_by_side = asyncio.Semaphore(groups_at_once)
        self._queues: dict[Home, deque[_Waiting[C, R]]] = {}
        self._workers: dict[Home, asyncio.Task[None]] = {}
        self._in_flight: dict[bytes, _Waiting[C, R]] = {}
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take no more requests, commit those that wait, and answer every one of them."""
        self._is_open = False
        try:
            async with asyncio.timeout(_CLOSING_TIMEOUT_S):
                while self._workers:
                    await asyncio.wait(self._workers.values())
        except TimeoutError:
            _log.warning("%d requests were still waiting at the end", len(self._in_flight))
        finally:
            for worker in self._workers.values():
                worker.cancel()
            for waiting in self._in_flight.values():
                waiting.tell(DomainError(Code.DATABASE_UNAVAILABLE))
            self._in_flight.clear()

    def submit(self, request: Request[C]) -> Awaitable[R]:
        """Return the outcome once it is durable.

        Raises `DomainError`: `KEY_INVALID` for a key that is none, `REQUEST_IN_FLIGHT` while the
        same key is being worked on, `KEY_REUSED` if it was used for something else, `REQUEST_BUSY`
        if too many wait, `DATABASE_UNAVAILABLE` if the database went away or the committer was
        closed; then the same key may be sent again without harm. What the road raises for this
        command is raised too: nothing of it is kept. A caller that stops waiting does not stop it.
        """
        reply: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._enter(request, partial(_answer_caller, reply))
        return reply

    async def post(self, requests: Sequence[Request[C]]) -> list[R | Exception]:
        """Return the outcome of each request, in order, once all are durable.

        What `submit` would raise for one of them stands in its place. Those of one home are decided
        in their order and committed together, as far as `group_max` allows.
        """
        sheaf: _Sheaf[R] = _Sheaf(len(requests))
        for position, request in enumerate(requests):
            tell = partial(sheaf.answer, position)
            try:
                self._enter(request, tell)
            except DomainError as error:
                tell(error)
        return await sheaf.complete()

    def _enter(self, request: Request[C], tell: Callable[[R | Exception], None]) -> None:
        key = request.key
        if not (0 < len(key) <= KEY_LENGTH_MAX and key.isprintable()):
            raise DomainError(Code.KEY_INVALID)
        if not self._is_open:
            raise DomainError(Code.DATABASE_UNAVAILABLE)
        name = sha256(request.client + key.encode()).digest()[:16]
        digest = sha256(self._road.fingerprint(request.command)).digest()
        fingerprint = int.from_bytes(digest[:8], signed=True)
        same = self._in_flight.get(name)
        if same is not None:
            reused = same.fingerprint != fingerprint
            raise DomainError(Code.KEY_REUSED if reused else Code.REQUEST_IN_FLIGHT)
        if len(self._in_flight) >= self._queue_max:
            raise DomainError(Code.REQUEST_BUSY)
        waiting: _Waiting[C, R] = _Waiting(name, fingerprint, request.command, tell)
        self._in_flight[name] = waiting
        home = self._road.home_of(request.command)
        queue = self._queues.get(home)
        if queue is not None:
            queue.append(waiting)
        else:
            self._queues[home] = deque((waiting,))
            self._workers[home] = asyncio.create_task(self._work(home), name=f"committer {home}")

    async def _work(self, home: Home) -> None:
        """Commit a home's groups one after another, until none waits.

        While one is being written, the next is decided on the facts that it will leave.
        """
        queue = self._queues[home]
        group: list[_Waiting[C, R]] = []
        foreseen: _Decided[R, F] | None = None
        untold: list[tuple[_Waiting[C, R], R | Exception]] = []
        try:
            while group or queue:
                # Half of a crowd first: from then on two groups take turns, and none stands idle.
                waiting = len(queue)
                group = group or self._take(queue, waiting // 2 if waiting > _CROWD else waiting)
                async with self._side_by_side:
                    decided: asyncio.Future[F | None] = asyncio.Future()
                    committing = asyncio.create_task(self._answer(group, foreseen, decided))
                    facts = await decided
                    # While PostgreSQL writes this group, the one before is told, and asks anew.
                    self._tell(untold)
                    untold = []
                    await asyncio.sleep(0)
                    following, foreseen = [], None
                    if facts is not None and len(queue) > _CROWD:
                        following = self._take(queue, len(queue))
                        foreseen = await self._foresee(home, following, facts)
                    outcomes, is_as_decided = await committing
                    untold = list(zip(group, outcomes, strict=True))
                    group, foreseen = following, foreseen if is_as_decided else None
                if foreseen is None:
                    self._tell(untold)
                    untold = []
        finally:
            self._tell(untold)
            del self._queues[home], self._workers[home]

    def _tell(self, answers: Iterable[tuple[_Waiting[C, R], R | Exception]]) -> None:
        for waiting, outcome in answers:
            del self._in_flight[waiting.name]
            waiting.tell(outcome)

    def _take(self, queue: deque[_Waiting[C, R]], size: int) -> list[_Waiting[C, R]]:
        return [queue.popleft() for _ in range(min(size, len(queue), self._group_max))]

    async def _foresee(
        self, home: Home, group: Sequence[_Waiting[C, R]], after: F
    ) -> "_Decided[R, F] | None":
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

    async def _answer(
        self,
        group: Sequence[_Waiting[C, R]],
        foreseen: "_Decided[R, F] | None",
        decided: "asyncio.Future[F | None]",
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
            first, _ = await self._answer(group[:half], None, decided)
            second, _ = await self._answer(group[half:], None, decided)
            return [*first, *second], False
        finally:
            if not decided.done():
                decided.set_result(None)

    async def _commit_again(
        self,
        group: Sequence[_Waiting[C, R]],
        foreseen: "_Decided[R, F] | None",
        decided: "asyncio.Future[F | None]",
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
        group: Sequence[_Waiting[C, R]],
        foreseen: "_Decided[R, F] | None",
        decided: "asyncio.Future[F | None]",
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

    def _decide(
        self, facts: F, group: Sequence[_Waiting[C, R]], known: "_Known"
    ) -> "_Decided[R, F]":
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
        return _Decided(facts, outcomes, _kept_columns(fresh) if fresh else None)


_Known = Mapping[bytes, tuple[int, bytes]]
"""What was answered under a name before: the fingerprint of the request, and the reply."""

_Fresh = tuple[bytes, int, bytes]
"""A name, the fingerprint of its request, and the reply that is to be kept."""


class _Decided(msgspec.Struct, Generic[R, F], frozen=True):
    """A group that is decided: its facts as it leaves them, what is answered, what is kept."""

    facts: F
    outcomes: list[R | Exception]
    kept: tuple[UuidArray, BigintArray, list[bytes]] | None
    """Names, fingerprints and replies; None where nothing is to be written."""


async def _ask_for_replies(
    connection: Connection, home: Home, group: Sequence[_Waiting[Any, Any]]
) -> AsyncCursor[TupleRow]:
    names = UuidArray([waiting.name for waiting in group])
    return await connection.execute(_LOAD_REPLIES, (home, names), prepare=True)


async def _known_replies(asked: AsyncCursor[TupleRow]) -> _Known:
    return {row[0]: (row[1], bytes(row[2])) async for row in asked}


def _kept_columns(fresh: list[_Fresh]) -> tuple[UuidArray, BigintArray, list[bytes]]:
    # In the order of their names: neighbours in the index one after another.
    names, fingerprints, replies = zip(*sorted(fresh), strict=True)
    return UuidArray(names), BigintArray(fingerprints), list(replies)
