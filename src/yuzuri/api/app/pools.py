"""Pools: opening one, inviting and joining, who draws how much, filling, closing, handing over."""

from typing import assert_never

from litestar import Response, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from yuzuri.api.app.callers import Caller, Key, language_of, running, trier_of, with_key
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.lines import own_line
from yuzuri.api.app.link_views import SecretView
from yuzuri.api.app.opening import mint
from yuzuri.api.app.pool_bodies import (
    AcceptBody,
    FillBody,
    HandOverBody,
    InvitationBody,
    JoinBody,
    MemberBody,
    PoolBody,
)
from yuzuri.api.app.pool_views import (
    InvitationsView,
    InvitedView,
    PoolsView,
    PoolView,
    view_invitation,
    view_pool,
)
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, InvitationId, PoolId, parse_id
from yuzuri.runtime.joining import join_by_link
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.pool_views import (
    check_invited,
    load_invitations_to,
    load_pool_view,
    load_pool_views,
)
from yuzuri.sharing.pools import (
    ChangeMember,
    ClosePool,
    FillPool,
    HandOverPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    PoolCommand,
    PoolDone,
    PoolOutcome,
    RemoveMember,
    TakeOverPool,
    WithdrawInvitation,
    checked_pool_command,
    pool_of_key,
)
from yuzuri.subscribers.lines import parse_number

_CHANGING = problems(400, 401, 403, 404, 409, 413, 422)

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
        **_CHANGING,
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
    answer = await _submit(request, key, command)
    return Response(answer, status_code=201, headers={"Location": f"/v1/pools/{answer.id}"})


@get("/pools/{pool_id:str}", summary="One pool", tags=["pools"], responses=problems(401, 404))
async def show_pool(request: Caller, pool_id: FromPath[str]) -> PoolView:
    """Return a pool that I have something to do with, and those of its people whom I may see."""
    return await _show(request, _read_pool_id(pool_id))


@post(
    "/pools/{pool_id:str}/contributions",
    summary="Put something into a pool",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def fill_pool(
    request: Caller, pool_id: FromPath[str], data: JSONBody[FillBody], key: Key
) -> PoolView:
    """Put something of one of my lines in, soonest expiry first; it goes back as it came.

    What remains of it goes back when the line leaves or is removed, or the pool is closed.
    """
    pool = _read_pool_id(pool_id)
    async with running(request).database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
    command = FillPool(
        person=request.user, line=line.id, pool=pool, unit=data.unit, amount=data.amount
    )
    return await _submit(request, key, command)


@post(
    "/pools/{pool_id:str}/close",
    summary="Close a pool",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def close_pool(request: Caller, pool_id: FromPath[str], key: Key) -> PoolView:
    """Let nobody draw on a pool of mine any more; what remains goes back to who put it in.

    What phones at work hold goes back when they have reported: until then it is `owed`.
    """
    command = ClosePool(person=request.user, pool=_read_pool_id(pool_id))
    return await _submit(request, key, command)


@post(
    "/pools/{pool_id:str}/hand-over",
    summary="Offer a pool to a member",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def hand_over_pool(
    request: Caller, pool_id: FromPath[str], data: JSONBody[HandOverBody], key: Key
) -> PoolView:
    """Offer a pool of mine to a member, or to nobody any more; it is mine until they accept."""
    line = None if data.line is None else _read_member(data.line)
    command = HandOverPool(person=request.user, pool=_read_pool_id(pool_id), line=line)
    return await _submit(request, key, command)


@post(
    "/pools/{pool_id:str}/take-over",
    summary="Accept a pool that is offered to me",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def take_over_pool(request: Caller, pool_id: FromPath[str], key: Key) -> PoolView:
    """Become the owner of a pool."""
    command = TakeOverPool(person=request.user, pool=_read_pool_id(pool_id))
    return await _submit(request, key, command)


# ---------------------------------------------------------------- members


@put(
    "/pools/{pool_id:str}/members/{line_id:str}",
    summary="Change how a member draws",
    tags=["pools"],
    guards=[with_key],
    responses=_CHANGING,
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
        pool=_read_pool_id(pool_id),
        line=_read_member(line_id),
        allotment=data.allotment.allotment(),
        role=data.role,
    )
    return await _submit(request, key, command)


@delete(
    "/pools/{pool_id:str}/members/{line_id:str}",
    summary="Remove a member, or leave",
    tags=["pools"],
    guards=[with_key],
    responses=_CHANGING,
)
async def remove_member(
    request: Caller, pool_id: FromPath[str], line_id: FromPath[str], key: Key
) -> None:
    """Let a line draw on a pool no longer: one of mine leaves, or I remove somebody else's.

    What remains of what it has put in goes back to it at once, as far as nothing holds it.
    """
    command = RemoveMember(
        person=request.user, pool=_read_pool_id(pool_id), line=_read_member(line_id)
    )
    await _outcome(request, key, command)


# ---------------------------------------------------------------- invitations


@post(
    "/pools/{pool_id:str}/invitations",
    summary="Invite to a pool",
    tags=["pools"],
    guards=[with_key],
    responses=_CHANGING,
)
async def invite(
    request: Caller, pool_id: FromPath[str], data: JSONBody[InvitationBody], key: Key
) -> InvitedView:
    """Invite a number, or make a link by which so many lines may join.

    A number that nobody has is answered the same. Sent again with its key, another link leads to
    the same invitation.
    """
    yuzuri, pool = running(request), _read_pool_id(pool_id)
    async with yuzuri.database.connection() as connection:
        at = yuzuri.clock()
        seen = await load_pool_view(connection, yuzuri.profiles, request.user, pool, at)
    country = yuzuri.profiles[seen.pool.operator].country
    command = Invite(
        person=request.user,
        pool=pool,
        number=None if data.number is None else parse_number(data.number, country),
        uses_max=data.lines_max,
        allotment=data.allotment.allotment(),
        role=data.role,
        until=data.until,
    )
    outcome = await _outcome(request, key, command)
    assert isinstance(outcome, Invited)
    invitation = outcome.invitation
    if command.number is not None:
        return InvitedView(id=invitation.uuid, secret=None, url=None)
    made = await mint(yuzuri, SecretKind.INVITATION, invitation)
    return InvitedView(id=invitation.uuid, secret=made.secret, url=made.url)


@post(
    "/invitations/{invitation_id:str}/secret",
    summary="Show an invitation again",
    tags=["pools"],
    responses=problems(401, 404),
)
async def show_invitation_again(request: Caller, invitation_id: FromPath[str]) -> SecretView:
    """Make another secret that opens an invitation to a pool that I own or manage.

    The newest 20 of them work.
    """
    yuzuri, wanted = running(request), _read_invitation(invitation_id)
    async with yuzuri.database.connection() as connection:
        pools = await load_pool_views(connection, yuzuri.profiles, request.user, yuzuri.clock())
    for invitation in (one for pool in pools for one in pool.invitations):
        if invitation.id == wanted and invitation.number is None:
            return await mint(yuzuri, SecretKind.INVITATION, wanted)
    raise DomainError(Code.INVITATION_UNKNOWN)


@post(
    "/invitations/{invitation_id:str}/withdraw",
    summary="Withdraw an invitation",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def withdraw_invitation(request: Caller, invitation_id: FromPath[str], key: Key) -> PoolView:
    """Let nobody join by an invitation any more."""
    command = WithdrawInvitation(person=request.user, invitation=_read_invitation(invitation_id))
    return await _submit(request, key, command)


@get("/invitations", summary="Pools that I am invited to", tags=["pools"], responses=problems(401))
async def show_invitations(request: Caller) -> InvitationsView:
    """Return the open invitations to my numbers, each with what one agrees to."""
    yuzuri, language = running(request), language_of(request)
    async with yuzuri.database.connection() as connection:
        seen = await load_invitations_to(connection, request.user, yuzuri.clock())
    return InvitationsView(
        invitations=[
            view_invitation(one, yuzuri.profiles[one.pool.operator], language) for one in seen
        ]
    )


@post(
    "/invitations/{invitation_id:str}/accept",
    summary="Join a pool",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def accept_invitation(
    request: Caller, invitation_id: FromPath[str], data: JSONBody[AcceptBody], key: Key
) -> PoolView:
    """Join with the line that was invited, on the terms that the invitation says."""
    yuzuri, invitation = running(request), _read_invitation(invitation_id)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
        await check_invited(connection, invitation, line.number)
    command = JoinPool(person=request.user, line=line.id, invitation=invitation)
    return await _submit(request, key, command)


@post(
    "/invitations/join",
    summary="Join a pool by a link",
    tags=["pools"],
    status_code=200,
    guards=[with_key],
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429),
)
async def join_pool(request: Caller, data: JSONBody[JoinBody], key: Key) -> PoolView:
    """Join with one of my lines by the secret of a link, which `POST /v1/links/open` explains."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
    outcome = await join_by_link(
        yuzuri,
        trier_of(request),
        data.secret,
        key,
        lambda invitation: JoinPool(person=request.user, line=line.id, invitation=invitation),
    )
    return await _show(request, _pool_of(_done(outcome)))


# ---------------------------------------------------------------- answers


async def _submit(request: Caller, key: str, command: PoolCommand) -> PoolView:
    """Send a command down the road and answer with the pool as it now is."""
    return await _show(request, _pool_of(await _outcome(request, key, command)))


async def _outcome(request: Caller, key: str, command: PoolCommand) -> PoolDone | Invited:
    checked_pool_command(command)
    return _done(await running(request).submit(request.user, key, command))


def _done(outcome: PoolOutcome) -> PoolDone | Invited:
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
    return outcome


def _pool_of(outcome: PoolDone | Invited) -> PoolId:
    match outcome:
        case PoolDone():
            return outcome.pool
        case Invited():
            raise AssertionError("who invites is answered with the invitation")
        case _:
            assert_never(outcome)


async def _show(request: Caller, pool: PoolId) -> PoolView:
    yuzuri, language = running(request), language_of(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        seen = await load_pool_view(connection, yuzuri.profiles, request.user, pool, at)
    return view_pool(seen, request.user, yuzuri.profiles[seen.pool.operator], language, at)


def _read_pool_id(text: str) -> PoolId:
    return PoolId(HolderId(parse_id(text, Code.POOL_UNKNOWN)))


def _read_member(text: str) -> HolderId:
    return HolderId(parse_id(text, Code.POOL_MEMBER_UNKNOWN))


def _read_invitation(text: str) -> InvitationId:
    return InvitationId(parse_id(text, Code.INVITATION_UNKNOWN))
