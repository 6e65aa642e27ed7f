"""Until when a gift can be used by its receiver: the operator's rule, within I8 and the law."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from yuzuri.feasibility.cycles import cycle_end
from yuzuri.feasibility.law import usable_until
from yuzuri.feasibility.question import GiftQuestion, Holding
from yuzuri.feasibility.verdict import Arrival, cite
from yuzuri.kernel.calendar import FOREVER, DailyWindow, day_start, month_end
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.gift_rules import Expiry, ExpiryKind
from yuzuri.operators.sources import Confidence


@dataclass(frozen=True, slots=True)
class ReceivedTerms:
    """When a received part ends, and the published rule by which it may end later than before."""

    expires_at: datetime | None
    expiry_rule: str | None
    is_known: bool = True


def received_terms(question: GiftQuestion, allowance: Allowance) -> ReceivedTerms:
    """Return when `allowance` ends once it is the receiver's.

    Without a published rule it keeps its expiry. Paid value is never lengthened by an operator's
    rule, and never outlives what the law allows from its first issue (I8). Nothing is lengthened by
    a rule of low confidence, or on what is not known.
    """
    giver, rule = question.giver, question.giver.rules.expiry
    kept = allowance.expires_at or FOREVER
    ruled = kept if rule is None else _ruled_end(question, rule.value, allowance)
    ends, is_known = (kept, False) if ruled is None else (ruled, True)
    name = None
    if rule is not None and ends != kept:
        evidence = cite(giver.profile, f"{giver.rules_name}.expiry", rule)
        name = f"{evidence.rule}, {evidence.source}, as of {evidence.as_of}"
        if evidence.confidence is Confidence.LOW:
            ends, is_known = min(ends, kept), False
    if allowance.paid:
        ends = min(ends, usable_until(giver.profile, allowance))
    return ReceivedTerms(None if ends == FOREVER else ends, name if ends > kept else None, is_known)


def _ruled_end(question: GiftQuestion, expiry: Expiry, allowance: Allowance) -> datetime | None:
    """Return when the operator's rule ends an allowance of the giver's; None: not known."""
    kept = allowance.expires_at or FOREVER
    match expiry.kind:
        case ExpiryKind.KEEP:
            return kept
        case ExpiryKind.LATER_OF_BOTH:
            has = question.receiver_has
            if has is None:
                # Paid value can not be lengthened, so the receiver's own makes no difference.
                return kept if allowance.paid or kept == FOREVER else None
            return max([kept, *(own.expires_at or FOREVER for own in has)])
        case ExpiryKind.FIXED:
            return question.at + timedelta(hours=expiry.hours)
        case ExpiryKind.RESET:
            return month_end(question.at, question.giver.profile.zone, expiry.months)
        case ExpiryKind.RECIPIENT_CYCLE:
            return cycle_end(question.receiver, question.receiver_has, question.at, expiry.cycles)
        case other:
            assert_never(other)


def arrivals(question: GiftQuestion, parts: Iterable[tuple[Holding, int]]) -> Iterator[Arrival]:
    """Return what would arrive; parts that can be used alike, and as long, are put together."""
    amounts: dict[tuple[datetime | None, bool, DailyWindow | None], int] = {}
    for holding, amount in parts:
        terms = received_terms(question, holding.allowance)
        key = (terms.expires_at, terms.is_known, holding.allowance.hours)
        amounts[key] = amounts.get(key, 0) + amount
    for (expires_at, is_known, hours), amount in amounts.items():
        yield Arrival(Quantity(amount, question.unit), expires_at, is_known, hours)


def expected_arrival(question: GiftQuestion) -> Arrival:
    """Return what is known of the arrival where it is not known what the giver has.

    Paid value may end sooner than the operator's rule says, so that an operator who sells the unit
    leaves it unknown.
    """
    giver, rule = question.giver, question.giver.rules.expiry
    expires_at = None
    if rule is not None:
        match rule.value.kind:
            case ExpiryKind.FIXED:
                expires_at = question.at + timedelta(hours=rule.value.hours)
            case ExpiryKind.RESET:
                expires_at = month_end(question.at, giver.profile.zone, rule.value.months)
            case ExpiryKind.KEEP | ExpiryKind.LATER_OF_BOTH | ExpiryKind.RECIPIENT_CYCLE:
                pass
            case other:
                assert_never(other)
    is_known = expires_at is not None and not _sells(question)
    return Arrival(question.quantity, expires_at if is_known else None, is_known)


def _sells(question: GiftQuestion) -> bool:
    """Tell whether the giver may have paid value of the unit: from the plan, or from any."""
    party = question.giver
    plans = party.profile.plans if party.plan is None else (party.plan,)
    given = [
        offered
        for plan in plans
        for gives in (plan.gives, *(top_up.gives for top_up in plan.top_ups))
        for offered in gives
    ]
    return any(offered.paid and offered.amount.unit is question.unit for offered in given)


CLAIM_LIFETIME = timedelta(days=7)
"""How long an offer waits where the operator names no time."""


def claim_deadline(question: GiftQuestion, parts: Sequence[tuple[Holding, int]]) -> datetime:
    """Return until when the offer can be accepted: never longer than any part of it lasts."""
    giver = question.giver.profile
    ends = [usable_until(giver, holding.allowance) for holding, _ in parts]
    return min([offer_lifetime_end(question), *ends])


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
