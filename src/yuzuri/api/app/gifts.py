"""Giving: what would happen, the offer, and what becomes of it."""

from dataclasses import replace
from typing import Annotated, assert_never
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from yuzuri.api.app.bodies import GiftBody
from yuzuri.api.app.callers import Caller, Key, language_of, running, with_key
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.gift_views import (
    Direction,
    GiftAnswer,
    GiftsView,
    GiftView,
    view_answer,
    view_gift,
)
from yuzuri.api.app.lines import find_line_by_id, giving_line
from yuzuri.api.app.link_bodies import ThanksBody
from yuzuri.api.app.problems import GiftNotDone
from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import GiftId, HolderId, PersonId, parse_id
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.running import Yuzuri
from yuzuri.runtime.verdict_json import SaidVerdict, say_verdict
from yuzuri.sharing.account import load_gift, load_gift_list, load_offer_facts
from yuzuri.sharing.gift_decisions import preview_offer
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    GiftDone,
    GiftOutcome,
    GiftRefused,
    OfferGift,
    checked_offer,
)
from yuzuri.sharing.thanks import thank
from yuzuri.subscribers.lines import Line, find_line, parse_number

# ---------------------------------------------------------------- offering


@post(
    "/gifts/preview",
    summary="What would happen",
    tags=["gifts"],
    status_code=200,
    responses=problems(400, 401, 403, 404, 413),
)
async def preview_gift(request: Caller, data: JSONBody[GiftBody]) -> SaidVerdict:
    """Say whether the gift may be, every reason, what would arrive, and what would work instead.

    The same judgement guards the gift itself. Nothing changes.
    """
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        giver, offer = await _read_offer(connection, yuzuri, request.user, data)
        facts = await load_offer_facts(connection, yuzuri.profiles, offer, yuzuri.clock())
    zone = zone_of(yuzuri.profiles, giver)
    verdict = preview_offer(facts, offer)
    if isinstance(verdict, GiftRefused):
        raise GiftNotDone(verdict, zone)
    return say_verdict(verdict, language_of(request), zone)


@post(
    "/gifts",
    summary="Give",
    tags=["gifts"],
    guards=[with_key],
    responses={
        201: ResponseSpec(GiftAnswer, description="Offered", generate_examples=False),
        **problems(400, 401, 403, 404, 409, 413, 422),
    },
)
async def offer_gift(request: Caller, data: JSONBody[GiftBody], key: Key) -> Response[GiftAnswer]:
    """Offer something of one of my lines; it is set aside until the gift ends."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        giver, offer = await _read_offer(connection, yuzuri, request.user, data)
    answer = await _submit(request, key, offer, zone_of(yuzuri.profiles, giver))
    return Response(answer, status_code=201, headers={"Location": f"/v1/gifts/{answer.id}"})


async def _read_offer(
    connection: Connection, yuzuri: Yuzuri, person: PersonId, body: GiftBody
) -> tuple[Line, OfferGift]:
    """Return the giving line and the offer; who pays follows from who is signed in.

    It is a line of theirs, or one from which somebody lets them give.
    """
    if (body.to_line is None) == (body.to_number is None):
        problem = "give either to_line or to_number"
        raise DomainError(Code.REQUEST_INVALID, field="to_line", problem=problem)
    giver = await giving_line(connection, person, body.from_line, yuzuri.clock())
    to_line = await _find_receiver(connection, yuzuri.profiles, giver, body)
    offer = OfferGift(
        person=person,
        from_line=giver.id,
        to_line=to_line,
        unit=body.unit,
        amount=body.amount,
        message=body.message,
    )
    return giver, checked_offer(offer)


async def _find_receiver(
    connection: Connection, profiles: Profiles, giver: Line, body: GiftBody
) -> HolderId:
    if body.to_number is not None:
        country = profiles[giver.operator].country
        return await find_line(connection, parse_number(body.to_number, country))
    return (await find_line_by_id(connection, body.to_line or "")).id


# ---------------------------------------------------------------- reading


@get("/gifts", summary="What came in and went out", tags=["gifts"], responses=problems(400, 401))
async def show_gifts(
    request: Caller,
    direction: FromQuery[Direction] = Direction.ALL,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
) -> GiftsView:
    """Return the newest gifts from and to my lines."""
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        gifts = await load_gift_list(
            connection,
            request.user,
            at,
            limit,
            sent=direction is not Direction.IN,
            received=direction is not Direction.OUT,
        )
    return GiftsView(gifts=[view_gift(gift, at) for gift in gifts])


@get("/gifts/{gift_id:str}", summary="One gift", tags=["gifts"], responses=problems(401, 404))
async def show_gift(request: Caller, gift_id: FromPath[str]) -> GiftView:
    """Return a gift from or to one of my lines."""
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        gift = await load_gift(connection, request.user, _read_gift_id(gift_id), at)
    return view_gift(gift, at)


# ---------------------------------------------------------------- ending

_ENDING = problems(400, 401, 403, 404, 409, 422)


@post(
    "/gifts/{gift_id:str}/accept",
    summary="Take a gift",
    tags=["gifts"],
    status_code=200,
    guards=[with_key],
    responses=_ENDING,
)
async def accept_gift(request: Caller, gift_id: FromPath[str], key: Key) -> GiftAnswer:
    """Take a gift to one of my lines: it arrives in the same moment."""
    gift = _read_gift_id(gift_id)
    return await _submit(request, key, AcceptGift(person=request.user, gift=gift))


@post(
    "/gifts/{gift_id:str}/decline",
    summary="Turn a gift down",
    tags=["gifts"],
    status_code=200,
    guards=[with_key],
    responses=_ENDING,
)
async def decline_gift(request: Caller, gift_id: FromPath[str], key: Key) -> GiftAnswer:
    """Turn down a gift to one of my lines: it is back where it was in the same moment."""
    gift = _read_gift_id(gift_id)
    return await _submit(request, key, DeclineGift(person=request.user, gift=gift))


@post(
    "/gifts/{gift_id:str}/cancel",
    summary="Take a gift back",
    tags=["gifts"],
    status_code=200,
    guards=[with_key],
    responses=_ENDING,
)
async def cancel_gift(request: Caller, gift_id: FromPath[str], key: Key) -> GiftAnswer:
    """Take back a gift from one of my lines, as long as nobody has accepted it."""
    gift = _read_gift_id(gift_id)
    return await _submit(request, key, CancelGift(person=request.user, gift=gift))


@post(
    "/gifts/{gift_id:str}/thanks",
    summary="Say thank you",
    tags=["gifts"],
    status_code=200,
    responses=problems(400, 401, 404, 409, 413),
)
async def thank_for_gift(
    request: Caller, gift_id: FromPath[str], data: JSONBody[ThanksBody]
) -> GiftView:
    """Let whoever gave me something read a few words; once, and they cannot be changed."""
    yuzuri, gift = running(request), _read_gift_id(gift_id)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        await thank(connection, request.user, gift, data.message)
        seen = await load_gift(connection, request.user, gift, at)
    return view_gift(seen, at)


# ---------------------------------------------------------------- answers


async def _submit(
    request: Caller,
    key: str,
    command: OfferGift | AcceptGift | DeclineGift | CancelGift,
    zone: ZoneInfo | None = None,
) -> GiftAnswer:
    """Send a command down the road and answer with what it has left."""
    yuzuri = running(request)
    outcome = await yuzuri.submit(request.user, key, command)
    if isinstance(outcome, GiftRefused):
        zone = zone or await _own_zone(yuzuri, request.user, command)
    return await answer_gift(request, outcome, zone)


async def answer_gift(
    request: Caller, outcome: GiftOutcome, zone: ZoneInfo | None = None
) -> GiftAnswer:
    """Answer with the gift that a command has left, or raise `GiftNotDone`."""
    yuzuri, language = running(request), language_of(request)
    match outcome:
        case GiftDone():
            async with yuzuri.database.connection() as connection:
                gift = await load_gift(connection, request.user, outcome.gift.id, yuzuri.clock())
            # The same key again is told the same, whatever has become of the gift since then.
            gift = replace(gift, gift=outcome.gift)
            return view_answer(gift, outcome, language, zone or zone_of(yuzuri.profiles, gift.line))
        case GiftRefused():
            raise GiftNotDone(outcome, zone or ZoneInfo("UTC"))
        case _:
            assert_never(outcome)


async def _own_zone(
    yuzuri: Yuzuri, person: PersonId, command: OfferGift | AcceptGift | DeclineGift | CancelGift
) -> ZoneInfo:
    """Return the zone of the person's own line of a gift; UTC if it is none of theirs."""
    if isinstance(command, OfferGift):
        return ZoneInfo("UTC")
    try:
        async with yuzuri.database.connection() as connection:
            gift = await load_gift(connection, person, command.gift, yuzuri.clock())
    except DomainError:
        return ZoneInfo("UTC")
    return zone_of(yuzuri.profiles, gift.line)


def zone_of(profiles: Profiles, line: Line) -> ZoneInfo:
    """Return by whose clocks a line's owner is told times."""
    return profiles[line.operator].zone


def _read_gift_id(text: str) -> GiftId:
    return GiftId(parse_id(text, Code.GIFT_UNKNOWN))
