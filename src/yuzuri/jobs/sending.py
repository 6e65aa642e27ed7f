"""Sending something to a network function: over HTTP/2, signed, and to registered origins only."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

import httpx

from yuzuri.networks.origins import origin_of
from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings

_STEP_TIMEOUT_S = 3.0
SEND_TIMEOUT_S = 9.0
"""After so long a message counts as lost, whatever the other side still does."""

_ANSWER_BYTES_MAX = 4_096
_TOKEN_LIFETIME = timedelta(seconds=60)
_PAUSE_S = 0.25
_PAUSE_MAX_S = 10.0

_log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell whole URIs


class Sent(Enum):
    """What became of a message."""

    TAKEN = auto()
    UNKNOWN = auto()
    """The network function no longer knows what it is about (404, 410)."""
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Message:
    """JSON for a network function, at a URI that it has named."""

    network_function: str
    uri: str
    body: bytes


class Sender:
    """Sends messages; whoever does not answer at all is left alone for a while."""

    def __init__(self, yuzuri: Yuzuri, client: httpx.AsyncClient) -> None:
        self._yuzuri = yuzuri
        self._client = client
        self._silent: dict[str, _Silence] = {}

    async def send(self, message: Message) -> Sent:
        """Send a message once, if its origin is registered for its network function just now.

        Redirects are not followed, and no more than 4 kB of the answer are read.
        """
        at = self._yuzuri.clock()
        function = await self._yuzuri.networks.find_function(message.network_function)
        origin = origin_of(message.uri)
        if function is None or origin is None or not function.may_be_told_at(message.uri):
            _log.warning("%s is not told: the address is not its own", message.network_function)
            return Sent.FAILED
        silence = self._silent.get(origin)
        if silence is not None and time.monotonic() < silence.until_s:
            return Sent.FAILED
        token = await self._yuzuri.networks.issue(
            function.id, function.id, "notify", at, _TOKEN_LIFETIME
        )
        try:
            status = await self._post(message, token)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError) as error:
            _log.info("no answer from %s: %s", origin, type(error).__name__)
            self._silent[origin] = _Silence.after(silence)
            return Sent.FAILED
        self._silent.pop(origin, None)
        if 200 <= status < 300:
            return Sent.TAKEN
        _log.info("%s answers with %d", origin, status)
        return Sent.UNKNOWN if status in {404, 410} else Sent.FAILED

    async def _post(self, message: Message, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with (
            asyncio.timeout(SEND_TIMEOUT_S),
            self._client.stream(
                "POST", message.uri, content=message.body, headers=headers
            ) as response,
        ):
            read = 0
            async for part in response.aiter_raw():
                read += len(part)
                if read > _ANSWER_BYTES_MAX:
                    break
            return response.status_code


@dataclass(frozen=True, slots=True)
class _Silence:
    times: int
    until_s: float

    @staticmethod
    def after(before: "_Silence | None") -> "_Silence":
        """Return how long to wait after one more time without an answer: doubling up to 10 s."""
        times = 1 if before is None else min(before.times + 1, 10)
        return _Silence(times, time.monotonic() + min(_PAUSE_S * 2 ** (times - 1), _PAUSE_MAX_S))


@contextlib.asynccontextmanager
async def open_client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Open what speaks HTTP/2 with network functions: by prior knowledge, or with TLS.

    With TLS the other side's certificate is verified, and ours shown if we have one.
    """
    context = ssl.create_default_context()
    if settings.client_ca is not None:
        context.load_verify_locations(settings.client_ca)
    if settings.tls_certificate is not None:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    async with httpx.AsyncClient(
        http1=False,
        http2=True,
        verify=context,
        trust_env=False,
        follow_redirects=False,
        timeout=_STEP_TIMEOUT_S,
        headers={"User-Agent": "CHF", "Accept": "application/json, application/problem+json"},
    ) as client:
        yield client
