"""Links: posting an amount in shares, opening what a secret leads to, and taking a share."""

from typing import assert_never
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from yuzuri.api.app.callers import Caller, Key, language_of, running, trier_of, with_key
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.gift_views import GiftAnswer
from yuzuri.api.app.gifts import answer_gift, zone_of
from yuzuri.api.app.lines import own_line
from yuzuri.api.app.link_bodies import LinkBody, SecretBody, TakeBody
from yuzuri.api.app.link_views import (
    LinkAnswer,
    LinkDetails,
    LinksView,
    LinkView,
    SecretView,
    TakersView,
    view_details,
    view_link,
    view_posted,
    view_taker,
)
from yuzuri.api.app.opening import mint
from yuzuri.api.app.problems import GiftNotDone
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import LinkId, parse_id
from yuzuri.runtime.opening import opening, take_share
from yuzuri.runtime.verdict_json import say_reasons
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_decisions import checked_post
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.link_views import (
    LinkInView,
    load_link_list,
    load_open_link,
    load_own_link,
    load_shares,
    load_take_previews,
)
from yuzuri.sharing.links import LinkDone, PostLink, RevokeLink, TakeShare

SHARES_SHOWN = 100

_CHANGING = problems(400, 401, 403, 404, 409, 413, 422)

# ---------------------------------------------------------------- posting


@post(
    "/links",
    summary="Post an amount in shares",
    tags=["links"],
    guards=[with_key],
    responses={
        201: ResponseSpec(LinkAnswer, description="Posted", generate_examples=False),
        **_CHANGING,
    },
)
async def post_link(request: Caller, data: JSONBody[LinkBody], key: Key) -> Response[LinkAnswer]:
    """Put something of one of my lines behind a link; it is set aside until the link ends.

    The same key again answers with the same link and another secret.
    """
    yuzuri, language = running(request), language_of(request)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
    command = PostLink(
        person=request.user,
        line=line.id,
        unit=data.unit,
        amount=data.amount,
        shares=data.shares,
        split=data.split,
        least=data.least,
        audience=data.audience,
        passcode=data.passcode,
        line_age_days_min=data.line_age_days_min,
        message=data.message,
        is_giver_hidden=data.giver_hidden,
        deadline=data.deadline,
    )
    zone = zone_of(yuzuri.profiles, line)
    outcome = await yuzuri.submit(request.user, key, checked_post(command))
    match outcome:
        case LinkDone(link, notes):
            secret = await mint(yuzuri, SecretKind.LINK, link.id)
            seen = LinkInView(link, line)
            answer = view_posted(seen, say_reasons(notes, language, zone), secret, link.posted_at)
            headers = {"Location": f"/v1/links/{link.id}"}
            return Response(answer, status_code=201, headers=headers)
        case GiftRefused():
            raise GiftNotDone(outcome, zone)
        case GiftDone():
            raise AssertionError("nothing is given yet")
        case _:
            assert_never(outcome)


@post(
    "/links/{link_id:str}/secret",
    summary="Show a link again",
    tags=["links"],
    responses=problems(401, 404, 409),
)
async def show_link_again(request: Caller, link_id: FromPath[str]) -> SecretView:
    """Make another secret that opens a link of mine, beside those made before."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        seen = await load_own_link(connection, request.user, _read_link_id(link_id))
    if not seen.link.is_open(yuzuri.clock()):
        raise DomainError(Code.LINK_ENDED)
    return await mint(yuzuri, SecretKind.LINK, seen.link.id)


@post(
    "/links/{link_id:str}/revoke",
    summary="Take back what is left of a link",
    tags=["links"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def revoke_link(request: Caller, link_id: FromPath[str], key: Key) -> LinkView:
    """End a link of mine: what nobody has taken is back where it was in the same moment."""
    yuzuri, link = running(request), _read_link_id(link_id)
    outcome = await yuzuri.submit(request.user, key, RevokeLink(person=request.user, link=link))
    match outcome:
        case LinkDone():
            async with yuzuri.database.connection() as connection:
                seen = await load_own_link(connection, request.user, link)
            return view_link(seen, yuzuri.clock())
        case GiftRefused():
            raise GiftNotDone(outcome, ZoneInfo("UTC"))
        case GiftDone():
            raise AssertionError("nothing is given")
        case _:
            assert_never(outcome)


# ---------------------------------------------------------------- looking


@get("/links", summary="My links", tags=["links"], responses=problems(401))
async def show_links(request: Caller) -> LinksView:
    """Return my links that are open or were posted in the last 32 days, newest first."""
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        links = await load_link_list(connection, request.user, at)
    return LinksView(links=[view_link(seen, at) for seen in links])


@get(
    "/links/{link_id:str}",
    summary="One of my links",
    tags=["links"],
    responses=problems(401, 404),
)
async def show_link(request: Caller, link_id: FromPath[str]) -> LinkDetails:
    """Return a link of mine, and who took the newest 100 shares of it."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        seen = await load_own_link(connection, request.user, _read_link_id(link_id))
        shares = await load_shares(connection, seen.link, SHARES_SHOWN)
    return view_details(seen, shares, yuzuri.clock())


# ---------------------------------------------------------------- taking


@post(
    "/links/verdict",
    summary="Which of my lines could take a share",
    tags=["links"],
    status_code=200,
    responses=problems(400, 401, 404, 413, 429),
)
async def judge_takers(request: Caller, data: JSONBody[SecretBody]) -> TakersView:
    """Say for each of my lines whether it could take a share, why not, and what works instead.

    The same judgement guards the taking itself. Nothing changes.
    """
    yuzuri, language = running(request), language_of(request)
    async with opening(yuzuri, trier_of(request), data.secret, SecretKind.LINK) as opened:
        link = LinkId(opened.target.id)
        async with yuzuri.database.connection() as connection:
            if await load_open_link(connection, link, yuzuri.clock()) is None:
                raise DomainError(Code.LINK_UNKNOWN)
            previews = await load_take_previews(
                connection, yuzuri.profiles, request.user, link, yuzuri.clock()
            )
    return TakersView(
        lines=[view_taker(one, language, zone_of(yuzuri.profiles, one.line)) for one in previews]
    )


@post(
    "/links/take",
    summary="Take a share",
    tags=["links"],
    status_code=200,
    guards=[with_key],
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429),
)
async def take_from_link(request: Caller, data: JSONBody[TakeBody], key: Key) -> GiftAnswer:
    """Take a share to one of my lines: it arrives in the same moment. One share a person.

    What is wrong, spent, revoked or over is all answered alike.
    """
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)

    def take(link: LinkId) -> TakeShare:
        return TakeShare(
            person=request.user,
            line=line.id,
            link=link,
            passcode=data.passcode,
            hides_name=data.hides_name,
        )

    outcome = await take_share(yuzuri, trier_of(request), data.secret, key, take)
    return await answer_gift(request, outcome, zone_of(yuzuri.profiles, line))


def _read_link_id(text: str) -> LinkId:
    return LinkId(parse_id(text, Code.LINK_UNKNOWN))
