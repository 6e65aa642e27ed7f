"""What would work instead: other amounts, times and ways, each judged before it is said."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from yuzuri.feasibility.gift_checks import of_unit, volumes_left
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.verdict import Instead, Verdict, evidence_of
from yuzuri.feasibility.windows import blackout_end, opens_at
from yuzuri.kernel.calendar import day_start, month_end
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity
from yuzuri.operators.profile import (
    PartnerApi,
    Pledge,
    Present,
    Profile,
    Recipients,
    Service,
    TransferableCode,
)
from yuzuri.operators.profiles import services

Judge = Callable[[GiftQuestion], Verdict]


def other_amounts(question: GiftQuestion, judge: Judge) -> Iterator[Instead]:
    """Yield the nearest smaller and the nearest larger amount that would be possible."""
    below, above = _nearest(
        sorted(_candidate_amounts(question)),
        question,
        lambda amount: judge(replace(question, quantity=Quantity(amount, question.unit))),
    )
    for amount in (below, above):
        if amount is not None:
            quantity = Quantity(amount, question.unit)
            yield Instead(Code.INSTEAD_AMOUNT, {"amount": quantity}, amount=amount)


def _nearest(
    candidates: list[int], question: GiftQuestion, judge: Callable[[int], Verdict]
) -> tuple[int | None, int | None]:
    open_to = [amount for amount in candidates if judge(amount).feasible is True]
    below = [amount for amount in open_to if amount < question.amount]
    above = [amount for amount in open_to if amount > question.amount]
    return (max(below, default=None), min(above, default=None))


def _candidate_amounts(question: GiftQuestion) -> set[int]:
    """Return the amounts at which some rule begins or ceases to refuse."""
    rules, unit = question.giver.rules, question.unit
    step = of_unit(rules.step, question) or 1
    edges = [question.amount, *(left for *_, left in volumes_left(question))]
    for rule in (rules.minimum, rules.maximum):
        edge = of_unit(rule, question)
        if edge is not None:
            edges.append(edge)
    if question.holdings is not None:
        keep = of_unit(rules.keep, question) or 0
        edges.append(sum(h.available for h in question.usable()) - keep)
        edges.append(sum(h.available for h in question.ready()))
    candidates = {edge // step * step for edge in edges}
    candidates |= {-(-edge // step) * step for edge in edges}
    if rules.sizes is not None:
        candidates |= {size.amount for size in rules.sizes.value if size.unit is unit}
    return {amount for amount in candidates if 0 < amount <= AMOUNT_MAX}


def other_times(question: GiftQuestion, judge: Judge) -> Iterator[Instead]:
    """Yield the first later instant at which a rule changes and it would be possible."""
    for at in sorted(_candidate_times(question)):
        if at > question.at and judge(replace(question, at=at)).feasible is True:
            yield Instead(Code.INSTEAD_FROM, {"since": at}, at=at)
            return


def _candidate_times(question: GiftQuestion) -> Iterator[datetime]:
    giver, at = question.giver, question.at
    rules, zone = giver.rules, giver.profile.zone
    starts = [day_start(at, zone, 1), month_end(at, zone)]
    if giver.activated_at is not None:
        if rules.line_age_days_min is not None:
            starts.append(giver.activated_at + timedelta(days=rules.line_age_days_min.value))
        if rules.young_line is not None:
            starts.append(giver.activated_at + timedelta(days=rules.young_line.value.days))
    if rules.last_days is not None:
        for holding in question.giftable():
            opening = opens_at(rules.last_days.value, holding.allowance)
            if opening is not None:
                starts.append(opening.surely)
    for start in (at, *starts):
        ends = rules.blackout and blackout_end(rules.blackout.value, start, zone)
        yield ends or start


def other_services(question: GiftQuestion) -> Iterator[Instead]:
    """Yield the other ways that the two operators publish and that these two people could use."""
    giver, receiver = question.giver, question.receiver
    for service in services(giver.profile, giver.plan):
        if _helps(service, is_within_operator=question.is_within_operator):
            yield _instead(service, giver.profile)
    if not question.is_within_operator:
        for service in services(receiver.profile, receiver.plan):
            if isinstance(service, TransferableCode | Present) and _helps(
                service, is_within_operator=True
            ):
                yield _instead(service, receiver.profile)


def _helps(service: Service, *, is_within_operator: bool) -> bool:
    match service:
        case TransferableCode():
            return service.transferable and is_within_operator
        case Present():
            return is_within_operator or service.recipients is Recipients.ANYONE
        case PartnerApi():
            return service.order
        case Pledge():
            return False
        case _:
            return is_within_operator


def _instead(service: Service, profile: Profile) -> Instead:
    evidence = evidence_of(profile.sources[service.source], f"{profile.id} services")
    fields = {"operator": profile.name, "service": service.name}
    return Instead(Code.INSTEAD_SERVICE, fields, evidence)
