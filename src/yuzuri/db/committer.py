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
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from typing import Generic, Self, TypeVar, cast

import msgspec

from yuzuri.db.groups import Decided, Groups, Pool, Road, Waiting
from yuzuri.kernel.calendar import Clock
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Home, Id

_log = logging.getLogger(__name__)

C = TypeVar("C")
R = TypeVar("R")
F = TypeVar("F")


class Request(msgspec.Struct, Generic[C], frozen=True):
    """A command with the client's name for it: one effect per (client, key), for ever."""

    client: Id
    key: str
    command: C


KEY_LENGTH_MAX = 255
"""Characters of a client's name for a request."""

_CLOSING_TIMEOUT_S = 10.0
"""How long closing waits for the requests that wait."""

_CROWD = 128
"""With more than so many commands waiting it pays to decide a group ahead."""


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
        self._road = road
        self._groups = Groups(pool, road, clock)
        self._group_max = group_max
        self._queue_max = queue_max
        self._side_by_side = asyncio.Semaphore(groups_at_once)
        self._queues: dict[Home, deque[Waiting[C, R]]] = {}
        self._workers: dict[Home, asyncio.Task[None]] = {}
        self._in_flight: dict[bytes, Waiting[C, R]] = {}
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
        waiting: Waiting[C, R] = Waiting(name, fingerprint, request.command, tell)
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
        group: list[Waiting[C, R]] = []
        foreseen: Decided[R, F] | None = None
        untold: list[tuple[Waiting[C, R], R | Exception]] = []
        try:
            while group or queue:
                # Half of a crowd first: from then on two groups take turns, and none stands idle.
                waiting = len(queue)
                group = group or self._take(queue, waiting // 2 if waiting > _CROWD else waiting)
                async with self._side_by_side:
                    decided: asyncio.Future[F | None] = asyncio.Future()
                    committing = asyncio.create_task(self._groups.commit(group, foreseen, decided))
                    facts = await decided
                    # While PostgreSQL writes this group, the one before is told, and asks anew.
                    self._tell(untold)
                    untold = []
                    await asyncio.sleep(0)
                    following, foreseen = [], None
                    if facts is not None and len(queue) > _CROWD:
                        following = self._take(queue, len(queue))
                        foreseen = await self._groups.foresee(home, following, facts)
                    outcomes, is_as_decided = await committing
                    untold = list(zip(group, outcomes, strict=True))
                    group, foreseen = following, foreseen if is_as_decided else None
                if foreseen is None:
                    self._tell(untold)
                    untold = []
        finally:
            self._tell(untold)
            del self._queues[home], self._workers[home]

    def _tell(self, answers: Iterable[tuple[Waiting[C, R], R | Exception]]) -> None:
        for waiting, outcome in answers:
            if self._in_flight.pop(waiting.name, None) is not None:  # not told at closing
                waiting.tell(outcome)

    def _take(self, queue: deque[Waiting[C, R]], size: int) -> list[Waiting[C, R]]:
        return [queue.popleft() for _ in range(min(size, len(queue), self._group_max))]


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
