"""What a question about giving is answered with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code, FieldValue
from yuzuri.kernel.ids import HolderId
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profile import Profile
from yuzuri.operators.sources import Confidence, Rule, Source


class Effect(StrEnum):
    """What a reason does to the verdict."""

    REFUSES = "refuses"
    UNDECIDED = "undecided"
    """What is known does not decide it."""
    NOTES = "notes"
    """It does not stand in the way, but one should know it before."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """By which published rule, where it stands, as of when, and how sure we are of it."""

    rule: str
    source: str
    as_of: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that bears on the verdict; its code and fields make a sentence in each language."""

    code: Code
    effect: Effect
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A part of the gift as it would arrive; `expires_at` None: never, where `is_known`."""

    quantity: Quantity
    expires_at: datetime | None
    is_known: bool = True
    hours: DailyWindow | None = None
    """The hours of the day in which it can be used; None: all."""


@dataclass(frozen=True, slots=True)
class Instead:
    """The nearest thing that would work."""

    code: Code
    fields: Mapping[str, FieldValue]
    evidence: Evidence | None = None
    amount: int | None = None
    at: datetime | None = None
    line: HolderId | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a route is open: True, False, or None where what is known does not decide it."""

    route: str
    reasons: tuple[Reason, ...]
    arrives: tuple[Arrival, ...] = ()
    instead: tuple[Instead, ...] = ()
    deadline: datetime | None = None
    """Until when it could be accepted, where it is known what the giver has."""

    @property
    def feasible(self) -> bool | None:
        """One refusal closes the route; else one undecided reason leaves it open."""
        effects = {reason.effect for reason in self.reasons}
        if Effect.REFUSES in effects:
            return False
        return None if Effect.UNDECIDED in effects else True

    @property
    def refusals(self) -> tuple[Reason, ...]:
        """The reasons that stand in the way, those that close before those that leave it open."""
        return tuple(
            reason
            for effect in (Effect.REFUSES, Effect.UNDECIDED)
            for reason in self.reasons
            if reason.effect is effect
        )


def cite(profile: Profile, rule_name: str, rule: Rule[object]) -> Evidence:
    """Name the published rule of an operator with its source."""
    return evidence_of(profile.sources[rule.source], f"{profile.id} {rule_name}")


def evidence_of(source: Source, rule_name: str) -> Evidence:
    """Name a rule or service with the source that it was read from."""
    where = f"{source.title}, {source.url}" if source.url else source.title
    return Evidence(rule_name, where, source.as_of, source.confidence)
