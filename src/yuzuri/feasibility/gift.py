"""The verdict on a gift: the same function answers a question and guards the gift itself."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from yuzuri.feasibility.alternatives import other_amounts, other_services, other_times
from yuzuri.feasibility.arrival import ReceivedTerms, arrivals, expected_arrival, received_terms
from yuzuri.feasibility.gift_checks import CHECKS
from yuzuri.feasibility.question import GiftQuestion, Holding
from yuzuri.feasibility.verdict import Arrival, Effect, Reason, Verdict
from yuzuri.kernel.errors import Code
from yuzuri.feasibility.law import PAID_VALUE_RULES

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


def _judge(question: GiftQuestion) -> Verdict:
    reasons = tuple(reason for check in CHECKS for reason in check(question))
    verdict = Verdict(ROUTE, reasons)
    if verdict.feasible is False:
        return verdict
    if question.holdings is None:
        return replace(verdict, arrives=(expected_arrival(question),))
    parts = list(gift_parts(question))
    return replace(
        verdict,
        reasons=(*reasons, *_paid_value_notes(question, parts)),
        arrives=tuple(arrivals(question, parts)),
    )


def _paid_value_notes(
    question: GiftQuestion, parts: Iterable[tuple[Holding, int]]
) -> Iterator[Reason]:
    """Say it where the law, not the operator, decides until when paid value lasts."""
    law = PAID_VALUE_RULES.get(question.giver.profile.country)
    if law is None:
        return
    ends = [law.end_of(h.allowance) for h, _ in parts if h.allowance.paid]
    if ends:
        fields = {"days": law.days, "until": min(ends)}
        yield Reason(Code.LAW_PAID_VALUE_EXPIRY, Effect.NOTES, fields, law.evidence)


__all__ = ["ROUTE", "Arrival", "ReceivedTerms", "gift_parts", "judge_gift", "received_terms"]
