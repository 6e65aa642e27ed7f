"""What a person can do about what they use: what to give before it expires, what to do when dry."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.charging.notices import Notice
from yuzuri.charging.surplus import Surplus, foresee_surplus
from yuzuri.charging.use import Hours
from yuzuri.feasibility.gift_checks import CHECKS
from yuzuri.feasibility.question import Holding
from yuzuri.feasibility.verdict import Effect
from yuzuri.kernel.ids import HolderId
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.sharing.account import LineAccount
from yuzuri.sharing.delegation_views import FirstUse
from yuzuri.web.amounts import giveable, to_anybody
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import largest_gift, line_name, show_number, write_amount
from yuzuri.words.formats import say_quantity, say_unit
from yuzuri.words.translations import translate


@dataclass(frozen=True, slots=True)
class GiveBefore:
    """What will be left of a unit when it ends, and how much of it can be given now."""

    text: str
    night: str
    """What of it can be used at certain hours only; empty: none of it."""
    unit: str
    amount: str
    """As the form reads it."""
    until: str
    """As the allowances that it is about say it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Another line of the same person from which something could be given."""

    line: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """A notice in words, with what one can do about it."""

    id: str
    line: str
    unit: str
    is_dry: bool
    text: str
    number: str
    sources: tuple[Source, ...]


def propose_gifts(
    account: LineAccount, profiles: Profiles, use: Hours, reader: Reader
) -> Iterator[GiveBefore]:
    """Yield what would be left at the pace of the last days and may be given today."""
    line = account.line
    holdings = [Holding(b.allowance, b.bucket.available) for b in account.balances]
    ending: dict[tuple[Unit, datetime], list[Surplus]] = {}
    for surplus in foresee_surplus(holdings, use, line.activated_at, reader.at):
        ends = surplus.allowance.expires_at
        if ends is not None:
            ending.setdefault((surplus.allowance.unit, ends), []).append(surplus)
    profile = profiles[line.operator]
    plan = find_plan(profile, line.plan)
    for (unit, ends), several in ending.items():
        left = sum(surplus.amount for surplus in several)
        night = sum(surplus.amount for surplus in several if surplus.allowance.hours is not None)
        about = _about(left, unit)
        possible = min(about, giveable(account, profiles, unit, reader.at))
        amount = largest_gift(possible, unit, plan, profile)
        if not amount or not _may_be_given(account, profiles, Quantity(amount, unit), reader.at):
            continue
        said = say_quantity(Quantity(about, unit), reader.language)
        yield GiveBefore(
            text=translate(
                reader.language,
                "About {amount} will be left {when}.",
                amount=said,
                when=reader.end(ends),
            ),
            night=say_quantity(Quantity(_about(night, unit), unit), reader.language)
            if night
            else "",
            unit=unit.value,
            amount=write_amount(amount, unit),
            until=reader.until(ends),
        )


def _may_be_given(
    account: LineAccount, profiles: Profiles, quantity: Quantity, at: datetime
) -> bool:
    """Tell whether no rule of the operator's refuses it, whoever the receiver may be."""
    question = to_anybody(account, profiles, quantity, at)
    reasons = (reason for check in CHECKS for reason in check(question))
    return all(reason.effect is not Effect.REFUSES for reason in reasons)


def _about(amount: int, unit: Unit) -> int:
    """Round down to two digits, or to whole minutes: a forecast knows no more."""
    step = 60 if unit is Unit.VOICE else 10 ** max(0, len(str(amount)) - 2)
    return amount // step * step


def view_notice(
    notice: Notice, accounts: Sequence[LineAccount], profiles: Profiles, reader: Reader
) -> NoticeView:
    """Put a notice about one of these lines into words, with what one can do."""
    own = next(account for account in accounts if account.line.id == notice.line)
    language, unit = reader.language, notice.unit
    left = sum(b.usable for b in own.balances if b.allowance.unit is unit)
    said: dict[str, object] = {
        "line": line_name(own.line, profiles[own.line.operator], language),
        "unit": say_unit(unit, language),
    }
    if notice.reached < 100:
        text = translate(language, "{line} has used 80% of this month's {unit}.", **said)
    elif left:
        amount = say_quantity(Quantity(left, unit), language)
        text = translate(
            language,
            "{line} had used up all of its {unit}; {amount} has come since.",
            amount=amount,
            **said,
        )
    else:
        text = translate(language, "{line} has used up all of its {unit}.", **said)
    is_dry = notice.reached == 100 and not left
    return NoticeView(
        id=str(notice.id),
        line=str(notice.line),
        unit=unit.value,
        is_dry=is_dry,
        text=text,
        number=show_number(own.line.number),
        sources=tuple(_sources(own, accounts, profiles, unit, reader)) if is_dry else (),
    )


def tell_first_use(use: FirstUse, profiles: Profiles, reader: Reader) -> tuple[str, str]:
    """Return the id of a delegation that was used for the first time, and that in words."""
    said = translate(
        reader.language,
        "{name} has used what you let them do with {line} for the first time.",
        name=use.delegate.nickname,
        line=line_name(use.line, profiles[use.line.operator], reader.language),
    )
    return str(use.delegation.id), said


def _sources(
    own: LineAccount,
    accounts: Sequence[LineAccount],
    profiles: Profiles,
    unit: Unit,
    reader: Reader,
) -> Iterator[Source]:
    """Yield the person's other lines of the operator that have something to give."""
    for other in accounts:
        if other.line.id == own.line.id or other.line.operator != own.line.operator:
            continue
        if giveable(other, profiles, unit, reader.at):
            name = line_name(other.line, profiles[other.line.operator], reader.language)
            yield Source(str(other.line.id), name)


def tell_waiting(
    line: HolderId, waiting: Mapping[tuple[HolderId, Unit], bool], reader: Reader
) -> Iterator[str]:
    """Yield that a phone is at its last, or waits for more."""
    for (waits, unit), is_last in waiting.items():
        if waits != line:
            continue
        said = say_unit(unit, reader.language)
        yield (
            translate(reader.language, "Your phone is using the last of its {unit}.", unit=said)
            if is_last
            else translate(
                reader.language,
                "Your phone is waiting for {unit}: as soon as something arrives it goes on.",
                unit=said,
            )
        )
