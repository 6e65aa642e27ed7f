"""What would work instead: other amounts, times and ways, each judged before it is said."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from yuzuri.feasibility.cycles import cycle_length
from yuzuri.feasibility.holdings import giftable, held_amounts
from yuzuri.feasibility.limits import volume_limits
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.reasons import of_unit
from yuzuri.feasibility.recipients import belongs, same_brand
from yuzuri.feasibility.verdict import Instead, Verdict, evidence_of
from yuzuri.feasibility.windows import blackout_end, opens_at
from yuzuri.kernel.calendar import day_start, month_end
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import services
from yuzuri.operators.services import PartnerApi, Pool, Present, Service, Tank, TransferableCode

Judge = Callable[[GiftQuestion], Verdict]


def other_amounts(question: GiftQuestion, judge: Judge) -> Iterator[Instead]:
    """Yield the nearest smaller and the nearest larger amount that would be possible.

    What is possible is an interval on the operator's steps, or some of its sizes, so that its ends
    are among the candidates.
    """
    amounts = sorted(_candidate_amounts(question))
    smaller = (amount for amount in reversed(amounts) if amount < question.amount)
    larger = (amount for amount in amounts if amount > question.amount)
    for nearest_first in (smaller, larger):
        for amount in nearest_first:
            other = Quantity(amount, question.unit)
            if judge(replace(question, quantity=other)).feasible is True:
                yield Instead(Code.INSTEAD_AMOUNT, {"amount": other}, amount=amount)
                break


def _candidate_amounts(question: GiftQuestion) -> set[int]:
    """Return the amounts at which some rule begins or ceases to refuse."""
    rules, unit = question.giver.rules, question.unit
    if rules.sizes is not None:
        sizes = {size.amount * question.count for size in rules.sizes.value if size.unit is unit}
        if sizes:
            return sizes
    edges = [question.amount]
    edges += [
        edge * question.count
        for rule in (rules.minimum, rules.maximum)
        if (edge := of_unit(rule, question))
    ]
    # What the receiver has had from others is not to be told by way of what would still fit.
    edges += [
        volume.limit if volume.code is Code.GIFT_RECEIVED_PER_MONTH else volume.left
        for volume in volume_limits(question)
    ]
    if question.holdings is not None:
        edges += held_amounts(question)
    step = of_unit(rules.step, question) or 1
    on_steps = {near for edge in edges for near in (edge // step * step, -(-edge // step) * step)}
    return {amount for amount in on_steps if 0 < amount <= AMOUNT_MAX}


def other_times(question: GiftQuestion, judge: Judge) -> Iterator[Instead]:
    """Yield the first later instant at which a rule changes and it would be possible."""
    for at in sorted(_candidate_times(question)):
        if at > question.at and judge(replace(question, at=at)).feasible is True:
            yield Instead(Code.INSTEAD_FROM, {"since": at}, at=at)
            return


def _candidate_times(question: GiftQuestion) -> set[datetime]:
    """Return the instants at which some rule ceases to refuse."""
    giver, at = question.giver, question.at
    rules, zone = giver.rules, giver.profile.zone
    starts = [at, day_start(at, zone, 1), month_end(at, zone)]
    starts.append(month_end(at, question.receiver.profile.zone))
    # A clock that was ahead may have dated gifts later than now: they count until their day ends.
    for gift in question.sent:
        starts += [day_start(gift.at, zone, 1), month_end(gift.at, zone)]
    if giver.activated_at is not None:
        if rules.line_age_days_min is not None:
            starts.append(giver.activated_at + timedelta(days=rules.line_age_days_min.value))
        if rules.young_line is not None:
            starts.append(giver.activated_at + timedelta(days=rules.young_line.value.days))
    if rules.last_days is not None:
        openings = (opens_at(rules.last_days.value, h.allowance) for h in giftable(question))
        starts += [opening.surely for opening in openings if opening is not None]
    length = giver.plan and cycle_length(giver.plan)
    if rules.cycle_share_percent is not None and length:
        starts += [gift.at + length for gift in question.sent]
    blackout = rules.blackout
    if blackout is None:
        return set(starts)
    return {blackout_end(blackout.value, start, zone) or start for start in starts}


def other_services(question: GiftQuestion) -> Iterator[Instead]:
    """Yield the other ways that the two operators publish and that could bring it to the receiver.

    All that operators publish so far is about data.
    """
    if question.unit is not Unit.DATA:
        return
    giver, receiver = question.giver, question.receiver
    is_one_brand = same_brand(question) is not False
    for service in services(giver.profile, giver.plan):
        if _reaches(service, question, is_one_brand=is_one_brand):
            yield _instead(service, giver.profile)
    if not is_one_brand:
        # A code is bought by anyone, and entered by a customer of the one who issued it.
        for service in services(receiver.profile, receiver.plan):
            if isinstance(service, TransferableCode) and service.transferable:
                yield _instead(service, receiver.profile)


def _reaches(service: Service, question: GiftQuestion, *, is_one_brand: bool) -> bool:
    """Tell whether a service of the giver's operator could bring something to the receiver."""
    match service:
        case TransferableCode():
            return service.transferable and is_one_brand
        case Pool() | Present() if service.recipients is not None:
            return belongs(question, service.recipients) is not False
        case Pool() | Present():
            return is_one_brand
        case Tank():
            return is_one_brand and not service.in_area
        case PartnerApi():
            return service.order
        case _:
            return False


def _instead(service: Service, profile: Profile) -> Instead:
    evidence = evidence_of(profile.sources[service.source], f"{profile.id} services")
    fields = {"operator": profile.name, "service": service.name}
    return Instead(Code.INSTEAD_SERVICE, fields, evidence)
