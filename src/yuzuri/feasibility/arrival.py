"""Until when a gift can be used by its receiver: the operator's rule, within I8 and the law."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never

from yuzuri.feasibility.law import PAID_VALUE_RULES
from yuzuri.feasibility.question import GiftQuestion, Holding, Party
from yuzuri.feasibility.verdict import Arrival, cite
from yuzuri.kernel.calendar import day_start, month_end
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.profile import ExpiryKind, ValidityKind

FOREVER = datetime.max.replace(tzinfo=UTC)
"""Stands for "does not expire" where instants are compared."""


@dataclass(frozen=True, slots=True)
class ReceivedTerms:
    """When a received part ends, and the published rule by which it may end later than before."""

    expires_at: datetime | None
    expiry_rule: str | None
    is_known: bool = True


def received_terms(question: GiftQuestion, allowance: Allowance) -> ReceivedTerms:
    """Return when `allowance` ends once it is the receiver's.

    Without a published rule it keeps its expiry. Paid value is never lengthened by an operator's
    rule, and never outlives what the law allows from its first issue (I8).
    """
    ends, rule_name, is_known = _operator_expiry(question, allowance)
    original = allowance.expires_at or FOREVER
    if allowance.paid:
        ends = min(ends, original)
        law = PAID_VALUE_RULES.get(question.giver.profile.country)
        if law is not None:
            ends = min(ends, law.end_of(allowance))
    expires_at = None if ends == FOREVER else ends
    return ReceivedTerms(expires_at, rule_name if ends > original else None, is_known)


def arrivals(question: GiftQuestion, parts: Iterable[tuple[Holding, int]]) -> Iterator[Arrival]:
    """Return what would arrive, parts that end together put together."""
    amounts: dict[tuple[datetime | None, bool], int] = {}
    for holding, amount in parts:
        terms = received_terms(question, holding.allowance)
        key = (terms.expires_at, terms.is_known)
        amounts[key] = amounts.get(key, 0) + amount
    for (expires_at, is_known), amount in amounts.items():
        yield Arrival(Quantity(amount, question.unit), expires_at, is_known)


def expected_arrival(question: GiftQuestion) -> Arrival:
    """Return what is known of the arrival where it is not known what the giver has."""
    rule = question.giver.rules.expiry
    match rule.value.kind if rule is not None else ExpiryKind.KEEP:
        case ExpiryKind.FIXED | ExpiryKind.RESET:
            assert rule is not None
            ends = _ruled_end(question, rule.value.hours, rule.value.months)
            return Arrival(question.quantity, ends)
        case ExpiryKind.KEEP | ExpiryKind.LATER_OF_BOTH | ExpiryKind.RECIPIENT_CYCLE:
            return Arrival(question.quantity, None, is_known=False)
        case other:
            assert_never(other)


def _operator_expiry(
    question: GiftQuestion, allowance: Allowance
) -> tuple[datetime, str | None, bool]:
    giver, rule = question.giver, question.giver.rules.expiry
    kept = allowance.expires_at or FOREVER
    if rule is None:
        return kept, None, True
    evidence = cite(giver.profile, f"{giver.rules_name}.expiry", rule)
    name = f"{evidence.rule}, {evidence.source}, as of {evidence.as_of}"
    match rule.value.kind:
        case ExpiryKind.KEEP:
            return kept, None, True
        case ExpiryKind.LATER_OF_BOTH:
            own = question.receiver_expiry
            return max(kept, own or kept), name, own is not None
        case ExpiryKind.FIXED | ExpiryKind.RESET:
            return _ruled_end(question, rule.value.hours, rule.value.months), name, True
        case ExpiryKind.RECIPIENT_CYCLE:
            ends = cycle_end(question.receiver, question.at, rule.value.cycles)
            return ends or kept, name, ends is not None
        case other:
            assert_never(other)


def _ruled_end(question: GiftQuestion, hours: int, months: int) -> datetime:
    if hours:
        return question.at + timedelta(hours=hours)
    return month_end(question.at, question.giver.profile.zone, months)


def cycle_end(party: Party, at: datetime, cycles_later: int) -> datetime | None:
    """Return when the party's present cycle ends, or one so many cycles later; None: not known."""
    if party.plan is None or not party.plan.gives:
        return None
    validity = party.plan.gives[0].validity
    match validity.kind:
        case ValidityKind.MONTH_END | ValidityKind.NEXT_MONTH_END:
            return month_end(at, party.profile.zone, cycles_later)
        case ValidityKind.DAYS | ValidityKind.HOURS if party.activated_at is not None:
            unit_s = 86_400 if validity.kind is ValidityKind.DAYS else 3_600
            cycle = timedelta(seconds=validity.count * unit_s)
            done = (at - party.activated_at) // cycle
            return party.activated_at + cycle * (done + 1 + cycles_later)
        case ValidityKind.DAYS | ValidityKind.HOURS | ValidityKind.NEVER:
            return None
        case other:
            assert_never(other)


CLAIM_LIFETIME = timedelta(days=7)
"""How long an offer waits where the operator names no time."""


def claim_deadline(question: GiftQuestion, parts: Sequence[tuple[Holding, int]]) -> datetime:
    """Return until when the offer can be accepted: never longer than any part of it lasts."""
    ends = [holding.allowance.expires_at for holding, _ in parts]
    law = PAID_VALUE_RULES.get(question.giver.profile.country)
    if law is not None:
        ends += [law.end_of(holding.allowance) for holding, _ in parts if holding.allowance.paid]
    return min([offer_lifetime_end(question), *(end for end in ends if end is not None)])


def offer_lifetime_end(question: GiftQuestion) -> datetime:
    """Return when the operator's rule ends an offer, whatever the parts of it would allow."""
    rule, at, zone = question.giver.rules.claim_lifetime, question.at, question.giver.profile.zone
    if rule is None:
        return at + CLAIM_LIFETIME
    ends = []
    if rule.value.hours is not None:
        ends.append(at + timedelta(hours=rule.value.hours))
    if rule.value.days is not None:
        ends.append(day_start(at, zone, rule.value.days + 1))
    if rule.value.month_end:
        ends.append(month_end(at, zone))
    return min(ends, default=at + CLAIM_LIFETIME)
