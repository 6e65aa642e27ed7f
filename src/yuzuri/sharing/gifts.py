"""A gift's life: offered, then accepted, declined, cancelled or expired; once, and nothing lost.

While a gift is open its amount is set aside by holds on the giver's own buckets, so what is not
taken is back where it was, with its own expiry, at the moment it ends. All decisions are pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

import msgspec

from yuzuri.feasibility.arrival import arrivals, received_terms
from yuzuri.feasibility.gift import gift_parts, judge_acceptance, judge_gift
from yuzuri.feasibility.question import GiftQuestion, Holding, Party, PastGift, Relation
from yuzuri.feasibility.verdict import Arrival, Effect, Instead, Reason, Verdict
from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.errors import Code, DomainError, FieldValue
from yuzuri.kernel.ids import GiftId, HolderId, HoldId, PersonId, TransferId, new_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance, received_allowance
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import (
    HOUSE,
    House,
    LedgerChange,
    NewAllowance,
    OpenHold,
    ReleaseHold,
    Transfer,
    TransferKind,
)
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.subscribers.lines import Line

MESSAGE_LENGTH_MAX = 200
"""Characters of the message that goes with a gift."""


class GiftState(StrEnum):
    """Where a gift stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """So much from one line to another, with a message; `amount` in base units."""

    id: GiftId
    from_line: HolderId
    to_line: HolderId
    unit: Unit
    amount: int
    message: str
    state: GiftState
    offered_at: datetime
    deadline: datetime
    ended_at: datetime | None = None

    @property
    def quantity(self) -> Quantity:
        """What is given."""
        return Quantity(self.amount, self.unit)

    def is_open(self, at: datetime) -> bool:
        """Tell whether it can still be accepted; at its deadline it is too late."""
        return self.state is GiftState.OPEN and at < self.deadline


# ---------------------------------------------------------------- commands


class OfferGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Offer something of a line that the person has to another line."""

    person: PersonId
    from_line: HolderId
    to_line: HolderId
    unit: Unit
    amount: int
    message: str = ""


class AcceptGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take a gift that was offered to a line of the person."""

    person: PersonId
    gift: GiftId


class DeclineGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Turn a gift down that was offered to a line of the person."""

    person: PersonId
    gift: GiftId


class CancelGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take a gift back that a line of the person has offered, while nobody has accepted it."""

    person: PersonId
    gift: GiftId


class ExpireGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Mark a gift as expired whose deadline has passed; what it held has been free since then."""

    gift: GiftId


GiftCommand = OfferGift | AcceptGift | DeclineGift | CancelGift | ExpireGift


def checked_offer(offer: OfferGift) -> OfferGift:
    """Return an offer that can be understood, or raise `DomainError`."""
    checked_quantity(offer.amount, offer.unit)
    if len(offer.message) > MESSAGE_LENGTH_MAX:
        raise DomainError(Code.MESSAGE_TOO_LONG, limit=MESSAGE_LENGTH_MAX)
    if "\0" in offer.message:
        raise DomainError(Code.REQUEST_INVALID, field="message", problem="U+0000 is no text")
    return offer


# ---------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True)
class GiftDone:
    """The gift as the command has left it, what arrives or arrived, and what one should know."""

    gift: Gift
    arrives: tuple[Arrival, ...] = ()
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class GiftRefused:
    """Nothing has changed; every reason, the deciding ones first, and what would work instead."""

    reasons: tuple[Reason, ...]
    instead: tuple[Instead, ...] = ()


GiftOutcome = GiftDone | GiftRefused


@dataclass(frozen=True, slots=True)
class GiftDecision:
    """An outcome with what it changes."""

    outcome: GiftOutcome
    ledger: tuple[LedgerChange, ...] = ()
    gifts: tuple[Gift, ...] = ()


# ---------------------------------------------------------------- facts


@dataclass(slots=True)
class GiftFacts:
    """What decisions about gifts may look at; `past` has a line's gifts that limits count."""

    book: Book
    profiles: Profiles
    lines: Mapping[HolderId, Line]
    linked: Mapping[HolderId, frozenset[str]]
    gifts: dict[GiftId, Gift] = field(default_factory=dict)
    past: dict[HolderId, dict[GiftId, Gift]] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """The instant of the decision."""
        return self.book.at

    def add_gift(self, gift: Gift) -> None:
        """Take in a gift as it now stands."""
        self.gifts[gift.id] = gift
        self.add_past(gift)

    def add_past(self, gift: Gift) -> None:
        """Take in a gift that only limits look at."""
        for line in (gift.from_line, gift.to_line):
            self.past.setdefault(line, {})[gift.id] = gift

    def question(self, giver: Line, receiver: Line, quantity: Quantity) -> GiftQuestion:
        """Put the question of feasibility with everything that is known."""
        return GiftQuestion(
            giver=self._party(giver),
            receiver=self._party(receiver),
            quantity=quantity,
            at=self.at,
            relation=self._relation(giver, receiver),
            holdings=tuple(
                Holding(self.book.allowances[bucket.allowance], bucket.available)
                for bucket in self.book.buckets_of(giver.id)
                if bucket.available
            ),
            sent=self._past(giver, sent=True),
            received=self._past(receiver, sent=False),
            receiver_has=tuple(
                allowance for _, allowance in self.book.holdings(receiver.id, quantity.unit)
            ),
        )

    def _party(self, line: Line) -> Party:
        profile = self.profiles[line.operator]
        return Party(profile, find_plan(profile, line.plan), line.activated_at)

    def _relation(self, giver: Line, receiver: Line) -> Relation:
        def shared(one: str | None, other: str | None) -> bool:
            return one is not None and one == other

        same_operator = giver.operator == receiver.operator
        return Relation(
            same_line=giver.id == receiver.id,
            same_account=same_operator and shared(giver.account, receiver.account),
            billing_group=same_operator and shared(giver.billing_group, receiver.billing_group),
            linked=receiver.number in self.linked.get(giver.id, frozenset()),
        )

    def _past(self, line: Line, *, sent: bool) -> tuple[PastGift, ...]:
        """Return what counts towards limits: sent, open or accepted; received, accepted only."""
        return tuple(
            PastGift(gift.quantity, gift.offered_at if sent else gift.ended_at or self.at, is_open)
            for gift in self.past.get(line.id, {}).values()
            for is_open in (gift.is_open(self.at),)
            if (gift.from_line if sent else gift.to_line) == line.id
            and (gift.state is GiftState.ACCEPTED or (sent and is_open))
        )


# ---------------------------------------------------------------- decisions


def decide_gift(facts: GiftFacts, command: GiftCommand) -> GiftDecision:
    """Decide a command about a gift; pure."""
    match command:
        case OfferGift():
            return _offer(facts, command)
        case AcceptGift():
            return _accept(facts, command)
        case DeclineGift():
            return _end(facts, command.gift, command.person, GiftState.DECLINED)
        case CancelGift():
            return _end(facts, command.gift, command.person, GiftState.CANCELLED)
        case ExpireGift():
            return _expire(facts, command)
        case _:
            assert_never(command)


def preview_offer(facts: GiftFacts, offer: OfferGift) -> Verdict | GiftRefused:
    """Answer what `OfferGift` would be answered with, by the same rules; changes nothing."""
    lines = _lines_of_offer(facts, offer)
    if isinstance(lines, GiftRefused):
        return lines
    return judge_gift(facts.question(*lines, Quantity(offer.amount, offer.unit)))


def _offer(facts: GiftFacts, offer: OfferGift) -> GiftDecision:
    checked_offer(offer)
    lines = _lines_of_offer(facts, offer)
    if isinstance(lines, GiftRefused):
        return GiftDecision(lines)
    question = facts.question(*lines, Quantity(offer.amount, offer.unit))
    verdict = judge_gift(question)
    if verdict.feasible is not True or verdict.deadline is None:
        return GiftDecision(GiftRefused(verdict.refusals, verdict.instead))
    gift = Gift(
        id=GiftId(new_id()),
        from_line=offer.from_line,
        to_line=offer.to_line,
        unit=offer.unit,
        amount=offer.amount,
        message=offer.message,
        state=GiftState.OPEN,
        offered_at=facts.at,
        deadline=verdict.deadline,
    )
    parts = list(gift_parts(question))
    refusable = question.giver.rules.refusable
    if refusable is not None and not refusable.value:
        # Where nobody can refuse, nobody needs to accept: it arrives as it is offered.
        arrived = replace(gift, state=GiftState.ACCEPTED, ended_at=facts.at)
        delivery = [(holding.allowance, amount, None) for holding, amount in parts]
        done = GiftDone(arrived, verdict.arrives, verdict.reasons)
        return GiftDecision(done, tuple(_deliver(question, gift, delivery)), (arrived,))
    holds = tuple(
        OpenHold(
            id=HoldId(new_id()),
            holder=offer.from_line,
            allowance=holding.allowance.id,
            amount=amount,
            cause=gift.id,
            expires_at=gift.deadline,
        )
        for holding, amount in parts
    )
    return GiftDecision(GiftDone(gift, verdict.arrives, verdict.reasons), holds, (gift,))


def _lines_of_offer(facts: GiftFacts, offer: OfferGift) -> tuple[Line, Line] | GiftRefused:
    giver, receiver = facts.lines.get(offer.from_line), facts.lines.get(offer.to_line)
    if giver is None or receiver is None:
        return _refused(Code.LINE_UNKNOWN)
    if giver.person != offer.person:
        return _refused(Code.LINE_NOT_YOURS)
    return giver, receiver


def _accept(facts: GiftFacts, command: AcceptGift) -> GiftDecision:
    gift = _open_gift(facts, command.gift, command.person, GiftState.ACCEPTED)
    if isinstance(gift, GiftRefused):
        return GiftDecision(gift)
    giver, receiver = facts.lines[gift.from_line], facts.lines[gift.to_line]
    question = facts.question(giver, receiver, gift.quantity)
    reasons = judge_acceptance(question)
    if reasons:
        return GiftDecision(GiftRefused(reasons))
    delivery = [
        (facts.book.allowances[hold.allowance], hold.amount, hold.id)
        for hold in facts.book.open_holds(gift.id)
    ]
    accepted = replace(gift, state=GiftState.ACCEPTED, ended_at=facts.at)
    arrives = tuple(
        arrivals(
            question, ((Holding(allowance, amount), amount) for allowance, amount, _ in delivery)
        )
    )
    return GiftDecision(
        GiftDone(accepted, arrives), tuple(_deliver(question, gift, delivery)), (accepted,)
    )


def _deliver(
    question: GiftQuestion, gift: Gift, parts: Iterable[tuple[Allowance, int, HoldId | None]]
) -> Iterator[LedgerChange]:
    """Yield the changes that bring each part to the receiver on the terms of the rules.

    What is received is another kind of allowance, so each part goes through the house: two
    transfers, both or neither.
    """
    house = HOUSE[House.CONVERTED]
    for given, amount, hold in parts:
        terms = received_terms(question, given)
        received = received_allowance(given, terms.expires_at, terms.expiry_rule)
        yield NewAllowance(allowance=received)
        for allowance, source, target, captured in (
            (given, gift.from_line, house, hold),
            (received, house, gift.to_line, None),
        ):
            yield Transfer(
                id=TransferId(new_id()),
                allowance=allowance.id,
                source=source,
                target=target,
                amount=amount,
                kind=TransferKind.GIFT,
                cause=gift.id,
                hold=captured,
            )


def _end(facts: GiftFacts, gift_id: GiftId, person: PersonId, state: GiftState) -> GiftDecision:
    gift = _open_gift(facts, gift_id, person, state)
    if isinstance(gift, GiftRefused):
        return GiftDecision(gift)
    return _release(facts, gift, state)


def _expire(facts: GiftFacts, command: ExpireGift) -> GiftDecision:
    gift = facts.gifts.get(command.gift)
    if gift is None:
        return GiftDecision(_refused(Code.GIFT_UNKNOWN))
    if gift.state is not GiftState.OPEN or gift.is_open(facts.at):
        return GiftDecision(_refused(Code.GIFT_ENDED, state=gift.state.value))
    return _release(facts, gift, GiftState.EXPIRED)


def _release(facts: GiftFacts, gift: Gift, state: GiftState) -> GiftDecision:
    ended = replace(gift, state=state, ended_at=facts.at)
    releases = tuple(ReleaseHold(id=hold.id) for hold in facts.book.open_holds(gift.id))
    return GiftDecision(GiftDone(ended), releases, (ended,))


def _open_gift(
    facts: GiftFacts, gift_id: GiftId, person: PersonId, becomes: GiftState
) -> Gift | GiftRefused:
    """Return a gift that this person may bring to this end now, or why not."""
    gift = facts.gifts.get(gift_id)
    if gift is None:
        return _refused(Code.GIFT_UNKNOWN)
    giver, receiver = facts.lines[gift.from_line], facts.lines[gift.to_line]
    if person not in (giver.person, receiver.person):
        return _refused(Code.GIFT_UNKNOWN)
    decides = giver if becomes is GiftState.CANCELLED else receiver
    if person != decides.person:
        return _refused(Code.GIFT_NOT_YOURS)
    if gift.state is not GiftState.OPEN:
        return _refused(Code.GIFT_ENDED, state=gift.state.value)
    if not gift.is_open(facts.at) or not _is_held(facts.book, gift):
        return _refused(Code.GIFT_EXPIRED, deadline=gift.deadline)
    return gift


def _is_held(book: Book, gift: Gift) -> bool:
    """Tell whether its amount is still set aside; a clock that was ahead may have freed it."""
    return sum(hold.amount for hold in book.open_holds(gift.id)) == gift.amount


def _refused(code: Code, **fields: FieldValue) -> GiftRefused:
    return GiftRefused((Reason(code, Effect.REFUSES, fields),))
