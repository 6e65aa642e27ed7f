"""Requests as pages show them: how much of what was asked for has been given."""

from dataclasses import dataclass

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profile import Profile
from yuzuri.sharing.requests import Request, RequestState
from yuzuri.subscribers.lines import Line
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import line_name
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

BAR_WIDTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request in words."""

    id: str
    is_open: bool
    unit: str
    amount: str
    missing: str
    filled_said: str
    bar: int
    """Which part has been given, in thousandths."""
    state_text: str
    message: str
    until: str
    operator: str
    line: str
    """What the person who asks calls their line; nobody else is shown it."""
    number: str


def view_request(request: Request, line: Line, profile: Profile, reader: Reader) -> RequestView:
    """Put a request into words."""
    language = reader.language

    def say(amount: int) -> str:
        return say_quantity(Quantity(amount, request.unit), language)

    state = request.state_at(reader.at)
    return RequestView(
        id=str(request.id),
        is_open=state is RequestState.OPEN,
        unit=request.unit.value,
        amount=say(request.amount),
        missing=say(request.missing),
        filled_said=translate(
            language,
            "{filled} of {amount} has been given",
            filled=say(request.filled),
            amount=say(request.amount),
        ),
        bar=request.filled * BAR_WIDTH // request.amount,
        state_text=_say_state(state, language),
        message=request.message,
        until=reader.until(request.deadline),
        operator=profile.name.in_language(language),
        line=line_name(line, profile, language),
        number=line.masked_number,
    )


def _say_state(state: RequestState, language: Language) -> str:
    match state:
        case RequestState.OPEN:
            return translate(language, "Open")
        case RequestState.FILLED:
            return translate(language, "All of it has been given")
        case RequestState.CLOSED:
            return translate(language, "Closed")
        case RequestState.EXPIRED:
            return translate(language, "The time is over")
