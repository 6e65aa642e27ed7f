"""Who calls as a part of a network: by a signed token, or by a client certificate.

Nobody passes without one of them; but where a demo is opened (`YUZURI_NETWORK_OPEN`), every program
of this machine is the network function `demo`.
"""

import ipaddress
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from yuzuri.kernel.ids import Id, derived_id
from yuzuri.networks.functions import CERTIFICATE_ID, DEMO_ID, NetworkFunction
from yuzuri.networks.register import Bearer
from yuzuri.networks.tokens import TOKEN_BYTES_MAX, TokenRefused
from yuzuri.runtime.running import Yuzuri

_CLIENTS = Id(bytes(15) + b"\1")
_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._-]+) *")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NetworkCaller:
    """Who calls: `id` is its NF instance id or client id, `client` is by whom commands are sent.

    `scopes` is what it may use now. `line` is the id or the number of the one line that its token
    is good for, if for one only.
    """

    id: str
    client: Id
    name: str
    function: NetworkFunction
    scopes: frozenset[str]
    line: str | None = None


class NotAuthenticated(Exception):  # noqa: N818 - what a stranger sent is no error of ours
    """It is not proven who calls: 401, with `challenge` as its WWW-Authenticate (RFC 6750)."""

    def __init__(self, challenge: str) -> None:
        super().__init__(challenge)
        self.challenge = challenge


class NotPermitted(Exception):  # noqa: N818 - the same
    """Who calls may not use this service: 403, with `challenge` as its WWW-Authenticate."""

    def __init__(self, service: str) -> None:
        self.challenge = f'Bearer realm="yuzuri", error="insufficient_scope", scope="{service}"'
        super().__init__(self.challenge)


async def authenticate(yuzuri: Yuzuri, scope: Any, service: str) -> NetworkCaller:
    """Return who calls, if it may use a service such as `nchf-convergedcharging`.

    A token's signature is checked once; the rest at each call, against a register that is at most
    2 s old: so long may a network function that was removed still pass. Raises `NotAuthenticated`,
    `NotPermitted`.
    """
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if given:
        bearer = await _bearer(yuzuri, given)
    else:
        function = await _without_token(yuzuri, scope)
        bearer = Bearer(function, function.services, None)
    function, scopes = bearer.function, bearer.scopes & bearer.function.services
    if service not in scopes:
        raise NotPermitted(service)
    client = _client_of(function.id)
    return NetworkCaller(function.id, client, function.name, function, scopes, bearer.line)


@lru_cache(maxsize=1_024)
def _client_of(function: str) -> Id:
    return derived_id(_CLIENTS, function)


def may_notify(caller: NetworkCaller, uri: str) -> bool:
    """Say whether a caller may have itself told something at a URI: its origin is registered."""
    return caller.function.may_be_told_at(uri)


async def _bearer(yuzuri: Yuzuri, given: list[bytes]) -> Bearer:
    match = _BEARER.fullmatch(given[0]) if len(given[0]) <= TOKEN_BYTES_MAX else None
    try:
        if match is None or len(given) > 1:
            raise TokenRefused("it is no bearer token")  # noqa: TRY301 - one place that answers
        return await yuzuri.networks.verify(match[1].decode("ascii"), yuzuri.clock())
    except TokenRefused as error:
        _log.info("a token is refused: %s", error)
        raise NotAuthenticated('Bearer realm="yuzuri", error="invalid_token"') from error


async def _without_token(yuzuri: Yuzuri, scope: Any) -> NetworkFunction:
    """Return who calls by a certificate, or in an open demo."""
    function = None
    if yuzuri.settings.client_ca is not None:
        # The listener has let nobody in without a certificate, and does not tell us which.
        if scope["scheme"] == "https":
            function = await yuzuri.networks.find_function(CERTIFICATE_ID)
    elif yuzuri.settings.network_open and scope["client"] and _is_loopback(scope["client"][0]):
        function = await yuzuri.networks.find_function(DEMO_ID)
    if function is None:
        raise NotAuthenticated('Bearer realm="yuzuri"')
    return function


@lru_cache(maxsize=1_024)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
