"""Amounts on the form: reading what people type, and offering amounts that the rules allow."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from yuzuri.feasibility.holdings import giftable, to_spare, total
from yuzuri.feasibility.question import GiftQuestion, Holding, Party
from yuzuri.kernel.amounts import parse_quantity, parse_unit
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles, find_plan, gift_rules
from yuzuri.sharing.account import LineAccount
from yuzuri.web.line_views import kind_name, largest_gift, write_amount
from yuzuri.words.formats import say_quantity

CHIPS_MAX = 5

_ROUND = {
    Unit.DATA: [n * 10**6 for n in (5, 10, 50, 100, 500, 1_000, 2_000, 3_000, 5_000, 10_000)],
    Unit.VOICE: [n * 60 for n in (1, 5, 10, 15, 30, 60, 120)],
    Unit.SMS: [1, 5, 10, 20, 50, 100],
}

_BARE = {Unit.VOICE: "min", Unit.SMS: "sms"}
"""What a number alone counts. For data it says nothing: MB and GB are too far apart to guess."""

_WORDS = (
    (re.compile(r"(分钟|分鐘|分|minutes?|mins?)$", re.IGNORECASE), "min"),
    (re.compile(r"(时间|時間|小时|小時|hours?)$", re.IGNORECASE), "h"),
    (re.compile(r"(秒钟|秒|seconds?)$", re.IGNORECASE), "s"),
    (re.compile(r"(通|条|條|messages?)$", re.IGNORECASE), "sms"),
    (re.compile(r"(?<=[0-9 ])(ギガ|g)$", re.IGNORECASE), "GB"),
    (re.compile(r"(?<=[0-9 ])(メガ|m)$", re.IGNORECASE), "MB"),
)


_EXAMPLES = {
    Unit.DATA: Quantity(500 * 10**6, Unit.DATA),
    Unit.VOICE: Quantity(600, Unit.VOICE),
    Unit.SMS: Quantity(3, Unit.SMS),
}

_ASKED = {
    Unit.DATA: [n * 10**6 for n in (100, 300, 500, 1_000, 3_000)],
    Unit.VOICE: [n * 60 for n in (5, 10, 30, 60)],
    Unit.SMS: [5, 10, 20, 50],
}


@dataclass(frozen=True, slots=True)
class Chip:
    """An amount to tap: as the form reads it, and as people say it."""

    value: str
    said: str


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """A kind that can be chosen, with amounts to tap."""

    unit: str
    name: str
    available: str
    """How much of it can be given; empty: that is not the question."""
    example: str
    chips: tuple[Chip, ...]


def unit_choices(
    account: LineAccount, profiles: Profiles, language: Language, at: datetime
) -> list[UnitChoice]:
    """Return the kinds that a line has; data where it has nothing, so that one can read why not."""
    held = {balance.allowance.unit for balance in account.balances} or {Unit.DATA}
    return [
        UnitChoice(
            unit.value,
            kind_name(unit, language),
            say_quantity(Quantity(giveable(account, profiles, unit, at), unit), language),
            example_of(unit, language),
            say_chips(amount_chips(account, profiles, unit, at), unit, language),
        )
        for unit in Unit
        if unit in held
    ]


def asking_choices(language: Language) -> list[UnitChoice]:
    """Return the kinds that one can ask for, with amounts that people ask for."""
    return [
        UnitChoice(
            unit.value,
            kind_name(unit, language),
            "",
            example_of(unit, language),
            say_chips(_ASKED[unit], unit, language),
        )
        for unit in Unit
    ]


def example_of(unit: Unit, language: Language) -> str:
    """Say an amount as one would type it."""
    return say_quantity(_EXAMPLES[unit], language)


def round_amounts(most: int, unit: Unit) -> tuple[int, ...]:
    """Return amounts that people like up to so much, and all of it."""
    fitting = [amount for amount in _ROUND[unit] if amount < most]
    return (*fitting[1 - CHIPS_MAX :], most) if most else ()


def say_chips(amounts: Iterable[int], unit: Unit, language: Language) -> tuple[Chip, ...]:
    """Make chips of amounts in base units."""
    return tuple(
        Chip(write_amount(n, unit), say_quantity(Quantity(n, unit), language, exact=True))
        for n in amounts
    )


def read_amount(text: str, unit: Unit) -> Quantity:
    """Read "500 MB", "１０分", "3条", or "10" for minutes and messages; raises `DomainError`."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("，", ",")
    # A thousands separator only where it can be nothing else.
    plain = re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", plain)
    for pattern, suffix in _WORDS:
        plain = pattern.sub(suffix, plain)
    is_bare = re.fullmatch(r"[0-9]+(\.[0-9]+)?", plain) is not None
    if is_bare:
        plain += _BARE.get(unit, "")
    return parse_quantity(plain, None if is_bare and unit is Unit.DATA else unit)


def read_quantity(text: str, unit: str) -> Quantity:
    """Read an amount of the kind that a form names; raises `DomainError`."""
    if not text:
        raise DomainError(Code.AMOUNT_UNREADABLE)
    return read_amount(text, parse_unit(unit))


def amount_chips(
    account: LineAccount, profiles: Profiles, unit: Unit, at: datetime
) -> tuple[int, ...]:
    """Return amounts that the rules on size allow and that the line has, smallest first.

    They are offered, not promised: the verdict on a whole gift may still refuse one.
    """
    profile = profiles[account.line.operator]
    plan = find_plan(profile, account.line.plan)
    rules = gift_rules(profile, plan)
    available = giveable(account, profiles, unit, at)
    sizes = [q.amount for q in (rules.sizes.value if rules.sizes else ()) if q.unit is unit]
    fitting = [
        amount
        for amount in sorted(set(sizes or _ROUND[unit]))
        if amount <= available and largest_gift(amount, unit, plan, profile) == amount
    ]
    chips = fitting[-CHIPS_MAX:]
    largest = largest_gift(available, unit, plan, profile)
    if largest and largest not in chips:
        chips.append(largest)
    return tuple(chips)


def giveable(account: LineAccount, profiles: Profiles, unit: Unit, at: datetime) -> int:
    """Return how much of a unit the rules on sources and on keeping let the line give."""
    question = to_anybody(account, profiles, Quantity(1, unit), at)
    return max(0, min(total(giftable(question)), to_spare(question)))


def to_anybody(
    account: LineAccount, profiles: Profiles, quantity: Quantity, at: datetime
) -> GiftQuestion:
    """Ask about giving from a line to somebody of the same operator of whom nothing is known."""
    line, profile = account.line, profiles[account.line.operator]
    return GiftQuestion(
        giver=Party(profile, find_plan(profile, line.plan), line.activated_at),
        receiver=Party(profile),
        quantity=quantity,
        at=at,
        holdings=tuple(Holding(b.allowance, b.bucket.available) for b in account.balances),
    )
