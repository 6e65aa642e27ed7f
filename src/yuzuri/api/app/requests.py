"""Requests: asking friends for something, and what they give to it."""

from typing import assert_never
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from yuzuri.api.app.callers import Caller, Key, running, trier_of, with_key
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.gift_views import GiftAnswer
from yuzuri.api.app.gifts import answer_gift, zone_of
from yuzuri.api.app.lines import own_line
from yuzuri.api.app.link_bodies import FillRequestBody, RequestBody
from yuzuri.api.app.link_views import (
    RequestAnswer,
    RequestsView,
    RequestView,
    SecretView,
    view_asked,
    view_request,
)
from yuzuri.api.app.opening import mint
from yuzuri.api.app.problems import GiftNotDone
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import RequestId, parse_id
from yuzuri.runtime.opening import fill_request
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.request_views import RequestInView, load_own_request, load_request_list
from yuzuri.sharing.requests import (
    AskForGift,
    CloseRequest,
    FillRequest,
    RequestDone,
    RequestState,
)

_CHANGING = problems(400, 401, 403, 404, 409, 413, 422)


@post(
    "/requests",
    summary="Ask for something",
    tags=["requests"],
    guards=[with_key],
    responses={
        201: ResponseSpec(RequestAnswer, description="Asked", generate_examples=False),
        **_CHANGING,
    },
)
async def ask_for_gift(
    request: Caller, data: JSONBody[RequestBody], key: Key
) -> Response[RequestAnswer]:
    """Ask whoever has the link for something to one of my lines; what they give arrives at once.

    The same key again answers with the same request and another secret.
    """
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
    command = AskForGift(
        person=request.user,
        line=line.id,
        unit=data.unit,
        amount=data.amount,
        message=data.message,
        deadline=data.deadline,
    )
    outcome = await yuzuri.submit(request.user, key, command)
    match outcome:
        case RequestDone(asked):
            secret = await mint(yuzuri, SecretKind.REQUEST, asked.id)
            answer = view_asked(RequestInView(asked, line), secret, asked.asked_at)
            headers = {"Location": f"/v1/requests/{asked.id}"}
            return Response(answer, status_code=201, headers=headers)
        case GiftRefused():
            raise GiftNotDone(outcome, zone_of(yuzuri.profiles, line))
        case GiftDone():
            raise AssertionError("nothing is given yet")
        case _:
            assert_never(outcome)


@get("/requests", summary="My requests", tags=["requests"], responses=problems(401))
async def show_requests(request: Caller) -> RequestsView:
    """Return my requests that are open or were made in the last 32 days, newest first."""
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        asked = await load_request_list(connection, request.user, at)
    return RequestsView(requests=[view_request(seen, at) for seen in asked])


@get(
    "/requests/{request_id:str}",
    summary="One of my requests",
    tags=["requests"],
    responses=problems(401, 404),
)
async def show_request(request: Caller, request_id: FromPath[str]) -> RequestView:
    """Return a request of mine; what was given to it stands among my gifts."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        seen = await load_own_request(connection, request.user, _read_request_id(request_id))
    return view_request(seen, yuzuri.clock())


@post(
    "/requests/{request_id:str}/secret",
    summary="Show a request's link again",
    tags=["requests"],
    responses=problems(401, 404, 409),
)
async def show_request_again(request: Caller, request_id: FromPath[str]) -> SecretView:
    """Make another secret that opens a request of mine, beside those made before."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        seen = await load_own_request(connection, request.user, _read_request_id(request_id))
    if seen.request.state_at(yuzuri.clock()) is not RequestState.OPEN:
        raise DomainError(Code.GIFT_REQUEST_ENDED)
    return await mint(yuzuri, SecretKind.REQUEST, seen.request.id)


@post(
    "/requests/{request_id:str}/close",
    summary="Ask no longer",
    tags=["requests"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def close_request(request: Caller, request_id: FromPath[str], key: Key) -> RequestView:
    """End a request of mine; what was given stays."""
    yuzuri, asked = running(request), _read_request_id(request_id)
    command = CloseRequest(person=request.user, request=asked)
    outcome = await yuzuri.submit(request.user, key, command)
    match outcome:
        case RequestDone():
            async with yuzuri.database.connection() as connection:
                seen = await load_own_request(connection, request.user, asked)
            return view_request(seen, yuzuri.clock())
        case GiftRefused():
            raise GiftNotDone(outcome, ZoneInfo("UTC"))
        case GiftDone():
            raise AssertionError("nothing is given")
        case _:
            assert_never(outcome)


@post(
    "/requests/fill",
    summary="Give to a request",
    tags=["requests"],
    status_code=200,
    guards=[with_key],
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429),
)
async def give_to_request(request: Caller, data: JSONBody[FillRequestBody], key: Key) -> GiftAnswer:
    """Give something of one of my lines to the request that a secret opens: it arrives at once.

    At most what is missing. What is wrong, filled, closed or over is all answered alike.
    """
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)

    def fill(asked: RequestId) -> FillRequest:
        return FillRequest(
            person=request.user,
            line=line.id,
            request=asked,
            amount=data.amount,
            message=data.message,
        )

    outcome = await fill_request(yuzuri, trier_of(request), data.secret, key, fill)
    return await answer_gift(request, outcome, zone_of(yuzuri.profiles, line))


def _read_request_id(text: str) -> RequestId:
    return RequestId(parse_id(text, Code.GIFT_REQUEST_UNKNOWN))
