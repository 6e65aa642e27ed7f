"""Signing in and out: in the demo by choosing a person, otherwise with a code for one use."""

from dataclasses import dataclass

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import PersonId, parse_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import load_accounts
from yuzuri.subscribers.lines import list_people, load_person
from yuzuri.subscribers.sessions import end_session, open_session, use_sign_in_code
from yuzuri.web.evidence_views import tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.rendering import own_path, page, see_other
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.formats import say_quantity


@dataclass(frozen=True, slots=True)
class LineOfPerson:
    """A line as the choice of persons shows it."""

    operator: str
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody whom one can choose to be in the demo."""

    id: str
    nickname: str
    lines: tuple[LineOfPerson, ...]


@get("/sign-in")
async def show_sign_in(request: AnyRequest, visit: Visit) -> Response[str]:
    """Show who one can be, or ask for a code."""
    return await _sign_in_page(request, visit, request.query_params.get("then", "/"))


@post("/sign-in")
async def sign_in(request: AnyRequest, visit: Visit, form: Form) -> Response[str] | Redirect:
    """Sign in as a person of the demo, or with a code."""
    yuzuri = yuzuri_of(request)
    then = own_path(form.text("then"))
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        try:
            if yuzuri.settings.demo and form.text("person"):
                chosen = PersonId(parse_id(form.text("person"), Code.PERSON_UNKNOWN))
                person = (await load_person(connection, chosen)).id
            else:
                person = await use_sign_in_code(connection, form.text("code"), at)
        except DomainError as error:
            refusal: Refusal = error.refusal
        else:
            if visit.session:
                await end_session(connection, visit.session)
            secret = await open_session(connection, person, at)
            return see_other(visit, then, visit.session_cookie(secret))
    return await _sign_in_page(request, visit, then, refusal)


@post("/sign-out")
async def sign_out(request: AnyRequest, visit: Visit, form: Form) -> Redirect:  # noqa: ARG001
    """End the session here and in the database."""
    if visit.session:
        async with yuzuri_of(request).database.connection() as connection:
            await end_session(connection, visit.session)
    return see_other(visit, "/sign-in", visit.session_cookie(""))


@post("/language")
async def choose_page_language(visit: Visit, form: Form) -> Redirect:
    """Keep the language that was chosen, and go back to where one was."""
    chosen = form.text("language")
    language = Language(chosen) if chosen in set(Language) else visit.language
    return see_other(visit, own_path(form.text("then")), visit.language_cookie(language))


async def _sign_in_page(
    request: AnyRequest, visit: Visit, then: str, refusal: Refusal | None = None
) -> Response[str]:
    yuzuri = yuzuri_of(request)
    people = await _people(yuzuri, visit.language) if yuzuri.settings.demo else ()
    reader = Reader.of_world(visit.language, yuzuri.clock())
    return page(
        visit,
        "sign_in.html",
        status=403 if refusal else 200,
        people=people,
        is_demo=yuzuri.settings.demo,
        then=own_path(then),
        problem=tell_refusal(refusal, reader) if refusal else None,
    )


async def _people(yuzuri: Yuzuri, language: Language) -> tuple[PersonView, ...]:
    at = yuzuri.clock()
    views = []
    async with yuzuri.database.connection() as connection:
        for person in await list_people(connection):
            accounts = await load_accounts(connection, person.id, at)
            lines = []
            for account in accounts:
                left: dict[Unit, int] = {}
                for balance in account.balances:
                    unit = balance.allowance.unit
                    if balance.allowance.hours is None:
                        left[unit] = left.get(unit, 0) + balance.bucket.available
                lines.append(
                    LineOfPerson(
                        yuzuri.profiles[account.line.operator].name.in_language(language),
                        tuple(
                            say_quantity(Quantity(n, u), language) for u, n in sorted(left.items())
                        ),
                    )
                )
            views.append(PersonView(str(person.id), person.nickname, tuple(lines)))
    return tuple(views)
