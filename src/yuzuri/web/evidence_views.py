"""Reasons and alternatives as a page shows them: a sentence, and behind it where it stands."""

from dataclasses import dataclass

from yuzuri.feasibility.verdict import Evidence, Instead, Reason
from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import write_amount
from yuzuri.words.formats import say_quantity
from yuzuri.words.sentences import say


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence with its next step, and the rule that it rests on, if any."""

    text: str
    next_step: str = ""
    evidence: Evidence | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class InsteadView:
    """What would work: a sentence, and the amount that a button puts into the form, if any."""

    text: str
    amount: str
    """As the form reads it."""
    amount_said: str
    evidence: Evidence | None


def tell_reason(reason: Reason, reader: Reader) -> Told:
    """Put a reason into words."""
    said = say(reason.code, reason.fields, reader.language, reader.zone)
    return Told(said.text, said.next_step, reason.evidence, reason.code.value)


def tell_refusal(refusal: Refusal, reader: Reader) -> Told:
    """Put a refusal into words."""
    said = say(refusal.code, refusal.fields, reader.language, reader.zone)
    return Told(said.text, said.next_step, code=refusal.code.value)


def tell_instead(instead: Instead, unit: Unit, reader: Reader) -> InsteadView:
    """Put an alternative into words."""
    said = say(instead.code, instead.fields, reader.language, reader.zone)
    if instead.amount is None:
        return InsteadView(said.text, "", "", instead.evidence)
    amount_said = say_quantity(Quantity(instead.amount, unit), reader.language, exact=True)
    return InsteadView(said.text, write_amount(instead.amount, unit), amount_said, instead.evidence)
