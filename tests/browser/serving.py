"""A real server process for a browser, as in earnest: granian and the whole application."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.browser.people import NOW

from yuzuri.settings import Settings

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 60


@contextlib.contextmanager
def serve(settings: Settings) -> Iterator[str]:
    """Run a server on a free port, and return its address; its clock starts at `NOW`."""
    assert settings.database_url is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "YUZURI_DATABASE_URL": settings.database_url,
        "YUZURI_DATA": str(settings.data),
        "YUZURI_PORT": str(port),
        "YUZURI_DEMO": "1" if settings.demo else "0",
        "YUZURI_TEST_NOW": NOW.isoformat(),
        "PYTHONPATH": str(ROOT),
    }
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--factory",
        "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning",
        "tests.browser.app:create_app",
    ]  # fmt: skip
    settings.data.mkdir(parents=True, exist_ok=True)
    log = settings.data / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, server, log)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/sign-in", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()[-3000:]}")
