"""The product's real server in processes of its own, and a load put on it by another."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import quote, urlencode

import httpx
import msgspec
from psycopg.conninfo import conninfo_to_dict

from yuzuri.bench import BenchFailed
from yuzuri.bench.charging_app import ECHO_PATH
from yuzuri.bench.h2load import Load, Loaded
from yuzuri.db.login import Login

HOST = "127.0.0.1"

_SERVE = (
    "import sys; from yuzuri.cli.serving import serve_until_interrupted as serve;"
    " from yuzuri.settings import read_settings;"
    " serve(read_settings(), sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])"
)
_APPLICATION = "yuzuri.bench.charging_app:create_app"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.05
_SAID_MAX = 2000


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is up."""

    port: int
    http: httpx.AsyncClient
    """Speaks HTTP/2 without TLS to it."""

    async def put_on(self, load: Load) -> Loaded:
        """Put a load on it from a process of its own. Raises `BenchFailed`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "yuzuri.bench.h2load",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            told, said = await process.communicate(msgspec.json.encode(load))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise BenchFailed(f"the load ended with {process.returncode}: {said.decode().strip()}")
        loaded = msgspec.json.decode(told, type=Loaded)
        if loaded.failed:
            raise BenchFailed(f"a request of the benchmark went wrong: {loaded.failed}")
        return loaded


@contextlib.asynccontextmanager
async def serve_beside_echo(conninfo: str, workers: int) -> AsyncIterator[Served]:
    """Serve the product on a database with so many workers, for as long as this lasts.

    Raises `BenchFailed` where it does not come up.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="yuzuri-bench-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _SERVE, HOST, str(port), str(workers), _APPLICATION,
                env=_environment(conninfo, folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # so that its workers end with it
            )  # fmt: skip
        try:
            async with httpx.AsyncClient(
                base_url=f"http://{HOST}:{port}", http1=False, http2=True, trust_env=False,
                timeout=_START_TIMEOUT_S,
            ) as http:  # fmt: skip
                await _wait_until_up(http, process, log)
                yield Served(port, http)
        finally:
            await _stop(process)


def url_of(conninfo: str) -> str:
    """Write a conninfo as a URL, which is how a setting names a database."""
    given = conninfo_to_dict(Login.read(conninfo, "--url").conninfo)
    return "postgresql:///?" + urlencode(given, quote_via=quote)


def _environment(conninfo: str, folder: str) -> dict[str, str]:
    """What the server reads; nothing that is set for another Yuzuri of this machine."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("YUZURI_")}
    return ours | {
        "YUZURI_DATA": folder,
        "YUZURI_DATABASE_URL": url_of(conninfo),
        "YUZURI_DEMO": "1",
        "YUZURI_NETWORK_OPEN": "1",
    }


async def _wait_until_up(
    http: httpx.AsyncClient, process: asyncio.subprocess.Process, log: Path
) -> None:
    ends = monotonic() + _START_TIMEOUT_S
    while process.returncode is None and monotonic() < ends:
        with contextlib.suppress(httpx.TransportError):
            if (await http.post(ECHO_PATH, params={"size": 10})).status_code == 200:
                return
        await asyncio.sleep(_POLL_S)
    raise BenchFailed(f"the server does not come up; it said:\n{_read_end(log)}")


def _read_end(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-_SAID_MAX:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
