"""Who calls, in which language, with which key: read from a request before anything else."""

import re
from typing import Annotated, Any, TypeAlias

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId
from yuzuri.kernel.names import Language
from yuzuri.runtime.addresses import client_address
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.throttle import Trier
from yuzuri.subscribers.sessions import session_person
from yuzuri.words.languages import choose_language

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]

Caller: TypeAlias = Request[PersonId, str, State]
"""A request of somebody who is signed in: `user` is the person, `auth` the secret."""

_KEY = re.compile(r"[!-~]{1,128}")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+) *")

Key: TypeAlias = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        pattern="^[!-~]{1,128}$",
        description="Your name for this request: 1 to 128 visible ASCII characters. The same key"
        " and request again gives the same answer and changes nothing.",
    ),
]


def running(connection: Connection) -> Yuzuri:
    """Return the running Yuzuri that the application serves."""
    yuzuri: Yuzuri = connection.app.state.yuzuri
    return yuzuri


def language_of(connection: Connection) -> Language:
    """Return the language that the client prefers, or else the one of this installation."""
    yuzuri: Yuzuri | None = connection.app.state.get("yuzuri")
    default = yuzuri.settings.lang if yuzuri else Language.EN
    return choose_language(connection.headers.get("accept-language"), default)


def trier_of(connection: Connection) -> Trier:
    """Return for whom wrong tries are counted: an address, and who is signed in there."""
    forwarded_for = connection.headers.getall("x-forwarded-for", [])
    peer = connection.client.host if connection.client else ""
    address = client_address(peer, forwarded_for, running(connection).settings.proxies)
    return Trier(address, connection.scope.get("user"))


async def signed_in(connection: Connection, _: BaseRouteHandler) -> None:
    """Let only those pass who are signed in (RFC 6750); a cookie is never looked at."""
    given = connection.headers.getall("authorization", [])
    if not given:
        raise DomainError(Code.SESSION_MISSING)
    match = _BEARER.fullmatch(given[0])
    if match is None or len(given) > 1:
        raise DomainError(Code.SESSION_INVALID)
    yuzuri = running(connection)
    async with yuzuri.database.connection() as database:
        person = await session_person(database, match[1], yuzuri.clock())
    connection.scope["user"] = person
    connection.scope["auth"] = match[1]


async def with_key(connection: Connection, _: BaseRouteHandler) -> None:
    """Let only requests pass that have a key, so that they can be sent again without harm."""
    given = connection.headers.getall("idempotency-key", [])
    if not given:
        raise DomainError(Code.KEY_MISSING)
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise DomainError(Code.KEY_INVALID)


async def in_demo(connection: Connection, _: BaseRouteHandler) -> None:
    """Let nobody pass but in the demo: elsewhere the path does not exist."""
    if not running(connection).settings.demo:
        raise DomainError(Code.PATH_UNKNOWN)
