"""How often and how much in a while: counts, volumes, and the age of a line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from yuzuri.feasibility.cycles import cycle_start
from yuzuri.feasibility.question import GiftQuestion, Party, PastGift
from yuzuri.feasibility.reasons import of_unit, refuse, undecided
from yuzuri.feasibility.verdict import Reason
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.sources import Confidence, Rule


def check_counts(question: GiftQuestion) -> Iterator[Reason]:
    """So many gifts a day and a month, and so many waiting at once, of whatever unit."""
    giver, rules, zone = question.giver, question.giver.rules, question.giver.profile.zone
    today = _since(question.sent, day_start(question.at, zone))
    month = _since(question.sent, month_start(question.at, zone))
    waiting = tuple(gift for gift in question.sent if gift.is_open)
    for code, name, rule, gifts in (
        (Code.GIFT_COUNT_PER_DAY, "count_per_day", rules.count_per_day, today),
        (Code.GIFT_COUNT_PER_MONTH, "count_per_month", rules.count_per_month, month),
        (Code.GIFT_PENDING, "pending_max", rules.pending_max, waiting),
    ):
        if rule is None:
            continue
        if sum(gift.count for gift in gifts) + question.count > rule.value:
            yield refuse(giver, code, name, rule, limit=rule.value)


@dataclass(frozen=True, slots=True)
class VolumeLimit:
    """A published limit on volume in a while, and how much of it is used up, in base units."""

    party: Party
    code: Code
    name: str
    rule: Rule[object]
    limit: int
    used: int
    surely_holds: bool = True
    """False: it is not known whether it holds for the line."""

    @property
    def left(self) -> int:
        """What can still be given or received within it."""
        return max(0, self.limit - self.used)


def volume_limits(question: GiftQuestion) -> Iterator[VolumeLimit]:
    """Yield each limit on volume: of the giver's operator, then what the receiver may get."""
    yield from _giving_limits(question)
    yield from _receiving_limits(question)


def _giving_limits(question: GiftQuestion) -> Iterator[VolumeLimit]:
    """Yield what the giver may give."""
    giver, rules, at = question.giver, question.giver.rules, question.at
    zone = giver.profile.zone
    month = month_start(at, zone)
    for code, name, rule, since in (
        (Code.GIFT_VOLUME_PER_DAY, "volume_per_day", rules.volume_per_day, day_start(at, zone)),
        (Code.GIFT_VOLUME_PER_MONTH, "volume_per_month", rules.volume_per_month, month),
    ):
        limit = of_unit(rule, question)
        if rule is not None and limit is not None:
            used = _volume(question, question.sent, since)
            yield VolumeLimit(giver, code, name, rule, limit, used)
    share, base = rules.cycle_share_percent, _cycle_base(question)
    if share is not None and base is not None:
        used = _volume(question, question.sent, cycle_start(giver, at))
        code, name, limit = Code.GIFT_CYCLE_SHARE, "cycle_share_percent", base * share.value // 100
        yield VolumeLimit(giver, code, name, share, limit, used, _is_size_sure(giver))
    young, age = rules.young_line, question.age
    if young is not None and (age is None or age < timedelta(days=young.value.days)):
        cap = young.value.volume_per_month
        if cap.unit is question.unit:
            code, used = Code.GIFT_YOUNG_LINE_VOLUME, _volume(question, question.sent, month)
            yield VolumeLimit(giver, code, "young_line", young, cap.amount, used, age is not None)


def _receiving_limits(question: GiftQuestion) -> Iterator[VolumeLimit]:
    """Yield what the receiver may get, in the months that the receiver's operator counts."""
    receiver = question.receiver
    rule = receiver.rules.received_per_month
    limit = of_unit(rule, question)
    if rule is not None and limit is not None:
        since = month_start(question.at, receiver.profile.zone)
        used = _volume(question, question.received, since)
        code, name = Code.GIFT_RECEIVED_PER_MONTH, "received_per_month"
        yield VolumeLimit(receiver, code, name, rule, limit, used)


def check_volumes(question: GiftQuestion) -> Iterator[Reason]:
    """So much a day, a month and a cycle, for the giver and for the receiver."""
    yield from check_giving(question)
    yield from check_receiving(question)


def check_giving(question: GiftQuestion) -> Iterator[Reason]:
    """So much a day, a month and a cycle for the giver."""
    share = question.giver.rules.cycle_share_percent
    if share is not None and _cycle_base(question) is None:
        code, name = Code.GIFT_CYCLE_SHARE, "cycle_share_percent"
        yield undecided(question.giver, code, name, share)
    yield from _check_limits(question, _giving_limits(question))


def check_receiving(question: GiftQuestion) -> Iterator[Reason]:
    """So much a month for the receiver: what is asked again when a gift is accepted."""
    yield from _check_limits(question, _receiving_limits(question))


def _check_limits(question: GiftQuestion, limits: Iterable[VolumeLimit]) -> Iterator[Reason]:
    for volume in limits:
        if question.amount <= volume.left:
            continue
        say = refuse if volume.surely_holds else undecided
        fields = {"limit": Quantity(volume.limit, question.unit)}
        # The giver is not told what the receiver has had from others.
        if volume.surely_holds and volume.code is not Code.GIFT_RECEIVED_PER_MONTH:
            fields["left"] = Quantity(volume.left, question.unit)
        yield say(volume.party, volume.code, volume.name, volume.rule, **fields)


def check_age(question: GiftQuestion) -> Iterator[Reason]:
    """The giver's line is old enough to give at all."""
    giver, rule = question.giver, question.giver.rules.line_age_days_min
    if rule is None:
        return
    code, name, days = Code.GIFT_LINE_TOO_YOUNG, "line_age_days_min", rule.value
    if question.age is None:
        yield undecided(giver, code, name, rule, days=days)
    elif question.age < timedelta(days=days):
        yield refuse(giver, code, name, rule, days=days)


def _since(gifts: tuple[PastGift, ...], start: datetime) -> tuple[PastGift, ...]:
    """Return the gifts since an instant; also those that a clock set back seems to make future."""
    return tuple(gift for gift in gifts if start <= gift.at)


def _volume(question: GiftQuestion, gifts: tuple[PastGift, ...], start: datetime) -> int:
    """Sum what was given of the unit asked for since an instant, in base units."""
    of_unit = (gift for gift in _since(gifts, start) if gift.quantity.unit is question.unit)
    return sum(gift.quantity.amount for gift in of_unit)


def _is_size_sure(giver: Party) -> bool:
    """Tell whether what the giver's plan gives was read where one can rely on it."""
    sources = giver.profile.sources
    return giver.plan is not None and sources[giver.plan.source].confidence is not Confidence.LOW


def _cycle_base(question: GiftQuestion) -> int | None:
    """Return what a cycle of the giver's plan gives at all hours; None: not known, or no limit.

    Night data and bonuses come on top of a plan's base: they are no part of it.
    """
    plan, unit = question.giver.plan, question.unit
    if plan is None or unit in plan.unlimited:
        return None
    base = [
        offered.amount.amount
        for offered in plan.gives
        if offered.amount.unit is unit and offered.source_class == "base" and offered.hours is None
    ]
    return sum(base) or None
