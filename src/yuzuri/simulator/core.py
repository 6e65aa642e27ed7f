"""The core that the simulated phones are in: it sends messages, and hears notifications."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import assert_never

import httpx
import msgspec

from yuzuri.simulator.http2 import Request, Response, serve_http2
from yuzuri.simulator.mishaps import LATER_BY, NONE, Fate, Mishaps
from yuzuri.simulator.tallies import Tally
from yuzuri.simulator.wire import Answer, Message, Notification, read_answer

_NOTIFIED = "/notify/"
_ANSWER_TIMEOUT_S = 30.0
_TRIES = 5
_PAUSE_S = 0.2

Listener = Callable[[Notification], Awaitable[None]]


class Core:
    """Connects to one charging function, and lets phones be told what it says by itself."""

    def __init__(self, http: httpx.AsyncClient, notify_origin: str) -> None:
        self._http = http
        self._notify_origin = notify_origin
        self._listeners: dict[str, Listener] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def notify_uri(self, name: str, listener: Listener) -> str:
        """Return the address at which `listener` hears what is said to this name."""
        self._listeners[name] = listener
        return f"{self._notify_origin}{_NOTIFIED}{name}"

    async def send(self, message: Message) -> Answer:
        """Send a message once; status 0 where no answer came that can be understood."""
        try:
            response = await self._http.post(message.path, content=message.body)
            return read_answer(
                response.status_code, response.headers.get("location"), response.content
            )
        except (httpx.TransportError, msgspec.MsgspecError):
            return Answer(0)

    async def hear(self, request: Request) -> Response:
        """Take a notification, and act on it once it is answered, as a session manager does."""
        listener = self._listeners.get(request.path.removeprefix(_NOTIFIED))
        if request.method != "POST" or listener is None:
            return Response(404)
        try:
            notification = msgspec.json.decode(request.body, type=Notification)
        except msgspec.MsgspecError:
            return Response(400)
        task = asyncio.ensure_future(listener(notification))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Response(204)

    async def finish(self) -> None:
        """Wait for all that notifications have set off."""
        await asyncio.gather(*self._tasks)


@contextlib.asynccontextmanager
async def open_core(
    url: str, *, token: str | None = None, listen_host: str = "127.0.0.1", listen_port: int = 0
) -> AsyncIterator[Core]:
    """Open a core that talks HTTP/2 without TLS to a charging function at this URL.

    It listens for notifications at `listen_host`, on a port of its own where 0 is given.
    """
    headers = {"content-type": "application/json", "accept": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    hearing: list[Core] = []

    async def hear(request: Request) -> Response:
        return await hearing[0].hear(request)

    async with (
        httpx.AsyncClient(
            base_url=url, headers=headers, http1=False, http2=True, trust_env=False,
            timeout=_ANSWER_TIMEOUT_S,
        ) as http,
        serve_http2(hear, listen_host, listen_port) as port,
    ):  # fmt: skip
        core = Core(http, f"http://{listen_host}:{port}")
        hearing.append(core)
        yield core
        await core.finish()


@dataclass(slots=True)
class Link:
    """The way of one phone's messages, on which some are lost, late or doubled."""

    core: Core
    tally: Tally = field(default_factory=Tally)
    mishaps: Mishaps = NONE
    random: Random = field(default_factory=Random)
    _late: deque[tuple[int, Message]] = field(default_factory=deque)
    _sent: int = 0

    async def send(self, message: Message) -> Answer:
        """Send a message, and again until it is answered; then those that are late by now."""
        answer = await self._send(message, self.mishaps.draw(self.random))
        self._sent += 1
        while self._late and self._late[0][0] <= self._sent:
            await self._post(self._late.popleft()[1])
        return answer

    async def arrive_late(self) -> None:
        """Let all arrive that is still on the way."""
        while self._late:
            await self._post(self._late.popleft()[1])

    async def _send(self, message: Message, fate: Fate) -> Answer:
        match fate:
            case Fate.DELIVERED:
                answer = await self._post(message)
            case Fate.REQUEST_LOST:
                answer = await self._repeat(message)
            case Fate.ANSWER_LOST:
                await self._post(message)
                answer = await self._repeat(message)
            case Fate.TWICE:
                answer, _ = await asyncio.gather(self._post(message), self._repost(message))
            case Fate.LATE:
                self._late.append((self._sent + self.random.choice(LATER_BY), message))
                answer = await self._repeat(message)
            case _:
                assert_never(fate)
        tries = 1
        while answer.status in {0, 429, 503} and tries < _TRIES:
            await asyncio.sleep(_PAUSE_S * tries)
            tries += 1
            answer = await self._repeat(message)
        return answer

    async def _post(self, message: Message) -> Answer:
        self.tally.messages += 1
        answer = await self.core.send(message)
        self.tally.note_status(answer.status)
        return answer

    async def _repost(self, message: Message) -> Answer:
        self.tally.repeats += 1
        return await self._post(message)

    async def _repeat(self, message: Message) -> Answer:
        return await self._repost(message.said_again())
