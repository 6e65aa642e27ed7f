"""Asking friends for something: the form, its poster, and how it is filled."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, parse_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import load_accounts
from yuzuri.sharing.gifts import MESSAGE_LENGTH_MAX, GiftRefused, checked_message
from yuzuri.sharing.request_views import FillInView, load_fills, load_own_request
from yuzuri.sharing.requests import AskForGift, CloseRequest, RequestDone
from yuzuri.subscribers.lines import Person
from yuzuri.web.amounts import asking_choices, read_quantity
from yuzuri.web.evidence_views import Told, tell_reason, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import view_line
from yuzuri.web.poster_pages import read_request_id, show_request_poster
from yuzuri.web.rendering import page, see_other
from yuzuri.web.request_views import view_request
from yuzuri.web.sending import new_key, submit
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.formats import say_quantity


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as it was filled in."""

    line: str = ""
    unit: str = Unit.DATA.value
    amount: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class GiverView:
    """Who gave how much to a request."""

    gift: str
    name: str
    amount: str
    when: str
    thanks: str


@get("/requests/new")
async def show_asking(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the form, filled with what a link asks for."""
    query = request.query_params
    typed = Asked(query.get("line", ""), query.get("unit", Unit.DATA.value))
    return await _form_page(yuzuri_of(request), visit, person, typed)


@post("/requests", status_code=200)
async def ask_friends(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str]:
    """Make the request, and show its poster; the same form sent twice asks once."""
    yuzuri = yuzuri_of(request)
    unit = form.text("unit") or Unit.DATA.value
    amount = form.text("amount") or form.text(f"chip-{unit}")
    typed = Asked(form.text("line"), unit, amount, form.text("message"))
    reader = Reader.of_world(visit.language, yuzuri.clock())
    problems, quantity = {}, None
    try:
        quantity = read_quantity(amount, unit)
    except DomainError as error:
        problems["amount"] = tell_refusal(error.refusal, reader)
    try:
        checked_message(typed.message)
    except DomainError as error:
        problems["message"] = tell_refusal(error.refusal, reader)
    if quantity is None or problems:
        return await _form_page(yuzuri, visit, person, typed, problems, status=422)
    command = AskForGift(
        person=person.id,
        line=HolderId(parse_id(typed.line, Code.LINE_UNKNOWN)),
        unit=quantity.unit,
        amount=quantity.amount,
        message=typed.message,
    )
    try:
        outcome = await submit(yuzuri, person, "ask", form.text("key"), command)
    except DomainError as error:
        refusal = tell_refusal(error.refusal, reader)
        return await _form_page(yuzuri, visit, person, typed, {}, refusal, status=409)
    match outcome:
        case RequestDone():
            return await show_request_poster(yuzuri, visit, person, outcome.request, is_new=True)
        case GiftRefused():
            refusal = tell_reason(outcome.reasons[0], reader)
            return await _form_page(yuzuri, visit, person, typed, {}, refusal, status=409)
        case _:
            raise AssertionError(outcome)


@get("/requests/{asked:str}")
async def show_request(
    request: AnyRequest, visit: Visit, person: Person, asked: str
) -> Response[str]:
    """Show a request of one's own: its page asks again while somebody looks."""
    return await _request_page(yuzuri_of(request), visit, person, asked)


@post("/requests/{asked:str}/close")
async def close_request(
    request: AnyRequest, visit: Visit, person: Person, form: Form, asked: str
) -> Response[str] | Redirect:
    """Ask no longer."""
    yuzuri, request_id = yuzuri_of(request), read_request_id(asked)
    reader = Reader.of_world(visit.language, yuzuri.clock())
    command = CloseRequest(person=person.id, request=request_id)
    try:
        outcome = await submit(yuzuri, person, f"close-{request_id}", form.text("key"), command)
    except DomainError as error:
        problems: tuple[Told, ...] = (tell_refusal(error.refusal, reader),)
    else:
        if not isinstance(outcome, GiftRefused):
            return see_other(visit, f"/requests/{request_id}")
        problems = tuple(tell_reason(reason, reader) for reason in outcome.reasons)
    return await _request_page(yuzuri, visit, person, asked, problems=problems, status=409)


async def _form_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    typed: Asked,
    problems: Mapping[str, Told] | None = None,
    refusal: Told | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        accounts = await load_accounts(connection, person.id, at)
    lines = [view_line(a, yuzuri.profiles, visit.language, at) for a in accounts]
    if not lines:
        return page(visit, "no_line.html")
    units = asking_choices(visit.language)
    return page(
        visit,
        "ask.html",
        status=status,
        lines=lines,
        line=next((line for line in lines if line.id == typed.line), lines[0]),
        units=units,
        chosen_unit=typed.unit if typed.unit in {u.unit for u in units} else units[0].unit,
        typed=typed,
        problems=problems or {},
        refusal=refusal,
        message_max=MESSAGE_LENGTH_MAX,
        key=new_key(),
    )


async def _request_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    asked: str,
    *,
    problems: tuple[Told, ...] = (),
    status: int = 200,
) -> Response[str]:
    async with yuzuri.database.connection() as connection:
        seen = await load_own_request(connection, person.id, read_request_id(asked))
        fills = await load_fills(connection, seen.request)
    profile = yuzuri.profiles[seen.line.operator]
    reader = Reader(visit.language, profile.zone, yuzuri.clock())
    return page(
        visit,
        "request.html",
        status=status,
        asked=view_request(seen.request, seen.line, profile, reader),
        givers=[_view_giver(fill, reader) for fill in fills],
        problems=problems,
        key=new_key(),
    )


def _view_giver(fill: FillInView, reader: Reader) -> GiverView:
    return GiverView(
        gift=str(fill.gift.id),
        name=fill.other.nickname,
        amount=say_quantity(fill.gift.quantity, reader.language, exact=True),
        when=reader.past(fill.gift.ended_at or fill.gift.offered_at),
        thanks=fill.gift.thanks,
    )
