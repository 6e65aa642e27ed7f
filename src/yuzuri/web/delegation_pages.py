"""Letting somebody help with a line: what they may do, the terms, the offer and its link."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import segno
from litestar import Response, get, post
from litestar.response import Redirect
from msgspec.structs import replace

from yuzuri.feasibility.delegation import judge_delegation
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import DelegationId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.delegation_rules import DelegatedScope
from yuzuri.operators.profiles import find_plan, gift_rules
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.delegation_terms import Terms
from yuzuri.sharing.delegation_views import load_terms
from yuzuri.sharing.delegations import OfferDelegation
from yuzuri.sharing.link_secrets import SecretKind, mint_secret, secret_url
from yuzuri.sharing.pool_store import pools_of
from yuzuri.subscribers.contacts import load_contacts
from yuzuri.subscribers.lines import Line, Person, lines_of, list_people, load_person
from yuzuri.web.delegation_forms import (
    BY_LINK,
    BY_NUMBER,
    Reading,
    Typed,
    read_delegation,
    read_typed,
)
from yuzuri.web.delegation_views import view_terms
from yuzuri.web.evidence_views import Told, tell_reason, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import kind_name, line_name, show_number
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import answered, form_key, new_key
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.languages import parse_language
from yuzuri.words.translations import translate

_USUAL_TIME = timedelta(days=30)

_EXAMPLES = {Unit.DATA: "1 GB", Unit.VOICE: "10 min", Unit.SMS: "10"}


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A line that somebody could help with."""

    id: str
    name: str
    operator: str
    number: str


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Somebody whom one can pick: what stands for them in the form, and how they are known."""

    value: str
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class UnitField:
    """A kind that could be given, with what its field is called."""

    unit: str
    label: str
    example: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: as it was read, of which line, and as an offer if all is there."""

    reading: Reading
    line: Line
    to: str = ""
    """To whom, as they were chosen."""
    offer: OfferDelegation | None = None
    terms: Terms | None = None


# ---------------------------------------------------------------- the form


@get("/delegations/new")
async def show_delegation_form(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show what one can let somebody do with a line."""
    yuzuri = yuzuri_of(request)
    typed = Typed(line=request.query_params.get("line", ""), see="1", to=BY_NUMBER)
    return await _form_page(yuzuri, visit, person, typed)


@post("/delegations/terms", status_code=200)
async def show_delegation_terms(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str]:
    """Show the terms of what would be offered, or why it cannot be."""
    yuzuri = yuzuri_of(request)
    typed = await _typed(yuzuri, person, form)
    if form.text("edit"):
        return await _form_page(yuzuri, visit, person, typed)
    asked = await _read(yuzuri, visit, person, typed)
    if asked.offer is None:
        return await _form_page(yuzuri, visit, person, typed, asked.reading.problems, status=422)
    return await _terms_page(yuzuri, visit, typed, asked)


@post("/delegations")
async def offer_delegation(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str] | Redirect:
    """Offer it; the same form sent twice offers once."""
    yuzuri = yuzuri_of(request)
    typed = await _typed(yuzuri, person, form)
    asked = await _read(yuzuri, visit, person, typed)
    if asked.offer is None:
        return await _form_page(yuzuri, visit, person, typed, asked.reading.problems, status=422)
    if not form.text("agree"):
        told = tell_refusal(Refusal(Code.TERMS_NOT_AGREED), asked.reading.reader)
        return await _terms_page(yuzuri, visit, typed, asked, told, status=422)
    command = replace(asked.offer, language=read_language(form), text_hash=read_hash(form))
    key = form_key("delegate", form.text("key"))
    try:
        outcome = await answered(lambda: yuzuri.submit(person.id, key, command))
    except DomainError as error:
        outcome = error.refusal
    if isinstance(outcome, Refusal):
        told, status = tell_refusal(outcome, asked.reading.reader), status_of(outcome.code)
        if outcome.code is Code.TERMS_CHANGED:
            return await _terms_page(yuzuri, visit, typed, asked, told, status=status)
        return await _form_page(yuzuri, visit, person, typed, refusal=told, status=status)
    if command.delegate is None:
        return await show_delegation_link(yuzuri, visit, outcome.delegation, is_new=True)
    return see_other(visit, f"/delegations/{outcome.delegation}?done=offered")


async def show_delegation_link(
    yuzuri: Yuzuri, visit: Visit, delegation: DelegationId, *, is_new: bool
) -> Response[str]:
    """Make a link to what was offered, and show it with its code: only now."""
    async with yuzuri.database.connection() as connection:
        at = yuzuri.clock()
        secret = await mint_secret(connection, SecretKind.DELEGATION, delegation, at)
    address = secret_url(yuzuri.settings.origin, secret)
    code = segno.make_qr(address, error="m").svg_inline(border=4, light="white", omitsize=True)
    return page(
        visit,
        "delegation_link.html",
        id=str(delegation),
        address=address,
        code=code,
        is_new=is_new,
    )


async def _form_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    typed: Typed,
    problems: Mapping[str, Told] | None = None,
    *,
    refusal: Told | None = None,
    status: int = 200,
) -> Response[str]:
    at, profiles, language = yuzuri.clock(), yuzuri.profiles, visit.language
    async with yuzuri.database.connection() as connection:
        lines = await lines_of(connection, person.id)
        pools = [pool for pool in await pools_of(connection, person.id) if not pool.closed_at]
    if not lines:
        return page(visit, "no_line.html")
    line = next((line for line in lines if str(line.id) == typed.line), lines[0])
    profile = profiles[line.operator]
    plan = find_plan(profile, line.plan)
    reader = Reader(language, profile.zone, at)
    verdict = judge_delegation(profile, plan, ())
    may = {s for s in DelegatedScope if not judge_delegation(profile, plan, (s,)).refusals}
    rules = gift_rules(profile, plan)
    since, until = typed.days(profile.zone, at, at + _USUAL_TIME)
    return page(
        visit,
        "delegation_form.html",
        status=status,
        lines=[
            OwnLine(
                str(each.id),
                line_name(each, profiles[each.operator], language),
                profiles[each.operator].name.in_language(language),
                show_number(each.number),
            )
            for each in lines
        ],
        chosen=str(line.id),
        closed=[tell_reason(reason, reader) for reason in verdict.refusals],
        may={scope.value for scope in may},
        units=[
            UnitField(unit.value, kind_name(unit, language), _EXAMPLES[unit])
            for unit in Unit
            if rules.units is None or unit in rules.units.value
        ],
        pools=[pool for pool in pools if pool.operator == line.operator]
        if DelegatedScope.POOL in may
        else [],
        typed=typed,
        since=since,
        until=until,
        today=f"{at.astimezone(profile.zone):%Y-%m-%d}",
        known=await _acquaintances(yuzuri, person),
        problems=problems or {},
        refusal=refusal,
    )


async def _acquaintances(yuzuri: Yuzuri, person: Person) -> list[Acquaintance]:
    """Return whom one can pick: one's contacts, and in the demo everybody."""
    async with yuzuri.database.connection() as connection:
        found = [
            Acquaintance(
                contact.number, contact.label or show_number(contact.number), contact.number
            )
            for contact in await load_contacts(connection, person.id)
        ]
        for other in await list_people(connection) if yuzuri.settings.demo else ():
            lines = await lines_of(connection, other.id) if other.id != person.id else ()
            found += [
                Acquaintance(str(line.id), other.nickname, line.masked_number) for line in lines[:1]
            ]
    return found


async def _terms_page(
    yuzuri: Yuzuri,
    visit: Visit,
    typed: Typed,
    asked: Asked,
    problem: Told | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    offer, terms = asked.offer, asked.terms
    assert offer is not None
    assert terms is not None
    # What was read is what is offered, however long the page stays open.
    times = {"since": offer.since.isoformat(), "until": offer.until.isoformat()}
    return page(
        visit,
        "delegation_terms.html",
        status=status,
        fields=dict(typed.items()) | times,
        line=line_name(asked.line, yuzuri.profiles[asked.line.operator], visit.language),
        to=asked.to,
        terms=view_terms(terms),
        problem=problem,
        key=new_key(),
    )


# ---------------------------------------------------------------- reading


async def _typed(yuzuri: Yuzuri, person: Person, form: Form) -> Typed:
    async with yuzuri.database.connection() as connection:
        return read_typed(form, await pools_of(connection, person.id))


async def _read(yuzuri: Yuzuri, visit: Visit, person: Person, typed: Typed) -> Asked:
    async with yuzuri.database.connection() as connection:
        lines = await lines_of(connection, person.id)
        pools = await pools_of(connection, person.id)
    line = next((line for line in lines if str(line.id) == typed.line), None)
    if line is None:
        raise DomainError(Code.LINE_NOT_YOURS)
    reader = Reader(visit.language, yuzuri.profiles[line.operator].zone, yuzuri.clock())
    reading = await read_delegation(yuzuri, line, typed, pools, reader)
    if reading.problems or reading.since is None or reading.until is None:
        return Asked(reading, line)
    offer = OfferDelegation(
        person=person.id,
        line=line.id,
        delegate=reading.delegate,
        scopes=tuple(reading.scopes),
        since=reading.since,
        until=reading.until,
        language=visit.language,
        text_hash=b"",
    )
    async with yuzuri.database.connection() as connection:
        terms = await load_terms(connection, yuzuri.profiles, offer, visit.language)
    to = await _say_to(yuzuri, visit.language, typed, reading)
    return Asked(reading, line, to, offer, terms)


async def _say_to(yuzuri: Yuzuri, language: Language, typed: Typed, reading: Reading) -> str:
    """Say to whom it goes as they were chosen: a number that was typed is turned into no name."""
    if typed.to == BY_LINK:
        return translate(language, "whoever opens the link first")
    if typed.to == BY_NUMBER:
        return typed.to_number
    if typed.to.startswith("+"):
        return show_number(typed.to)
    assert reading.delegate is not None
    async with yuzuri.database.connection() as connection:
        return (await load_person(connection, reading.delegate)).nickname


def read_language(form: Form) -> Language:
    """Return in which language terms were shown; raises `LANGUAGE_UNKNOWN`."""
    return parse_language(form.text("language"))


def read_hash(form: Form) -> bytes:
    """Return the SHA-256 of the terms that were shown; what is none is of no terms."""
    try:
        return bytes.fromhex(form.text("text_hash"))
    except ValueError:
        return b""
