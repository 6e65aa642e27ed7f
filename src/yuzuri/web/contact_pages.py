"""One's own list of numbers, for links that are for the people behind them."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import DomainError
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.contacts import (
    LABEL_LENGTH_MAX,
    add_contact,
    load_contacts,
    remove_contact,
)
from yuzuri.subscribers.lines import Person, lines_of, parse_number
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import show_number
from yuzuri.web.rendering import page, see_other
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of


@dataclass(frozen=True, slots=True)
class TypedContact:
    """The form as it was filled in."""

    label: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact as people read it; `e164` is the number for the form."""

    label: str
    number: str
    e164: str


@get("/contacts")
async def show_contacts(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the list."""
    return await _contacts_page(yuzuri_of(request), visit, person)


@post("/contacts")
async def keep_contact(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str] | Redirect:
    """Put a number on the list, whether it belongs to anybody here or not."""
    yuzuri, at = yuzuri_of(request), yuzuri_of(request).clock()
    typed = TypedContact(form.text("label")[:LABEL_LENGTH_MAX], form.text("number"))
    async with yuzuri.database.connection() as connection:
        own = await lines_of(connection, person.id)
        country = yuzuri.profiles[own[0].operator].country if own else None
        try:
            number = parse_number(typed.number, country)
            await add_contact(connection, person.id, number, typed.label, at)
        except DomainError as error:
            told = tell_refusal(error.refusal, Reader.of_world(visit.language, at))
        else:
            return see_other(visit, "/contacts")
    return await _contacts_page(yuzuri, visit, person, typed, {"number": told}, status=422)


@post("/contacts/remove")
async def forget_contact(request: AnyRequest, visit: Visit, person: Person, form: Form) -> Redirect:
    """Take a number off the list; one that is not there is as good as gone."""
    async with yuzuri_of(request).database.connection() as connection:
        await remove_contact(connection, person.id, form.text("number"))
    return see_other(visit, "/contacts")


async def _contacts_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    typed: TypedContact | None = None,
    problems: Mapping[str, Told] | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    async with yuzuri.database.connection() as connection:
        contacts = await load_contacts(connection, person.id)
    return page(
        visit,
        "contacts.html",
        status=status,
        contacts=[ContactView(c.label, show_number(c.number), c.number) for c in contacts],
        typed=typed or TypedContact(),
        problems=problems or {},
        label_max=LABEL_LENGTH_MAX,
    )
