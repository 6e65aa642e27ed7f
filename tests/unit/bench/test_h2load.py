"""The load over HTTP/2 says what it is told to say, and no wrong answer passes for a right one."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import hpack
import pytest

from yuzuri.bench.h2load import Load, Session, ask, frame, header_block, is_200
from yuzuri.bench.samples import Timing
from yuzuri.simulator.http2 import Request, Response, serve_http2

TIMING = Timing(warm_s=0.02, rounds=2, round_s=0.05)
BODY = '{"at":"%(when)b","number":%(sequence)d}'

Handler = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def load_on(handle: Handler, sessions: int, connections: int = 2) -> AsyncIterator[Load]:
    async with serve_http2(handle, "127.0.0.1") as port:
        asking = [Session(f"/session/{number}", BODY) for number in range(sessions)]
        yield Load("127.0.0.1", port, asking, TIMING, "FINE", connections, 7)


async def test_each_session_asks_again_when_it_is_answered_and_counts_up() -> None:
    asked: dict[str, list[int]] = {}

    async def handle(request: Request) -> Response:
        await asyncio.sleep(0)
        body = json.loads(request.body)
        assert body["at"].endswith("+00:00")
        asked.setdefault(request.path, []).append(body["number"])
        return Response(200, b"all is FINE" * 200)

    async with load_on(handle, sessions=5) as load:
        loaded = await ask(load)
    assert loaded.failed == ""
    assert loaded.figures.per_s > 0
    assert [asked[f"/session/{number}"] for number in range(5)] == [
        list(range(7, 7 + answered)) for answered in loaded.answered
    ]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Response(201, b"FINE"), "not 200"),
        (Response(503, b"FINE"), "not 200"),
        (Response(200, b"bad"), "does not contain FINE"),
        (Response(200), "does not contain FINE"),
    ],
)
async def test_one_wrong_answer_is_a_failure(answer: Response, says: str) -> None:
    answers = 0

    async def handle(request: Request) -> Response:
        nonlocal answers
        await asyncio.sleep(0)
        answers += 1
        return answer if answers == 20 else Response(200, b"FINE")

    async with load_on(handle, sessions=3) as load:
        assert says in (await ask(load)).failed


async def test_what_the_server_has_no_room_for_waits() -> None:
    """A server of `h2` takes 65,535 bytes until it says that it has room for more."""
    taken = 0

    async def handle(request: Request) -> Response:
        nonlocal taken
        await asyncio.sleep(0)
        taken += len(request.body)
        return Response(200, b"FINE")

    async with serve_http2(handle, "127.0.0.1") as port:
        asking = [Session("/", "x" * 9000)] * 12
        loaded = await ask(Load("127.0.0.1", port, asking, TIMING, "FINE", 1))
    assert loaded.failed == ""
    assert taken == 9000 * sum(loaded.answered) > 12 * 9000


def test_headers_are_read_by_others_as_they_were_meant() -> None:
    path = "/long/" + "0123456789" * 40
    read = hpack.Decoder().decode(header_block(path, "127.0.0.1:8080"))
    assert [(str(name), str(value)) for name, value in read] == [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "127.0.0.1:8080"),
        (":path", path),
        ("content-type", "application/json"),
    ]


def test_a_status_is_read_with_and_without_a_change_of_the_table() -> None:
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    assert is_200(encoder.encode([(":status", "200"), ("a", "b")]))
    assert is_200(encoder.encode([(":status", "200")]))
    assert not is_200(encoder.encode([(":status", "404")]))
    assert not is_200(b"")


def test_a_frame_says_how_long_it_is() -> None:
    assert frame(6, 1, 3, b"12345678") == b"\0\0\x08\x06\x01\0\0\0\x0312345678"
