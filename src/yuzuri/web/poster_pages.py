"""The poster of a link or a request: its QR, the address in full, and both to keep or pass on.

An address ends in a secret of which only a digest is kept, so each showing makes another one. It
stands in the answers to POSTs, and in no address that a browser asks for.
"""

import asyncio

from litestar import Response, post

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import LinkId, RequestId, parse_id
from yuzuri.pictures.posters import Poster, draw_png, draw_svg
from yuzuri.runtime.posters import link_poster, request_poster
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.link_secrets import SecretKind, find_secret, mint_secret, secret_url
from yuzuri.sharing.link_views import load_own_link
from yuzuri.sharing.links import Link
from yuzuri.sharing.request_views import load_own_request
from yuzuri.sharing.requests import Request, RequestState
from yuzuri.subscribers.lines import Line, Person, load_lines
from yuzuri.web.forms import Form
from yuzuri.web.rendering import PAGE_HEADERS, page
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.translations import translate


@post("/links/{link:str}/poster", status_code=200)
async def show_link_again(
    request: AnyRequest,
    visit: Visit,
    person: Person,
    form: Form,  # noqa: ARG001 - read, so that it is one of ours
    link: str,
) -> Response[str]:
    """Make another address of one's own link, and show it."""
    yuzuri = yuzuri_of(request)
    async with yuzuri.database.connection() as connection:
        seen = await load_own_link(connection, person.id, read_link_id(link))
    if not seen.link.is_open(yuzuri.clock()):
        raise DomainError(Code.LINK_ENDED)
    return await show_link_poster(yuzuri, visit, person, seen.link)


@post("/requests/{asked:str}/poster", status_code=200)
async def show_request_again(
    request: AnyRequest,
    visit: Visit,
    person: Person,
    form: Form,  # noqa: ARG001 - read, so that it is one of ours
    asked: str,
) -> Response[str]:
    """Make another address of one's own request, and show it."""
    yuzuri = yuzuri_of(request)
    async with yuzuri.database.connection() as connection:
        seen = await load_own_request(connection, person.id, read_request_id(asked))
    if seen.request.state_at(yuzuri.clock()) is not RequestState.OPEN:
        raise DomainError(Code.GIFT_REQUEST_ENDED)
    return await show_request_poster(yuzuri, visit, person, seen.request)


@post("/links/{link:str}/poster/{form_of:str}", status_code=200)
async def save_link_poster(
    request: AnyRequest, visit: Visit, person: Person, form: Form, link: str, form_of: str
) -> Response[bytes]:
    """Return the poster of one's own link as a file: `png` or `svg`."""
    yuzuri, secret = yuzuri_of(request), form.text("secret")
    async with yuzuri.database.connection() as connection:
        seen = await load_own_link(connection, person.id, read_link_id(link))
        await _check_secret(connection, secret, seen.link)
    poster = _draw_link(yuzuri, visit, person, seen.link, seen.line, secret)
    return await as_file(poster, form_of)


@post("/requests/{asked:str}/poster/{form_of:str}", status_code=200)
async def save_request_poster(
    request: AnyRequest, visit: Visit, person: Person, form: Form, asked: str, form_of: str
) -> Response[bytes]:
    """Return the poster of one's own request as a file: `png` or `svg`."""
    yuzuri, secret = yuzuri_of(request), form.text("secret")
    async with yuzuri.database.connection() as connection:
        seen = await load_own_request(connection, person.id, read_request_id(asked))
        await _check_secret(connection, secret, seen.request)
    poster = _draw_request(yuzuri, visit, person, seen.request, seen.line, secret)
    return await as_file(poster, form_of)


def read_link_id(text: str) -> LinkId:
    """Read the id of a link; raises `LINK_UNKNOWN`."""
    return LinkId(parse_id(text, Code.LINK_UNKNOWN))


def read_request_id(text: str) -> RequestId:
    """Read the id of a request; raises `GIFT_REQUEST_UNKNOWN`."""
    return RequestId(parse_id(text, Code.GIFT_REQUEST_UNKNOWN))


async def show_link_poster(
    yuzuri: Yuzuri, visit: Visit, person: Person, link: Link, *, is_new: bool = False
) -> Response[str]:
    """Show the poster of a link at a new address."""
    async with yuzuri.database.connection() as connection:
        lines = await load_lines(connection, [link.line])
        secret = await mint_secret(connection, SecretKind.LINK, link.id, yuzuri.clock())
    language = visit.language
    return _poster_page(
        visit,
        _draw_link(yuzuri, visit, person, link, lines[link.line], secret),
        secret,
        home=f"/links/{link.id}",
        title=translate(language, "Your link is ready")
        if is_new
        else translate(language, "Your link"),
        hint=translate(language, "Whoever has this link can open it and take a share."),
        watch=translate(language, "Watch the shares go"),
    )


async def show_request_poster(
    yuzuri: Yuzuri, visit: Visit, person: Person, request: Request, *, is_new: bool = False
) -> Response[str]:
    """Show the poster of a request at a new address."""
    async with yuzuri.database.connection() as connection:
        lines = await load_lines(connection, [request.line])
        secret = await mint_secret(connection, SecretKind.REQUEST, request.id, yuzuri.clock())
    language = visit.language
    return _poster_page(
        visit,
        _draw_request(yuzuri, visit, person, request, lines[request.line], secret),
        secret,
        home=f"/requests/{request.id}",
        title=translate(language, "Your link is ready")
        if is_new
        else translate(language, "Your link"),
        hint=translate(language, "Whoever has this link can open it and give you something."),
        watch=translate(language, "Watch it being filled"),
    )


async def _check_secret(connection: Connection, secret: str, wanted: Link | Request) -> None:
    target = await find_secret(connection, secret)
    if target is None or target.id != wanted.id:
        raise DomainError(Code.LINK_UNKNOWN)


def _draw_link(
    yuzuri: Yuzuri, visit: Visit, person: Person, link: Link, line: Line, secret: str
) -> Poster:
    url = secret_url(yuzuri.settings.origin, secret)
    profile = yuzuri.profiles[line.operator]
    return link_poster(link, person.nickname, profile, url, visit.language)


def _draw_request(
    yuzuri: Yuzuri, visit: Visit, person: Person, request: Request, line: Line, secret: str
) -> Poster:
    url = secret_url(yuzuri.settings.origin, secret)
    profile = yuzuri.profiles[line.operator]
    return request_poster(request, person.nickname, profile, url, visit.language)


def _poster_page(
    visit: Visit, poster: Poster, secret: str, *, home: str, title: str, hint: str, watch: str
) -> Response[str]:
    return page(
        visit,
        "poster.html",
        picture=draw_svg(poster),
        address=poster.url,
        said=f"{poster.title} {poster.amount}",
        secret=secret,
        home=home,
        title=title,
        hint=hint,
        watch=watch,
    )


async def as_file(poster: Poster, form_of: str) -> Response[bytes]:
    """Return a poster as a file to keep: `png` or `svg`; raises `PATH_UNKNOWN`."""
    match form_of:
        case "png":
            # Drawing takes a while, and others are waiting.
            content, kind = await asyncio.to_thread(draw_png, poster), "image/png"
        case "svg":
            content, kind = draw_svg(poster).encode(), "image/svg+xml"
        case _:
            raise DomainError(Code.PATH_UNKNOWN)
    headers = PAGE_HEADERS | {"Content-Disposition": f'attachment; filename="yuzuri.{form_of}"'}
    return Response(content, media_type=kind, headers=headers)
