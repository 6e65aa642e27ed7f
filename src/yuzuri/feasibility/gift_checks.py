"""The published rules on gifts, one small check each; together they are the whole verdict.

A check looks at the question and yields reasons; it yields nothing where the operator names no such
rule. A rule whose source is of low confidence never refuses: it leaves the verdict undecided.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

from yuzuri.feasibility.question import GiftQuestion, Party, PastGift, classes_of
from yuzuri.feasibility.verdict import Effect, Reason, cite
from yuzuri.feasibility.windows import blackout_end, opens_at
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.errors import Code, FieldValue
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profile import (
    AllowanceClass,
    Confidence,
    GiftRules,
    Recipients,
    Rule,
)

Check = Callable[[GiftQuestion], Iterator[Reason]]


def refuse(
    party: Party, code: Code, name: str, rule: Rule[object] | None, **fields: FieldValue
) -> Reason:
    """Make the reason by which a party's rule stands in the way."""
    fields = {"operator": party.profile.name, **fields}
    if rule is None:
        return Reason(code, Effect.REFUSES, fields)
    evidence = cite(party.profile, f"{party.rules_name}.{name}", rule)
    unsure = evidence.confidence is Confidence.LOW
    return Reason(code, Effect.UNDECIDED if unsure else Effect.REFUSES, fields, evidence)


def undecided(
    party: Party, code: Code, name: str, rule: Rule[object], **fields: FieldValue
) -> Reason:
    """Make the reason for which a party's rule cannot be decided on what is known."""
    reason = refuse(party, code, name, rule, **fields)
    return Reason(code, Effect.UNDECIDED, reason.fields, reason.evidence)


def note(party: Party, code: Code, name: str, rule: Rule[object], **fields: FieldValue) -> Reason:
    """Make a reason that does not stand in the way."""
    reason = refuse(party, code, name, rule, **fields)
    return Reason(code, Effect.NOTES, reason.fields, reason.evidence)


def of_unit(rule: Rule[tuple[Quantity, ...]] | None, question: GiftQuestion) -> int | None:
    """Return what a rule in quantities says of the unit asked for, in base units."""
    if rule is None:
        return None
    return next((q.amount for q in rule.value if q.unit is question.unit), None)


# ---------------------------------------------------------------- whether at all


def check_offered(question: GiftQuestion) -> Iterator[Reason]:
    """The operator offers gifts at all; between operators, both must."""
    parties = [question.giver]
    if not question.is_within_operator:
        parties.append(question.receiver)
    for party in parties:
        rule = party.rules.offered
        if rule is None:
            yield Reason(
                Code.GIFT_RULES_UNKNOWN, Effect.UNDECIDED, {"operator": party.profile.name}
            )
        elif not rule.value:
            yield refuse(party, Code.GIFT_NOT_OFFERED, "offered", rule)


def check_unit(question: GiftQuestion) -> Iterator[Reason]:
    """What is given is of a kind that the operator lets one give."""
    rule = question.giver.rules.units
    if rule is not None and question.unit not in rule.value:
        offered = tuple(unit.value for unit in rule.value)
        yield refuse(
            question.giver, Code.GIFT_UNIT_NOT_OFFERED, "units", rule,
            unit=question.unit.value, offered=offered,
        )  # fmt: skip


def check_recipient(question: GiftQuestion) -> Iterator[Reason]:
    """The receiver is one of those to whom the operator lets one give, and is not the giver."""
    giver, relation = question.giver, question.relation
    if relation.same_line:
        yield Reason(Code.GIFT_TO_ONESELF, Effect.REFUSES, {})
    rule = giver.rules.recipients
    if giver.rules.offered is None or not giver.rules.offered.value:
        return
    if rule is None:
        if not question.is_within_operator:
            yield Reason(
                Code.GIFT_RULES_UNKNOWN, Effect.UNDECIDED, {"operator": giver.profile.name}
            )
        return
    if not question.is_within_operator:
        if rule.value is not Recipients.ANYONE:
            yield refuse(
                giver, Code.GIFT_OTHER_OPERATOR, "recipients", rule,
                other=question.receiver.profile.name,
            )  # fmt: skip
        return
    belongs, code = {
        Recipients.ANYONE: (True, Code.GIFT_OTHER_OPERATOR),
        Recipients.SAME_OPERATOR: (True, Code.GIFT_OTHER_OPERATOR),
        Recipients.SAME_BRAND: (_same_brand(question), Code.GIFT_OTHER_OPERATOR),
        Recipients.SAME_ACCOUNT: (relation.same_account, Code.GIFT_OTHER_ACCOUNT),
        Recipients.BILLING_GROUP: (relation.billing_group, Code.GIFT_OTHER_BILLING_GROUP),
        Recipients.LINKED_NUMBERS: (relation.linked, Code.GIFT_NOT_LINKED),
    }[rule.value]
    if belongs is None:
        yield undecided(giver, code, "recipients", rule, other=question.receiver.profile.name)
    elif not belongs:
        yield refuse(giver, code, "recipients", rule, other=question.receiver.profile.name)


def _same_brand(question: GiftQuestion) -> bool | None:
    one, other = question.giver.plan, question.receiver.plan
    return None if one is None or other is None else one.brand == other.brand


def check_plan_types(question: GiftQuestion) -> Iterator[Reason]:
    """A line on the giver's kind of plan may give to one on the receiver's."""
    giver, rule = question.giver, question.giver.rules.plan_types
    if rule is None or not question.is_within_operator:
        return
    if giver.plan is None:
        yield undecided(giver, Code.GIFT_PLAN_TYPE, "plan_types", rule, types=tuple(rule.value))
        return
    open_to = {to for kind in giver.plan.types for to in rule.value.get(kind, ())}
    if not open_to:
        yield refuse(giver, Code.GIFT_PLAN_TYPE, "plan_types", rule, types=tuple(rule.value))
    elif "*" not in open_to:
        plan = question.receiver.plan
        if plan is None:
            yield undecided(
                giver, Code.GIFT_PLAN_TYPE, "plan_types", rule, types=tuple(sorted(open_to))
            )
        elif not open_to & set(plan.types):
            yield refuse(
                giver, Code.GIFT_PLAN_TYPE, "plan_types", rule, types=tuple(sorted(open_to))
            )


# ---------------------------------------------------------------- how much at a time


def check_amount(question: GiftQuestion) -> Iterator[Reason]:
    """The amount is one of the sizes, a multiple of the step, not too small and not too large."""
    giver, rules, amount = question.giver, question.giver.rules, question.amount
    step, least, most = (of_unit(r, question) for r in (rules.step, rules.minimum, rules.maximum))
    if least is not None and rules.minimum and amount < least:
        limit = Quantity(least, question.unit)
        yield refuse(giver, Code.GIFT_MINIMUM, "minimum", rules.minimum, limit=limit)
    if most is not None and rules.maximum and amount > most:
        limit = Quantity(most, question.unit)
        yield refuse(giver, Code.GIFT_MAXIMUM, "maximum", rules.maximum, limit=limit)
    if step is not None and rules.step and amount % step:
        by = Quantity(step, question.unit)
        yield refuse(giver, Code.GIFT_STEP, "step", rules.step, step=by, amount=question.quantity)
    if rules.sizes is not None:
        sizes = tuple(size for size in rules.sizes.value if size.unit is question.unit)
        if sizes and question.quantity not in sizes:
            yield refuse(giver, Code.GIFT_SIZE, "sizes", rules.sizes, sizes=sizes)


# ---------------------------------------------------------------- how often, how much in a while


def day_of(question: GiftQuestion, gifts: tuple[PastGift, ...]) -> list[PastGift]:
    """Return the gifts of the question's day, as the giver's operator counts days."""
    start = day_start(question.at, question.giver.profile.zone)
    return [gift for gift in gifts if start <= gift.at <= question.at]


def month_of(question: GiftQuestion, gifts: tuple[PastGift, ...]) -> list[PastGift]:
    """Return the gifts of the question's month, as the giver's operator counts months."""
    start = month_start(question.at, question.giver.profile.zone)
    return [gift for gift in gifts if start <= gift.at <= question.at]


def check_counts(question: GiftQuestion) -> Iterator[Reason]:
    """So many gifts a day and a month, and so many waiting at once."""
    giver, rules = question.giver, question.giver.rules
    today, month = day_of(question, question.sent), month_of(question, question.sent)
    if rules.count_per_day is not None and len(today) >= rules.count_per_day.value:
        rule = rules.count_per_day
        yield refuse(giver, Code.GIFT_COUNT_PER_DAY, "count_per_day", rule, limit=rule.value)
    if rules.count_per_month is not None and len(month) >= rules.count_per_month.value:
        rule = rules.count_per_month
        yield refuse(giver, Code.GIFT_COUNT_PER_MONTH, "count_per_month", rule, limit=rule.value)
    waiting = sum(gift.is_open for gift in question.sent)
    if rules.pending_max is not None and waiting >= rules.pending_max.value:
        rule = rules.pending_max
        yield refuse(giver, Code.GIFT_PENDING, "pending_max", rule, limit=rule.value)


def volumes_left(question: GiftQuestion) -> Iterator[tuple[Code, str, Rule[object], int, int]]:
    """Yield each limit on volume: its code, name and rule, the limit, and what of it is left."""
    rules, receiver = question.giver.rules, question.receiver.rules
    sent_today, sent = day_of(question, question.sent), month_of(question, question.sent)
    received = month_of(question, question.received)
    for code, name, rule, gifts in (
        (Code.GIFT_VOLUME_PER_DAY, "volume_per_day", rules.volume_per_day, sent_today),
        (Code.GIFT_VOLUME_PER_MONTH, "volume_per_month", rules.volume_per_month, sent),
        (
            Code.GIFT_RECEIVED_PER_MONTH,
            "received_per_month",
            receiver.received_per_month,
            received,
        ),
    ):
        limit = of_unit(rule, question)
        if rule is not None and limit is not None:
            used = sum(gift.quantity.amount for gift in gifts)
            yield code, name, rule, limit, max(0, limit - used)
    share = rules.cycle_share_percent
    base = _cycle_base(question)
    if share is not None and base is not None:
        limit = base * share.value // 100
        used = sum(gift.quantity.amount for gift in sent)
        left = max(0, limit - used)
        yield Code.GIFT_CYCLE_SHARE, "cycle_share_percent", share, limit, left
    young = rules.young_line
    if young is not None and young.value.volume_per_month.unit is question.unit:
        age = _age(question)
        if age is not None and age < timedelta(days=young.value.days):
            limit = young.value.volume_per_month.amount
            used = sum(gift.quantity.amount for gift in sent)
            yield Code.GIFT_YOUNG_LINE_VOLUME, "young_line", young, limit, max(0, limit - used)


def check_volumes(question: GiftQuestion) -> Iterator[Reason]:
    """So much a day and a month, for the giver and for the receiver."""
    for code, name, rule, limit, left in volumes_left(question):
        if question.amount > left:
            is_receiver = code is Code.GIFT_RECEIVED_PER_MONTH
            party = question.receiver if is_receiver else question.giver
            # The giver is not told what the receiver has had from others.
            shown = {} if is_receiver else {"left": Quantity(left, question.unit)}
            yield refuse(party, code, name, rule, limit=Quantity(limit, question.unit), **shown)


def _cycle_base(question: GiftQuestion) -> int | None:
    plan = question.giver.plan
    if plan is None:
        return None
    return sum(g.amount.amount for g in plan.gives if g.amount.unit is question.unit) or None


def check_age(question: GiftQuestion) -> Iterator[Reason]:
    """The giver's line is old enough, or gives little enough to be let pass unknown."""
    giver, rules, age = question.giver, question.giver.rules, _age(question)
    least = rules.line_age_days_min
    if least is not None:
        if age is None:
            yield undecided(
                giver, Code.GIFT_LINE_TOO_YOUNG, "line_age_days_min", least, days=least.value
            )
        elif age < timedelta(days=least.value):
            yield refuse(
                giver, Code.GIFT_LINE_TOO_YOUNG, "line_age_days_min", least, days=least.value
            )
    young = rules.young_line
    if young is not None and age is None:
        limit = young.value.volume_per_month
        if limit.unit is question.unit and question.amount > limit.amount:
            yield undecided(
                giver, Code.GIFT_YOUNG_LINE_VOLUME, "young_line", young,
                limit=limit, days=young.value.days,
            )  # fmt: skip


def _age(question: GiftQuestion) -> timedelta | None:
    activated_at = question.giver.activated_at
    return None if activated_at is None else question.at - activated_at


# ---------------------------------------------------------------- when


def check_blackout(question: GiftQuestion) -> Iterator[Reason]:
    """It is not an hour at which the operator takes no gifts."""
    rule = question.giver.rules.blackout
    if rule is not None:
        ends = blackout_end(rule.value, question.at, question.giver.profile.zone)
        if ends is not None:
            yield refuse(question.giver, Code.GIFT_BLACKOUT, "blackout", rule, until=ends)


# ---------------------------------------------------------------- from what


def check_sources(question: GiftQuestion) -> Iterator[Reason]:
    """Where it is not known what the giver has, say which allowances the rules leave out."""
    if question.holdings is not None:
        return
    yield from (
        undecided(question.giver, code, name, rule, classes=classes)
        for code, name, rule, classes in source_rules(question.giver.rules)
    )


def source_rules(
    rules: GiftRules,
) -> Iterator[tuple[Code, str, Rule[object], tuple[str, ...]]]:
    """Yield each rule that says from which allowances one may give, or may not."""
    if rules.excluded is not None:
        classes = tuple(c.value for c in rules.excluded.value)
        yield Code.GIFT_EXCLUDED, "excluded", rules.excluded, classes
    if rules.sources is not None:
        classes = tuple(c.value for c in rules.sources.value)
        yield Code.GIFT_SOURCE, "sources", rules.sources, classes
    if rules.regift is not None and not rules.regift.value:
        yield Code.GIFT_REGIFT, "regift", rules.regift, (AllowanceClass.RECEIVED.value,)


def check_balance(question: GiftQuestion) -> Iterator[Reason]:
    """The giver has enough that may be given, now, and keeps what must be kept."""
    if question.holdings is None:
        return
    giver, amount = question.giver, question.amount
    usable, giftable = question.usable(), question.giftable()
    have = sum(h.available for h in usable)
    may_give = sum(h.available for h in giftable)
    if amount > have:
        over = sum(
            h.available
            for h in question.holdings
            if h.allowance.unit is question.unit and h.allowance.is_over(question.at)
        )
        code = Code.ALLOWANCE_EXPIRED if over and amount <= have + over else Code.BALANCE_NOT_ENOUGH
        available = Quantity(have, question.unit)
        yield Reason(code, Effect.REFUSES, {"available": available, "amount": question.quantity})
    elif amount > may_give:
        yield from _kept_back(question)
    rules = giver.rules
    keep = of_unit(rules.keep, question)
    if keep is not None and rules.keep and amount <= have and have - amount < keep:
        limit = Quantity(keep, question.unit)
        yield refuse(giver, Code.GIFT_KEEP, "keep", rules.keep, limit=limit)
    yield from _check_last_days(question)


def _kept_back(question: GiftQuestion) -> Iterator[Reason]:
    """Name the rules on sources that keep back what would have been enough."""
    giver, giftable = question.giver, question.giftable()
    may_give = Quantity(sum(h.available for h in giftable), question.unit)
    kept = [classes_of(h.allowance) for h in question.usable() if h not in giftable]
    for code, name, rule, classes in source_rules(giver.rules):
        named = {AllowanceClass(c) for c in classes}
        bites = any(named.isdisjoint(k) if code is Code.GIFT_SOURCE else named & k for k in kept)
        if bites:
            yield refuse(giver, code, name, rule, classes=classes, available=may_give)


def _check_last_days(question: GiftQuestion) -> Iterator[Reason]:
    rule, giftable = question.giver.rules.last_days, question.giftable()
    ready = sum(h.available for h in question.ready())
    if rule is None or not ready < question.amount <= sum(h.available for h in giftable):
        return
    openings = [(opens_at(rule.value, h.allowance), h.available) for h in giftable]
    perhaps = sum(n for opening, n in openings if opening and opening.perhaps <= question.at)
    later = [
        opening.perhaps for opening, _ in openings if opening and opening.perhaps > question.at
    ]
    if question.amount <= perhaps:
        yield undecided(question.giver, Code.GIFT_TOO_EARLY, "last_days", rule)
    elif later:
        since = min(later)
        yield refuse(question.giver, Code.GIFT_TOO_EARLY, "last_days", rule, since=since)
    else:
        yield refuse(question.giver, Code.GIFT_TOO_EARLY, "last_days", rule)


# ---------------------------------------------------------------- what one should know before


def check_notes(question: GiftQuestion) -> Iterator[Reason]:
    """What it costs, and whether it can be taken back."""
    giver, rules = question.giver, question.giver.rules
    if rules.fee is not None and rules.fee.value.minor:
        fee = rules.fee.value
        yield note(giver, Code.GIFT_FEE, "fee", rules.fee, minor=fee.minor, currency=fee.currency)
    if rules.reversible is not None and not rules.reversible.value:
        yield note(giver, Code.GIFT_IRREVERSIBLE, "reversible", rules.reversible)


CHECKS: tuple[Check, ...] = (
    check_offered,
    check_unit,
    check_recipient,
    check_plan_types,
    check_amount,
    check_counts,
    check_volumes,
    check_age,
    check_blackout,
    check_sources,
    check_balance,
    check_notes,
)
"""Every check, in the order in which a reader wants the reasons."""
