"""A verdict as the faces for programs say it: the same JSON on the command line and over HTTP."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.feasibility.verdict import Arrival, Effect, Evidence, Instead, Reason, Verdict
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.sources import Confidence
from yuzuri.words.sentences import say


class SaidReason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that bears on the verdict, with the published rule behind it where there is one."""

    code: Code
    text: str
    next_step: str
    effect: Effect
    rule: str | None
    source: str | None
    as_of: str | None
    confidence: Confidence | None


class SaidInstead(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest thing that would work; `amount` in base units of `unit`, `at` the instant."""

    code: Code
    text: str
    amount: int | None
    unit: Unit | None
    at: datetime | None
    rule: str | None
    source: str | None
    as_of: str | None
    confidence: Confidence | None


class SaidHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of the day in which something can be used, as HH:MM; may cross midnight."""

    since: str
    until: str
    timezone: str


class SaidPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that arrives on its own terms; `expires_at` null: never, where `expiry_known`."""

    amount: int
    expires_at: datetime | None
    expiry_known: bool
    hours: SaidHours | None


class SaidArrival(msgspec.Struct, frozen=True, kw_only=True):
    """What arrives: all parts together, and the instant at which the first of them ends."""

    amount: int
    unit: Unit
    expires_at: datetime | None
    expiry_known: bool
    parts: tuple[SaidPart, ...]


class SaidVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a route is open: true, false, or null where what is known does not decide it."""

    route: str
    feasible: bool | None
    reasons: tuple[SaidReason, ...]
    arrives: SaidArrival | None
    instead: tuple[SaidInstead, ...]


def verdict_json(verdict: Verdict, language: Language, zone: ZoneInfo) -> dict[str, Any]:
    """Return a verdict as plain JSON values, its sentences in a language, its times in a zone."""
    plain: dict[str, Any] = msgspec.to_builtins(say_verdict(verdict, language, zone))
    return plain


def say_verdict(verdict: Verdict, language: Language, zone: ZoneInfo) -> SaidVerdict:
    """Say a verdict; sentences tell times as clocks in `zone` show them."""
    return SaidVerdict(
        route=verdict.route,
        feasible=verdict.feasible,
        reasons=say_reasons(verdict.reasons, language, zone),
        arrives=say_arrival(verdict.arrives),
        instead=say_instead(verdict.instead, language, zone),
    )


def say_reasons(
    reasons: Iterable[Reason], language: Language, zone: ZoneInfo
) -> tuple[SaidReason, ...]:
    """Say each reason, in the order given."""
    said = ((reason, say(reason.code, reason.fields, language, zone)) for reason in reasons)
    return tuple(
        SaidReason(
            code=reason.code,
            text=words.text,
            next_step=words.next_step,
            effect=reason.effect,
            **_cited(reason.evidence),
        )
        for reason, words in said
    )


def say_instead(
    instead: Iterable[Instead], language: Language, zone: ZoneInfo
) -> tuple[SaidInstead, ...]:
    """Say each thing that would work, in the order given."""
    return tuple(
        SaidInstead(
            code=other.code,
            text=say(other.code, other.fields, language, zone).text,
            amount=other.amount,
            unit=_unit_of(other),
            at=other.at,
            **_cited(other.evidence),
        )
        for other in instead
    )


def say_arrival(parts: Sequence[Arrival]) -> SaidArrival | None:
    """Sum what arrives up; None where nothing does."""
    if not parts:
        return None
    return SaidArrival(
        amount=sum(part.quantity.amount for part in parts),
        unit=parts[0].quantity.unit,
        expires_at=min((part.expires_at for part in parts if part.expires_at), default=None),
        expiry_known=all(part.is_known for part in parts),
        parts=tuple(
            SaidPart(
                amount=part.quantity.amount,
                expires_at=part.expires_at,
                expiry_known=part.is_known,
                hours=say_hours(part.hours),
            )
            for part in parts
        ),
    )


def say_hours(hours: DailyWindow | None) -> SaidHours | None:
    """Say in which hours of the day something can be used; None: in all."""
    if hours is None:
        return None
    since, until = (at.strftime("%H:%M") for at in (hours.since, hours.until))
    return SaidHours(since=since, until=until, timezone=hours.timezone)


def _cited(evidence: Evidence | None) -> dict[str, Any]:
    names = ("rule", "source", "as_of", "confidence")
    return {name: evidence and getattr(evidence, name) for name in names}


def _unit_of(other: Instead) -> Unit | None:
    amount = other.fields.get("amount")
    return amount.unit if isinstance(amount, Quantity) else None
