"""A posted link's life: open, then spent, revoked or expired; each share goes to one person, once.

Pure: facts and a command in; an outcome and its changes out.
"""

import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import assert_never

import msgspec

from yuzuri.feasibility.alternatives import other_services
from yuzuri.feasibility.arrival import arrivals
from yuzuri.feasibility.gift import gift_parts
from yuzuri.feasibility.link import judge_posting, judge_taking
from yuzuri.feasibility.question import GiftQuestion, Holding
from yuzuri.feasibility.reasons import of_unit
from yuzuri.feasibility.verdict import Arrival, Instead
from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import GiftId, HoldId, LinkId, home_of, new_id
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.book import Hold
from yuzuri.ledger.changes import LedgerChange, OpenHold, ReleaseHold
from yuzuri.sharing.delivery import deliver
from yuzuri.sharing.gifts import (
    Gift,
    GiftDone,
    GiftRefused,
    GiftState,
    checked_message,
    refused,
)
from yuzuri.sharing.link_draws import SEED_LENGTH, share_sizes
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.links import (
    PASSCODE_TRIES_MAX,
    SHARES_MAX,
    TAKES_PER_DAY_MAX,
    Audience,
    ExpireLink,
    Link,
    LinkCommand,
    LinkDone,
    LinkOutcome,
    LinkState,
    PostLink,
    RevokeLink,
    Split,
    Taker,
    TakeShare,
)
from yuzuri.subscribers.lines import Line


@dataclass(frozen=True, slots=True)
class LinkDecision:
    """An outcome with what it changes."""

    outcome: LinkOutcome
    ledger: Sequence[LedgerChange] = ()
    link: Link | None = None
    taker: Taker | None = None
    gift: Gift | None = None


def decide_link(facts: LinkFacts, command: LinkCommand) -> LinkDecision:
    """Decide a command about a link; pure."""
    match command:
        case TakeShare():
            return _take(facts, command)
        case PostLink():
            return _post(facts, command)
        case RevokeLink():
            return _revoke(facts, command)
        case ExpireLink():
            return _expire(facts, command)
        case _:
            assert_never(command)


def apply_link_decision(facts: LinkFacts, decision: LinkDecision) -> None:
    """Let what comes after see what was decided."""
    facts.gifts.book.apply(decision.ledger)
    if decision.link is not None:
        facts.put_link(decision.link)
    if decision.taker is not None:
        facts.put_taker(decision.taker)
    if decision.gift is not None:
        facts.gifts.add_gift(decision.gift)


# ---------------------------------------------------------------- posting


def checked_post(post: PostLink) -> PostLink:
    """Return a post that can be understood, or raise `DomainError`."""
    checked_quantity(post.amount, post.unit)
    checked_message(post.message)
    if post.shares < 1:
        raise DomainError(Code.REQUEST_INVALID, field="shares", problem="at least 1")
    if post.shares > SHARES_MAX:
        raise DomainError(Code.LINK_TOO_MANY_SHARES, limit=SHARES_MAX)
    if post.least is not None and post.least < 1:
        raise DomainError(Code.REQUEST_INVALID, field="least", problem="at least 1")
    if post.line_age_days_min < 0:
        raise DomainError(Code.REQUEST_INVALID, field="line_age_days_min", problem="at least 0")
    if post.audience is Audience.PASSCODE and not _spelled(post.passcode):
        raise DomainError(Code.PASSCODE_MISSING)
    return post


def _post(facts: LinkFacts, post: PostLink) -> LinkDecision:
    checked_post(post)
    at, gifts = facts.gifts.at, facts.gifts
    if post.deadline is not None and post.deadline <= at:
        raise DomainError(Code.DEADLINE_PAST)
    line = gifts.lines.get(post.line)
    if line is None:
        return LinkDecision(refused(Code.LINE_UNKNOWN))
    if line.person != post.person:
        return LinkDecision(refused(Code.LINE_NOT_YOURS))
    whole = Quantity(post.amount, post.unit)
    # Nobody in particular receives it: what bears on the receiver is asked when it is taken.
    question = replace(gifts.question(line, line, whole), count=post.shares)
    terms = _terms(question, post)
    most = post.amount // terms.least
    if post.shares > most:
        least = Quantity(terms.least, post.unit)
        return LinkDecision(refused(Code.LINK_TOO_MANY_SHARES, limit=most, least=least))
    verdict = judge_posting(question, terms.extreme_sizes)
    if verdict.feasible is not True or verdict.deadline is None:
        return LinkDecision(GiftRefused(verdict.refusals, verdict.instead))
    link_id = LinkId(new_id(home_of(post.line)))
    link = Link(
        id=link_id,
        line=post.line,
        unit=post.unit,
        amount=post.amount,
        shares=post.shares,
        split=post.split,
        least=terms.extreme_sizes(post.amount)[0],
        step=terms.step,
        seed=secrets.token_bytes(SEED_LENGTH),
        audience=post.audience,
        passcode=(_digest(link_id, post.passcode) if post.audience is Audience.PASSCODE else None),
        line_age_days_min=post.line_age_days_min,
        message=post.message,
        is_giver_hidden=post.is_giver_hidden,
        posted_at=at,
        deadline=min(post.deadline or verdict.deadline, verdict.deadline),
    )
    holds = tuple(
        OpenHold(
            id=HoldId(new_id()),
            holder=post.line,
            allowance=holding.allowance.id,
            amount=amount,
            cause=link.id,
            expires_at=link.deadline,
        )
        for holding, amount in gift_parts(question)
    )
    return LinkDecision(LinkDone(link, verdict.reasons), holds, link)


@dataclass(frozen=True, slots=True)
class _Terms:
    """How an amount is to be divided."""

    split: Split
    shares: int
    step: int
    least: int
    """Shares are never made smaller."""

    def extreme_sizes(self, amount: int) -> tuple[int, ...]:
        """Return the smallest size and those others that decide whether all may be given.

        None where there are too many shares for the amount.
        """
        if amount < self.shares * self.least:
            return ()
        uneven = amount % self.step  # somebody would get this too
        if self.split is Split.EQUAL:
            steps, more = divmod(amount // self.step, self.shares)
            smallest, largest = steps * self.step, (steps + (more > 0)) * self.step
            return tuple(sorted({smallest, largest + uneven}))
        if self.shares == 1:
            return (amount,)
        free = amount - uneven - self.shares * self.least
        between = self.least + min(free, self.step)
        return tuple(sorted({self.least, between, self.least + free + uneven}))


def _terms(question: GiftQuestion, post: PostLink) -> _Terms:
    """Return what the operator's step and minimum, and the giver, make of a post."""
    rules = question.giver.rules
    step = of_unit(rules.step, question) or 1
    smallest = max(of_unit(rules.minimum, question) or step, step)
    least = step if post.split is Split.EQUAL else max(post.least or smallest, smallest)
    return _Terms(post.split, post.shares, step, -(-least // step) * step)


def _spelled(passcode: str) -> str:
    """Return a passcode without what people cannot see: spaces around it, wide characters."""
    return unicodedata.normalize("NFKC", passcode).strip()


def _digest(link: LinkId, passcode: str) -> bytes:
    return sha256(link + _spelled(passcode).encode()).digest()


# ---------------------------------------------------------------- taking


def _take(facts: LinkFacts, take: TakeShare) -> LinkDecision:
    link, line = facts.links.get(take.link), facts.gifts.lines.get(take.line)
    if link is None:
        return LinkDecision(refused(Code.LINK_UNKNOWN))
    if line is None:
        return LinkDecision(refused(Code.LINE_UNKNOWN))
    if line.person != take.person:
        return LinkDecision(refused(Code.LINE_NOT_YOURS))
    key = (link.id, take.person)
    taker = facts.takers.get(key) or Taker(link=link.id, person=take.person)
    holds = facts.gifts.book.open_holds(link.id)
    in_the_way = _closed_to(facts, link, taker, holds)
    if in_the_way is not None:
        return LinkDecision(in_the_way)
    if link.passcode is not None and link.passcode != _digest(link.id, take.passcode):
        return _miss_passcode(taker, take)
    size = share_sizes(link)[link.taken]
    giver, amount = facts.gifts.lines[link.line], Quantity(size, link.unit)
    question = facts.gifts.receiving_question(giver, line, amount)
    in_the_way = _judge(facts, link, line, question)
    if in_the_way is not None:
        return LinkDecision(in_the_way)
    at = facts.gifts.at
    gift = Gift(
        id=GiftId(new_id(home_of(link.id))),
        from_line=link.line,
        to_line=line.id,
        unit=link.unit,
        amount=size,
        message=link.message,
        state=GiftState.ACCEPTED,
        offered_at=link.posted_at,
        deadline=link.deadline,
        ended_at=at,
        via=link.id,
        is_share=True,
        is_giver_hidden=link.is_giver_hidden,
        is_receiver_hidden=take.hides_name,
    )
    parts = list(_parts_of(facts, holds, size))
    is_last = link.taken + 1 == link.shares
    return LinkDecision(
        GiftDone(gift, tuple(arrivals(question, ((h, h.available) for h, _ in parts)))),
        list(deliver(question, gift, ((h.allowance, h.available, hold) for h, hold in parts))),
        msgspec.structs.replace(
            link,
            taken=link.taken + 1,
            taken_amount=link.taken_amount + size,
            state=LinkState.SPENT if is_last else LinkState.OPEN,
            ended_at=at if is_last else None,
        ),
        msgspec.structs.replace(taker, gift=gift.id, number=link.taken, taken_at=at),
        gift,
    )


def _closed_to(
    facts: LinkFacts, link: Link, taker: Taker, holds: Sequence[Hold]
) -> GiftRefused | None:
    """Say why this person can have nothing of a link, whatever line they name.

    A link that has ended is as unknown as one that never was.
    """
    if taker.gift is not None:
        return refused(Code.LINK_TAKEN)
    # A clock that was ahead may have freed what it held.
    is_held = sum(hold.amount for hold in holds) == link.amount - link.taken_amount
    if not link.is_open(facts.gifts.at) or not is_held:
        return refused(Code.LINK_UNKNOWN)
    if facts.taken_lately[taker.person] >= TAKES_PER_DAY_MAX:
        return refused(Code.LINK_SHARES_PER_DAY, limit=TAKES_PER_DAY_MAX)
    if taker.wrong_passcodes >= PASSCODE_TRIES_MAX:
        return refused(Code.PASSCODE_CLOSED)
    return None


def _miss_passcode(taker: Taker, take: TakeShare) -> LinkDecision:
    """Count a wrong passcode; none at all is no try."""
    if not _spelled(take.passcode):
        return LinkDecision(refused(Code.PASSCODE_MISSING))
    missed = msgspec.structs.replace(taker, wrong_passcodes=taker.wrong_passcodes + 1)
    left = PASSCODE_TRIES_MAX - missed.wrong_passcodes
    answer = refused(Code.PASSCODE_WRONG, left=left) if left else refused(Code.PASSCODE_CLOSED)
    return LinkDecision(answer, taker=missed)


def _judge(facts: LinkFacts, link: Link, line: Line, question: GiftQuestion) -> GiftRefused | None:
    """Say why this line cannot take a share, and what would work instead."""
    reasons = judge_taking(question)
    if not reasons:
        own = _closed_to_line(facts, link, line)
        if own is None:
            return None
        reasons = own.reasons
    return GiftRefused(reasons, tuple(_instead(facts, link, line, question)))


def _closed_to_line(facts: LinkFacts, link: Link, line: Line) -> GiftRefused | None:
    """Say why the giver did not mean this line."""
    giver = facts.gifts.lines[link.line]
    if link.audience is Audience.OPERATOR and line.operator != giver.operator:
        operator = facts.gifts.profiles[giver.operator].name
        return refused(Code.LINK_OTHER_OPERATOR, operator=operator)
    if link.audience is Audience.CONTACTS:
        numbers = {own.number for own in facts.own.get(line.person, (line,))}
        if numbers.isdisjoint(facts.contacts.get(giver.person, ())):
            return refused(Code.LINK_CONTACTS_ONLY)
    if facts.gifts.at - line.activated_at < timedelta(days=link.line_age_days_min):
        return refused(Code.LINK_LINE_TOO_YOUNG, days=link.line_age_days_min)
    return None


def _instead(facts: LinkFacts, link: Link, line: Line, question: GiftQuestion) -> Iterator[Instead]:
    """Yield what works where a line is with another operator."""
    giver = facts.gifts.lines[link.line]
    if line.operator == giver.operator:
        return
    others = [own for own in facts.own.get(line.person, ()) if own.id != line.id]
    able = [own for own in others if _could_take(facts, link, own, question.quantity)]
    for own in able:
        yield Instead(Code.INSTEAD_LINE, {"label": own.label}, line=own.id)
    if not able:
        operator = facts.gifts.profiles[giver.operator].name
        yield Instead(Code.INSTEAD_NEW_LINE, {"operator": operator})
    yield from other_services(question)


def _could_take(facts: LinkFacts, link: Link, line: Line, amount: Quantity) -> bool:
    question = facts.gifts.receiving_question(facts.gifts.lines[link.line], line, amount)
    return not judge_taking(question) and _closed_to_line(facts, link, line) is None


def _parts_of(
    facts: LinkFacts, holds: Sequence[Hold], amount: int
) -> Iterator[tuple[Holding, HoldId]]:
    """Yield what of the holds makes up a share, soonest expiry first."""
    for hold in holds:
        part = min(amount, hold.amount)
        if part > 0:
            yield Holding(facts.gifts.book.allowances[hold.allowance], part), hold.id
            amount -= part


# ---------------------------------------------------------------- ending


def _revoke(facts: LinkFacts, command: RevokeLink) -> LinkDecision:
    link = facts.links.get(command.link)
    if link is None or facts.gifts.lines[link.line].person != command.person:
        return LinkDecision(refused(Code.LINK_UNKNOWN))
    if not link.is_open(facts.gifts.at):
        return LinkDecision(refused(Code.LINK_ENDED))
    return _end(facts, link, LinkState.REVOKED)


def _expire(facts: LinkFacts, command: ExpireLink) -> LinkDecision:
    link = facts.links.get(command.link)
    if link is None:
        return LinkDecision(refused(Code.LINK_UNKNOWN))
    if link.state is not LinkState.OPEN or link.is_open(facts.gifts.at):
        return LinkDecision(refused(Code.LINK_ENDED))
    return _end(facts, link, LinkState.EXPIRED)


def _end(facts: LinkFacts, link: Link, state: LinkState) -> LinkDecision:
    ended = msgspec.structs.replace(link, state=state, ended_at=facts.gifts.at)
    releases = tuple(ReleaseHold(id=hold.id) for hold in facts.gifts.book.open_holds(link.id))
    return LinkDecision(LinkDone(ended), releases, ended)


# ---------------------------------------------------------------- looking ahead


@dataclass(frozen=True, slots=True)
class TakePreview:
    """What taking a share to a line would be answered with, but for a passcode.

    Where shares are drawn, `arrives` is of the smallest possible: how large the next one is stays
    secret, so that nobody waits for a large one.
    """

    line: Line
    arrives: tuple[Arrival, ...] = ()
    refused: GiftRefused | None = None


def preview_take(facts: LinkFacts, link: Link, line: Line) -> TakePreview:
    """Answer by the same rules as `TakeShare`; changes nothing."""
    taker = facts.takers.get((link.id, line.person)) or Taker(link=link.id, person=line.person)
    holds = facts.gifts.book.open_holds(link.id)
    in_the_way = _closed_to(facts, link, taker, holds)
    if in_the_way is not None:
        return TakePreview(line, refused=in_the_way)
    size = share_sizes(link)[link.taken] if link.split is Split.EQUAL else link.least
    giver, amount = facts.gifts.lines[link.line], Quantity(size, link.unit)
    question = facts.gifts.receiving_question(giver, line, amount)
    in_the_way = _judge(facts, link, line, question)
    if in_the_way is not None:
        return TakePreview(line, refused=in_the_way)
    parts = ((holding, holding.available) for holding, _ in _parts_of(facts, holds, size))
    return TakePreview(line, tuple(arrivals(question, parts)))
