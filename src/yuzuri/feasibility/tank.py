"""Common tanks: what a line may give to one, whether it may draw, how much and from when.

The same functions answer `yuzuri feasibility`, tell people whether they may draw, and guard draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time

from yuzuri.feasibility.gift_checks import check_unit
from yuzuri.feasibility.holdings import check_balance, check_last_days, check_sources
from yuzuri.feasibility.question import GiftQuestion, Holding, Party
from yuzuri.feasibility.services import cite_service, not_published, refuse_by, services_of
from yuzuri.feasibility.verdict import Effect, Instead, Reason, Verdict
from yuzuri.feasibility.windows import month_day
from yuzuri.kernel.calendar import local_instant, month_end, month_start
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit
from yuzuri.operators.services import Pool, Tank

ROUTE = "tank"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawQuestion:
    """Whether a line may draw `amount` bytes of data from a tank; None: anything at all.

    `draws` and `drawn_this_month` count in the month of `at` by the operator's clock, `given` and
    `drawn` from the beginning. `left` is what the line has, `inside` what the tank has; None: not
    known, as is whether the line is `in_area`.
    """

    party: Party
    tank: Tank
    at: datetime
    amount: int | None = None
    until: datetime | None = None
    draws: int = 0
    drawn_this_month: int = 0
    given: int = 0
    drawn: int = 0
    left: int | None = None
    inside: int | None = None
    area: str = ""
    in_area: bool | None = None


def find_tank(party: Party, *, in_area: bool) -> Tank | None:
    """Return what the operator publishes of ordinary tanks, or of those for an area."""
    found = (tank for tank in services_of(party, Tank) if tank.in_area is in_area)
    return next(found, None)


# ---------------------------------------------------------------- drawing


def judge_draw(question: DrawQuestion) -> Verdict:
    """Say whether the line may draw, every reason, and what would work instead."""
    verdict = _judge(question)
    if verdict.feasible is True:
        return verdict
    return replace(verdict, instead=tuple(_instead(question)))


def most_to_draw(question: DrawQuestion) -> int:
    """Return how many bytes the line may draw at once; 0 where it may not draw."""
    most = min(_amount_limits(question), default=AMOUNT_MAX)
    return most if most and _judge(replace(question, amount=most)).feasible is True else 0


def _amount_limits(question: DrawQuestion) -> Iterator[int]:
    limit = question.tank.draw_per_month
    if limit is not None:
        yield max(0, limit.amount - question.drawn_this_month)
    if question.inside is not None:
        yield question.inside


def _judge(question: DrawQuestion) -> Verdict:
    checks = (_check_open, _check_area, _check_day, _check_month, _check_left, _check_inside)
    return Verdict(ROUTE, tuple(reason for check in checks for reason in check(question)))


def _check_open(question: DrawQuestion) -> Iterator[Reason]:
    if question.until is not None and question.until <= question.at:
        yield Reason(Code.TANK_CLOSED, Effect.REFUSES, {"since": question.until})


def _check_area(question: DrawQuestion) -> Iterator[Reason]:
    if question.tank.in_area and question.in_area is not True:
        area = {"area": question.area} if question.area else {}
        reason = refuse_by(question.party, Code.TANK_OUT_OF_AREA, question.tank, "in_area", **area)
        yield reason if question.in_area is False else replace(reason, effect=Effect.UNDECIDED)


def _check_day(question: DrawQuestion) -> Iterator[Reason]:
    opens = _opening(question, question.at)
    if question.at < opens:
        code = Code.TANK_NOT_YET
        yield refuse_by(question.party, code, question.tank, "opens_on_day", since=opens)


def _check_month(question: DrawQuestion) -> Iterator[Reason]:
    """So many draws, and so much, in a month of the operator's."""
    party, tank, zone = question.party, question.tank, question.party.profile.zone
    since = _opening(question, month_end(question.at, zone))
    times, volume = tank.draws_per_month, tank.draw_per_month
    if times is not None and question.draws >= times:
        code, rule = Code.TANK_DRAWS_PER_MONTH, "draws_per_month"
        yield refuse_by(party, code, tank, rule, limit=times, since=since)
    if volume is not None:
        left = max(0, volume.amount - question.drawn_this_month)
        if (question.amount or 1) > left:
            code, rule = Code.TANK_VOLUME_PER_MONTH, "draw_per_month"
            some = {"left": Quantity(left, Unit.DATA)}
            yield refuse_by(party, code, tank, rule, limit=volume, since=since, **some)


def _check_left(question: DrawQuestion) -> Iterator[Reason]:
    """Only when little is left on the line; where the operator says so, for net takers only."""
    party, tank, limit = question.party, question.tank, question.tank.only_when_left_at_most
    is_net_taker = question.drawn > question.given
    if limit is None or (tank.left_limit_for_net_takers and not is_net_taker):
        return
    code = Code.TANK_NET_TAKER if tank.left_limit_for_net_takers else Code.TANK_LEFT
    reason = refuse_by(party, code, tank, "only_when_left_at_most", limit=limit)
    if question.left is None:
        yield replace(reason, effect=Effect.UNDECIDED)
    elif question.left > limit.amount:
        available = {"available": Quantity(question.left, Unit.DATA)}
        yield replace(reason, fields={**reason.fields, **available})


def _check_inside(question: DrawQuestion) -> Iterator[Reason]:
    inside, amount = question.inside, question.amount
    if inside == 0:
        yield Reason(Code.TANK_EMPTY, Effect.REFUSES)
    elif inside is not None and amount is not None and amount > inside:
        available, wanted = Quantity(inside, Unit.DATA), Quantity(amount, Unit.DATA)
        fields = {"available": available, "amount": wanted}
        yield Reason(Code.TANK_NOT_ENOUGH, Effect.REFUSES, fields)


def _opening(question: DrawQuestion, at: datetime) -> datetime:
    """Return when draws begin in the month of an instant; a day that it lacks is its last one."""
    zone, day = question.party.profile.zone, question.tank.opens_on_day
    begins = month_start(at, zone)
    if day is None:
        return begins
    return local_instant(month_day(begins.astimezone(zone).date(), day), time(), zone)


def _instead(question: DrawQuestion) -> Iterator[Instead]:
    """Yield a smaller amount, a later time, and the operator's pool, where there is one."""
    most = most_to_draw(question)
    if question.amount is not None and 0 < most < question.amount:
        yield Instead(Code.INSTEAD_AMOUNT, {"amount": Quantity(most, Unit.DATA)}, amount=most)
    next_month = month_end(question.at, question.party.profile.zone)
    for begins in (question.at, next_month):
        opens = _opening(question, begins)
        later = replace(question, at=opens)
        if begins == next_month:
            later = replace(later, draws=0, drawn_this_month=0)
        if opens > question.at and _judge(later).feasible is True:
            yield Instead(Code.INSTEAD_FROM, {"since": opens}, at=opens)
            break
    yield from _pools(question.party)


def _pools(party: Party) -> Iterator[Instead]:
    for pool in services_of(party, Pool):
        fields = {"operator": party.profile.name, "service": pool.name}
        yield Instead(Code.INSTEAD_SERVICE, fields, cite_service(party, pool))


# ---------------------------------------------------------------- giving

_GIVING = (check_unit, check_balance, check_sources, check_last_days)
"""What an operator lets nobody give to one person, nobody gives to all."""


def judge_donation(tank: Tank, question: GiftQuestion) -> Verdict:
    """Say whether so much may go into a tank; a note says that nothing of it comes back."""
    return Verdict(ROUTE, (*_donation_reasons(tank, question), for_all(question.giver, tank)))


def donation(
    giver: Party, quantity: Quantity, at: datetime, holdings: tuple[Holding, ...]
) -> GiftQuestion:
    """Put the question whether one may give so much, to nobody in particular."""
    return GiftQuestion(giver=giver, receiver=giver, quantity=quantity, at=at, holdings=holdings)


def _donation_reasons(tank: Tank, question: GiftQuestion) -> Iterator[Reason]:
    if question.unit is not Unit.DATA:
        unit, offered = question.unit.value, (Unit.DATA.value,)
        code = Code.GIFT_UNIT_NOT_OFFERED
        yield refuse_by(question.giver, code, tank, "", unit=unit, offered=offered)
        return
    for check in _GIVING:
        yield from check(question)


def for_all(party: Party, tank: Tank) -> Reason:
    """Say before somebody gives that it is for everyone, and does not come back."""
    fields = {"operator": party.profile.name}
    return Reason(Code.TANK_FOR_ALL, Effect.NOTES, fields, cite_service(party, tank))


# ---------------------------------------------------------------- from one to another


def judge_tank(question: GiftQuestion) -> Verdict:
    """Say whether somebody could give to a tank what somebody else then draws from it."""
    giver, receiver = question.giver, question.receiver
    if giver.profile.id != receiver.profile.id:
        fields = {"operator": giver.profile.name, "other": receiver.profile.name}
        return Verdict(ROUTE, (Reason(Code.TANK_OTHER_OPERATOR, Effect.REFUSES, fields),))
    tanks = [
        find_tank(party, in_area=False) or find_tank(party, in_area=True)
        for party in (giver, receiver)
    ]
    given_to, drawn_from = tanks
    if given_to is None or drawn_from is None:
        party = giver if given_to is None else receiver
        return Verdict(ROUTE, (not_published(party, Code.TANK_NOT_OFFERED),))
    if question.unit is not Unit.DATA:
        return judge_donation(given_to, question)
    draw = judge_draw(
        DrawQuestion(party=receiver, tank=drawn_from, at=question.at, amount=question.amount)
    )
    gives = judge_donation(given_to, question)
    return replace(draw, reasons=(*draw.reasons, *gives.reasons))
