"""From what was typed to what would come of it: one reading for the form, preview and review."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from yuzuri.feasibility.alternatives import other_services
from yuzuri.feasibility.arrival import offer_lifetime_end
from yuzuri.feasibility.gift import gift_parts
from yuzuri.feasibility.gift_checks import check_offered
from yuzuri.feasibility.question import GiftQuestion, Holding, Party
from yuzuri.feasibility.routes import judge_routes
from yuzuri.feasibility.verdict import Arrival, Effect, Verdict
from yuzuri.kernel.amounts import parse_unit
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, parse_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import LineAccount, load_offer_facts
from yuzuri.sharing.gift_decisions import preview_offer
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gifts import GiftRefused, OfferGift, checked_offer
from yuzuri.subscribers.lines import (
    Line,
    Person,
    find_line,
    lines_of,
    load_people,
    parse_number,
)
from yuzuri.web.amounts import read_amount
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
from yuzuri.words.formats import say_quantity
from yuzuri.words.routes import say_route


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in, kept whatever becomes of it."""

    line: str = ""
    unit: str = Unit.DATA.value
    amount: str = ""
    to_line: str = ""
    """A line picked from a list; empty: `to_number` says to whom."""
    to_number: str = ""
    message: str = ""

    @property
    def is_begun(self) -> bool:
        """Both things are there without which nothing can be said."""
        return bool(self.amount and (self.to_line or self.to_number))


def read_typed(form: Form) -> Typed:
    """Take over what a form has.

    An "instead" button's amount counts before the typed one, and what is typed before what is
    tapped, for the amount as for the receiver.
    """
    unit = form.text("unit") or Unit.DATA.value
    return Typed(
        line=form.text("line"),
        unit=unit,
        amount=form.text("use_amount") or form.text("amount") or form.text(f"chip-{unit}"),
        to_line="" if form.text("to_number") else form.text("to_line"),
        to_number=form.text("to_number"),
        message=form.text("message"),
    )


@dataclass(slots=True)
class Reading:
    """What was typed as an offer, or what of it cannot be understood, by field."""

    typed: Typed
    account: LineAccount
    offer: OfferGift | None = None
    problems: dict[str, Refusal] = field(default_factory=dict)


async def read_offer(yuzuri: Yuzuri, person: Person, account: LineAccount, typed: Typed) -> Reading:
    """Understand the form; every field that cannot be understood has its problem."""
    reading = Reading(typed, account)
    quantity = receiver = None
    try:
        if not typed.amount:
            raise DomainError(Code.AMOUNT_UNREADABLE)  # noqa: TRY301 - one way to keep a problem
        quantity = read_amount(typed.amount, parse_unit(typed.unit))
    except DomainError as error:
        reading.problems["amount"] = error.refusal
    try:
        receiver = await _receiver(yuzuri, person, account.line, typed)
    except DomainError as error:
        reading.problems["to_number"] = error.refusal
    try:
        checked_offer(_offer(person, account.line, account.line.id, Quantity(1, Unit.SMS), typed))
    except DomainError as error:
        reading.problems["message"] = error.refusal
    if quantity is not None and receiver is not None and not reading.problems:
        reading.offer = checked_offer(_offer(person, account.line, receiver, quantity, typed))
    return reading


def _offer(
    person: Person, line: Line, receiver: HolderId, quantity: Quantity, typed: Typed
) -> OfferGift:
    return OfferGift(
        person=person.id,
        from_line=line.id,
        to_line=receiver,
        unit=quantity.unit,
        amount=quantity.amount,
        message=typed.message,
    )


async def _receiver(yuzuri: Yuzuri, person: Person, giver: Line, typed: Typed) -> HolderId:
    """Find the line that was picked or typed as a number.

    Only one's own lines can be picked, and in the demo everybody's.
    """
    if typed.to_line:
        async with yuzuri.database.connection() as connection:
            own = {str(line.id) for line in await lines_of(connection, person.id)}
        picked = HolderId(parse_id(typed.to_line, Code.LINE_UNKNOWN))
        if str(picked) not in own and not yuzuri.settings.demo:
            raise DomainError(Code.LINE_UNKNOWN)
        return picked
    if not typed.to_number:
        raise DomainError(Code.NUMBER_UNREADABLE)
    number = parse_number(typed.to_number, yuzuri.profiles[giver.operator].country)
    async with yuzuri.database.connection() as connection:
        return await find_line(connection, number)


@dataclass(frozen=True, slots=True)
class Part:
    """So much, until when, and in which hours of the day only, if any."""

    amount: str
    until: str
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """Another route that is open to the two lines, and the page where it begins."""

    name: str
    path: str


_WAYS = {"pool": "/pools", "delegation": "/delegations", "tank": "/tanks"}
"""Where the routes begin that are no gifts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would come of an offer, in words."""

    feasible: bool
    amount: str
    receiver: str = ""
    arrives: tuple[Part, ...] = ()
    is_arrival_known: bool = True
    accept_until: str = ""
    """Empty: it arrives at once, and nobody can decline it."""
    returns: tuple[Part, ...] = ()
    lost: str = ""
    """What of it will be over for the giver too if nobody accepts it."""
    left: str = ""
    owner: str = ""
    """On whose authority it would be given; empty: it is one's own line."""
    notes: tuple[Told, ...] = ()
    reasons: tuple[Told, ...] = ()
    instead: tuple[InsteadView, ...] = ()
    ways: tuple[Way, ...] = ()


async def preview(yuzuri: Yuzuri, reading: Reading, reader: Reader) -> Preview:
    """Say what would come of an offer, by the same rules that will decide it."""
    offer = reading.offer
    assert offer is not None
    async with yuzuri.database.connection() as connection:
        facts = await load_offer_facts(connection, yuzuri.profiles, offer, reader.at)
        receiver_line = facts.lines.get(offer.to_line)
        people = await load_people(connection, [receiver_line.person] if receiver_line else [])
    answer = preview_offer(facts, offer)
    amount = say_quantity(Quantity(offer.amount, offer.unit), reader.language, exact=True)
    if isinstance(answer, GiftRefused):
        return refused_preview(answer, offer, reader)
    if answer.feasible is not True:
        refused = refused_preview(answer, offer, reader)
        return replace(refused, ways=_other_ways(facts, offer, reader))
    # A name is shown for a line that was picked; a number that was typed is not turned into one.
    receiver = facts.lines[offer.to_line]
    name = show_number(receiver.number)
    if receiver.person == offer.person:
        name = line_name(receiver, yuzuri.profiles[receiver.operator], reader.language)
    elif reading.typed.to_line:
        name = people[receiver.person].nickname
    return _open_preview(facts, offer, answer, name, amount, reader)


def refused_preview(answer: GiftRefused | Verdict, offer: OfferGift, reader: Reader) -> Preview:
    """Say why an offer is not possible, and what would be."""
    reasons = answer.reasons if isinstance(answer, GiftRefused) else answer.refusals
    return Preview(
        feasible=False,
        amount=say_quantity(Quantity(offer.amount, offer.unit), reader.language, exact=True),
        reasons=tuple(tell_reason(reason, reader) for reason in reasons),
        instead=tuple(tell_instead(instead, offer.unit, reader) for instead in answer.instead),
    )


def _other_ways(facts: GiftFacts, offer: OfferGift, reader: Reader) -> tuple[Way, ...]:
    giver, receiver = facts.lines[offer.from_line], facts.lines[offer.to_line]
    question = facts.question(giver, receiver, Quantity(offer.amount, offer.unit))
    return tuple(
        Way(say_route(verdict.route, reader.language), _WAYS[verdict.route])
        for verdict in judge_routes(question)
        if verdict.feasible is True and verdict.route in _WAYS
    )


def _open_preview(
    facts: GiftFacts, offer: OfferGift, verdict: Verdict, name: str, amount: str, reader: Reader
) -> Preview:
    giver, receiver = facts.lines[offer.from_line], facts.lines[offer.to_line]
    question = facts.question(giver, receiver, Quantity(offer.amount, offer.unit))
    refusable = question.giver.rules.refusable
    waits = refusable is None or refusable.value
    parts = list(gift_parts(question))
    deadline = verdict.deadline or offer_lifetime_end(question)
    returns, lost = unclaimed(parts, deadline)
    left = sum(holding.available for holding in question.usable()) - offer.amount

    def say_amount(units: int) -> str:
        return say_quantity(Quantity(units, offer.unit), reader.language, exact=True)

    return Preview(
        feasible=True,
        amount=amount,
        receiver=name,
        arrives=say_arrivals(verdict.arrives, reader),
        is_arrival_known=all(arrival.is_known for arrival in verdict.arrives),
        accept_until=reader.until(deadline) if waits else "",
        returns=tuple(
            Part(say_amount(given), reader.until(end), hours)
            for (end, hours), given in returns.items()
        ),
        lost=say_amount(lost) if lost and returns else "",
        left=say_quantity(Quantity(left, offer.unit), reader.language),
        notes=tuple(
            tell_reason(reason, reader)
            for reason in verdict.reasons
            if reason.effect is Effect.NOTES
            # Where a part of it would come back, `lost` says exactly what would not.
            and not (reason.code is Code.GIFT_EXPIRES_UNCLAIMED and returns)
        ),
    )


def unclaimed(
    parts: Iterable[tuple[Holding, int]], deadline: datetime
) -> tuple[dict[tuple[datetime | None, str], int], int]:
    """Return what comes back if nobody accepts, by end and hours; and how much is over by then."""
    returns: dict[tuple[datetime | None, str], int] = {}
    lost = 0
    for holding, given in parts:
        ends = holding.allowance.expires_at
        if ends is not None and ends <= deadline:
            lost += given
        else:
            key = (ends, str(holding.allowance.hours or ""))
            returns[key] = returns.get(key, 0) + given
    return returns, lost


def closed_line(profiles: Profiles, account: LineAccount, reader: Reader) -> Preview | None:
    """Say why nothing can be given from a line, whatever to whomever; None: something can."""
    profile = profiles[account.line.operator]
    party = Party(profile, find_plan(profile, account.line.plan), account.line.activated_at)
    if party.rules.offered is not None and party.rules.offered.value:
        return None
    question = GiftQuestion(
        giver=party,
        receiver=Party(profile),
        quantity=Quantity(10**9, Unit.DATA),
        at=reader.at,
    )
    return Preview(
        feasible=False,
        amount="",
        reasons=tuple(tell_reason(reason, reader) for reason in check_offered(question)),
        instead=tuple(
            tell_instead(instead, Unit.DATA, reader) for instead in other_services(question)
        ),
    )


def say_arrivals(arrives: Iterable[Arrival], reader: Reader) -> tuple[Part, ...]:
    """Put what would arrive into words; what can be used at night only is said apart."""
    return tuple(
        Part(
            say_quantity(arrival.quantity, reader.language, exact=True),
            reader.until(arrival.expires_at),
            str(arrival.hours or ""),
        )
        for arrival in arrives
    )


def problems_told(problems: Mapping[str, Refusal], reader: Reader) -> dict[str, Told]:
    """Put the problems of a form into words, by field."""
    return {name: tell_refusal(problem, reader) for name, problem in problems.items()}
