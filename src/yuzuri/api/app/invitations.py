"""Invitations to pools: by number and by link, and joining."""

from litestar import get, post
from litestar.params import FromPath, JSONBody

from yuzuri.api.app.callers import Caller, Key, language_of, running, trier_of, with_key
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.lines import own_line
from yuzuri.api.app.link_views import SecretView
from yuzuri.api.app.opening import mint
from yuzuri.api.app.pool_bodies import AcceptBody, InvitationBody, JoinBody
from yuzuri.api.app.pool_views import InvitationsView, InvitedView, PoolView, view_invitation
from yuzuri.api.app.pools import (
    CHANGING,
    done_with_pool,
    pool_of,
    read_pool_id,
    show_pool_to,
    submit_pool,
    unless_refused,
)
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import InvitationId, parse_id
from yuzuri.runtime.joining import join_by_link
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.pool_views import (
    check_invited,
    load_invitations_to,
    load_pool_view,
    load_pool_views,
)
from yuzuri.sharing.pools import Invite, Invited, JoinPool, WithdrawInvitation
from yuzuri.subscribers.lines import parse_number


@post(
    "/pools/{pool_id:str}/invitations",
    summary="Invite to a pool",
    tags=["pools"],
    guards=[with_key],
    responses=CHANGING,
)
async def invite(
    request: Caller, pool_id: FromPath[str], data: JSONBody[InvitationBody], key: Key
) -> InvitedView:
    """Invite a number, or make a link by which so many lines may join.

    A number that nobody has is answered the same. Sent again with its key, another link leads to
    the same invitation.
    """
    yuzuri, pool = running(request), read_pool_id(pool_id)
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
    outcome = await done_with_pool(request, key, command)
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
    """Make another secret, beside those made before, that opens an invitation of mine."""
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
    responses=CHANGING,
)
async def withdraw_invitation(request: Caller, invitation_id: FromPath[str], key: Key) -> PoolView:
    """Let nobody join by an invitation any more."""
    command = WithdrawInvitation(person=request.user, invitation=_read_invitation(invitation_id))
    return await submit_pool(request, key, command)


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
    responses=CHANGING,
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
    return await submit_pool(request, key, command)


@post(
    "/invitations/{invitation_id:str}/decline",
    summary="Decline an invitation",
    tags=["pools"],
    status_code=204,
    guards=[with_key],
    responses=CHANGING,
)
async def decline_invitation(
    request: Caller, invitation_id: FromPath[str], data: JSONBody[AcceptBody], key: Key
) -> None:
    """Say no with the line that was invited: nobody joins by the invitation any more."""
    async with running(request).database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
    command = WithdrawInvitation(
        person=request.user, invitation=_read_invitation(invitation_id), line=line.id
    )
    await done_with_pool(request, key, command)


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
    return await show_pool_to(request, pool_of(unless_refused(outcome)))


def _read_invitation(text: str) -> InvitationId:
    return InvitationId(parse_id(text, Code.INVITATION_UNKNOWN))
