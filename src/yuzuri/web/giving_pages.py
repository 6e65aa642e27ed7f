"""Giving: how much, to whom, what would come of it, a last look, and the offer itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import LineAccount, load_accounts
from yuzuri.sharing.gifts import MESSAGE_LENGTH_MAX, GiftDone, GiftOutcome, GiftRefused
from yuzuri.subscribers.lines import Person, lines_of, list_people
from yuzuri.web.amounts import UnitChoice, unit_choices
from yuzuri.web.delegated_giving import (
    DelegatedLine,
    delegated_choices,
    load_delegated_lines,
    preview_as_seen,
    view_delegated_line,
)
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import LineView, line_name, view_line
from yuzuri.web.offers import (
    Preview,
    Reading,
    Typed,
    closed_line,
    preview,
    problems_told,
    read_offer,
    read_typed,
    refused_preview,
)
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import new_key, submit
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of


@dataclass(frozen=True, slots=True)
class Recipient:
    """A line to which one can give, as the form shows it: by whose it is, or which of one's own."""

    line: str
    nickname: str
    operator: str
    number: str
    is_own: bool
    is_same_operator: bool


@get("/give")
async def show_give(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the form, filled with what a link asks for."""
    query = request.query_params
    typed = Typed(
        line=query.get("line", ""),
        unit=query.get("unit", Unit.DATA.value),
        amount=query.get("amount", "")[:40],
        to_line=query.get("to_line", "")[:40],
    )
    yuzuri = yuzuri_of(request)
    sources = await _load_sources(yuzuri, person)
    return await _form_page(yuzuri, visit, person, sources, typed)


@post("/give/preview", status_code=200)
async def preview_gift(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str]:
    """Return the part of the form that says what would come of it, while it is filled in."""
    yuzuri, typed = yuzuri_of(request), read_typed(form)
    sources = await _load_sources(yuzuri, person)
    account = sources.chosen(typed)
    context: dict[str, Any] = {"preview": None, "problems": {}}
    if account is not None and typed.is_begun:
        reading = await read_offer(yuzuri, person, account, typed)
        context = await _outlook(yuzuri, visit, sources, reading)
    return page(visit, "preview.html", is_live=True, **context)


@post("/give/review", status_code=200)
async def review_gift(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str]:
    """Show all of it once more before it is given, or why it cannot be."""
    yuzuri, typed = yuzuri_of(request), read_typed(form)
    sources = await _load_sources(yuzuri, person)
    account = sources.chosen(typed)
    if account is None:
        raise DomainError(Code.LINE_NOT_YOURS)
    if form.text("edit"):
        return await _form_page(yuzuri, visit, person, sources, typed)
    reading = await read_offer(yuzuri, person, account, typed)
    context = await _outlook(yuzuri, visit, sources, reading)
    outlook: Preview | None = context["preview"]
    if outlook is None or not outlook.feasible:
        return await _form_page(yuzuri, visit, person, sources, typed, context, status=422)
    line = sources.view(account, yuzuri.profiles, visit.language, yuzuri.clock())
    return page(visit, "review.html", typed=typed, line=line, key=new_key(), **context)


@post("/give")
async def offer_gift(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str] | Redirect:
    """Offer it; the same form sent twice offers once."""
    yuzuri, typed = yuzuri_of(request), read_typed(form)
    sources = await _load_sources(yuzuri, person)
    account = sources.chosen(typed)
    if account is None:
        raise DomainError(Code.LINE_NOT_YOURS)
    reading = await read_offer(yuzuri, person, account, typed)
    if reading.offer is None:
        context = await _outlook(yuzuri, visit, sources, reading)
        return await _form_page(yuzuri, visit, person, sources, typed, context, status=422)
    reader = _reader(yuzuri, visit.language, account)
    outcome: GiftOutcome | Refusal
    try:
        outcome = await submit(yuzuri, person, "offer", form.text("key"), reading.offer)
    except DomainError as error:
        outcome = error.refusal
    match outcome:
        case GiftDone():
            return see_other(visit, f"/gifts/{outcome.gift.id}?done=offered")
        case GiftRefused():
            refused = refused_preview(outcome, reading.offer, reader)
            context = {"preview": refused, "problems": {}}
            return await _form_page(yuzuri, visit, person, sources, typed, context, status=409)
        case Refusal():
            context = {"preview": None, "problems": {}, "refusal": tell_refusal(outcome, reader)}
            status = status_of(outcome.code)
            return await _form_page(yuzuri, visit, person, sources, typed, context, status=status)
        case _:
            assert_never(outcome)


@dataclass(frozen=True, slots=True)
class Sources:
    """Lines that somebody may give from: their own, and those of others who let them."""

    accounts: Sequence[LineAccount]
    delegated: Mapping[HolderId, DelegatedLine]

    def chosen(self, typed: Typed) -> LineAccount | None:
        """Return the line that is to give."""
        return next((a for a in self.accounts if str(a.line.id) == typed.line), None)

    def view(
        self, account: LineAccount, profiles: Profiles, language: Language, at: datetime
    ) -> LineView:
        """Show one of the lines, as much of it as one may see."""
        source = self.delegated.get(account.line.id)
        if source is not None:
            return view_delegated_line(source, profiles, language)
        return view_line(account, profiles, language, at)

    def choices(
        self, account: LineAccount, profiles: Profiles, language: Language, at: datetime
    ) -> list[UnitChoice]:
        """Return the kinds that can be given from one of the lines."""
        source = self.delegated.get(account.line.id)
        if source is not None:
            return delegated_choices(source, profiles, language, at)
        return unit_choices(account, profiles, language, at)


async def _load_sources(yuzuri: Yuzuri, person: Person) -> Sources:
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        own = await load_accounts(connection, person.id, at)
        delegated = await load_delegated_lines(connection, person, at)
    return Sources(
        [*own, *(source.account for source in delegated)],
        {source.account.line.id: source for source in delegated},
    )


def _reader(yuzuri: Yuzuri, language: Language, account: LineAccount) -> Reader:
    return Reader(language, yuzuri.profiles[account.line.operator].zone, yuzuri.clock())


async def _outlook(
    yuzuri: Yuzuri, visit: Visit, sources: Sources, reading: Reading
) -> dict[str, Any]:
    reader = _reader(yuzuri, visit.language, reading.account)
    if reading.offer is None:
        return {"preview": None, "problems": problems_told(reading.problems, reader)}
    outlook = await preview(yuzuri, reading, reader)
    source = sources.delegated.get(reading.account.line.id)
    if source is not None:
        outlook = preview_as_seen(outlook, source)
    return {"preview": outlook, "problems": {}}


async def _form_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    sources: Sources,
    typed: Typed,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    account = sources.chosen(typed) or next(iter(sources.accounts), None)
    if account is None:
        return page(visit, "no_line.html")
    at, profiles = yuzuri.clock(), yuzuri.profiles
    lines = [sources.view(a, profiles, visit.language, at) for a in sources.accounts]
    units = sources.choices(account, profiles, visit.language, at)
    problems: Mapping[str, Told] = (context or {}).get("problems", {})
    chosen_unit = typed.unit if typed.unit in {u.unit for u in units} else units[0].unit
    return page(
        visit,
        "give.html",
        status=status,
        lines=lines,
        line=next(line for line in lines if line.id == str(account.line.id)),
        units=units,
        chosen_unit=chosen_unit,
        typed=typed,
        recipients=await _recipients(yuzuri, visit.language, person, account),
        problems=problems,
        preview=(context or {}).get("preview"),
        refusal=(context or {}).get("refusal"),
        closed=closed_line(yuzuri.profiles, account, _reader(yuzuri, visit.language, account)),
        is_live=False,
        message_max=MESSAGE_LENGTH_MAX,
    )


async def _recipients(
    yuzuri: Yuzuri, language: Language, person: Person, account: LineAccount
) -> list[Recipient]:
    """Return whom one can pick, those of the same operator first.

    These are one's own other lines, and in the demo everybody's.
    """
    found = []
    async with yuzuri.database.connection() as connection:
        people = await list_people(connection) if yuzuri.settings.demo else [person]
        for other in sorted(people, key=lambda other: other.id != person.id):
            for line in await lines_of(connection, other.id):
                profile = yuzuri.profiles[line.operator]
                is_own = other.id == person.id
                if line.id != account.line.id:
                    found.append(
                        Recipient(
                            str(line.id),
                            line_name(line, profile, language) if is_own else other.nickname,
                            profile.name.in_language(language),
                            line.masked_number,
                            is_own,
                            line.operator == account.line.operator,
                        )
                    )
    return sorted(found, key=lambda recipient: not recipient.is_same_operator)
