"""Secrets: what one opens, and the poster that has one in its QR code."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from yuzuri.api.app.callers import Caller, language_of, running, trier_of
from yuzuri.api.app.delegation_views import OpenedDelegation, view_opened
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.link_bodies import PictureBody, PictureFormat, SecretBody
from yuzuri.api.app.link_views import (
    OpenedLink,
    OpenedRequest,
    SecretView,
    view_opened_link,
    view_opened_request,
)
from yuzuri.api.app.pool_views import OpenedInvitation, view_invitation
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import DelegationId, Id, InvitationId, LinkId, PersonId, RequestId
from yuzuri.kernel.names import Language
from yuzuri.pictures.posters import Poster, draw_png, draw_svg
from yuzuri.runtime.opening import opening
from yuzuri.runtime.posters import invitation_poster, link_poster, request_poster
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing import link_views, request_views
from yuzuri.sharing.delegation_views import load_open_offer, load_terms
from yuzuri.sharing.link_secrets import (
    SecretKind,
    mint_secret,
    read_secret,
    secret_url,
)
from yuzuri.sharing.pool_views import InvitationInView, load_open_invitation

T = TypeVar("T")

OpenedView = OpenedLink | OpenedRequest | OpenedDelegation | OpenedInvitation

_MEDIA_TYPES = {PictureFormat.SVG: "image/svg+xml", PictureFormat.PNG: "image/png"}


async def mint(
    yuzuri: Yuzuri, kind: SecretKind, target: LinkId | RequestId | InvitationId | DelegationId
) -> SecretView:
    """Make a secret that opens something, and the address to pass on."""
    async with yuzuri.database.connection() as connection:
        secret = await mint_secret(connection, kind, target, yuzuri.clock())
    return SecretView(secret=secret, url=secret_url(yuzuri.settings.origin, secret))


# ---------------------------------------------------------------- what is there


async def _show_link(yuzuri: Yuzuri, target: Id, language: Language) -> OpenedView:
    seen = await _link(yuzuri, target)
    profile = yuzuri.profiles[seen.line.operator]
    return view_opened_link(seen.link, seen.giver, profile, language)


async def _show_request(yuzuri: Yuzuri, target: Id, language: Language) -> OpenedView:
    seen = await _request(yuzuri, target)
    profile = yuzuri.profiles[seen.line.operator]
    return view_opened_request(seen.request, seen.asker.nickname, profile, language)


async def _show_delegation(yuzuri: Yuzuri, target: Id, language: Language) -> OpenedView:
    async with yuzuri.database.connection() as connection:
        try:
            seen = await load_open_offer(connection, DelegationId(target), yuzuri.clock())
        except DomainError as error:
            raise DomainError(Code.LINK_UNKNOWN) from error
        terms = await load_terms(connection, yuzuri.profiles, seen.delegation, language)
    return view_opened(seen, terms)


async def _show_invitation(yuzuri: Yuzuri, target: Id, language: Language) -> OpenedView:
    seen = await _invitation(yuzuri, target)
    profile = yuzuri.profiles[seen.pool.operator]
    return OpenedInvitation(invitation=view_invitation(seen, profile, language))


async def _link(yuzuri: Yuzuri, target: Id) -> link_views.OpenedLink:
    async with yuzuri.database.connection() as connection:
        seen = await link_views.load_open_link(connection, LinkId(target), yuzuri.clock())
    return _known(seen)


async def _request(yuzuri: Yuzuri, target: Id) -> request_views.OpenedRequest:
    async with yuzuri.database.connection() as connection:
        seen = await request_views.load_open_request(connection, RequestId(target), yuzuri.clock())
    return _known(seen)


async def _invitation(yuzuri: Yuzuri, target: Id) -> InvitationInView:
    async with yuzuri.database.connection() as connection:
        try:
            return await load_open_invitation(connection, InvitationId(target), yuzuri.clock())
        except DomainError as error:
            raise DomainError(Code.LINK_UNKNOWN) from error


def _known(seen: T | None) -> T:
    if seen is None:
        raise DomainError(Code.LINK_UNKNOWN)
    return seen


OPENERS: Mapping[SecretKind, Callable[[Yuzuri, Id, Language], Awaitable[OpenedView]]] = {
    SecretKind.LINK: _show_link,
    SecretKind.REQUEST: _show_request,
    SecretKind.DELEGATION: _show_delegation,
    SecretKind.INVITATION: _show_invitation,
}
"""What shows each kind; each raises `LINK_UNKNOWN` for what has ended."""


@post(
    "/links/open",
    summary="What a link leads to",
    tags=["links"],
    status_code=200,
    responses=problems(400, 404, 413, 429),
)
async def open_link(
    request: Request[PersonId, str, State], data: JSONBody[SecretBody]
) -> OpenedView:
    """Say what a secret opens; nobody needs to be signed in, and nothing is taken.

    What is wrong, spent, revoked or over is all answered alike.
    """
    yuzuri = running(request)
    async with opening(yuzuri, trier_of(request), data.secret) as opened:
        show = OPENERS.get(opened.target.kind)
        if show is None:
            raise DomainError(Code.LINK_UNKNOWN)
        return await show(yuzuri, opened.target.id, language_of(request))


# ---------------------------------------------------------------- posters


async def _link_poster(yuzuri: Yuzuri, target: Id, url: str, language: Language) -> Poster:
    seen = await _link(yuzuri, target)
    profile = yuzuri.profiles[seen.line.operator]
    nickname = seen.giver.nickname if seen.giver else ""
    return link_poster(seen.link, nickname, profile, url, language)


async def _request_poster(yuzuri: Yuzuri, target: Id, url: str, language: Language) -> Poster:
    seen = await _request(yuzuri, target)
    profile = yuzuri.profiles[seen.line.operator]
    return request_poster(seen.request, seen.asker.nickname, profile, url, language)


async def _invitation_poster(yuzuri: Yuzuri, target: Id, url: str, language: Language) -> Poster:
    seen = await _invitation(yuzuri, target)
    profile = yuzuri.profiles[seen.pool.operator]
    return invitation_poster(
        seen.invitation, seen.pool, seen.inviter.nickname, profile, url, language
    )


POSTERS: Mapping[SecretKind, Callable[[Yuzuri, Id, str, Language], Awaitable[Poster]]] = {
    SecretKind.LINK: _link_poster,
    SecretKind.REQUEST: _request_poster,
    SecretKind.INVITATION: _invitation_poster,
}
"""What stands on the poster of each kind; each raises `LINK_UNKNOWN` for what has ended."""


@post(
    "/posters",
    summary="A picture with a link's QR code",
    tags=["links"],
    status_code=200,
    responses={
        200: ResponseSpec(
            bytes, description="PNG or SVG", media_type="image/*", generate_examples=False
        ),
        **problems(400, 401, 404, 413, 429),
    },
)
async def draw_poster(request: Caller, data: JSONBody[PictureBody]) -> Response[bytes]:
    """Draw what a link, a request or an invitation says, in the operator's colour, with its QR.

    We keep no secret, so it is sent along by whoever has it.
    """
    yuzuri = running(request)
    async with opening(yuzuri, trier_of(request), data.secret) as opened:
        say = POSTERS.get(opened.target.kind)
        if say is None:
            raise DomainError(Code.LINK_UNKNOWN)
        origin = yuzuri.settings.origin
        url = secret_url(origin, read_secret(data.secret, origin))
        poster = await say(yuzuri, opened.target.id, url, data.language or language_of(request))
    # Neither is quick enough to let everyone else wait for it.
    if data.format is PictureFormat.SVG:
        picture = (await asyncio.to_thread(draw_svg, poster)).encode()
    else:
        picture = await asyncio.to_thread(draw_png, poster)
    return Response(picture, media_type=_MEDIA_TYPES[data.format])
