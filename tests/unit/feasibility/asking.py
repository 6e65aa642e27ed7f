"""Putting questions in one line: who gives what to whom, out of what, and when."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.ids import numbered

from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.question import GiftQuestion, Holding, Party, PastGift, Relation
from yuzuri.feasibility.verdict import Effect, Reason, Verdict
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import AllowanceId, PurchaseId
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.operators.profiles import find_plan, read_profiles

PROFILES = read_profiles()

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta.resolution

TOGETHER = Relation(same_account=True, billing_group=True, linked=True)
"""Two lines that belong together in every way."""
APART = Relation(same_account=False, billing_group=False, linked=False)

_numbers = count(1)


def party(name: str, age_days: float | None = 400, at: datetime | None = None) -> Party:
    """Somebody on OPERATOR or OPERATOR/PLAN, whose line is so many days old at an instant."""
    operator, _, plan = name.partition("/")
    profile = PROFILES[operator]
    at = at or noon(name)
    activated_at = None if age_days is None else at - timedelta(days=age_days)
    return Party(profile, find_plan(profile, plan) if plan else None, activated_at)


def noon(name: str, day: int = 10, month: int = 11, year: int = 2026) -> datetime:
    """Noon of a day as the operator's clocks show it."""
    zone = PROFILES[name.partition("/")[0]].zone
    return datetime(year, month, day, 12, tzinfo=zone)


def some(
    amount: str,
    at: datetime,
    *,
    ends: timedelta | None = 2 * DAY,
    lasts: timedelta = 30 * DAY,
    source: Source = Source.BASE,
    paid: bool = False,
    hops: int = 0,
    hours: DailyWindow | None = None,
    expires_at: datetime | None = None,
    issued_at: datetime | None = None,
    operator: str = "",
    plan: str = "",
) -> Holding:
    """So much that ends so long after an instant and was issued for so long; `ends` None: never."""
    quantity = parse_quantity(amount)
    if expires_at is None and ends is not None:
        expires_at = at + ends
    if issued_at is None:
        issued_at = at - 28 * DAY if expires_at is None else expires_at - lasts
    allowance = Allowance(
        id=AllowanceId(numbered(next(_numbers))),
        unit=quantity.unit,
        operator=operator,
        plan=plan,
        zone="JP",
        source=source,
        paid=paid,
        issued_at=issued_at,
        expires_at=expires_at,
        purchase=PurchaseId(numbered(0)),
        hours=hours,
        hops=hops,
        parent=AllowanceId(numbered(1)) if hops else None,
    )
    return Holding(allowance, quantity.amount)


def plenty(at: datetime) -> tuple[Holding, ...]:
    """So much base of each unit that no balance stands in the way."""
    return tuple(some(amount, at) for amount in ("200 GB", "100 h", "9999 sms"))


def past(*gifts: tuple[str, datetime], is_open: bool = False) -> tuple[PastGift, ...]:
    """Gifts of the past: how much, and when."""
    return tuple(PastGift(parse_quantity(amount), at, is_open) for amount, at in gifts)


def ask(
    giver: str,
    amount: str,
    *,
    to: str | None = None,
    at: datetime | None = None,
    has: Iterable[Holding] | str | None = "plenty",
    relation: Relation = TOGETHER,
    age_days: float | None = 400,
    **known: Any,
) -> GiftQuestion:
    """Ask whether one on a plan can give so much to one on another plan, by default the same."""
    at = at or noon(giver)
    if isinstance(has, str):
        has = plenty(at)
    return GiftQuestion(
        giver=party(giver, age_days, at),
        receiver=party(to or giver, None, at),
        quantity=parse_quantity(amount),
        at=at,
        relation=relation,
        holdings=None if has is None else tuple(has),
        **known,
    )


def judge(giver: str, amount: str, **circumstances: Any) -> Verdict:
    """The verdict on `ask` with the same words."""
    return judge_gift(ask(giver, amount, **circumstances))


def codes(verdict: Verdict, effect: Effect = Effect.REFUSES) -> list[Code]:
    """The codes of the reasons that have an effect, in their order."""
    return [reason.code for reason in verdict.reasons if reason.effect is effect]


def reason_of(verdict: Verdict, code: Code) -> Reason:
    """The reason of a code, which is there once."""
    (found,) = [reason for reason in verdict.reasons if reason.code is code]
    return found


def quantity(text: str) -> Quantity:
    """An amount as people write it."""
    return parse_quantity(text)


def data(amount: int) -> Quantity:
    """So many bytes."""
    return Quantity(amount, Unit.DATA)
