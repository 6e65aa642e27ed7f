"""A gift's life: offered, then accepted, declined, cancelled or expired; once, and nothing lost.

Pure: facts and a command in; an outcome and its changes out.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from yuzuri.feasibility.arrival import arrivals
from yuzuri.feasibility.gift import gift_parts, judge_acceptance, judge_gift
from yuzuri.feasibility.question import GiftQuestion, Holding
from yuzuri.feasibility.verdict import Arrival, Verdict
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import GiftId, HoldId, PersonId, home_of, new_id
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import (
    LedgerChange,
    OpenHold,
    ReleaseHold,
)
from yuzuri.sharing.authority import authority_to_give, may_see, without_holdings
from yuzuri.sharing.delegations import Act, Action, Delegation
from yuzuri.sharing.delivery import deliver
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    ExpireGift,
    Gift,
    GiftCommand,
    GiftDone,
    GiftOutcome,
    GiftRefused,
    GiftState,
    OfferGift,
    checked_offer,
    refused,
)


@dataclass(frozen=True, slots=True)
class GiftDecision:
    """An outcome with what it changes."""

    outcome: GiftOutcome
    ledger: tuple[LedgerChange, ...] = ()
    gifts: tuple[Gift, ...] = ()
    action: Action | None = None
    """What was done on another's authority."""


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
            return _cancel(facts, command)
        case ExpireGift():
            return _expire(facts, command)
        case _:
            assert_never(command)


def preview_offer(facts: GiftFacts, offer: OfferGift) -> Verdict | GiftRefused:
    """Answer what `OfferGift` would be answered with, by the same rules; changes nothing."""
    offered = _look_at(facts, offer)
    return offered if isinstance(offered, GiftRefused) else offered.verdict


def preview_acceptance(facts: GiftFacts, gift: Gift) -> tuple[Arrival, ...]:
    """Return what would arrive of an open gift, and until when, if it were accepted now."""
    parts = (
        (Holding(facts.book.allowances[hold.allowance], hold.amount), hold.amount)
        for hold in facts.book.open_holds(gift.id)
    )
    return tuple(arrivals(_question_of(facts, gift), parts))


def _question_of(facts: GiftFacts, gift: Gift) -> GiftQuestion:
    giver, receiver = facts.lines[gift.from_line], facts.lines[gift.to_line]
    return facts.question(giver, receiver, gift.quantity)


def _offer(facts: GiftFacts, offer: OfferGift) -> GiftDecision:
    checked_offer(offer)
    offered = _look_at(facts, offer)
    if isinstance(offered, GiftRefused):
        return GiftDecision(offered)
    question, verdict, authority = offered.question, offered.verdict, offered.authority
    if verdict.feasible is not True or verdict.deadline is None:
        return GiftDecision(GiftRefused(verdict.refusals, verdict.instead))
    gift = Gift(
        id=GiftId(new_id(home_of(offer.from_line))),
        from_line=offer.from_line,
        to_line=offer.to_line,
        unit=offer.unit,
        amount=offer.amount,
        message=offer.message,
        state=GiftState.OPEN,
        offered_at=facts.at,
        deadline=verdict.deadline,
        authority=None if authority is None else authority.id,
    )
    action = _done_on(authority, gift, offer.person, Act.GIVE, facts.at)
    parts = list(gift_parts(question))
    refusable = question.giver.rules.refusable
    if refusable is not None and not refusable.value:
        # Where nobody can refuse, nobody needs to accept: it arrives as it is offered.
        arrived = replace(gift, state=GiftState.ACCEPTED, ended_at=facts.at)
        delivery = [(holding.allowance, amount, None) for holding, amount in parts]
        done = GiftDone(arrived, verdict.arrives, verdict.reasons)
        return GiftDecision(done, tuple(deliver(question, gift, delivery)), (arrived,), action)
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
    return GiftDecision(GiftDone(gift, verdict.arrives, verdict.reasons), holds, (gift,), action)


@dataclass(frozen=True, slots=True)
class _Offered:
    question: GiftQuestion
    verdict: Verdict
    authority: Delegation | None


def _look_at(facts: GiftFacts, offer: OfferGift) -> _Offered | GiftRefused:
    """Judge an offer of whoever owns the line, or may give from it."""
    giver, receiver = facts.lines.get(offer.from_line), facts.lines.get(offer.to_line)
    if giver is None or receiver is None:
        return refused(Code.LINE_UNKNOWN)
    question = facts.question(giver, receiver, Quantity(offer.amount, offer.unit))
    if giver.person == offer.person:
        return _Offered(question, judge_gift(question), None)
    delegations = facts.delegations.values()
    authority = authority_to_give(delegations, offer, facts.at)
    if isinstance(authority, Refusal):
        return refused(authority.code, **authority.fields)
    verdict = judge_gift(question)
    if not may_see(delegations, giver.id, offer.person, facts.at):
        verdict = without_holdings(verdict)
    return _Offered(question, verdict, authority)


def _accept(facts: GiftFacts, command: AcceptGift) -> GiftDecision:
    gift = _open_gift(facts, command.gift, command.person, GiftState.ACCEPTED)
    if isinstance(gift, GiftRefused):
        return GiftDecision(gift)
    question = _question_of(facts, gift)
    reasons = judge_acceptance(question)
    if reasons:
        return GiftDecision(GiftRefused(reasons))
    delivery = [
        (facts.book.allowances[hold.allowance], hold.amount, hold.id)
        for hold in facts.book.open_holds(gift.id)
    ]
    accepted = replace(gift, state=GiftState.ACCEPTED, ended_at=facts.at)
    done = GiftDone(accepted, preview_acceptance(facts, gift))
    return GiftDecision(done, tuple(deliver(question, gift, delivery)), (accepted,))


def _end(facts: GiftFacts, gift_id: GiftId, person: PersonId, state: GiftState) -> GiftDecision:
    gift = _open_gift(facts, gift_id, person, state)
    if isinstance(gift, GiftRefused):
        return GiftDecision(gift)
    return _release(facts, gift, state)


def _cancel(facts: GiftFacts, command: CancelGift) -> GiftDecision:
    gift = _open_gift(facts, command.gift, command.person, GiftState.CANCELLED)
    if isinstance(gift, GiftRefused):
        return GiftDecision(gift)
    authority = None
    if facts.lines[gift.from_line].person != command.person:
        authority = _authority_to_cancel(facts, gift, command.person)
    action = _done_on(authority, gift, command.person, Act.CANCEL, facts.at)
    return replace(_release(facts, gift, GiftState.CANCELLED), action=action)


def _authority_to_cancel(facts: GiftFacts, gift: Gift, person: PersonId) -> Delegation | None:
    """Return the delegation that a gift was made on, where a person still acts on it."""
    made_on = None if gift.authority is None else facts.delegations.get(gift.authority)
    if made_on is None or made_on.delegate != person or not made_on.is_active(facts.at):
        return None
    return made_on


def _done_on(
    authority: Delegation | None, gift: Gift, person: PersonId, what: Act, at: datetime
) -> Action | None:
    if authority is None:
        return None
    return Action(
        id=new_id(home_of(authority.id)),
        delegation=authority.id,
        person=person,
        what=what,
        at=at,
        unit=gift.unit,
        amount=gift.amount,
        gift=gift.id,
    )


def _expire(facts: GiftFacts, command: ExpireGift) -> GiftDecision:
    gift = facts.gifts.get(command.gift)
    if gift is None:
        return GiftDecision(refused(Code.GIFT_UNKNOWN))
    if gift.state is not GiftState.OPEN or gift.is_open(facts.at):
        return GiftDecision(refused(Code.GIFT_ENDED, state=gift.state.value))
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
        return refused(Code.GIFT_UNKNOWN)
    giver, receiver = facts.lines[gift.from_line], facts.lines[gift.to_line]
    is_cancel = becomes is GiftState.CANCELLED
    if not (is_cancel and _authority_to_cancel(facts, gift, person)):
        if person not in (giver.person, receiver.person):
            return refused(Code.GIFT_UNKNOWN)
        decides = giver if is_cancel else receiver
        if person != decides.person:
            return refused(Code.GIFT_NOT_YOURS)
    if gift.state is not GiftState.OPEN:
        return refused(Code.GIFT_ENDED, state=gift.state.value)
    if not gift.is_open(facts.at) or not _is_held(facts.book, gift):
        return refused(Code.GIFT_EXPIRED, deadline=gift.deadline)
    return gift


def _is_held(book: Book, gift: Gift) -> bool:
    """Tell whether its amount is still set aside; a clock that was ahead may have freed it."""
    return sum(hold.amount for hold in book.open_holds(gift.id)) == gift.amount
