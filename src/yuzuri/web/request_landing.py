"""What a friend sees who opens a request, and giving to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from litestar import Response, post
from litestar.response import Redirect

from yuzuri.feasibility.verdict import Instead, Verdict
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, RequestId, parse_id
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.opening import fill_request
from yuzuri.sharing.gifts import MESSAGE_LENGTH_MAX, GiftDone, GiftRefused
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.request_decisions import preview_fill
from yuzuri.sharing.request_views import load_fill_facts, load_open_request
from yuzuri.sharing.requests import FillRequest, Request
from yuzuri.subscribers.lines import Line, lines_of
from yuzuri.web.amounts import read_quantity, round_amounts, say_chips
from yuzuri.web.evidence_views import (
    InsteadView,
    Told,
    tell_instead,
    tell_reason,
    tell_refusal,
)
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import line_name, show_number
from yuzuri.web.opening import Opened, nothing_opened, opening, trier_of
from yuzuri.web.rendering import page, see_other
from yuzuri.web.request_views import view_request
from yuzuri.web.sending import answered, form_key, new_key
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

_UNOPENED = {Code.LINK_UNKNOWN, Code.TOO_MANY_TRIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The form as it was filled in, and why it was not done."""

    line: str = ""
    amount: str = ""
    message: str = ""
    refusals: tuple[Told, ...] = ()
    instead: tuple[Instead, ...] = ()
    problems: Mapping[str, Told] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GiverView:
    """A line of the reader's, with how much it could give or why it cannot."""

    line: str
    name: str
    operator: str
    number: str
    most: int
    """In base units; 0: nothing."""
    outcome: str
    reasons: tuple[Told, ...] = ()
    instead: tuple[InsteadView, ...] = ()


async def show_opened_request(opened: Opened) -> Response[str]:
    """Show what is asked for, and from which of the reader's lines it could come."""
    return await _request_page(opened, Filling())


@post("/l/fill", status_code=200)
async def fill_from_link(request: AnyRequest, visit: Visit, form: Form) -> Response[str] | Redirect:
    """Give to a request from the line that was chosen; the same form sent twice gives once."""
    person, yuzuri = visit.person, yuzuri_of(request)
    if person is None:
        return see_other(visit, "/sign-in?then=/l")
    secret, reader = form.text("secret"), Reader.of_world(visit.language, yuzuri.clock())
    line, amount = form.text("line"), form.text("amount") or form.text("chip-amount")
    message, problems = form.text("message"), {}

    def fill(request_id: RequestId) -> FillRequest:
        return FillRequest(
            person=person.id,
            line=HolderId(parse_id(line, Code.LINE_UNKNOWN)),
            request=request_id,
            amount=quantity.amount,
            message=message,
        )

    refusals: list[Refusal] = []
    instead: tuple[Instead, ...] = ()
    try:
        quantity = read_quantity(amount, form.text("unit"))
    except DomainError as error:
        problems["amount"] = tell_refusal(error.refusal, reader)
    else:
        try:
            key, trier = form_key("fill", form.text("key")), trier_of(request, visit)
            outcome = await answered(lambda: fill_request(yuzuri, trier, secret, key, fill))
        except DomainError as error:
            refusals = [error.refusal]
        else:
            if isinstance(outcome, GiftDone):
                return see_other(visit, f"/gifts/{outcome.gift.id}?done=filled")
            refusals = [Refusal(reason.code, reason.fields) for reason in outcome.reasons]
            instead = outcome.instead
        if refusals[0].code in _UNOPENED:
            return nothing_opened(request, visit, refusals[0])
    filling = Filling(
        line=line,
        amount=amount,
        message=message,
        refusals=tuple(tell_refusal(refusal, reader) for refusal in refusals),
        instead=instead,
        problems=problems,
        status=409 if refusals else 422,
    )
    try:
        async with opening(request, visit, secret, SecretKind.REQUEST) as opened:
            return await _request_page(opened, filling)
    except DomainError as error:
        return nothing_opened(request, visit, error.refusal)


async def _request_page(opened: Opened, filling: Filling) -> Response[str]:
    yuzuri, visit, asked = opened.yuzuri, opened.visit, RequestId(opened.target.id)
    at, profiles, person = yuzuri.clock(), yuzuri.profiles, visit.person
    givers: list[GiverView] = []
    async with yuzuri.database.connection() as connection:
        found = await load_open_request(connection, asked, at)
        if found is None:
            raise DomainError(Code.LINK_UNKNOWN)
        for line in await lines_of(connection, person.id) if person else ():
            fill = FillRequest(
                person=line.person, line=line.id, request=asked, amount=found.request.missing
            )
            facts = await load_fill_facts(connection, profiles, fill, at)
            reader = Reader(visit.language, profiles[line.operator].zone, at)
            verdict = preview_fill(facts, fill)
            givers.append(_view_giver(line, verdict, found.request, profiles, reader))
    givers.sort(key=lambda giver: not giver.most)
    able = [giver for giver in givers if giver.most]
    chosen = next((g for g in able if g.line == filling.line), next(iter(able), None))
    instead = {choice.text: choice for giver in givers for choice in giver.instead}
    profile, unit = profiles[found.line.operator], found.request.unit
    reader = Reader(visit.language, profile.zone, at)
    told = [tell_instead(choice, unit, reader) for choice in filling.instead]
    return page(
        visit,
        "opened_request.html",
        status=filling.status,
        asked=view_request(found.request, found.line, profile, reader),
        asker=found.asker.nickname,
        is_mine=person is not None and found.line.person == person.id,
        givers=givers,
        chosen=chosen.line if chosen else "",
        chips=say_chips(round_amounts(chosen.most, unit), unit, visit.language) if chosen else (),
        instead=told or tuple(instead.values()),
        typed=filling,
        refusals=filling.refusals,
        problems=filling.problems,
        message_max=MESSAGE_LENGTH_MAX,
        secret=opened.secret,
        key=new_key(),
    )


def _view_giver(
    line: Line,
    verdict: Verdict | GiftRefused,
    request: Request,
    profiles: Profiles,
    reader: Reader,
) -> GiverView:
    """Put into words how much of what is missing a line could give, by the rules that decide it."""
    profile, language = profiles[line.operator], reader.language
    if isinstance(verdict, GiftRefused):
        most, reasons = 0, verdict.reasons
    elif verdict.feasible is True:
        most, reasons = request.missing, ()
    else:
        # The nearest smaller amount that works is the most that does.
        smaller = [i.amount for i in verdict.instead if i.amount and i.amount < request.missing]
        most, reasons = max(smaller, default=0), verdict.refusals
    said = say_quantity(Quantity(most, request.unit), language, exact=True)
    return GiverView(
        line=str(line.id),
        name=line_name(line, profile, language),
        operator=profile.name.in_language(language),
        number=show_number(line.number),
        most=most,
        outcome=translate(language, "up to {amount}", amount=said) if most else "",
        reasons=() if most else tuple(tell_reason(reason, reader) for reason in reasons),
        instead=()
        if most
        else tuple(tell_instead(choice, request.unit, reader) for choice in verdict.instead),
    )
