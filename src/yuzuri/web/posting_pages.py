"""Posting a link: how much, for how many, for whom, until when; a last look; and its poster."""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Response, get, post

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import LineAccount, load_accounts
from yuzuri.sharing.gifts import MESSAGE_LENGTH_MAX, GiftRefused
from yuzuri.sharing.links import LinkDone, LinkOutcome
from yuzuri.subscribers.contacts import contact_numbers
from yuzuri.subscribers.lines import Person
from yuzuri.web.amounts import unit_choices
from yuzuri.web.evidence_views import tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import view_line
from yuzuri.web.offers import closed_line
from yuzuri.web.poster_pages import show_link_poster
from yuzuri.web.posting_views import LinkPreview, preview_posting, refused_posting
from yuzuri.web.postings import LinkTyped, Posting, read_link_typed, read_posting
from yuzuri.web.rendering import page
from yuzuri.web.sending import new_key, submit
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

SHARE_CHIPS = ("1", "3", "5", "10", "30", "100")

_LEAST = {
    Unit.DATA: Quantity(100 * 10**6, Unit.DATA),
    Unit.VOICE: Quantity(60, Unit.VOICE),
    Unit.SMS: Quantity(1, Unit.SMS),
}
"""What one might let the smallest share be."""


@get("/links/new")
async def show_posting(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the form, filled with what a link asks for."""
    query = request.query_params
    typed = LinkTyped(
        line=query.get("line", ""),
        unit=query.get("unit", Unit.DATA.value),
        amount=query.get("amount", "")[:40],
    )
    return await _form_page(yuzuri_of(request), visit, person, typed)


@post("/links/preview", status_code=200)
async def preview_link(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str]:
    """Return the part of the form that says what would come of it, while it is filled in."""
    yuzuri, typed = yuzuri_of(request), read_link_typed(form)
    account = await _chosen(yuzuri, person, typed)
    context: dict[str, Any] = {"preview": None, "problems": {}}
    if typed.is_begun:
        reader = _reader(yuzuri, visit, account)
        context = await _outlook(yuzuri, read_posting(person, account, typed, reader), reader)
    return page(visit, "link_preview.html", is_live=True, **context)


@post("/links/review", status_code=200)
async def review_link(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str]:
    """Show all of it once more before it is posted, or why it cannot be."""
    yuzuri, typed = yuzuri_of(request), read_link_typed(form)
    account = await _chosen(yuzuri, person, typed)
    if form.text("edit"):
        return await _form_page(yuzuri, visit, person, typed)
    reader = _reader(yuzuri, visit, account)
    context = await _outlook(yuzuri, read_posting(person, account, typed, reader), reader)
    outlook: LinkPreview | None = context["preview"]
    if outlook is None or not outlook.feasible:
        return await _form_page(yuzuri, visit, person, typed, context, status=422)
    line = view_line(account, yuzuri.profiles, visit.language, reader.at)
    fields = {
        name: getattr(typed, name) for name in LinkTyped.__slots__ if name != "is_giver_hidden"
    }
    # What was looked over is what is posted, however long the page stays open.
    fields["until"] = outlook.deadline
    return page(
        visit, "link_review.html", typed=typed, fields=fields, line=line, key=new_key(), **context
    )


@post("/links", status_code=200)
async def post_link(request: AnyRequest, visit: Visit, person: Person, form: Form) -> Response[str]:
    """Post it, and show its poster; the same form sent twice posts once."""
    yuzuri, typed = yuzuri_of(request), read_link_typed(form)
    account = await _chosen(yuzuri, person, typed)
    reader = _reader(yuzuri, visit, account)
    posting = read_posting(person, account, typed, reader)
    if posting.post is None:
        context = await _outlook(yuzuri, posting, reader)
        return await _form_page(yuzuri, visit, person, typed, context, status=422)
    outcome: LinkOutcome | Refusal
    try:
        outcome = await submit(yuzuri, person, "post", form.text("key"), posting.post)
    except DomainError as error:
        outcome = error.refusal
    match outcome:
        case LinkDone():
            return await show_link_poster(yuzuri, visit, person, outcome.link, is_new=True)
        case GiftRefused():
            refused = refused_posting(outcome, posting.post, reader)
            context = {"preview": refused, "problems": {}}
            return await _form_page(yuzuri, visit, person, typed, context, status=409)
        case Refusal():
            context = {"preview": None, "problems": {}, "refusal": tell_refusal(outcome, reader)}
            status = status_of(outcome.code)
            return await _form_page(yuzuri, visit, person, typed, context, status=status)
        case _:
            raise AssertionError(outcome)


async def _chosen(yuzuri: Yuzuri, person: Person, typed: LinkTyped) -> LineAccount:
    """Return the line that is to give: only ever one of the person's own."""
    async with yuzuri.database.connection() as connection:
        accounts = await load_accounts(connection, person.id, yuzuri.clock())
    for account in accounts:
        if str(account.line.id) == typed.line:
            return account
    raise DomainError(Code.LINE_NOT_YOURS)


def _reader(yuzuri: Yuzuri, visit: Visit, account: LineAccount) -> Reader:
    zone = yuzuri.profiles[account.line.operator].zone
    return Reader(visit.language, zone, yuzuri.clock())


async def _outlook(yuzuri: Yuzuri, posting: Posting, reader: Reader) -> dict[str, Any]:
    if posting.post is None:
        return {"preview": None, "problems": posting.problems}
    return {"preview": await preview_posting(yuzuri, posting.post, reader), "problems": {}}


async def _form_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    typed: LinkTyped,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    at, profiles = yuzuri.clock(), yuzuri.profiles
    async with yuzuri.database.connection() as connection:
        accounts = await load_accounts(connection, person.id, at)
        contact_count = len(await contact_numbers(connection, person.id))
    chosen = (a for a in accounts if str(a.line.id) == typed.line)
    account = next(chosen, None) or next(iter(accounts), None)
    if account is None:
        return page(visit, "no_line.html")
    reader = _reader(yuzuri, visit, account)
    lines = [view_line(a, profiles, visit.language, at) for a in accounts]
    units = unit_choices(account, profiles, visit.language, at)
    chosen_unit = typed.unit if typed.unit in {u.unit for u in units} else units[0].unit
    return page(
        visit,
        "post_link.html",
        status=status,
        lines=lines,
        line=next(line for line in lines if line.id == str(account.line.id)),
        units=units,
        chosen_unit=chosen_unit,
        typed=typed,
        share_chips=SHARE_CHIPS,
        least_example=say_quantity(_LEAST[Unit(chosen_unit)], visit.language),
        untils=_untils(typed, reader),
        contact_count=contact_count,
        problems=(context or {}).get("problems", {}),
        preview=(context or {}).get("preview"),
        refusal=(context or {}).get("refusal"),
        closed=closed_line(profiles, account, reader),
        is_live=False,
        message_max=MESSAGE_LENGTH_MAX,
    )


def _untils(typed: LinkTyped, reader: Reader) -> list[tuple[str, str]]:
    """Return until when one can choose, as the form reads it and as people say it."""
    language = reader.language
    said = {
        "1h": translate(language, "1 hour"),
        "1d": translate(language, "1 day"),
        "3d": translate(language, "{count} days", count=3),
        "": translate(language, "as long as possible"),
    }
    if typed.until not in said:
        with contextlib.suppress(ValueError):
            said[typed.until] = reader.until(datetime.fromisoformat(typed.until))
    return list(said.items())
