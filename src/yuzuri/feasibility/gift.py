"""The verdict on a gift: the same function answers a question and guards the gift itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from yuzuri.feasibility.alternatives import other_amounts, other_services, other_times
from yuzuri.feasibility.arrival import arrivals, claim_deadline, expected_arrival
from yuzuri.feasibility.gift_checks import CHECKS, Check
from yuzuri.feasibility.holdings import ready, split
from yuzuri.feasibility.law import paid_value_rule, usable_until
from yuzuri.feasibility.limits import check_receiving
from yuzuri.feasibility.question import GiftQuestion, Holding
from yuzuri.feasibility.verdict import Effect, Reason, Verdict
from yuzuri.kernel.calendar import FOREVER
from yuzuri.kernel.errors import Code

ROUTE = "gift"

Parts = Sequence[tuple[Holding, int]]


def judge_gift(question: GiftQuestion) -> Verdict:
    """Say whether the gift may be, every reason, what would arrive, and what would work instead."""
    verdict = _judge(question)
    if verdict.feasible is True:
        return verdict
    instead = (
        *other_amounts(question, _judge),
        *other_times(question, _judge),
        *other_services(question),
    )
    return replace(verdict, instead=instead)


def gift_parts(question: GiftQuestion) -> Iterator[tuple[Holding, int]]:
    """Split the amount over what is ready to be given, soonest expiry first."""
    return split(ready(question), question.amount)


def judge_acceptance(question: GiftQuestion) -> tuple[Reason, ...]:
    """Return what stands in the way of accepting now: the limits of the receiver's own operator.

    The giver's limits were kept when the gift was offered, and its amount is set aside since then.
    """
    return tuple(check_receiving(question))


def _judge(question: GiftQuestion) -> Verdict:
    return judge_by(question, ROUTE, CHECKS)


def judge_by(question: GiftQuestion, route: str, checks: Sequence[Check]) -> Verdict:
    """Say what these checks find, and what would arrive; nothing of what would work instead."""
    reasons = tuple(reason for check in checks for reason in check(question))
    verdict = Verdict(route, reasons)
    if verdict.feasible is False or not _is_offered(reasons):
        return verdict
    if question.holdings is None:
        return replace(verdict, arrives=(expected_arrival(question),))
    parts = tuple(gift_parts(question))
    if sum(amount for _, amount in parts) < question.amount:
        # Undecided, and of what surely can be given there is not enough: nothing certain arrives.
        return verdict
    deadline = claim_deadline(question, parts)
    return replace(
        verdict,
        reasons=(*reasons, *_law_notes(question, parts), *_lost_notes(question, parts, deadline)),
        arrives=tuple(arrivals(question, parts)),
        deadline=deadline,
    )


def _is_offered(reasons: Sequence[Reason]) -> bool:
    """Tell whether gifts are offered at all, as far as is known: else nothing would arrive."""
    not_offered = {Code.GIFT_NOT_OFFERED, Code.GIFT_RULES_UNKNOWN}
    return not any(reason.code in not_offered for reason in reasons)


def _law_notes(question: GiftQuestion, parts: Parts) -> Iterator[Reason]:
    """Say it where the law, not the operator, decides until when paid value lasts."""
    ends = [
        (law.end_of(holding.allowance), law)
        for holding, _ in parts
        for law in (paid_value_rule(question.giver.profile, holding.allowance),)
        if law is not None and law.end_of(holding.allowance) < _own_end(holding)
    ]
    if ends:
        until, law = min(ends, key=lambda end: end[0])
        yield law.reason(Effect.NOTES, until)


def _own_end(holding: Holding) -> datetime:
    return holding.allowance.expires_at or FOREVER


def _lost_notes(question: GiftQuestion, parts: Parts, deadline: datetime) -> Iterator[Reason]:
    """Warn where what nobody accepts in time would be over by then, for the giver too.

    Where nobody can refuse a gift, it arrives at once.
    """
    giver, refusable = question.giver, question.giver.rules.refusable
    waits = refusable is None or refusable.value
    if waits and any(usable_until(giver.profile, h.allowance) <= deadline for h, _ in parts):
        yield Reason(Code.GIFT_EXPIRES_UNCLAIMED, Effect.NOTES, {"until": deadline})
