"""Letting somebody act on a line: terms, the offer, the answer, what was done, the end."""

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from yuzuri.api.app.callers import Caller, Key, language_of, running, trier_of, with_key
from yuzuri.api.app.delegation_bodies import (
    AgreeBody,
    AgreeLinkBody,
    DelegationBody,
    TermsBody,
    read_scope,
)
from yuzuri.api.app.delegation_views import (
    AgreementsView,
    DelegationsView,
    DelegationView,
    OfferedView,
    OfferTermsView,
    WholeDelegationView,
    view_agreements,
    view_delegation,
    view_offered,
    view_whole,
)
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.lines import own_line
from yuzuri.api.app.link_views import SecretView
from yuzuri.api.app.opening import mint
from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import DelegationId, HolderId, PersonId, parse_id
from yuzuri.runtime.accepting import accept_by_link
from yuzuri.runtime.delegation_words import say_agreements
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.delegation_actions import load_actions_in_view
from yuzuri.sharing.delegation_store import load_agreements
from yuzuri.sharing.delegation_views import (
    DelegationInView,
    load_delegation,
    load_delegation_views,
    load_terms,
)
from yuzuri.sharing.delegations import (
    AcceptDelegation,
    Agreement,
    DeclineDelegation,
    DelegationDone,
    DelegationOutcome,
    EndDelegation,
    ManagePool,
    OfferDelegation,
    checked_scopes,
)
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.pool_store import pools_of
from yuzuri.subscribers.lines import find_line, load_line, parse_number

PersonsCommand = OfferDelegation | AcceptDelegation | DeclineDelegation | EndDelegation

_CHANGING = problems(400, 401, 403, 404, 409, 413, 422)

# ---------------------------------------------------------------- offering


@post(
    "/delegations/terms",
    summary="The terms of letting somebody act",
    tags=["delegations"],
    status_code=200,
    responses=problems(400, 401, 403, 404, 413),
)
async def show_delegation_terms(request: Caller, data: JSONBody[TermsBody]) -> OfferTermsView:
    """Write out, in the reader's language, what I would agree to. Nothing changes."""
    yuzuri, language = running(request), language_of(request)
    since = data.since or yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
        scopes = checked_scopes(tuple(map(read_scope, data.scopes)))
        own = {pool.id for pool in await pools_of(connection, request.user)}
        if not {scope.pool for scope in scopes if isinstance(scope, ManagePool)} <= own:
            raise DomainError(Code.POOL_UNKNOWN)
        offer = OfferDelegation(
            person=request.user,
            line=line.id,
            delegate=None,
            scopes=scopes,
            since=since,
            until=data.until,
            language=language,
            text_hash=b"",
        )
        terms = await load_terms(connection, yuzuri.profiles, offer, language)
    return OfferTermsView(
        version=terms.version,
        language=terms.language,
        text=terms.text,
        text_hash=terms.text_hash.hex(),
        since=since,
        until=data.until,
    )


@post(
    "/delegations",
    summary="Let somebody act",
    tags=["delegations"],
    guards=[with_key],
    responses={
        201: ResponseSpec(OfferedView, description="Offered", generate_examples=False),
        **_CHANGING,
    },
)
async def offer_delegation(
    request: Caller, data: JSONBody[DelegationBody], key: Key
) -> Response[OfferedView]:
    """Agree to the terms, and offer somebody to act on a line of mine.

    The same key again answers with the same delegation, and with another secret.
    """
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, data.line)
        delegate = None
        if data.to_number is not None:
            country = yuzuri.profiles[line.operator].country
            delegate = await _person_with(connection, data.to_number, country)
    command = OfferDelegation(
        person=request.user,
        line=line.id,
        delegate=delegate,
        scopes=tuple(map(read_scope, data.scopes)),
        since=data.since,
        until=data.until,
        language=data.language,
        text_hash=bytes.fromhex(data.text_hash),
    )
    seen = await _submit(yuzuri, key, command)
    secret = None
    if delegate is None:
        secret = await mint(yuzuri, SecretKind.DELEGATION, seen.delegation.id)
    answer = view_offered(seen, secret, yuzuri.clock())
    headers = {"Location": f"/v1/delegations/{answer.id}"}
    return Response(answer, status_code=201, headers=headers)


async def _person_with(connection: Connection, number: str, country: str) -> PersonId:
    found = await find_line(connection, parse_number(number, country))
    return (await load_line(connection, found)).person


@post(
    "/delegations/{delegation_id:str}/secret",
    summary="Show the link to an offer again",
    tags=["delegations"],
    responses=problems(401, 404, 409),
)
async def show_delegation_link(request: Caller, delegation_id: FromPath[str]) -> SecretView:
    """Make another secret that opens an offer of mine to whoever has its link."""
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        seen = await load_delegation(connection, request.user, _read_id(delegation_id), at)
    if not seen.is_mine or seen.delegation.delegate is not None:
        raise DomainError(Code.DELEGATION_UNKNOWN)
    if not seen.delegation.is_offered(at):
        raise DomainError(Code.DELEGATION_ENDED)
    return await mint(yuzuri, SecretKind.DELEGATION, seen.delegation.id)


# ---------------------------------------------------------------- reading


@get(
    "/delegations",
    summary="Who may act for whom",
    tags=["delegations"],
    responses=problems(401),
)
async def show_delegations(request: Caller) -> DelegationsView:
    """Return what others may do for me, and what I may do for others or am asked to."""
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        views = await load_delegation_views(connection, request.user, at)
    return DelegationsView(
        given=[view_delegation(seen, at) for seen in views if seen.is_mine],
        received=[view_delegation(seen, at) for seen in views if not seen.is_mine],
    )


@get(
    "/delegations/{delegation_id:str}",
    summary="One delegation",
    tags=["delegations"],
    responses=problems(401, 404),
)
async def show_delegation(request: Caller, delegation_id: FromPath[str]) -> WholeDelegationView:
    """Return a delegation with every action on it, newest first.

    What was revoked is not there any more for whoever could act on it.
    """
    yuzuri, delegation = running(request), _read_id(delegation_id)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        seen = await load_delegation(connection, request.user, delegation, at)
        done = await load_actions_in_view(connection, request.user, delegation, at)
        terms = None
        if seen.delegation.is_offered(at):
            terms = await load_terms(
                connection, yuzuri.profiles, seen.delegation, language_of(request)
            )
    return view_whole(seen, done, terms, at)


@get(
    "/delegations/{delegation_id:str}/agreement",
    summary="What was agreed to",
    tags=["delegations"],
    responses=problems(401, 404),
)
async def show_agreement(request: Caller, delegation_id: FromPath[str]) -> AgreementsView:
    """Return word for word what the two sides have agreed to.

    Whoever has agreed can ask for it, whatever has become of it since.
    """
    return view_agreements(await _agreements(request, delegation_id))


@get(
    "/delegations/{delegation_id:str}/agreement.txt",
    summary="What was agreed to, as text to keep",
    tags=["delegations"],
    responses={
        200: ResponseSpec(
            str, description="Text", media_type="text/plain", generate_examples=False
        ),
        **problems(401, 404),
    },
)
async def export_agreement(request: Caller, delegation_id: FromPath[str]) -> Response[str]:
    """Return the same as a text file, its headings in the reader's language."""
    found = await _agreements(request, delegation_id)
    name = f"yuzuri-{found[0].delegation}.txt"
    return Response(
        say_agreements(found, language_of(request)),
        media_type="text/plain",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _agreements(request: Caller, delegation_id: str) -> Sequence[Agreement]:
    delegation = _read_id(delegation_id)
    async with running(request).database.connection() as connection:
        agreed = await load_agreements(connection, request.user)
    found = [one for one in agreed if one.delegation == delegation]
    if not found:
        raise DomainError(Code.DELEGATION_UNKNOWN)
    return found


# ---------------------------------------------------------------- answering and ending


@post(
    "/delegations/accept",
    summary="Accept by a link",
    tags=["delegations"],
    status_code=200,
    guards=[with_key],
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429),
)
async def accept_delegation_link(
    request: Caller, data: JSONBody[AgreeLinkBody], key: Key
) -> DelegationView:
    """Agree to the terms of what a secret leads to, and act from now on."""
    yuzuri = running(request)
    outcome = await accept_by_link(
        yuzuri, trier_of(request), data.secret, key, lambda found: _accept(request, found, data)
    )
    seen = await _seen(yuzuri, request.user, outcome)
    return view_delegation(seen, yuzuri.clock())


@post(
    "/delegations/{delegation_id:str}/accept",
    summary="Accept",
    tags=["delegations"],
    status_code=200,
    guards=[with_key],
    responses=_CHANGING,
)
async def accept_delegation(
    request: Caller, delegation_id: FromPath[str], data: JSONBody[AgreeBody], key: Key
) -> DelegationView:
    """Agree to the terms of what was offered to me, and act from now on."""
    yuzuri, delegation = running(request), _read_id(delegation_id)
    async with yuzuri.database.connection() as connection:
        await load_delegation(connection, request.user, delegation, yuzuri.clock())
    seen = await _submit(yuzuri, key, _accept(request, delegation, data))
    return view_delegation(seen, yuzuri.clock())


def _accept(
    request: Caller, delegation: DelegationId, body: AgreeBody | AgreeLinkBody
) -> AcceptDelegation:
    line = None if body.line is None else HolderId(parse_id(body.line, Code.LINE_UNKNOWN))
    return AcceptDelegation(
        person=request.user,
        delegation=delegation,
        line=line,
        language=body.language,
        text_hash=bytes.fromhex(body.text_hash),
    )


@post(
    "/delegations/{delegation_id:str}/decline",
    summary="Turn it down",
    tags=["delegations"],
    guards=[with_key],
    status_code=204,
    responses=_CHANGING,
)
async def decline_delegation(request: Caller, delegation_id: FromPath[str], key: Key) -> None:
    """Turn down to act on somebody's line."""
    command = DeclineDelegation(person=request.user, delegation=_read_id(delegation_id))
    await _answered(running(request), key, command)


@post(
    "/delegations/{delegation_id:str}/end",
    summary="End it at once",
    tags=["delegations"],
    guards=[with_key],
    status_code=204,
    responses=_CHANGING,
)
async def end_delegation(request: Caller, delegation_id: FromPath[str], key: Key) -> None:
    """Revoke it, whereof the other is not told; or give up what somebody lets me do."""
    command = EndDelegation(person=request.user, delegation=_read_id(delegation_id))
    await _answered(running(request), key, command)


async def _submit(yuzuri: Yuzuri, key: str, command: PersonsCommand) -> DelegationInView:
    """Send a command down the road and return the delegation as it is now."""
    outcome = await _answered(yuzuri, key, command)
    return await _seen(yuzuri, command.person, outcome)


async def _answered(yuzuri: Yuzuri, key: str, command: PersonsCommand) -> DelegationDone:
    outcome = await yuzuri.submit(command.person, key, command)
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
    return outcome


async def _seen(yuzuri: Yuzuri, person: PersonId, outcome: DelegationOutcome) -> DelegationInView:
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
    async with yuzuri.database.connection() as connection:
        return await load_delegation(connection, person, outcome.delegation, yuzuri.clock())


def _read_id(text: str) -> DelegationId:
    return DelegationId(parse_id(text, Code.DELEGATION_UNKNOWN))
