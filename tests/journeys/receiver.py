"""A network function that is told things: a real HTTP/2 server, which keeps what it was sent.

What a path begins with says how it answers: /ok/…, /busy/… (503 the first time), /gone/…,
/redirect/… (to /ok/…), /flood/… (an answer that does not end for 4 s), /silent/… (none).
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.journeys.served import free_port

START_TIMEOUT_S = 30.0

_received: list[dict[str, Any]] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Keep the request and answer; GET tells what has been kept."""
    if scope["type"] != "http":
        return
    if scope["method"] == "GET":
        await _answer(send, 200, json.dumps(_received).encode())
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    path = scope["path"]
    is_first = all(request["path"] != path for request in _received)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    _received.append(
        {
            "path": path,
            "version": scope["http_version"],
            "headers": headers,
            "body": json.loads(body),
        }
    )
    match path.split("/")[1]:
        case "busy" if is_first:
            await _answer(send, 503)
        case "gone":
            await _answer(send, 404)
        case "redirect":
            await _answer(send, 307, headers=[(b"location", b"/ok/redirected")])
        case "silent":
            await asyncio.sleep(60)
        case "flood":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(200):
                await asyncio.sleep(0.02)
                part = {"type": "http.response.body", "body": bytes(65_536), "more_body": True}
                await send(part)
        case _:
            await _answer(send, 204)


async def _answer(send: Any, status: int, body: bytes = b"", headers: Any = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


def _wait_for(client: httpx.Client, origin: str) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            client.get(origin)
        except httpx.TransportError:
            assert time.monotonic() < give_up_at, "the receiver was not ready in time"
            time.sleep(0.05)
        else:
            return


@dataclass(frozen=True)
class Receiver:
    """The server as a test sees it."""

    origin: str
    client: httpx.Client

    def received(self, path: str = "") -> list[dict[str, Any]]:
        """What was sent to paths that begin so, in order."""
        kept = self.client.get(f"{self.origin}/").json()
        return [request for request in kept if request["path"].startswith(path)]


@contextlib.contextmanager
def receiving(*options: str, verify: Any = True, cert: Any = None) -> Iterator[Receiver]:
    """Start a receiver, with more options of granian for one with TLS."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1",
               "--port", str(port), "--http", "2", *options,
               "tests.journeys.receiver:app"]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], start_new_session=True, env=os.environ
    )
    origin = f"{'https' if options else 'http'}://127.0.0.1:{port}"
    client = httpx.Client(http1=False, http2=True, verify=verify, cert=cert, trust_env=False)
    try:
        with client:
            _wait_for(client, origin)
            yield Receiver(origin, client)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
