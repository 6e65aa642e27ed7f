"""A request's life: open, then filled or closed, or over; what friends give to it arrives at once.

Pure: facts and a command in; an outcome and its changes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import assert_never

import msgspec

from yuzuri.feasibility.gift import gift_parts
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.request import judge_request
from yuzuri.feasibility.verdict import Verdict
from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import GiftId, RequestId, home_of, new_id
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.changes import LedgerChange
from yuzuri.sharing.delivery import deliver
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gifts import (
    Gift,
    GiftDone,
    GiftRefused,
    GiftState,
    checked_message,
    refused,
)
from yuzuri.sharing.requests import (
    AskForGift,
    CloseRequest,
    FillRequest,
    Request,
    RequestCommand,
    RequestDone,
    RequestOutcome,
    RequestState,
)

REQUEST_LIFETIME = timedelta(days=7)
"""How long a request is open where nobody says."""


@dataclass(slots=True)
class RequestFacts:
    """What decisions about requests may look at, beside what those about gifts may."""

    gifts: GiftFacts
    requests: dict[RequestId, Request] = field(default_factory=dict)
    changed: set[RequestId] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class RequestDecision:
    """An outcome with what it changes."""

    outcome: RequestOutcome
    ledger: Sequence[LedgerChange] = ()
    request: Request | None = None
    gift: Gift | None = None


def decide_request(facts: RequestFacts, command: RequestCommand) -> RequestDecision:
    """Decide a command about a request; pure."""
    match command:
        case AskForGift():
            return _ask(facts, command)
        case FillRequest():
            return _fill(facts, command)
        case CloseRequest():
            return _close(facts, command)
        case _:
            assert_never(command)


def apply_request_decision(facts: RequestFacts, decision: RequestDecision) -> None:
    """Let what comes after see what was decided."""
    facts.gifts.book.apply(decision.ledger)
    if decision.request is not None:
        facts.requests[decision.request.id] = decision.request
        facts.changed.add(decision.request.id)
    if decision.gift is not None:
        facts.gifts.add_gift(decision.gift)


def preview_fill(facts: RequestFacts, fill: FillRequest) -> Verdict | GiftRefused:
    """Answer what `FillRequest` would be answered with, by the same rules; changes nothing."""
    asked = _question_of(facts, fill)
    return asked if isinstance(asked, GiftRefused) else judge_request(asked)


def _ask(facts: RequestFacts, ask: AskForGift) -> RequestDecision:
    checked_quantity(ask.amount, ask.unit)
    checked_message(ask.message)
    at = facts.gifts.at
    deadline = ask.deadline or at + REQUEST_LIFETIME
    if deadline <= at:
        raise DomainError(Code.DEADLINE_PAST)
    line = facts.gifts.lines.get(ask.line)
    if line is None:
        return RequestDecision(refused(Code.LINE_UNKNOWN))
    if line.person != ask.person:
        return RequestDecision(refused(Code.LINE_NOT_YOURS))
    request = Request(
        id=RequestId(new_id(home_of(ask.line))),
        line=ask.line,
        unit=ask.unit,
        amount=ask.amount,
        message=ask.message,
        asked_at=at,
        deadline=deadline,
    )
    return RequestDecision(RequestDone(request), request=request)


def _fill(facts: RequestFacts, fill: FillRequest) -> RequestDecision:
    question = _question_of(facts, fill)
    if isinstance(question, GiftRefused):
        return RequestDecision(question)
    verdict = judge_request(question)
    if verdict.feasible is not True:
        return RequestDecision(GiftRefused(verdict.refusals, verdict.instead))
    at, request = facts.gifts.at, facts.requests[fill.request]
    gift = Gift(
        id=GiftId(new_id(home_of(fill.line))),
        from_line=fill.line,
        to_line=request.line,
        unit=request.unit,
        amount=fill.amount,
        message=fill.message,
        state=GiftState.ACCEPTED,
        offered_at=at,
        deadline=request.deadline,
        ended_at=at,
        via=request.id,
    )
    filled = request.filled + fill.amount
    is_full = filled == request.amount
    parts = [(holding.allowance, amount, None) for holding, amount in gift_parts(question)]
    return RequestDecision(
        GiftDone(gift, verdict.arrives, verdict.reasons),
        list(deliver(question, gift, parts)),
        msgspec.structs.replace(
            request,
            filled=filled,
            state=RequestState.FILLED if is_full else RequestState.OPEN,
            ended_at=at if is_full else None,
        ),
        gift,
    )


def _question_of(facts: RequestFacts, fill: FillRequest) -> GiftQuestion | GiftRefused:
    """Return what is to be judged where so much is given to a request, or why it cannot be."""
    request, line = facts.requests.get(fill.request), facts.gifts.lines.get(fill.line)
    if request is None or request.state_at(facts.gifts.at) is not RequestState.OPEN:
        return refused(Code.GIFT_REQUEST_UNKNOWN)
    if line is None:
        return refused(Code.LINE_UNKNOWN)
    if line.person != fill.person:
        return refused(Code.LINE_NOT_YOURS)
    amount = checked_quantity(fill.amount, request.unit)
    checked_message(fill.message)
    if fill.amount > request.missing:
        left = Quantity(request.missing, request.unit)
        return refused(Code.GIFT_REQUEST_TOO_MUCH, left=left)
    return facts.gifts.question(line, facts.gifts.lines[request.line], amount)


def _close(facts: RequestFacts, command: CloseRequest) -> RequestDecision:
    request = facts.requests.get(command.request)
    if request is None or facts.gifts.lines[request.line].person != command.person:
        return RequestDecision(refused(Code.GIFT_REQUEST_UNKNOWN))
    if request.state_at(facts.gifts.at) is not RequestState.OPEN:
        return RequestDecision(refused(Code.GIFT_REQUEST_ENDED))
    closed = msgspec.structs.replace(request, state=RequestState.CLOSED, ended_at=facts.gifts.at)
    return RequestDecision(RequestDone(closed), request=closed)
