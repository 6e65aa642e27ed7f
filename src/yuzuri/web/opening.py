"""Opening what a secret leads to: it takes nothing, and who fails too often has to wait."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.runtime.addresses import client_address
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.link_secrets import Target, find_secret, read_secret
from yuzuri.sharing.throttle import Trier, counting_failures
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of


@dataclass(frozen=True, slots=True)
class Opened:
    """What a secret has led to, and who has it."""

    yuzuri: Yuzuri
    visit: Visit
    secret: str
    target: Target


@contextlib.asynccontextmanager
async def opening(request: AnyRequest, visit: Visit, text: str) -> AsyncIterator[Opened]:
    """Find what a secret, or an address with one, leads to, and count it where that fails.

    A secret proves what one may see and take: every form behind it carries it, and none the id of
    what it leads to. Raises `LINK_UNKNOWN`, as who uses this does for what has ended, and
    `TOO_MANY_TRIES`.
    """
    yuzuri = yuzuri_of(request)
    trier = Trier(_address(request, yuzuri), visit.person.id if visit.person else None)
    secret = read_secret(text, yuzuri.settings.origin)
    async with counting_failures(yuzuri.database, trier, yuzuri.clock):
        async with yuzuri.database.connection() as connection:
            target = await find_secret(connection, secret)
        if target is None:
            raise DomainError(Code.LINK_UNKNOWN)
        yield Opened(yuzuri, visit, secret, target)


def _address(request: AnyRequest, yuzuri: Yuzuri) -> str:
    forwarded_for = request.headers.getall("x-forwarded-for", [])
    peer = request.client.host if request.client else ""
    return client_address(peer, forwarded_for, yuzuri.settings.proxies)
