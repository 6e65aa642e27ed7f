"""Posted links as pages show them: what is left of how many shares, for whom, until when."""

from collections.abc import Sequence
from dataclasses import dataclass

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profile import Profile
from yuzuri.runtime.posters import say_shares
from yuzuri.sharing.link_draws import commitment
from yuzuri.sharing.links import Audience, Link, LinkState, Split
from yuzuri.subscribers.lines import Line
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import line_name
from yuzuri.web.share_pictures import Fruits, Taken, draw_fruits
from yuzuri.words.formats import say_number, say_quantity
from yuzuri.words.translations import translate

BAR_WIDTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A link in words; whose it is, is told apart."""

    id: str
    is_open: bool
    is_random: bool
    has_passcode: bool
    is_giver_hidden: bool
    unit: str
    amount: str
    division: str
    """How many shares of what size."""
    state_text: str
    taken_said: str
    left_said: str
    came_back: str
    """What nobody took of a link that has ended."""
    picture: Fruits
    bar: int
    """Which part is taken, in thousandths."""
    message: str
    until: str
    left: str
    audience: str
    operator: str
    line: str
    commitment: str


def view_link(
    link: Link, line: Line, profile: Profile, reader: Reader, taken: Sequence[Taken] = ()
) -> LinkView:
    """Put a link into words; `taken` are its first shares, where they may be told apart."""
    language, is_open = reader.language, link.is_open(reader.at)
    left = Quantity(link.amount - link.taken_amount, link.unit)
    counts = {
        "taken": say_number(link.taken, language),
        "left": say_number(link.shares - link.taken, language),
        "count": say_number(link.shares, language),
    }
    return LinkView(
        id=str(link.id),
        is_open=is_open,
        is_random=link.split is Split.RANDOM,
        has_passcode=link.passcode is not None,
        is_giver_hidden=link.is_giver_hidden,
        unit=link.unit.value,
        amount=say_quantity(Quantity(link.amount, link.unit), language),
        division=say_shares(link, language),
        state_text=_say_state(link, language, is_open=is_open),
        taken_said=translate(
            language,
            "{taken} of {count} shares are taken, {amount} is left",
            amount=say_quantity(left, language),
            **counts,
        )
        if is_open
        else translate(language, "{taken} of {count} shares were taken", **counts),
        came_back="" if is_open or not left.amount else say_quantity(left, language),
        left_said=translate(language, "{left} of {count} shares are left", **counts),
        picture=draw_fruits(link.shares, link.amount, link.taken, taken),
        bar=link.taken * BAR_WIDTH // link.shares,
        message=link.message,
        until=reader.until(link.deadline),
        left=reader.left(link.deadline) if is_open else "",
        audience=say_audience(link.audience, profile, language),
        operator=profile.name.in_language(language),
        line=line_name(line, profile, language),
        commitment=commitment(link.seed).hex(),
    )


def say_audience(audience: Audience, profile: Profile, language: Language) -> str:
    """Say who may take a share; `profile` is that of the giver's operator."""
    match audience:
        case Audience.ANYONE:
            return translate(language, "Anyone with the link")
        case Audience.OPERATOR:
            operator = profile.name.in_language(language)
            return translate(language, "Lines of {operator}", operator=operator)
        case Audience.CONTACTS:
            return translate(language, "Contacts of the giver")
        case Audience.PASSCODE:
            return translate(language, "Whoever knows the passcode")


def _say_state(link: Link, language: Language, *, is_open: bool) -> str:
    if is_open:
        return translate(language, "Open")
    match link.state:
        case LinkState.SPENT:
            return translate(language, "All shares are taken")
        case LinkState.REVOKED:
            return translate(language, "What was left is taken back")
        case LinkState.OPEN | LinkState.EXPIRED:
            return translate(language, "The time is over")
