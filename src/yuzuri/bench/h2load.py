"""Load over HTTP/2 without TLS: sessions that each wait for an answer before they ask again.

Only for measuring, and cheap, as it shares the machine with what it measures: frames are put
together from bytes made ahead, headers use no dynamic table in either direction, and of an answer
no more is read than whether it is a 200, and one word that it must contain. It runs in a process of
its own: `python -m yuzuri.bench.h2load` reads a `Load` and prints a `Loaded`, both JSON.
"""

import asyncio
import gc
import sys
from collections import deque
from datetime import UTC, datetime
from functools import partial
from time import perf_counter, process_time

import msgspec

from yuzuri.bench.samples import CallLog, Figures, Timing, median_figures

BODY_BYTES_MAX = 16_000
"""A body is one frame."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_FRAME_HEAD_BYTES = 9

_TABLE_SIZE, _PUSH, _WINDOW = 1, 2, 4
_WINDOW_MAX = 2**31 - 1
_WINDOW_FIRST = 65_535
_TOP_UP = 2**30

_STATUS_200 = 0x88
_STALE_S = 0.001
_DRAIN_TIMEOUT_S = 60.0


class Session(msgspec.Struct, frozen=True):
    """Who asks again and again, and where.

    In `body`, `%(when)b` stands for the time of asking and `%(sequence)d` for a number that rises.
    """

    path: str
    body: str


class Load(msgspec.Struct, frozen=True):
    """What is to be asked, and for how long; a right answer is a 200 and contains `expects`."""

    host: str
    port: int
    sessions: list[Session]
    timing: Timing
    expects: str
    connections: int
    first_sequence: int = 1


class Loaded(msgspec.Struct, frozen=True):
    """What came of it; where `failed` says what went wrong first, there are no true figures."""

    figures: Figures
    answered: list[int]
    """By session; those of the warm-up and of the end, too."""
    client_us: float
    """The processor time that a request cost whoever made the load: the mean."""
    failed: str = ""


# ---------------------------------------------------------------- frames


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Put a frame together (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def header_block(path: str, authority: str) -> bytes:
    """The headers of a POST of JSON, by the static table alone and not compressed (RFC 7541)."""
    return b"".join(
        (
            b"\x83\x86",  # :method: POST, :scheme: http
            b"\x01" + _string(authority),
            b"\x04" + _string(path),
            b"\x0f\x10" + _string("application/json"),  # content-type
        )
    )


def _string(text: str) -> bytes:
    """A string as it is sent, not compressed (RFC 7541, 5.2)."""
    coded = text.encode()
    rest = len(coded) - 127
    if rest < 0:
        return bytes([len(coded)]) + coded
    length = bytearray([127])
    while rest >= 128:
        length.append(rest % 128 | 128)
        rest //= 128
    length.append(rest)
    return bytes(length) + coded


def is_200(block: bytes) -> bool:
    """Tell whether the headers of an answer begin with a status of 200, as they do."""
    at = 0
    while block[at : at + 1] and block[at] & 0xE0 == 0x20:  # the dynamic table's size is changed
        at += 1
    return block[at : at + 1] == bytes([_STATUS_200])


class _Asker:
    """One session: its frames as far as they are made ahead, and how far it is."""

    __slots__ = ("answered", "asked_s", "body", "head", "headers", "is_right", "sequence")

    def __init__(self, session: Session, authority: str, first_sequence: int) -> None:
        self.headers = header_block(session.path, authority)
        self.head = frame(_HEADERS, _END_HEADERS, 0, self.headers)[:5]
        self.body = session.body.encode()
        self.sequence = first_sequence
        self.answered = 0
        self.asked_s = 0.0
        self.is_right = False


# ---------------------------------------------------------------- connections


class _Run:
    """What all connections share."""

    def __init__(self, load: Load) -> None:
        self.log = CallLog(perf_counter(), load.timing)
        self.expects = load.expects.encode()
        self.waiting = 0
        """How many are waiting for an answer."""
        self.failed = ""
        self.ended = asyncio.Event()
        self._made_s = 0.0
        self._when = b""

    def when(self, now_s: float) -> bytes:
        """The time, said anew each millisecond."""
        if now_s - self._made_s > _STALE_S:
            self._made_s = now_s
            self._when = datetime.now(UTC).isoformat(timespec="microseconds").encode()
        return self._when

    def fail(self, what: str) -> None:
        self.failed = self.failed or what
        self.ended.set()


class _Connection(asyncio.Protocol):
    """Some of the sessions, over one connection."""

    def __init__(self, run: _Run, askers: list[_Asker]) -> None:
        self._run = run
        self._askers = askers
        self._ready = deque(askers)
        """Who asks as soon as the server has room for another body."""
        self._streams: dict[int, _Asker] = {}
        self._next_stream = 1
        self._room = _WINDOW_FIRST
        self._taken = 0
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        settings = ((_TABLE_SIZE, 0), (_PUSH, 0), (_WINDOW, _WINDOW_MAX))
        told = b"".join(name.to_bytes(2) + value.to_bytes(4) for name, value in settings)
        more = (_WINDOW_MAX - _WINDOW_FIRST).to_bytes(4)
        transport.write(_PREFACE + frame(_SETTINGS, 0, 0, told) + frame(_WINDOW_UPDATE, 0, 0, more))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._streams:
            self._run.fail(f"a connection was lost: {exc}")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def ask_all(self) -> None:
        """Let every session ask for the first time."""
        out: list[bytes] = []
        self._ask(out, perf_counter())
        self._write(out)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        out: list[bytes] = []
        now, at, size = perf_counter(), 0, len(data)
        while at + _FRAME_HEAD_BYTES <= size:
            end = at + _FRAME_HEAD_BYTES + int.from_bytes(data[at : at + 3])
            if end > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            stream = int.from_bytes(data[at + 5 : at + 9])
            at += _FRAME_HEAD_BYTES
            if kind == _DATA:
                self._taken += end - at
                if data.find(self._run.expects, at, end) >= 0:
                    self._streams[stream].is_right = True
            elif kind == _HEADERS:
                if not is_200(data[at:end]):
                    self._run.fail("an answer is not 200")
            else:
                self._control(kind, flags, stream, data[at:end], out)
            if flags & _END_STREAM and kind <= _HEADERS:
                self._answered(stream, now)
            at = end
        self._rest = data[at:]
        if self._taken > _TOP_UP:
            out.append(frame(_WINDOW_UPDATE, 0, 0, self._taken.to_bytes(4)))
            self._taken = 0
        self._ask(out, now)
        self._write(out)

    def _control(
        self, kind: int, flags: int, stream: int, payload: bytes, out: list[bytes]
    ) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            out.append(frame(_SETTINGS, _ACK, 0))
        elif kind == _PING and not flags & _ACK:
            out.append(frame(_PING, _ACK, 0, payload))
        elif kind == _WINDOW_UPDATE and not stream:
            self._room += int.from_bytes(payload)
        elif kind in {_RST_STREAM, _GOAWAY}:
            self._run.fail(f"the server ended a stream or connection: {payload!r}")

    def _answered(self, stream: int, now: float) -> None:
        asker, run = self._streams.pop(stream), self._run
        if not asker.is_right:
            run.fail(f"an answer does not contain {run.expects.decode()}")
        asker.answered += 1
        run.waiting -= 1
        run.log.add(asker.asked_s, now)
        if not run.log.is_over and not run.failed:
            self._ready.append(asker)
        elif not run.waiting:
            run.ended.set()

    def _ask(self, out: list[bytes], now: float) -> None:
        """Let those who are ready ask, as far as the server has room."""
        ready, run = self._ready, self._run
        while ready and self._room >= BODY_BYTES_MAX:
            asker = ready.popleft()
            body = asker.body % {b"when": run.when(now), b"sequence": asker.sequence}
            stream = self._next_stream.to_bytes(4)
            out += (asker.head, stream, asker.headers)
            out += (len(body).to_bytes(3), b"\0\1", stream, body)
            self._room -= len(body)
            self._streams[self._next_stream] = asker
            self._next_stream += 2
            asker.sequence += 1
            asker.asked_s = now
            asker.is_right = False
            run.waiting += 1

    def _write(self, out: list[bytes]) -> None:
        if out and self._transport is not None:
            self._transport.write(b"".join(out))


async def ask(load: Load) -> Loaded:
    """Ask as long as the load says, and wait until all is answered."""
    authority = f"{load.host}:{load.port}"
    askers = [_Asker(session, authority, load.first_sequence) for session in load.sessions]
    run = _Run(load)
    loop = asyncio.get_running_loop()
    made = [
        _Connection(run, askers[first :: load.connections]) for first in range(load.connections)
    ]
    for connection in made:
        await loop.create_connection(partial(_identity, connection), load.host, load.port)
    used_s = process_time()
    for connection in made:
        connection.ask_all()
    try:
        await asyncio.wait_for(run.ended.wait(), load.timing.total_s + _DRAIN_TIMEOUT_S)
    except TimeoutError:
        run.fail(f"{run.waiting} requests were never answered")
    used_s = process_time() - used_s
    for connection in made:
        connection.close()
    answered = [asker.answered for asker in askers]
    return Loaded(
        figures=Figures(0, 0, 0) if run.failed else median_figures(run.log.rounds()),
        answered=answered,
        client_us=used_s / max(sum(answered), 1) * 1e6,
        failed=run.failed,
    )


def _identity(connection: _Connection) -> _Connection:
    return connection


def main() -> None:
    """Read a load, put it on, and print what came of it."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    gc.disable()  # nothing here goes round in circles
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(ask(load))))


if __name__ == "__main__":
    main()
