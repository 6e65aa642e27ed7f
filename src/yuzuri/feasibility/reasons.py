"""Making a reason out of a published rule, so that each one names where it stands."""

from dataclasses import replace

from yuzuri.feasibility.question import GiftQuestion, Party
from yuzuri.feasibility.verdict import Effect, Reason, cite
from yuzuri.kernel.errors import Code, FieldValue
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.sources import Confidence, Rule


def refuse(party: Party, code: Code, name: str, rule: Rule[object], **fields: FieldValue) -> Reason:
    """Make the reason by which a party's rule stands in the way.

    A rule whose source is of low confidence never refuses: it leaves the verdict undecided.
    """
    evidence = cite(party.profile, f"{party.rules_name}.{name}", rule)
    unsure = evidence.confidence is Confidence.LOW
    effect = Effect.UNDECIDED if unsure else Effect.REFUSES
    return Reason(code, effect, {"operator": party.profile.name, **fields}, evidence)


def undecided(
    party: Party, code: Code, name: str, rule: Rule[object], **fields: FieldValue
) -> Reason:
    """Make the reason for which a party's rule cannot be decided on what is known."""
    return replace(refuse(party, code, name, rule, **fields), effect=Effect.UNDECIDED)


def note(party: Party, code: Code, name: str, rule: Rule[object], **fields: FieldValue) -> Reason:
    """Make a reason that does not stand in the way."""
    return replace(refuse(party, code, name, rule, **fields), effect=Effect.NOTES)


def unknown_rules(party: Party) -> Reason:
    """Say that the operator publishes nothing that decides whether gifts may be at all."""
    return Reason(Code.GIFT_RULES_UNKNOWN, Effect.UNDECIDED, {"operator": party.profile.name})


def of_unit(rule: Rule[tuple[Quantity, ...]] | None, question: GiftQuestion) -> int | None:
    """Return what a rule in quantities says of the unit asked for, in base units.

    None where it says nothing of it: a rule limits only the units that it names.
    """
    if rule is None:
        return None
    return next((q.amount for q in rule.value if q.unit is question.unit), None)
