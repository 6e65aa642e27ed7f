"""Lines as a page shows them: what is left by kind, until when, and what of it waits in gifts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import lcm

import phonenumbers

from yuzuri.feasibility.holdings import may_be_given
from yuzuri.feasibility.question import Party
from yuzuri.feasibility.windows import surely_open
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Source
from yuzuri.operators.plans import Plan
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles, find_plan, gift_rules
from yuzuri.operators.sources import Rule
from yuzuri.sharing.account import Balance, LineAccount
from yuzuri.subscribers.lines import Line
from yuzuri.web.instants import Reader
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

BAR_WIDTH = 1_000

_READABLE = {Unit.DATA: 10**6, Unit.VOICE: 60, Unit.SMS: 1}


@dataclass(frozen=True, slots=True)
class AllowanceView:
    """One allowance of a kind; `left` says how long where it ends soon."""

    amount: str
    """Empty: all of it waits in open gifts."""
    waiting: str
    until: str
    left: str
    marks: tuple[str, ...]
    is_received: bool
    give_amount: str
    """What of it could be given, to fill the form with; empty: none of it, or not now."""


@dataclass(frozen=True, slots=True)
class KindView:
    """What is left of one kind; the bar's parts are in thousandths of its width."""

    unit: Unit
    is_night: bool
    name: str
    amount: str
    whole: str
    """What the plan gives of it in a cycle; empty where the line has more than that, or none."""
    waiting: str
    bar_available: int
    bar_waiting: int
    allowances: tuple[AllowanceView, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with all that is left on it."""

    id: str
    name: str
    operator: str
    plan: str
    number: str
    unlimited: tuple[str, ...]
    kinds: tuple[KindView, ...]
    has_something: bool
    offers_gifts: bool


def view_line(
    account: LineAccount, profiles: Profiles, language: Language, at: datetime
) -> LineView:
    """Put a line into words."""
    line = account.line
    profile = profiles[line.operator]
    plan = find_plan(profile, line.plan)
    reader = Reader(language, profile.zone, at)
    offered = gift_rules(profile, plan).offered
    return LineView(
        id=str(line.id),
        name=line_name(line, profile, language),
        operator=profile.name.in_language(language),
        plan=plan.name.in_language(language),
        number=show_number(line.number),
        unlimited=tuple(kind_name(unit, language) for unit in plan.unlimited),
        kinds=tuple(_kinds(account, profile, plan, reader)),
        has_something=bool(account.balances),
        offers_gifts=offered is None or offered.value,
    )


def line_name(line: Line, profile: Profile, language: Language) -> str:
    """Return what the person calls the line, or else its operator's name."""
    return line.label or profile.name.in_language(language)


def show_number(number: str) -> str:
    """Write an E.164 number so that people can read it."""
    parsed = phonenumbers.parse(number, None)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def kind_name(unit: Unit, language: Language, *, is_night: bool = False) -> str:
    """Return what a kind of allowance is called."""
    if is_night:
        return translate(language, "Night data")
    return {
        Unit.DATA: translate(language, "Data"),
        Unit.VOICE: translate(language, "Calls"),
        Unit.SMS: translate(language, "SMS"),
    }[unit]


def _kinds(
    account: LineAccount, profile: Profile, plan: Plan, reader: Reader
) -> Iterator[KindView]:
    """Yield what is left by kind; what the plan gives is shown when it is used up, too."""
    for unit, is_night in (
        (Unit.DATA, False),
        (Unit.DATA, True),
        (Unit.VOICE, False),
        (Unit.SMS, False),
    ):
        balances = [
            balance
            for balance in account.balances
            if balance.allowance.unit is unit
            and is_night == (unit is Unit.DATA and balance.allowance.hours is not None)
        ]
        if balances or _cycle(plan, unit, is_night):
            yield _kind(unit, is_night, balances, profile, plan, reader)


def _cycle(plan: Plan, unit: Unit, is_night: bool) -> int:  # noqa: FBT001 - half of a kind's name
    return sum(
        given.amount.amount
        for given in plan.gives
        if given.amount.unit is unit and is_night == (given.hours is not None)
    )


def _kind(
    unit: Unit,
    is_night: bool,  # noqa: FBT001 - one of the two halves of a kind's name
    balances: Sequence[Balance],
    profile: Profile,
    plan: Plan,
    reader: Reader,
) -> KindView:
    language = reader.language
    available = sum(balance.usable for balance in balances)
    waiting = sum(balance.in_gifts for balance in balances)
    cycle = _cycle(plan, unit, is_night)
    scale = max(cycle, available + waiting, 1)
    return KindView(
        unit=unit,
        is_night=is_night,
        name=kind_name(unit, language, is_night=is_night),
        amount=say_quantity(Quantity(available, unit), language),
        whole=say_quantity(Quantity(cycle, unit), language) if cycle == scale else "",
        waiting=say_quantity(Quantity(waiting, unit), language) if waiting else "",
        bar_available=available * BAR_WIDTH // scale,
        bar_waiting=-(-waiting * BAR_WIDTH // scale),
        allowances=tuple(_allowance(balance, profile, plan, reader) for balance in balances),
    )


def _allowance(balance: Balance, profile: Profile, plan: Plan, reader: Reader) -> AllowanceView:
    bucket, allowance, language = balance.bucket, balance.allowance, reader.language
    unit = allowance.unit
    rules = gift_rules(profile, plan)
    may_give = (
        bucket.available > 0
        and (rules.offered is None or rules.offered.value)
        and (rules.units is None or unit in rules.units.value)
        and may_be_given(Party(profile, plan), allowance, reader.at)
        and (rules.last_days is None or surely_open(rules.last_days.value, allowance, reader.at))
    )
    largest = largest_gift(bucket.available, unit, plan, profile) if may_give else 0
    return AllowanceView(
        amount=say_quantity(Quantity(balance.usable, unit), language) if balance.usable else "",
        waiting=say_quantity(Quantity(balance.in_gifts, unit), language)
        if balance.in_gifts
        else "",
        until=reader.until(allowance.expires_at),
        left=reader.left(allowance.expires_at),
        marks=tuple(_marks(balance, reader)),
        is_received=allowance.hops > 0,
        give_amount=write_amount(largest, unit) if largest else "",
    )


def _marks(balance: Balance, reader: Reader) -> Iterator[str]:
    allowance, language = balance.allowance, reader.language
    if allowance.hops:
        yield translate(language, "received")
    elif allowance.source is Source.BOUGHT:
        yield translate(language, "bought")
    elif allowance.source is Source.BONUS:
        yield translate(language, "bonus")
    elif allowance.source is Source.CARRIED_OVER:
        yield translate(language, "carried over")
    if allowance.hours is not None:
        yield str(allowance.hours)


def largest_gift(available: int, unit: Unit, plan: Plan, profile: Profile) -> int:
    """Return the largest amount up to `available` that the rules on size let one give at once.

    0 where nothing is large enough.
    """
    rules = gift_rules(profile, plan)

    def of_unit(rule: Rule[tuple[Quantity, ...]] | None) -> list[int]:
        return [q.amount for q in (rule.value if rule else ()) if q.unit is unit]

    sizes = of_unit(rules.sizes)
    if sizes:
        fitting = [size for size in sizes if size <= available]
        return max(fitting, default=0)
    most = min([available, *of_unit(rules.maximum)])
    step = max([1, *of_unit(rules.step)])
    # Whole MB and minutes read better; what is smaller than one is given to the last byte.
    readable = lcm(step, _READABLE[unit])
    step = readable if most >= readable else step
    amount = most // step * step
    least = max([1, *of_unit(rules.minimum)])
    return amount if amount >= least else 0


def write_amount(amount: int, unit: Unit) -> str:
    """Write base units exactly, in the largest unit in which they are a short number."""
    match unit:
        case Unit.DATA:
            for size, suffix in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
                # Three decimals at most: 1.5 GB reads better than 1500 MB, 1.2345 GB does not.
                if amount >= size and amount * 1_000 % size == 0:
                    return f"{amount / size:.3f}".rstrip("0").rstrip(".") + f" {suffix}"
            return f"{amount} B"
        case Unit.VOICE:
            return f"{amount // 60} min" if amount % 60 == 0 else f"{amount} s"
        case Unit.SMS:
            return f"{amount} SMS"
