"""Opening, from a page, what a secret leads to: it takes nothing."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from litestar import Response

from yuzuri.kernel.errors import Code, Refusal
from yuzuri.runtime import opening as runtime_opening
from yuzuri.runtime.addresses import client_address
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.link_secrets import SecretKind, Target
from yuzuri.sharing.throttle import Trier
from yuzuri.web.evidence_views import tell_refusal
from yuzuri.web.instants import Reader
from yuzuri.web.rendering import page
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of


@dataclass(frozen=True, slots=True)
class Opened:
    """What a secret has led to, and who has it."""

    yuzuri: Yuzuri
    visit: Visit
    secret: str
    target: Target


@contextlib.asynccontextmanager
async def opening(
    request: AnyRequest, visit: Visit, secret: str, kind: SecretKind | None = None
) -> AsyncIterator[Opened]:
    """Find what a secret, or an address with one, leads to, and count it where that fails.

    A secret proves what one may see and take: every form behind it carries it, and none the id of
    what it leads to. Raises `LINK_UNKNOWN`, as who uses this does for what has ended, and
    `TOO_MANY_TRIES`.
    """
    yuzuri, trier = yuzuri_of(request), trier_of(request, visit)
    async with runtime_opening.opening(yuzuri, trier, secret, kind) as opened:
        yield Opened(yuzuri, visit, secret, opened.target)


def trier_of(request: AnyRequest, visit: Visit) -> Trier:
    """Return for whom wrong tries are counted."""
    forwarded_for = request.headers.getall("x-forwarded-for", [])
    peer = request.client.host if request.client else ""
    address = client_address(peer, forwarded_for, yuzuri_of(request).settings.proxies)
    return Trier(address, visit.person.id if visit.person else None)


def nothing_opened(request: AnyRequest, visit: Visit, refusal: Refusal | None) -> Response[str]:
    """Say why nothing was opened, and ask for a link."""
    reader = Reader.of_world(visit.language, yuzuri_of(request).clock())
    return page(
        visit,
        "opened_nothing.html",
        status=status_of(refusal.code) if refusal else 200,
        problem=tell_refusal(refusal, reader) if refusal else None,
        leads_to_gifts=refusal is not None and refusal.code is Code.LINK_TAKEN,
    )
