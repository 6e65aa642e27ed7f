"""A small HTTP/2 server without TLS, by prior knowledge (RFC 9113): it hears notifications."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

BODY_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """What came in, whole."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What goes out."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def serve_http2(handle: Handler, host: str, port: int = 0) -> AsyncIterator[int]:
    """Serve for as long as this lasts; yields the port, a free one where 0 is asked for.

    What `handle` raises is answered with 500.
    """
    connections: set[_Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(handle, connections), host, port
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in tuple(connections):
            connection.close()
        await server.wait_closed()


class _Connection(asyncio.Protocol):
    def __init__(self, handle: Handler, connections: "set[_Connection]") -> None:
        self._handle = handle
        self._connections = connections
        self._http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._transport: asyncio.Transport | None = None
        self._heads: dict[int, dict[str, str]] = {}
        self._bodies: dict[int, bytearray] = {}
        self._unsent: dict[int, bytes] = {}
        """Parts of answers that wait until the other side makes room."""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)
        self._http2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)
        self._transport = None
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._http2.receive_data(data):
                self._take(event)
        except ProtocolError:
            self._flush()
            self.close()
        else:
            self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                pairs = ((_text(name), _text(value)) for name, value in event.headers)
                self._heads[event.stream_id] = dict(pairs)
                self._bodies[event.stream_id] = bytearray()
            case DataReceived():
                length = event.flow_controlled_length
                self._http2.acknowledge_received_data(length, event.stream_id)
                body = self._bodies.get(event.stream_id)
                if body is not None:
                    body += event.data
                    if len(body) > BODY_MAX:
                        self._forget(event.stream_id)
                        self._http2.reset_stream(event.stream_id)
            case StreamEnded():
                self._answer(event.stream_id)
            case StreamReset():
                self._forget(event.stream_id)
            case WindowUpdated():
                for stream in tuple(self._unsent):
                    self._send_rest(stream)
            case _:
                pass

    def _answer(self, stream: int) -> None:
        head, body = self._heads.pop(stream, None), self._bodies.pop(stream, None)
        if head is None or body is None:
            return
        request = Request(head.get(":method", ""), head.get(":path", ""), bytes(body))
        task = asyncio.get_running_loop().create_task(self._respond(stream, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, stream: int, request: Request) -> None:
        try:
            response = await self._handle(request)
        except Exception:  # noqa: BLE001 - as any server does
            response = Response(500)
        if self._transport is None:
            return
        head = [(":status", str(response.status)), *response.headers.items()]
        try:
            self._http2.send_headers(stream, head, end_stream=not response.body)
            if response.body:
                self._unsent[stream] = response.body
                self._send_rest(stream)
        except ProtocolError:  # the other side has given up on it
            self._forget(stream)
        self._flush()

    def _send_rest(self, stream: int) -> None:
        rest = self._unsent[stream]
        while rest and (room := self._room(stream)):
            part, rest = rest[:room], rest[room:]
            self._http2.send_data(stream, part, end_stream=not rest)
        if rest:
            self._unsent[stream] = rest
        else:
            del self._unsent[stream]

    def _room(self, stream: int) -> int:
        window = self._http2.local_flow_control_window(stream)
        return min(window, self._http2.max_outbound_frame_size)

    def _forget(self, stream: int) -> None:
        self._heads.pop(stream, None)
        self._bodies.pop(stream, None)
        self._unsent.pop(stream, None)

    def _flush(self) -> None:
        if self._transport is not None and (data := self._http2.data_to_send()):
            self._transport.write(data)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
