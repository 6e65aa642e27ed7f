"""The verdict on a gift: the same function answers a question and guards the gift itself."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from yuzuri.feasibility.alternatives import other_amounts, other_services, other_times
from yuzuri.feasibility.arrival import (
    arrivals,
    claim_deadline,
    expected_arrival,
    offer_lifetime_end,
)
from yuzuri.feasibility.gift_checks import CHECKS, check_volumes
from yuzuri.feasibility.law import PAID_VALUE_RULES
from yuzuri.feasibility.question import GiftQuestion, Holding
from yuzuri.feasibility.verdict import Effect, Reason, Verdict
from yuzuri.kernel.errors import Code, FieldValue

ROUTE = "gift"


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
    left = question.amount
    for holding in question.ready():
        part = min(left, holding.available)
        if part:
            yield holding, part
            left -= part


def judge_acceptance(question: GiftQuestion) -> tuple[Reason, ...]:
    """Return what stands in the way of accepting now: the limits of the receiver's own operator.

    The giver's limits were kept when the gift was offered, and its amount is set aside since then.
    """
    return tuple(
        reason for reason in check_volumes(question) if reason.code is Code.GIFT_RECEIVED_PER_MONTH
    )


def _judge(question: GiftQuestion) -> Verdict:
    reasons = tuple(reason for check in CHECKS for reason in check(question))
    verdict = Verdict(ROUTE, reasons)
    if verdict.feasible is False:
        return verdict
    if question.holdings is None:
        return replace(verdict, arrives=(expected_arrival(question),))
    parts = list(gift_parts(question))
    deadline = claim_deadline(question, parts)
    return replace(
        verdict,
        reasons=(
            *reasons,
            *_paid_value_reasons(question, parts),
            *_unclaimed_notes(question, deadline),
        ),
        arrives=tuple(arrivals(question, parts)),
        deadline=deadline,
    )


def _paid_value_reasons(
    question: GiftQuestion, parts: Iterable[tuple[Holding, int]]
) -> Iterator[Reason]:
    """Say it where the law, not the operator, decides until when paid value lasts."""
    law = PAID_VALUE_RULES.get(question.giver.profile.country)
    if law is None:
        return
    ends = [law.end_of(h.allowance) for h, _ in parts if h.allowance.paid]
    if ends:
        fields: dict[str, FieldValue] = {"days": law.days, "until": min(ends)}
        effect = Effect.REFUSES if min(ends) <= question.at else Effect.NOTES
        yield Reason(Code.LAW_PAID_VALUE_EXPIRY, effect, fields, law.evidence)


def _unclaimed_notes(question: GiftQuestion, deadline: datetime) -> Iterator[Reason]:
    """Warn where what nobody claims in time would be over by then, for the giver too."""
    if deadline < offer_lifetime_end(question):
        yield Reason(Code.GIFT_EXPIRES_UNCLAIMED, Effect.NOTES, {"until": deadline})
