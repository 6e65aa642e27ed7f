"""What somebody sees who opens a posted link, and taking a share of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from litestar import Response, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, LinkId, parse_id
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.opening import take_share
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_decisions import TakePreview
from yuzuri.sharing.link_draws import share_sizes
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.link_views import load_open_link, load_take_previews
from yuzuri.sharing.links import Link, Split, TakeShare
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
from yuzuri.web.link_views import view_link
from yuzuri.web.offers import say_arrivals
from yuzuri.web.opening import Opened, nothing_opened, opening, trier_of
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import answered, form_key, new_key
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.formats import say_number, say_quantity
from yuzuri.words.translations import translate

_OF_PASSCODE = {Code.PASSCODE_MISSING, Code.PASSCODE_WRONG, Code.PASSCODE_CLOSED}
_UNOPENED = {Code.LINK_UNKNOWN, Code.LINK_TAKEN, Code.TOO_MANY_TRIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakerView:
    """A line of the reader's, with what would arrive there or why it cannot take a share."""

    line: str
    name: str
    operator: str
    number: str
    can_take: bool
    arrives: str = ""
    reasons: tuple[Told, ...] = ()
    instead: tuple[InsteadView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was chosen on the form, and why it was not done."""

    line: str = ""
    hides_name: bool = False
    refusals: tuple[Told, ...] = ()
    problems: Mapping[str, Told] = field(default_factory=dict)
    status: int = 200


async def show_opened_link(opened: Opened) -> Response[str]:
    """Show what a link offers, and which of the reader's lines can take a share."""
    return await _link_page(opened, Choices())


@post("/l/take", status_code=200)
async def take_from_link(request: AnyRequest, visit: Visit, form: Form) -> Response[str] | Redirect:
    """Take a share to the line that was chosen; the same form sent twice takes once."""
    person, yuzuri = visit.person, yuzuri_of(request)
    if person is None:
        return see_other(visit, "/sign-in?then=/l")
    secret, reader = form.text("secret"), Reader.of_world(visit.language, yuzuri.clock())
    chosen, hides_name = form.text("line"), bool(form.text("hides_name"))

    def take(link: LinkId) -> TakeShare:
        return TakeShare(
            person=person.id,
            line=HolderId(parse_id(chosen, Code.LINE_UNKNOWN)),
            link=link,
            passcode=form.text("passcode"),
            hides_name=hides_name,
        )

    try:
        key, trier = form_key("take", form.text("key")), trier_of(request, visit)
        outcome = await answered(lambda: take_share(yuzuri, trier, secret, key, take))
    except DomainError as error:
        refusals = [error.refusal]
    else:
        if isinstance(outcome, GiftDone):
            return see_other(visit, f"/gifts/{outcome.gift.id}?done=taken")
        refusals = [Refusal(reason.code, reason.fields) for reason in outcome.reasons]
    if refusals[0].code in _UNOPENED:
        return nothing_opened(request, visit, refusals[0])
    told = tuple(tell_refusal(refusal, reader) for refusal in refusals)
    is_of_passcode = refusals[0].code in _OF_PASSCODE
    choices = Choices(
        line=chosen,
        hides_name=hides_name,
        refusals=() if is_of_passcode else told,
        problems={"passcode": told[0]} if is_of_passcode else {},
        status=409,
    )
    try:
        async with opening(request, visit, secret, SecretKind.LINK) as opened:
            return await _link_page(opened, choices)
    except DomainError as error:
        return nothing_opened(request, visit, error.refusal)


async def _link_page(opened: Opened, choices: Choices) -> Response[str]:
    yuzuri, visit, link_id = opened.yuzuri, opened.visit, LinkId(opened.target.id)
    at, profiles, person = yuzuri.clock(), yuzuri.profiles, visit.person
    previews: Sequence[TakePreview] = ()
    async with yuzuri.database.connection() as connection:
        found = await load_open_link(connection, link_id, at)
        if person is not None:
            previews = await load_take_previews(connection, profiles, person.id, link_id, at)
    if any(preview.refused and _is_taken(preview.refused) for preview in previews):
        raise DomainError(Code.LINK_TAKEN)
    if found is None:
        raise DomainError(Code.LINK_UNKNOWN)
    profile = profiles[found.line.operator]
    reader = Reader(visit.language, profile.zone, at)
    takers = [_view_taker(preview, found.link, profiles, reader) for preview in previews]
    takers.sort(key=lambda taker: not taker.can_take)
    able = [taker.line for taker in takers if taker.can_take]
    instead = {choice.text: choice for taker in takers for choice in taker.instead}
    size, division = _say_offer(found.link, reader)
    return page(
        visit,
        "opened_link.html",
        status=choices.status,
        link=view_link(found.link, found.line, profile, reader),
        size=size,
        division=division,
        giver=found.giver.nickname if found.giver else "",
        is_mine=person is not None and found.line.person == person.id,
        takers=takers,
        chosen=choices.line if choices.line in able else next(iter(able), ""),
        instead=tuple(instead.values()),
        hides_name=choices.hides_name,
        refusals=choices.refusals,
        problems=choices.problems,
        secret=opened.secret,
        key=new_key(),
    )


def _is_taken(refused: GiftRefused) -> bool:
    return refused.reasons[0].code is Code.LINK_TAKEN


def _view_taker(preview: TakePreview, link: Link, profiles: Profiles, reader: Reader) -> TakerView:
    line, refused = preview.line, preview.refused
    profile = profiles[line.operator]
    own = Reader(reader.language, profile.zone, reader.at)
    if refused is not None:
        reasons, instead = refused.reasons, refused.instead
    else:
        reasons, instead = (), ()
    return TakerView(
        line=str(line.id),
        name=line_name(line, profile, reader.language),
        operator=profile.name.in_language(reader.language),
        number=show_number(line.number),
        can_take=refused is None,
        arrives=_say_arrival(preview, link, own),
        reasons=tuple(tell_reason(reason, own) for reason in reasons),
        instead=tuple(tell_instead(choice, link.unit, own) for choice in instead),
    )


def _say_arrival(preview: TakePreview, link: Link, reader: Reader) -> str:
    """Say what would arrive and until when; of a draw only until when."""
    parts = say_arrivals(preview.arrives, reader)
    if link.split is Split.RANDOM and link.shares > 1:
        ends = dict.fromkeys(f"{part.until} {part.hours}".strip() for part in parts)
        return translate(
            reader.language, "what arrives can be used {until}", until=" · ".join(ends)
        )
    return " · ".join(f"{part.amount} {part.until} {part.hours}".strip() for part in parts)


def _say_offer(link: Link, reader: Reader) -> tuple[str, str]:
    """Say how much a share is, and of how much it is one."""
    language = reader.language
    whole = say_quantity(Quantity(link.amount, link.unit), language, exact=True)
    if link.shares == 1:
        return whole, translate(language, "For one person")
    count = say_number(link.shares, language)
    if link.split is Split.EQUAL:
        next_one = Quantity(share_sizes(link)[link.taken], link.unit)
        size = say_quantity(next_one, language, exact=True)
        return size, translate(language, "one of {count} shares", count=count)
    least = say_quantity(Quantity(link.least, link.unit), language, exact=True)
    return whole, translate(
        language,
        "shared among {count} by chance, {least} or more for each",
        count=count,
        least=least,
    )
