"""A small client of the API on the standard library: what the demo's story speaks through."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

_PATIENCE_S = 60.0
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered: the status, and the JSON body where there was one."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks to a server as one person, or as nobody yet."""

    origin: str
    token: str | None = None

    def get(self, path: str) -> Answer:
        """Ask for something."""
        return self._send("GET", path, None, {})

    def post(self, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Send something; `key` is the Idempotency-Key."""
        return self.post_text(path, json.dumps(body or {}), key)

    def delete(self, path: str, key: str | None = None) -> Answer:
        """Remove something; `key` is the Idempotency-Key."""
        return self._send("DELETE", path, None, {} if key is None else {"Idempotency-Key": key})

    def post_text(self, path: str, text: str, key: str | None = None) -> Answer:
        """Send a body as it is written, right or wrong."""
        return self._send("POST", path, text, {} if key is None else {"Idempotency-Key": key})

    def wait_until_it_answers(self) -> None:
        """Return once the server is healthy; raises `TimeoutError` after a minute."""
        ends = time.monotonic() + _PATIENCE_S
        while time.monotonic() < ends:
            try:
                if self.get("/health").status == 200:
                    return
            except (OSError, HTTPException):
                pass
            time.sleep(0.05)
        raise TimeoutError("the server does not answer")

    def _send(self, method: str, path: str, text: str | None, more: dict[str, str]) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/json", **more}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(  # noqa: S310 - the origin is our own server
            self.origin + path, None if text is None else text.encode(), headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
                return Answer(response.status, _read(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _read(error.read()))


def _read(body: bytes) -> Any:
    return json.loads(body) if body else None
