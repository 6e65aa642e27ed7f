"""Questions at random: of the shipped operators, and of operators with rules at random."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from tests.ids import numbered
from tests.unit.feasibility.asking import PROFILES, TOGETHER, some
from tests.unit.feasibility.made_up import plan_with, profile_with, rules_with

from yuzuri.catalog.purchases import issued_by
from yuzuri.feasibility.question import GiftQuestion, Holding, Party, PastGift, Relation
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, Id, PurchaseId, derived_id
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.operators.gift_rules import Blackout, Expiry, ExpiryKind, GiftRules, LastDays, YoungLine
from yuzuri.operators.plans import AllowanceClass, Plan, PlanAllowance, Validity, ValidityKind
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import gift_rules
from yuzuri.operators.sources import Rule

ZONES = ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Africa/Harare", "Pacific/Chatham")

known_or_not = st.sampled_from([True, False, None])
hours = st.times().map(lambda t: t.replace(second=0, microsecond=0))
instants = st.builds(
    lambda at, zone: at.astimezone(ZoneInfo(zone)),
    st.one_of(
        st.datetimes(datetime(2015, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 # Hypothesis adds the zone
        # The turns of months, where clocks of operators disagree on the day.
        st.builds(
            lambda year, month, minutes: (
                datetime(year, month, 1, tzinfo=UTC) + timedelta(minutes=minutes)
            ),
            st.integers(2015, 2039),
            st.integers(1, 12),
            st.integers(-24 * 60, 24 * 60),
        ),
    ),
    st.sampled_from(ZONES),
)


# Strategies are made once, not at each drawing, which is what takes time.

allowance_terms = st.fixed_dictionaries(
    {
        "source": st.sampled_from(Source),
        "paid": st.booleans(),
        "hops": st.integers(0, 2),
        "hours": st.one_of(
            st.none(), st.none(), st.builds(DailyWindow, hours, hours, st.sampled_from(ZONES))
        ),
        "ends": st.one_of(st.none(), st.timedeltas(timedelta(days=-5), timedelta(days=400))),
        "age": st.timedeltas(timedelta(0), timedelta(days=400)),
        "id": st.binary(min_size=16, max_size=16).map(Id),
    }
)


def allowance_of(at: datetime, unit: Unit, terms: dict[str, Any]) -> Allowance:
    """What somebody could have at an instant: also what is over, paid, for the night, a gift."""
    ends, hops = terms["ends"], terms["hops"]
    issued_at = at - terms["age"]
    expires_at = None if ends is None else at + ends
    return Allowance(
        id=AllowanceId(terms["id"]),
        unit=unit,
        operator="any",
        plan="monthly",
        zone="JP",
        source=terms["source"],
        paid=terms["paid"],
        issued_at=issued_at if expires_at is None else min(issued_at, expires_at),
        expires_at=expires_at,
        purchase=PurchaseId(numbered(0)),
        hours=terms["hours"],
        hops=hops,
        parent=AllowanceId(numbered(1)) if hops else None,
    )


several_terms = st.lists(allowance_terms, max_size=3)
perhaps_several_terms = st.none() | several_terms

relations = st.one_of(
    st.just(TOGETHER),
    st.just(TOGETHER),
    st.just(TOGETHER),
    st.builds(
        Relation,
        same_line=st.booleans(),
        same_account=known_or_not,
        billing_group=known_or_not,
        linked=known_or_not,
    ),
)
ages = st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=99))
agos = st.timedeltas(timedelta(hours=-2), timedelta(days=32))
units = st.sampled_from([Unit.DATA, Unit.DATA, Unit.DATA, Unit.VOICE, Unit.SMS])
holding_kinds = st.sampled_from(["some", "some", "plenty", "plenty", "fresh cycle", "not known"])

AMOUNTS = {most: st.integers(1, most) for most in (60, 10**7, 10**9, 2 * 10**10, AMOUNT_MAX // 9)}
GIFTS = {
    most: st.lists(st.tuples(amounts, st.sampled_from(Unit), agos, st.booleans()), max_size=4)
    for most, amounts in AMOUNTS.items()
}
HOLDINGS = {
    most: st.lists(st.tuples(allowance_terms, amounts), max_size=4)
    for most, amounts in AMOUNTS.items()
}


@st.composite
def between(
    draw: st.DrawFn, giver: Profile, plan: Plan | None, receiver: Party, most: int
) -> GiftQuestion:
    """A question of somebody with an operator to a receiver, of amounts up to `most`."""
    at, unit, age = draw(instants), draw(units), draw(ages)
    kind = draw(holding_kinds)
    holdings = tuple(Holding(allowance_of(at, unit, t), n) for t, n in draw(HOLDINGS[most]))
    if kind == "plenty":
        held = replace(some("1 B", at).allowance, unit=unit)
        holdings = (Holding(held, most), *holdings)
    if kind == "fresh cycle" and plan is not None:
        purchase = PurchaseId(derived_id(numbered(7), plan.id))
        issued = issued_by(giver, plan, plan.gives, purchase, at - (age or timedelta(0)))
        holdings += tuple(Holding(allowance, amount) for allowance, amount in issued)
    has = draw(perhaps_several_terms)
    sent, received = (
        tuple(PastGift(Quantity(n, of), at - ago, is_open) for n, of, ago, is_open in gifts)
        for gifts in (draw(GIFTS[most]), draw(GIFTS[most]))
    )
    party = Party(giver, plan, None if age is None else at - age)
    amount = draw(AMOUNTS[most])
    if draw(tidy) and party.rules.minimum is not None:
        amount = party.rules.minimum.value[0].amount
    return GiftQuestion(
        giver=party,
        receiver=receiver,
        quantity=Quantity(amount, unit),
        at=at,
        relation=draw(relations),
        holdings=None if kind == "not known" else holdings,
        sent=sent,
        received=received,
        receiver_has=None if has is None else tuple(allowance_of(at, unit, t) for t in has),
    )


PLANS = [(profile, plan) for profile in PROFILES.values() for plan in (None, *profile.plans)]
OFFERING = [(o, p) for o, p in PLANS if (r := gift_rules(o, p).offered) is not None and r.value]

givers = st.sampled_from(PLANS) | st.sampled_from(OFFERING) | st.sampled_from(OFFERING)
receivers = {
    p.id: st.sampled_from([(p, plan) for plan in (None, *p.plans)]) for p in PROFILES.values()
}
anyone = st.sampled_from(PLANS)
tidy = st.booleans()
mosts = st.sampled_from(sorted(AMOUNTS))


@st.composite
def shipped_questions(draw: st.DrawFn) -> GiftQuestion:
    """A question to the operators that ship with Yuzuri, mostly within one of them."""
    giver, plan = draw(givers)
    is_within = draw(st.integers(0, 3))
    other, to = draw(receivers[giver.id] if is_within else anyone)
    return draw(between(giver, plan, Party(other, to), draw(mosts)))


# ---------------------------------------------------------------- operators at random

MOST = 60
"""Amounts of made-up operators stay small, so that every amount can be looked at."""

small = st.integers(1, MOST)
some_units = st.lists(st.sampled_from(Unit), min_size=1, max_size=3, unique=True)
classes = st.lists(st.sampled_from(AllowanceClass), min_size=1, max_size=3, unique=True).map(tuple)


quantities = st.dictionaries(st.sampled_from(Unit), small, min_size=1).map(
    lambda named: tuple(Quantity(amount, unit) for unit, amount in named.items())
)


blackouts = st.builds(
    lambda since, until, days: Blackout(
        since=since, until=until, since_day=days and days[0], until_day=days and days[1]
    ),
    hours,
    hours,
    st.none() | st.tuples(st.integers(0, 31), st.integers(0, 31)),
)

LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "units": some_units.map(tuple),
    "step": st.builds(lambda n: (Quantity(n, Unit.DATA),), st.integers(1, 9)),
    "minimum": quantities,
    "maximum": quantities,
    "sizes": quantities,
    "count_per_day": st.integers(0, 3),
    "count_per_month": st.integers(0, 3),
    "volume_per_day": quantities,
    "volume_per_month": quantities,
    "received_per_month": quantities,
    "keep": quantities,
    "cycle_share_percent": st.integers(0, 100),
    "sources": classes,
    "excluded": classes,
    "regift": st.just(False),
    "plan_types": st.sampled_from([{"postpaid": ("*",)}, {"prepaid": ("prepaid",)}]),
    "pending_max": st.integers(0, 3),
    "line_age_days_min": st.integers(0, 60),
    "young_line": st.builds(
        YoungLine,
        days=st.integers(0, 60),
        volume_per_month=st.builds(Quantity, small, st.just(Unit.DATA)),
    ),
    "blackout": blackouts,
    "last_days": st.builds(
        LastDays,
        short_days=st.integers(0, 9),
        long_days=st.integers(0, 9),
        short_bundle_days=st.none() | st.integers(0, 60),
    ),
}
"""Rules that can only stand in the way."""

OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "refusable": st.booleans(),
    "expiry": st.builds(
        Expiry,
        kind=st.sampled_from(ExpiryKind),
        hours=st.integers(1, 100),
        months=st.integers(0, 2),
        cycles=st.integers(0, 2),
    ),
}


confidences = st.sampled_from(["high", "high", "low"])

LIMIT_RULES: dict[str, st.SearchStrategy[Rule[Any]]] = {
    name: st.builds(lambda value, source: Rule(value=value, source=source), values, confidences)
    for name, values in LIMITS.items()
}
OTHER_RULES: dict[str, st.SearchStrategy[Rule[Any] | None]] = {
    name: st.none()
    | st.builds(lambda value, source: Rule(value=value, source=source), values, confidences)
    for name, values in OTHERS.items()
}


TIMELY = (
    "blackout", "count_per_day", "count_per_month", "cycle_share_percent", "last_days",
    "line_age_days_min", "received_per_month", "volume_per_day", "volume_per_month", "young_line",
)  # fmt: skip
"""Limits that time can lift."""

any_limits = st.lists(st.sampled_from(sorted(LIMITS)), max_size=3, unique=True)
timely_limits = st.lists(st.sampled_from(TIMELY), min_size=1, max_size=2, unique=True)


@st.composite
def some_rules(draw: st.DrawFn, names: st.SearchStrategy[list[str]]) -> GiftRules:
    """Rules of an operator who offers gifts: a few limits, and perhaps an expiry."""
    stated = {name: draw(LIMIT_RULES[name]) for name in draw(names)}
    others = {name: draw(rule) for name, rule in OTHER_RULES.items()}
    sure = rules_with()
    return GiftRules(offered=sure.offered, recipients=sure.recipients, **stated, **others)


validities = st.sampled_from(
    [
        Validity(kind=ValidityKind.MONTH_END),
        Validity(kind=ValidityKind.NEXT_MONTH_END),
        Validity(kind=ValidityKind.DAYS, count=7),
    ]
)


def made_up_plan(amount: int, validity: Validity, *, paid: bool) -> Plan:
    """A plan by the month, or by so many days."""
    quantity = Quantity(amount, Unit.DATA)
    given = PlanAllowance(amount=quantity, validity=validity, zone="JP", paid=paid)
    return plan_with(gives=(given,))


plans = st.builds(made_up_plan, small, validities, paid=st.booleans())
places = st.tuples(st.sampled_from(["JP", "KE"]), st.sampled_from(ZONES))


@st.composite
def made_up_questions(
    draw: st.DrawFn, names: st.SearchStrategy[list[str]] = any_limits
) -> GiftQuestion:
    """A question within an operator at random, of amounts so small that each can be looked at."""
    plan, (country, timezone) = draw(plans), draw(places)
    profile = profile_with(draw(some_rules(names)), country=country, timezone=timezone)
    return draw(between(profile, plan, Party(profile, plan), MOST))


@st.composite
def timely_questions(draw: st.DrawFn) -> GiftQuestion:
    """A question that only time may stand against."""
    question = draw(made_up_questions(timely_limits))
    held = some("1 B", question.at, ends=draw(lasts)).allowance
    holding = Holding(replace(held, unit=question.unit), MOST)
    return replace(question, relation=TOGETHER, holdings=(holding, *(question.holdings or ())))


lasts = st.timedeltas(timedelta(days=1), timedelta(days=60))
