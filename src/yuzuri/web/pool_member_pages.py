"""Who draws on a pool: inviting by link or number, changing how a line draws, leaving, removing."""

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, InvitationId, parse_id
from yuzuri.pictures.posters import Poster, draw_svg
from yuzuri.runtime.posters import invitation_poster
from yuzuri.sharing.link_secrets import SecretKind, find_secret, mint_secret, secret_url
from yuzuri.sharing.pools import (
    ChangeMember,
    Invitation,
    Invite,
    Invited,
    RemoveMember,
    Role,
    WithdrawInvitation,
)
from yuzuri.subscribers.lines import Person
from yuzuri.web.evidence_views import Told
from yuzuri.web.forms import Form
from yuzuri.web.pool_forms import (
    AllotmentTyped,
    read_allotment_typed,
    understand,
    understand_invitation,
    write_allotment,
)
from yuzuri.web.pool_visits import PoolVisit, go_to_pool
from yuzuri.web.poster_pages import as_file
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import new_key
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit

# ---------------------------------------------------------------- how a line draws


@get("/pools/{pool:str}/members/{line:str}")
async def show_member(
    request: AnyRequest, visit: Visit, person: Person, pool: str, line: str
) -> Response[str]:
    """Show how a member draws, and the form that changes it."""
    here = await go_to_pool(request, visit, person, pool)
    member = next((one for one in here.seen.members if str(one.line.id) == line), None)
    if member is None:
        raise DomainError(Code.POOL_MEMBER_UNKNOWN)
    typed = write_allotment(member.member.allotment, member.member.role)
    return _member_page(here, member.line.id, typed)


@post("/pools/{pool:str}/members/{line:str}")
async def change_member(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str, line: str
) -> Response[str] | Redirect:
    """Let a member draw in this way from now on."""
    here = await go_to_pool(request, visit, person, pool)
    line_id, typed = _read_line(line), read_allotment_typed(form)
    asked = understand(typed, here.reader)
    if asked.problems:
        return _member_page(here, line_id, typed, problems=asked.problems)
    command = ChangeMember(
        person=person.id, pool=here.id, line=line_id, allotment=asked.allotment, role=asked.role
    )
    outcome = await here.submit("member", form.text("key"), command)
    if isinstance(outcome, Refusal):
        return _member_page(here, line_id, typed, refusal=outcome)
    return see_other(visit, f"{here.path}?done=changed")


def _member_page(
    here: PoolVisit,
    line: HolderId,
    typed: AllotmentTyped,
    *,
    problems: dict[str, Told] | None = None,
    refusal: Refusal | None = None,
) -> Response[str]:
    member = here.member(line)
    if not member.may_change:
        return here.show(refusal=Refusal(Code.POOL_NOT_YOURS))
    return page(
        here.visit,
        "pool_member.html",
        status=422 if problems or refusal else 200,
        pool=here.view(),
        member=member,
        typed=typed,
        problems=problems or {},
        refusal=here.tell(refusal) if refusal else None,
        key=new_key(),
    )


# ---------------------------------------------------------------- who goes


@get("/pools/{pool:str}/members/{line:str}/remove")
async def review_removal(
    request: AnyRequest, visit: Visit, person: Person, pool: str, line: str
) -> Response[str]:
    """Show what would go back to a line that leaves or is removed."""
    here = await go_to_pool(request, visit, person, pool)
    member = here.member(_read_line(line))
    if not (member.is_mine or member.may_change):
        return here.show(refusal=Refusal(Code.POOL_NOT_YOURS))
    return page(visit, "pool_remove.html", pool=here.view(), member=member, key=new_key())


@post("/pools/{pool:str}/members/{line:str}/remove")
async def remove_member(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str, line: str
) -> Response[str] | Redirect:
    """Let a line draw on the pool no longer."""
    here = await go_to_pool(request, visit, person, pool)
    line_id = _read_line(line)
    command = RemoveMember(person=person.id, pool=here.id, line=line_id)
    outcome = await here.submit(f"remove-{line_id}", form.text("key"), command)
    if isinstance(outcome, Refusal):
        return here.show(refusal=outcome)
    if not any(line_id == own.id for own in here.lines):
        return see_other(visit, f"{here.path}?done=removed")
    is_last = sum(one.person.id == person.id for one in here.seen.members) == 1
    gone = is_last and here.seen.role is not Role.OWNER
    return see_other(visit, "/pools?done=left" if gone else f"{here.path}?done=left")


# ---------------------------------------------------------------- who comes


@get("/pools/{pool:str}/invite")
async def show_inviting(
    request: AnyRequest, visit: Visit, person: Person, pool: str
) -> Response[str]:
    """Show the form that invites."""
    return _inviting_page(await go_to_pool(request, visit, person, pool), AllotmentTyped())


@post("/pools/{pool:str}/invitations")
async def invite(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str
) -> Response[str] | Redirect:
    """Invite a number, or make a link and show it."""
    here = await go_to_pool(request, visit, person, pool)
    typed = read_allotment_typed(form)
    country = here.yuzuri.profiles[here.seen.pool.operator].country
    asked = understand_invitation(typed, country, here.reader)
    if asked.problems:
        return _inviting_page(here, typed, problems=asked.problems)
    command = Invite(
        person=person.id,
        pool=here.id,
        number=asked.number,
        uses_max=asked.uses,
        allotment=asked.allotment,
        role=asked.role,
    )
    outcome = await here.submit("invite", form.text("key"), command)
    match outcome:
        case Refusal():
            return _inviting_page(here, typed, refusal=outcome)
        case Invited() if asked.number is None:
            here = await go_to_pool(request, visit, person, pool)
            return await _link_page(here, _find(here, outcome.invitation))
        case _:
            return see_other(visit, f"{here.path}?done=invited")


def _inviting_page(
    here: PoolVisit,
    typed: AllotmentTyped,
    *,
    problems: dict[str, Told] | None = None,
    refusal: Refusal | None = None,
) -> Response[str]:
    view = here.view()
    if not view.is_manager or view.closed:
        return here.show(refusal=Refusal(Code.POOL_NOT_YOURS))
    status = 422 if problems else status_of(refusal.code) if refusal else 200
    return page(
        here.visit,
        "pool_invite.html",
        status=status,
        pool=view,
        typed=typed,
        problems=problems or {},
        refusal=here.tell(refusal) if refusal else None,
        key=new_key(),
    )


@post("/pools/{pool:str}/invitations/{invitation:str}/withdraw")
async def withdraw_invitation(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str, invitation: str
) -> Response[str] | Redirect:
    """Let nobody join by an invitation any more."""
    here = await go_to_pool(request, visit, person, pool)
    command = WithdrawInvitation(person=person.id, invitation=_read_invitation(invitation))
    outcome = await here.submit(f"withdraw-{command.invitation}", form.text("key"), command)
    return here.answer(outcome, "withdrawn")


# ---------------------------------------------------------------- the link


@post("/pools/{pool:str}/invitations/{invitation:str}/poster", status_code=200)
async def show_invitation_link(
    request: AnyRequest,
    visit: Visit,
    person: Person,
    form: Form,  # noqa: ARG001 - read, so that it is one of ours
    pool: str,
    invitation: str,
) -> Response[str]:
    """Make another address that leads to an invitation, and show it."""
    here = await go_to_pool(request, visit, person, pool)
    return await _link_page(here, _find(here, _read_invitation(invitation)))


@post("/pools/{pool:str}/invitations/{invitation:str}/poster/{form_of:str}", status_code=200)
async def save_invitation_poster(
    request: AnyRequest,
    visit: Visit,
    person: Person,
    form: Form,
    pool: str,
    invitation: str,
    form_of: str,
) -> Response[bytes]:
    """Return the poster of an invitation as a file: `png` or `svg`."""
    here = await go_to_pool(request, visit, person, pool)
    found, secret = _find(here, _read_invitation(invitation)), form.text("secret")
    async with here.yuzuri.database.connection() as connection:
        target = await find_secret(connection, secret)
    if target is None or target.id != found.id:
        raise DomainError(Code.LINK_UNKNOWN)
    return await as_file(_draw(here, found, secret), form_of)


async def _link_page(here: PoolVisit, invitation: Invitation) -> Response[str]:
    yuzuri = here.yuzuri
    async with yuzuri.database.connection() as connection:
        at = yuzuri.clock()
        secret = await mint_secret(connection, SecretKind.INVITATION, invitation.id, at)
    poster = _draw(here, invitation, secret)
    return page(
        here.visit,
        "pool_poster.html",
        pool=here.view(),
        picture=draw_svg(poster),
        address=poster.url,
        said=f"{poster.title} {poster.amount}",
        secret=secret,
        home=f"{here.path}/invitations/{invitation.id}",
    )


def _draw(here: PoolVisit, invitation: Invitation, secret: str) -> Poster:
    pool, settings = here.seen.pool, here.yuzuri.settings
    profile = here.yuzuri.profiles[pool.operator]
    url = secret_url(settings.origin, secret)
    return invitation_poster(
        invitation, pool, here.person.nickname, profile, url, here.visit.language
    )


def _find(here: PoolVisit, wanted: InvitationId) -> Invitation:
    for invitation in here.seen.invitations:
        if invitation.id == wanted and invitation.number is None:
            return invitation
    raise DomainError(Code.INVITATION_UNKNOWN)


def _read_line(text: str) -> HolderId:
    return HolderId(parse_id(text, Code.POOL_MEMBER_UNKNOWN))


def _read_invitation(text: str) -> InvitationId:
    return InvitationId(parse_id(text, Code.INVITATION_UNKNOWN))
