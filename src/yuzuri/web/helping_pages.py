"""Who may act for whom: the lists, one delegation, the answers to it, its end, its agreement."""

from collections.abc import Sequence

from litestar import MediaType, Response, get, post
from litestar.response import Redirect

from yuzuri.charging.use import load_month_use
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import DelegationId, HolderId, parse_id
from yuzuri.runtime.accepting import accept_by_link
from yuzuri.runtime.delegation_words import say_agreements
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.delegation_actions import load_actions_in_view
from yuzuri.sharing.delegation_store import load_agreements
from yuzuri.sharing.delegation_views import (
    DelegationInView,
    load_delegation,
    load_delegation_views,
    load_open_offer,
    load_seen_lines,
    load_terms,
)
from yuzuri.sharing.delegations import AcceptDelegation, DeclineDelegation, EndDelegation, See, Use
from yuzuri.subscribers.lines import Person, lines_of
from yuzuri.web.delegation_pages import read_hash, read_language, show_delegation_link
from yuzuri.web.delegation_views import (
    ActView,
    LeftView,
    OwnLineView,
    view_act,
    view_delegation,
    view_left,
    view_own_line,
    view_terms,
)
from yuzuri.web.evidence_views import tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.opening import Opened, trier_of
from yuzuri.web.rendering import PAGE_HEADERS, page, see_other
from yuzuri.web.sending import answered, form_key, new_key
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of

DONE = {"offered", "accepted"}


@get("/delegations")
async def show_delegations(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show who may act for me, and what I may do for others."""
    yuzuri = yuzuri_of(request)
    at, profiles, language = yuzuri.clock(), yuzuri.profiles, visit.language
    async with yuzuri.database.connection() as connection:
        views = await load_delegation_views(connection, person.id, at)
        has_line = bool(await lines_of(connection, person.id))
    shown = [view_delegation(seen, profiles, language, at) for seen in views]
    given = [one for one in shown if one.is_mine and (one.is_active or one.is_offered)]
    done = request.query_params.get("done", "")
    return page(
        visit,
        "delegations.html",
        given=given,
        acts={
            one.id: await _load_acts(yuzuri, visit, person, seen)
            for one, seen in zip(shown, views, strict=True)
            if one in given
        },
        received=[one for one in shown if not one.is_mine],
        left=await _load_left(yuzuri, visit, person),
        past=[one for one in shown if one.is_mine and one not in given],
        has_line=has_line,
        done=done if done in {"ended", "declined"} else "",
        key=new_key(),
    )


@get("/delegations/{delegation:str}")
async def show_delegation(
    request: AnyRequest, visit: Visit, person: Person, delegation: str
) -> Response[str]:
    """Show what somebody may do and has done; whoever is asked finds the terms here."""
    done = request.query_params.get("done", "")
    seen = await _load(yuzuri_of(request), person, delegation)
    return await _delegation_page(
        yuzuri_of(request), visit, person, seen, done=done if done in DONE else ""
    )


@post("/delegations/{delegation:str}/link", status_code=200)
async def show_delegation_link_again(
    request: AnyRequest,
    visit: Visit,
    person: Person,
    form: Form,  # noqa: ARG001 - read, so that it is one of ours
    delegation: str,
) -> Response[str] | Redirect:
    """Make another link to an offer that waits for whoever opens it first."""
    yuzuri = yuzuri_of(request)
    seen = await _load(yuzuri, person, delegation)
    offered = seen.delegation
    if not seen.is_mine or offered.delegate or not offered.is_offered(yuzuri.clock()):
        return see_other(visit, f"/delegations/{offered.id}")
    return await show_delegation_link(yuzuri, visit, offered.id, is_new=False)


@post("/delegations/{delegation:str}/accept")
async def accept_delegation(
    request: AnyRequest, visit: Visit, person: Person, form: Form, delegation: str
) -> Response[str] | Redirect:
    """Agree to the terms, and help from now on."""
    yuzuri = yuzuri_of(request)
    seen = await _load(yuzuri, person, delegation)
    refusal = await _answer(yuzuri, person, form, _accept(person, seen.delegation.id, form))
    if refusal is None:
        return see_other(visit, f"/delegations/{seen.delegation.id}?done=accepted")
    return await _delegation_page(yuzuri, visit, person, seen, refusal=refusal)


@post("/delegations/accept")
async def accept_by_secret(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str] | Redirect:
    """Agree to the terms of what a link leads to, and help from now on."""
    yuzuri, secret = yuzuri_of(request), form.text("secret")
    key, trier = form_key("help", form.text("key")), trier_of(request, visit)
    if not form.text("agree"):
        raise DomainError(Code.TERMS_NOT_AGREED)
    outcome = await answered(
        lambda: accept_by_link(
            yuzuri, trier, secret, key, lambda found: _accept(person, found, form)
        )
    )
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
    return see_other(visit, f"/delegations/{outcome.delegation}?done=accepted")


def _accept(person: Person, delegation: DelegationId, form: Form) -> AcceptDelegation:
    line = form.text("line")
    return AcceptDelegation(
        person=person.id,
        delegation=delegation,
        line=HolderId(parse_id(line, Code.LINE_UNKNOWN)) if line else None,
        language=read_language(form),
        text_hash=read_hash(form),
    )


@post("/delegations/{delegation:str}/decline")
async def decline_delegation(
    request: AnyRequest, visit: Visit, person: Person, form: Form, delegation: str
) -> Response[str] | Redirect:
    """Turn it down; what is no longer offered is as good as turned down."""
    yuzuri = yuzuri_of(request)
    command = DeclineDelegation(person=person.id, delegation=_read_id(delegation))
    await _answer(yuzuri, person, form, command)
    return see_other(visit, "/delegations?done=declined")


@post("/delegations/{delegation:str}/end")
async def end_delegation(
    request: AnyRequest, visit: Visit, person: Person, form: Form, delegation: str
) -> Redirect:
    """End it at once; what has ended already is as good as ended."""
    yuzuri = yuzuri_of(request)
    command = EndDelegation(person=person.id, delegation=_read_id(delegation))
    await _answer(yuzuri, person, form, command)
    return see_other(visit, "/delegations?done=ended")


@get("/delegations/{delegation:str}/agreement.txt")
async def download_agreement(
    request: AnyRequest, visit: Visit, person: Person, delegation: str
) -> Response[str]:
    """Hand out word for word what the sides have agreed to."""
    async with yuzuri_of(request).database.connection() as connection:
        agreed = await load_agreements(connection, person.id)
    which = _read_id(delegation)
    found = [one for one in agreed if one.delegation == which]
    if not found:
        raise DomainError(Code.DELEGATION_UNKNOWN)
    return Response(
        say_agreements(found, visit.language),
        media_type=MediaType.TEXT,
        headers={
            **PAGE_HEADERS,
            "Content-Disposition": f'attachment; filename="yuzuri-{which}.txt"',
        },
    )


# ---------------------------------------------------------------- by a link


async def show_opened_delegation(opened: Opened) -> Response[str]:
    """Show what somebody asks one to help with, and to whoever is signed in the terms."""
    yuzuri, visit = opened.yuzuri, opened.visit
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        try:
            seen = await load_open_offer(connection, DelegationId(opened.target.id), at)
        except DomainError as error:
            raise DomainError(Code.LINK_UNKNOWN) from error
        terms = await load_terms(connection, yuzuri.profiles, seen.delegation, visit.language)
    return page(
        visit,
        "opened_delegation.html",
        seen=view_delegation(seen, yuzuri.profiles, visit.language, at),
        terms=view_terms(terms),
        lines=await _own_lines(yuzuri, visit, seen),
        is_own=visit.person is not None and visit.person.id == seen.delegation.owner,
        secret=opened.secret,
        key=new_key(),
    )


# ---------------------------------------------------------------- what is shown


async def _load(yuzuri: Yuzuri, person: Person, text: str) -> DelegationInView:
    async with yuzuri.database.connection() as connection:
        return await load_delegation(connection, person.id, _read_id(text), yuzuri.clock())


def _read_id(text: str) -> DelegationId:
    return DelegationId(parse_id(text, Code.DELEGATION_UNKNOWN))


async def _answer(
    yuzuri: Yuzuri,
    person: Person,
    form: Form,
    command: AcceptDelegation | DeclineDelegation | EndDelegation,
) -> Refusal | None:
    """Send an answer down the road, and return why it was refused."""
    if isinstance(command, AcceptDelegation) and not form.text("agree"):
        return Refusal(Code.TERMS_NOT_AGREED)
    key = form_key(f"{type(command).__name__}-{command.delegation}", form.text("key"))
    try:
        outcome = await answered(lambda: yuzuri.submit(person.id, key, command))
    except DomainError as error:
        return error.refusal
    return outcome if isinstance(outcome, Refusal) else None


async def _delegation_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    seen: DelegationInView,
    *,
    done: str = "",
    refusal: Refusal | None = None,
) -> Response[str]:
    at, profiles, delegation = yuzuri.clock(), yuzuri.profiles, seen.delegation
    reader = Reader(visit.language, profiles[seen.line.operator].zone, at)
    asks_me = not seen.is_mine and delegation.is_offered(at)
    terms = None
    if asks_me:
        async with yuzuri.database.connection() as connection:
            terms = await load_terms(connection, profiles, delegation, visit.language)
    return page(
        visit,
        "delegation.html",
        status=status_of(refusal.code) if refusal else 200,
        seen=view_delegation(seen, profiles, visit.language, at),
        acts=await _load_acts(yuzuri, visit, person, seen),
        left=(await _load_left(yuzuri, visit, person)).get(str(delegation.line), ())
        if delegation.is_active(at) and delegation.scopes_of(See)
        else (),
        terms=view_terms(terms) if terms else None,
        lines=await _own_lines(yuzuri, visit, seen) if asks_me else (),
        done=done,
        problem=tell_refusal(refusal, reader) if refusal else None,
        key=new_key(),
    )


async def _load_acts(
    yuzuri: Yuzuri, visit: Visit, person: Person, seen: DelegationInView
) -> Sequence[ActView]:
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        done = await load_actions_in_view(connection, person.id, seen.delegation.id, at)
    reader = Reader(visit.language, yuzuri.profiles[seen.line.operator].zone, at)
    return [view_act(one, reader) for one in done]


async def _load_left(
    yuzuri: Yuzuri, visit: Visit, person: Person
) -> dict[str, tuple[LeftView, ...]]:
    """Return what is left on each line of others that a person may see."""
    at, profiles = yuzuri.clock(), yuzuri.profiles
    left = {}
    async with yuzuri.database.connection() as connection:
        for account in await load_seen_lines(connection, person.id, at):
            profile = profiles[account.line.operator]
            used = await load_month_use(connection, account.line, profile, at)
            reader = Reader(visit.language, profile.zone, at)
            left[str(account.line.id)] = view_left(account, used, reader)
    return left


async def _own_lines(yuzuri: Yuzuri, visit: Visit, seen: DelegationInView) -> Sequence[OwnLineView]:
    """Return the lines of whoever looks that could use data of the line, if that is offered."""
    if visit.person is None or not seen.delegation.scopes_of(Use):
        return ()
    async with yuzuri.database.connection() as connection:
        lines = await lines_of(connection, visit.person.id)
    profile = yuzuri.profiles[seen.line.operator]
    return [
        view_own_line(line, profile, visit.language)
        for line in lines
        if line.operator == profile.id
    ]
