"""From what one may give: what the giver has, by the rules on sources, the law and its last days.

Three answers for each allowance: it may be given, it may not, or that is not known (a rule of low
confidence keeps it back, or its last days have perhaps begun). The verdict follows from how much
there is of each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from yuzuri.feasibility.law import paid_value_rule
from yuzuri.feasibility.question import GiftQuestion, Holding, Party
from yuzuri.feasibility.reasons import of_unit, refuse, undecided
from yuzuri.feasibility.verdict import Effect, Reason
from yuzuri.feasibility.windows import opens_at, surely_open
from yuzuri.kernel.calendar import month_end
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import spending_order
from yuzuri.operators.gift_rules import GiftRules, LastDays
from yuzuri.operators.plans import AllowanceClass
from yuzuri.operators.sources import Rule

DAILY_LIFETIME_MAX = timedelta(days=1)


def classes_of(allowance: Allowance, at: datetime, zone: ZoneInfo) -> frozenset[AllowanceClass]:
    """Say what an allowance is at an instant, in the words that gifting rules use.

    Base data that lasts to the end of the next month is carried over once its own month is past.
    """
    first = AllowanceClass(allowance.source.value)
    issued_at, expires_at = allowance.issued_at, allowance.expires_at
    lasts_next_month = expires_at == month_end(issued_at, zone, 1)
    if first is AllowanceClass.BASE and lasts_next_month and at >= month_end(issued_at, zone):
        first = AllowanceClass.CARRIED_OVER
    classes = {AllowanceClass.RECEIVED if allowance.hops else first}
    if allowance.hours is not None:
        classes.add(AllowanceClass.NIGHT)
    # What ends with the month is no daily bundle, even when issued on the month's last day.
    if (
        expires_at is not None
        and expires_at - issued_at <= DAILY_LIFETIME_MAX
        and expires_at != month_end(issued_at, zone)
    ):
        classes.add(AllowanceClass.DAILY)
    return frozenset(classes)


@dataclass(frozen=True, slots=True)
class SourceRule:
    """A rule on what may be given: only its classes (`GIFT_SOURCE`), or all but its classes."""

    code: Code
    name: str
    rule: Rule[object]
    classes: tuple[AllowanceClass, ...]

    def keeps_back(self, classes: frozenset[AllowanceClass]) -> bool:
        """Tell whether the rule stands against giving what is of these classes."""
        return classes.isdisjoint(self.classes) is (self.code is Code.GIFT_SOURCE)

    @property
    def said(self) -> tuple[str, ...]:
        """The classes as a reason carries them."""
        return tuple(one.value for one in self.classes)


def source_rules(rules: GiftRules) -> Iterator[SourceRule]:
    """Yield each rule that says from which allowances one may give, or may not."""
    if rules.excluded is not None:
        yield SourceRule(Code.GIFT_EXCLUDED, "excluded", rules.excluded, rules.excluded.value)
    if rules.sources is not None:
        yield SourceRule(Code.GIFT_SOURCE, "sources", rules.sources, rules.sources.value)
    if rules.regift is not None and not rules.regift.value:
        received = (AllowanceClass.RECEIVED,)
        yield SourceRule(Code.GIFT_REGIFT, "regift", rules.regift, received)


def kept_back_by(giver: Party, allowance: Allowance, at: datetime) -> Iterator[Reason]:
    """Yield each rule on sources, and the law, that stands against giving an allowance."""
    classes = classes_of(allowance, at, giver.profile.zone)
    for rule in source_rules(giver.rules):
        if rule.keeps_back(classes):
            yield refuse(giver, rule.code, rule.name, rule.rule, classes=rule.said)
    law = paid_value_rule(giver.profile, allowance)
    if law is not None and law.end_of(allowance) <= at:
        yield law.reason(Effect.REFUSES, law.end_of(allowance))


def may_be_given(giver: Party, allowance: Allowance, at: datetime) -> bool:
    """Tell whether the rules on sources and the law let an allowance be given."""
    return not any(kept_back_by(giver, allowance, at))


def giftable(question: GiftQuestion) -> tuple[Holding, ...]:
    """Return what of the giver's the rules on sources and the law surely let one give."""
    giver, at = question.giver, question.at
    return tuple(h for h in question.usable() if may_be_given(giver, h.allowance, at))


def perhaps_giftable(question: GiftQuestion) -> tuple[Holding, ...]:
    """Return that, and what only a rule of low confidence keeps back."""
    giver, at = question.giver, question.at
    return tuple(
        holding
        for holding in question.usable()
        if all(r.effect is not Effect.REFUSES for r in kept_back_by(giver, holding.allowance, at))
    )


def ready(question: GiftQuestion) -> tuple[Holding, ...]:
    """Return what can surely be given at this very instant, soonest expiry first."""
    last_days = question.giver.rules.last_days
    now = (
        holding
        for holding in giftable(question)
        if last_days is None or surely_open(last_days.value, holding.allowance, question.at)
    )
    return tuple(sorted(now, key=lambda holding: spending_order(holding.allowance)))


def split(holdings: Iterable[Holding], amount: int) -> Iterator[tuple[Holding, int]]:
    """Split an amount over holdings, from the first of them on."""
    for holding in holdings:
        part = min(amount, holding.available)
        if part > 0:
            yield holding, part
            amount -= part


def total(holdings: Iterable[Holding]) -> int:
    """Sum what is available, in base units."""
    return sum(holding.available for holding in holdings)


def to_spare(question: GiftQuestion) -> int:
    """Return what the giver has above what must be kept on the line, in base units."""
    return total(question.usable()) - (of_unit(question.giver.rules.keep, question) or 0)


# ---------------------------------------------------------------- checks


def check_balance(question: GiftQuestion) -> Iterator[Reason]:
    """The giver has enough, and keeps on the line what must be kept there."""
    if question.holdings is None:
        return
    have, amount, unit = total(question.usable()), question.amount, question.unit
    if amount > have:
        of_the_unit = (h for h in question.holdings if h.allowance.unit is unit)
        would_be_enough = amount <= total(of_the_unit)
        code = Code.ALLOWANCE_EXPIRED if would_be_enough else Code.BALANCE_NOT_ENOUGH
        fields = {"available": Quantity(have, unit), "amount": question.quantity}
        yield Reason(code, Effect.REFUSES, fields)
    rule = question.giver.rules.keep
    keep = of_unit(rule, question)
    if rule is not None and keep is not None and 0 <= have - amount < keep:
        limit = Quantity(keep, unit)
        yield refuse(question.giver, Code.GIFT_KEEP, "keep", rule, limit=limit)


def check_sources(question: GiftQuestion) -> Iterator[Reason]:
    """Enough of it may be given; else every rule is named that keeps some of it back."""
    giver, amount, at = question.giver, question.amount, question.at
    if question.holdings is None:
        for rule in source_rules(giver.rules):
            yield undecided(giver, rule.code, rule.name, rule.rule, classes=rule.said)
        return
    may_give = total(giftable(question))
    if amount <= may_give:
        return
    is_undecided = amount <= total(perhaps_giftable(question))
    effect = Effect.UNDECIDED if is_undecided else Effect.REFUSES
    named: dict[Code, Reason] = {}
    for holding in question.usable():
        for reason in kept_back_by(giver, holding.allowance, at):
            if reason.effect is effect:
                named.setdefault(reason.code, reason)
    available = {"available": Quantity(may_give, question.unit)} if may_give else {}
    for reason in named.values():
        yield replace(reason, fields={**reason.fields, **available})


def check_last_days(question: GiftQuestion) -> Iterator[Reason]:
    """Enough of it is in its last days, where the operator lets one give only then."""
    giver, rule, amount = question.giver, question.giver.rules.last_days, question.amount
    code, name = Code.GIFT_TOO_EARLY, "last_days"
    if rule is None:
        return
    if question.holdings is None:
        yield undecided(giver, code, name, rule)
        return
    perhaps = perhaps_giftable(question)
    surely = giftable(question)
    pool = surely if amount <= total(surely) else perhaps
    in_time = [h for h in pool if surely_open(rule.value, h.allowance, question.at)]
    if not total(in_time) < amount <= total(pool):
        return
    openings = ((opens_at(rule.value, h.allowance), h) for h in perhaps)
    perhaps_in_time = [h for opening, h in openings if opening and opening.perhaps <= question.at]
    since = _enough_since(rule.value, question.amount, pool)
    fields = {"since": since} if since is not None else {}
    say = undecided if amount <= total(perhaps_in_time) else refuse
    yield say(giver, code, name, rule, **fields)


def _enough_since(last_days: LastDays, amount: int, pool: Iterable[Holding]) -> datetime | None:
    """Return the instant from which `amount` is in its last days at once; None: it never is."""
    opening = [(opens_at(last_days, h.allowance), h) for h in pool]
    starts = sorted({opens.surely for opens, _ in opening if opens is not None})
    for start in starts:
        in_time = [
            holding
            for opens, holding in opening
            if opens and opens.surely <= start and not holding.allowance.is_over(start)
        ]
        if total(in_time) >= amount:
            return start
    return None


def held_amounts(question: GiftQuestion) -> Iterator[int]:
    """Yield the amounts at which what the giver has begins to be too little."""
    yield to_spare(question)
    yield total(ready(question))
