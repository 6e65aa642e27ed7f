"""An invitation to a pool: what one agrees to, and joining with one of one's lines."""

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, InvitationId, parse_id
from yuzuri.runtime.joining import join_by_link
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.pool_views import (
    InvitationInView,
    check_invited,
    load_invitations_to,
    load_open_invitation,
)
from yuzuri.sharing.pools import JoinPool, PoolDone, WithdrawInvitation
from yuzuri.subscribers.lines import Line, Person, lines_of
from yuzuri.web.evidence_views import tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.opening import Opened, nothing_opened, opening, trier_of
from yuzuri.web.pool_views import view_invited
from yuzuri.web.pool_visits import choose_lines, submit_pool
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import answered, form_key, new_key
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of


@get("/invitations")
async def show_invitations(visit: Visit) -> Redirect:
    """Lead to where they stand: above one's pools."""
    return see_other(visit, "/pools")


@get("/invitations/{invitation:str}")
async def show_invitation(
    request: AnyRequest, visit: Visit, person: Person, invitation: str
) -> Response[str]:
    """Show an invitation to one of the person's numbers."""
    yuzuri = yuzuri_of(request)
    seen = await _load_own(yuzuri, person, _read(invitation))
    return await _invitation_page(yuzuri, visit, seen)


@post("/invitations/{invitation:str}/join")
async def join_by_number(
    request: AnyRequest, visit: Visit, person: Person, form: Form, invitation: str
) -> Response[str] | Redirect:
    """Join with the line that was invited."""
    yuzuri, wanted = yuzuri_of(request), _read(invitation)
    line = _read_line(form)
    async with yuzuri.database.connection() as connection:
        own = next((one for one in await lines_of(connection, person.id) if one.id == line), None)
        if own is None:
            raise DomainError(Code.LINE_NOT_YOURS)
        await check_invited(connection, wanted, own.number)
    command = JoinPool(person=person.id, line=line, invitation=wanted)
    outcome = await submit_pool(yuzuri, person, f"join-{wanted}", form.text("key"), command)
    match outcome:
        case PoolDone():
            return see_other(visit, f"/pools/{outcome.pool}?done=joined")
        case Refusal():
            seen = await _load_own(yuzuri, person, wanted)
            return await _invitation_page(yuzuri, visit, seen, refusal=outcome)
        case _:
            raise AssertionError("who joins is in the pool or refused")


@post("/invitations/{invitation:str}/decline")
async def decline_invitation(
    request: AnyRequest, visit: Visit, person: Person, form: Form, invitation: str
) -> Response[str] | Redirect:
    """Say no with the line that was invited."""
    yuzuri, wanted = yuzuri_of(request), _read(invitation)
    command = WithdrawInvitation(person=person.id, invitation=wanted, line=_read_line(form))
    outcome = await submit_pool(yuzuri, person, f"decline-{wanted}", form.text("key"), command)
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
    return see_other(visit, "/pools?done=declined")


@post("/invitations/join")
async def join_by_secret(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str] | Redirect:
    """Join by a link."""
    yuzuri, secret, line = yuzuri_of(request), form.text("secret"), _read_line(form)
    key = form_key("join", form.text("key"))
    trier = trier_of(request, visit)

    def join(found: InvitationId) -> JoinPool:
        return JoinPool(person=person.id, line=line, invitation=found)

    try:
        outcome = await answered(lambda: join_by_link(yuzuri, trier, secret, key, join))
    except DomainError as error:
        if error.refusal.code not in {Code.LINK_UNKNOWN, Code.TOO_MANY_TRIES}:
            raise
        return nothing_opened(request, visit, error.refusal)
    match outcome:
        case PoolDone():
            return see_other(visit, f"/pools/{outcome.pool}?done=joined")
        case Refusal():
            async with opening(request, visit, secret) as opened:
                return await show_opened_invitation(opened, refusal=outcome)
        case _:
            raise AssertionError("who joins is in the pool or refused")


async def show_opened_invitation(
    opened: Opened, *, refusal: Refusal | None = None
) -> Response[str]:
    """Show the invitation behind a link; raises `LINK_UNKNOWN` for one that has ended."""
    yuzuri = opened.yuzuri
    async with yuzuri.database.connection() as connection:
        try:
            seen = await load_open_invitation(
                connection, InvitationId(opened.target.id), yuzuri.clock()
            )
        except DomainError:
            raise DomainError(Code.LINK_UNKNOWN) from None
    return await _invitation_page(yuzuri, opened.visit, seen, secret=opened.secret, refusal=refusal)


async def _invitation_page(
    yuzuri: Yuzuri,
    visit: Visit,
    seen: InvitationInView,
    *,
    secret: str = "",
    refusal: Refusal | None = None,
) -> Response[str]:
    profile = yuzuri.profiles[seen.pool.operator]
    reader = Reader(visit.language, profile.zone, yuzuri.clock())
    invitation = seen.invitation
    lines: Sequence[Line] = ()
    if visit.person is not None:
        async with yuzuri.database.connection() as connection:
            lines = await lines_of(connection, visit.person.id)
    fitting = [
        line
        for line in lines
        if line.operator == profile.id and invitation.number in {None, line.number}
    ]
    choices = choose_lines(fitting, yuzuri.profiles, visit.language)
    return page(
        visit,
        "invitation.html",
        status=status_of(refusal.code) if refusal else 200,
        invitation=view_invited(seen, profile, reader),
        lines=[(line.id, line.name, line.number) for line in choices],
        chosen=choices[0].id if choices else "",
        secret=secret,
        back="/l" if secret else f"/invitations/{invitation.id}",
        action="/invitations/join" if secret else f"/invitations/{invitation.id}/join",
        problems=(tell_refusal(refusal, reader),) if refusal else (),
        key=new_key(),
    )


async def _load_own(yuzuri: Yuzuri, person: Person, wanted: InvitationId) -> InvitationInView:
    """Return an open invitation to one of a person's numbers, or raise `INVITATION_UNKNOWN`."""
    async with yuzuri.database.connection() as connection:
        for seen in await load_invitations_to(connection, person.id, yuzuri.clock()):
            if seen.invitation.id == wanted:
                return seen
    raise DomainError(Code.INVITATION_UNKNOWN)


def _read(text: str) -> InvitationId:
    return InvitationId(parse_id(text, Code.INVITATION_UNKNOWN))


def _read_line(form: Form) -> HolderId:
    return HolderId(parse_id(form.text("line"), Code.LINE_UNKNOWN))
