"""Pools: opening one, inviting and joining, who draws how much, filling, closing, handing over."""

from typing import assert_never

from litestar import Response, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from yuzuri.api.app.callers import Caller, Key, language_of, running, with_key
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.lines import own_line
from yuzuri.api.app.pool_bodies import (
    FillBody,
    HandOverBody,
    MemberBody,
    PoolBody,
)
from yuzuri.api.app.pool_views import (
    PoolsView,
    PoolView,
    view_pool,
)
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, PoolId, parse_id
from yuzuri.sharing.pool_views import (
    load_pool_view,
    load_pool_views,
)
from yuzuri.sharing.pools import (
    ChangeMember,
    ClosePool,
    FillPool,
    HandOverPool,
    Invited,
    OpenPool,
    PoolCommand,
    PoolDone,
    PoolOutcome,
    RemoveMember,
    TakeOverPool,
    checked_pool_command,
    pool_of_key,
)

CHANGING = problems(400, 401, 403, 404, 409, 413, 422)

# ---------------------------------------------------------------- pools


@get("/pools", summary="My pools", tags=["pools"], responses=problems(401))
async def show_pools(request: Caller) -> PoolsView:
    """Return the pools that I own, manage or draw on, or could take over."""
    yuzuri, language = running(request), language_of(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        seen = await load_pool_views(connection, yuzuri.profiles, request.user, at)
    return PoolsView(
        pools=[
            view_pool(one, request.user, yuzuri.profiles[one.pool.operator], language, at)
            for one in seen
        ]
    )


@post(
    "/pools",
    summary="Open a pool",
    tags=["pools"],
    guards=[with_key],
    responses={
        201: ResponseSpec(PoolView, description="Opened", generate_examples=False),
        **CHANGING,
    },
)
async def open_pool(request: Caller, data: JSONBody[PoolBody], key: Key) -> Response[PoolView]:
    """Open a pool of the operator of one of my lines; no line draws on it yet."""
    async with running(request).database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
    command = OpenPool(
        person=request.user,
        pool=pool_of_key(request.user, key),
        name=data.name,
        line=line.id,
        members_fill=data.members_fill,
    )
    answer = await submit_pool(request, key, command)
    return Response(answer, status_code=201, headers={"Location": f"/v1/pools/{answer.id}"})


@get("/pools/{pool_id:str}", summary="One pool", tags=["pools"], responses=problems(401, 404))
async def show_pool(request: Caller, pool_id: FromPath[str]) -> PoolView:
    """Return a pool that I have something to do with, and those of its people whom I may see."""
    return await show_pool_to(request, read_pool_id(pool_id))


@post(
    "/pools/{pool_id:str}/contributions",
    summary="Put something into a pool",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=CHANGING,
)
async def fill_pool(
    request: Caller, pool_id: FromPath[str], data: JSONBody[FillBody], key: Key
) -> PoolView:
    """Put something of one of my lines in, soonest expiry first; it goes back as it came.

    What remains of it goes back when the line leaves or is removed, or the pool is closed.
    """
    pool = read_pool_id(pool_id)
    async with running(request).database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
    command = FillPool(
        person=request.user, line=line.id, pool=pool, unit=data.unit, amount=data.amount
    )
    return await submit_pool(request, key, command)


@post(
    "/pools/{pool_id:str}/close",
    summary="Close a pool",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=CHANGING,
)
async def close_pool(request: Caller, pool_id: FromPath[str], key: Key) -> PoolView:
    """Let nobody draw on a pool of mine any more; what remains goes back to who put it in.

    What phones at work hold goes back when they have reported: until then it is `owed`.
    """
    command = ClosePool(person=request.user, pool=read_pool_id(pool_id))
    return await submit_pool(request, key, command)


@post(
    "/pools/{pool_id:str}/hand-over",
    summary="Offer a pool to a member",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=CHANGING,
)
async def hand_over_pool(
    request: Caller, pool_id: FromPath[str], data: JSONBody[HandOverBody], key: Key
) -> PoolView:
    """Offer a pool of mine to a member, or to nobody any more; it is mine until they accept."""
    line = None if data.line is None else _read_member(data.line)
    command = HandOverPool(person=request.user, pool=read_pool_id(pool_id), line=line)
    return await submit_pool(request, key, command)


@post(
    "/pools/{pool_id:str}/take-over",
    summary="Accept a pool that is offered to me",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=CHANGING,
)
async def take_over_pool(request: Caller, pool_id: FromPath[str], key: Key) -> PoolView:
    """Become the owner of a pool."""
    command = TakeOverPool(person=request.user, pool=read_pool_id(pool_id))
    return await submit_pool(request, key, command)


# ---------------------------------------------------------------- members


@put(
    "/pools/{pool_id:str}/members/{line_id:str}",
    summary="Change how a member draws",
    tags=["pools"],
    guards=[with_key],
    responses=CHANGING,
)
async def change_member(
    request: Caller,
    pool_id: FromPath[str],
    line_id: FromPath[str],
    data: JSONBody[MemberBody],
    key: Key,
) -> PoolView:
    """Let a member draw in this way from now on, also on a phone that is at work."""
    command = ChangeMember(
        person=request.user,
        pool=read_pool_id(pool_id),
        line=_read_member(line_id),
        allotment=data.allotment.allotment(),
        role=data.role,
    )
    return await submit_pool(request, key, command)


@delete(
    "/pools/{pool_id:str}/members/{line_id:str}",
    summary="Remove a member, or leave",
    tags=["pools"],
    guards=[with_key],
    responses=CHANGING,
)
async def remove_member(
    request: Caller, pool_id: FromPath[str], line_id: FromPath[str], key: Key
) -> None:
    """Let a line draw on a pool no longer: one of mine leaves, or I remove somebody else's.

    What remains of what it has put in goes back to it at once, as far as nothing holds it.
    """
    command = RemoveMember(
        person=request.user, pool=read_pool_id(pool_id), line=_read_member(line_id)
    )
    await done_with_pool(request, key, command)


# ---------------------------------------------------------------- answers


async def submit_pool(request: Caller, key: str, command: PoolCommand) -> PoolView:
    """Send a command down the road and answer with the pool as it now is."""
    return await show_pool_to(request, pool_of(await done_with_pool(request, key, command)))


async def done_with_pool(request: Caller, key: str, command: PoolCommand) -> PoolDone | Invited:
    """Send a command down the road; raises `DomainError` where it is refused."""
    checked_pool_command(command)
    return unless_refused(await running(request).submit(request.user, key, command))


def unless_refused(outcome: PoolOutcome) -> PoolDone | Invited:
    """Return an outcome that is no refusal; raises `DomainError` for one that is."""
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
    return outcome


def pool_of(outcome: PoolDone | Invited) -> PoolId:
    """Return the pool that is as a command asked."""
    match outcome:
        case PoolDone():
            return outcome.pool
        case Invited():
            raise AssertionError("who invites is answered with the invitation")
        case _:
            assert_never(outcome)


async def show_pool_to(request: Caller, pool: PoolId) -> PoolView:
    """Return a pool as the caller may see it; raises `POOL_UNKNOWN`."""
    yuzuri, language = running(request), language_of(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        seen = await load_pool_view(connection, yuzuri.profiles, request.user, pool, at)
    return view_pool(seen, request.user, yuzuri.profiles[seen.pool.operator], language, at)


def read_pool_id(text: str) -> PoolId:
    """Read the id of a pool; raises `POOL_UNKNOWN`."""
    return PoolId(HolderId(parse_id(text, Code.POOL_UNKNOWN)))


def _read_member(text: str) -> HolderId:
    return HolderId(parse_id(text, Code.POOL_MEMBER_UNKNOWN))
