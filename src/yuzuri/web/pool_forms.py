"""What was typed about pools: how a line may draw, whom to invite; kept whatever becomes of it."""

from dataclasses import dataclass, field

from yuzuri.kernel.errors import DomainError
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.pools import USES_MAX, Allotment, Role
from yuzuri.subscribers.lines import parse_number
from yuzuri.web.amounts import read_amount
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import write_amount
from yuzuri.words.translations import translate

FULL, SLOW, PAUSED = "full", "slow", "paused"
"""Whether a member draws for now, and how fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllotmentTyped:
    """The form of an allotment, or of an invitation to one, as it was filled in."""

    cap_per_day: str = ""
    cap_per_month: str = ""
    share_percent: str = ""
    share: str = ""
    order: str = "own"
    pace: str = FULL
    role: str = Role.MEMBER.value
    way: str = "link"
    """By a link, or to a number."""
    uses: str = "1"
    number: str = ""


@dataclass(slots=True)
class Asked:
    """What the form means, or by field why it cannot be understood."""

    allotment: Allotment
    role: Role
    uses: int = 1
    number: str | None = None
    problems: dict[str, Told] = field(default_factory=dict)


def read_allotment_typed(form: Form) -> AllotmentTyped:
    """Take over what a form has."""
    return AllotmentTyped(
        cap_per_day=form.text("cap_per_day"),
        cap_per_month=form.text("cap_per_month"),
        share_percent=form.text("share_percent"),
        share=form.text("share"),
        order=form.text("order"),
        pace=form.text("pace"),
        role=form.text("role"),
        way=form.text("way"),
        uses=form.text("uses"),
        number=form.text("number"),
    )


def write_allotment(allotment: Allotment, role: Role) -> AllotmentTyped:
    """Fill the form with how a member draws now."""

    def write(limit: int | None) -> str:
        return "" if limit is None else write_amount(limit, Unit.DATA)

    return AllotmentTyped(
        cap_per_day=write(allotment.cap_per_day),
        cap_per_month=write(allotment.cap_per_month),
        share_percent="" if allotment.share_percent is None else str(allotment.share_percent),
        share=write(allotment.share),
        order="pool" if allotment.pool_first else "own",
        pace=PAUSED if allotment.is_paused else SLOW if allotment.is_slowed else FULL,
        role=role.value,
    )


def understand(typed: AllotmentTyped, reader: Reader) -> Asked:
    """Understand how a line is to draw; every field that cannot be understood has its problem."""
    fields = _Fields(reader)
    allotment = Allotment(
        cap_per_day=fields.data("cap_per_day", typed.cap_per_day),
        cap_per_month=fields.data("cap_per_month", typed.cap_per_month),
        share=fields.data("share", typed.share),
        share_percent=fields.percent("share_percent", typed.share_percent),
        pool_first=typed.order == "pool",
        is_paused=typed.pace == PAUSED,
        is_slowed=typed.pace == SLOW,
    )
    role = Role.MANAGER if typed.role == Role.MANAGER.value else Role.MEMBER
    return Asked(allotment, role, problems=fields.problems)


def understand_invitation(typed: AllotmentTyped, country: str | None, reader: Reader) -> Asked:
    """Understand whom to invite on which terms; `country` is that of the pool's operator."""
    asked = understand(typed, reader)
    fields = _Fields(reader, asked.problems)
    if typed.way == "number":
        asked.number = fields.number("number", typed.number, country)
    else:
        asked.uses = fields.lines("uses", typed.uses) or 1
    return asked


@dataclass(slots=True)
class _Fields:
    """Reads fields one by one, and keeps the problem of each."""

    reader: Reader
    problems: dict[str, Told] = field(default_factory=dict)

    def data(self, name: str, text: str) -> int | None:
        """Return so many bytes; None: nothing was typed, or nothing that can be read."""
        if not text:
            return None
        try:
            return read_amount(text, Unit.DATA).amount
        except DomainError as error:
            self.problems[name] = tell_refusal(error.refusal, self.reader)
            return None

    def percent(self, name: str, text: str) -> int | None:
        """Return a percentage; None: nothing was typed, or none."""
        said = translate(self.reader.language, "The share is a whole number from 1 to 100.")
        return self._count(name, text.removesuffix("%").strip(), 100, said) if text else None

    def lines(self, name: str, text: str) -> int | None:
        """Return how many lines may join by a link; None: it is no such number."""
        said = translate(
            self.reader.language, "From 1 to {most} lines may join by a link.", most=USES_MAX
        )
        return self._count(name, text, USES_MAX, said)

    def _count(self, name: str, text: str, most: int, said: str) -> int | None:
        if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
            return int(text)
        self.problems[name] = Told(said)
        return None

    def number(self, name: str, text: str, country: str | None) -> str | None:
        """Return a phone number (E.164); None: it is none."""
        try:
            return parse_number(text, country)
        except DomainError as error:
            self.problems[name] = tell_refusal(error.refusal, self.reader)
            return None
