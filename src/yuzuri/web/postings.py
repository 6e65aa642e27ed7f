"""What was typed as a link to post: one reading for the form, the preview and the last look."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.account import LineAccount
from yuzuri.sharing.gifts import checked_message
from yuzuri.sharing.links import Audience, PostLink, Split
from yuzuri.subscribers.lines import Person
from yuzuri.web.amounts import read_quantity
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.words.translations import translate

UNTIL = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "3d": timedelta(days=3)}
"""How long a link may be open, beside as long as it can."""


@dataclass(frozen=True, slots=True)
class LinkTyped:
    """The form as it was filled in, kept whatever becomes of it."""

    line: str = ""
    unit: str = Unit.DATA.value
    amount: str = ""
    shares: str = ""
    split: str = Split.EQUAL.value
    least: str = ""
    audience: str = Audience.ANYONE.value
    passcode: str = ""
    until: str = ""
    """One of `UNTIL`, an instant, or empty: as long as it can."""
    message: str = ""
    is_giver_hidden: bool = False

    @property
    def is_begun(self) -> bool:
        """Both things are there without which nothing can be said."""
        return bool(self.amount and self.shares)


def read_link_typed(form: Form) -> LinkTyped:
    """Take over what a form has; what is typed counts before what is tapped."""
    unit = form.text("unit") or Unit.DATA.value
    return LinkTyped(
        line=form.text("line"),
        unit=unit,
        amount=form.text("use_amount") or form.text("amount") or form.text(f"chip-{unit}"),
        shares=form.text("shares") or form.text("chip-shares"),
        split=form.text("split") or Split.EQUAL.value,
        least=form.text("least"),
        audience=form.text("audience") or Audience.ANYONE.value,
        passcode=form.text("passcode"),
        until=form.text("until"),
        message=form.text("message"),
        is_giver_hidden=bool(form.text("is_giver_hidden")),
    )


@dataclass(slots=True)
class Posting:
    """What was typed as a post, or what of it cannot be understood, by field."""

    typed: LinkTyped
    account: LineAccount
    post: PostLink | None = None
    problems: dict[str, Told] = field(default_factory=dict)


def read_posting(person: Person, account: LineAccount, typed: LinkTyped, reader: Reader) -> Posting:
    """Understand the form; every field that cannot be understood has its problem."""
    posting, language = Posting(typed, account), reader.language
    problems = posting.problems
    quantity, least, shares, deadline = None, None, _count(typed.shares), None
    try:
        quantity = read_quantity(typed.amount, typed.unit)
    except DomainError as error:
        problems["amount"] = tell_refusal(error.refusal, reader)
    if shares is None:
        problems["shares"] = Told(
            translate(language, "For how many people? Write a whole number, such as 5.")
        )
    if typed.split == Split.RANDOM and typed.least:
        try:
            least = read_quantity(typed.least, typed.unit).amount
        except DomainError as error:
            problems["least"] = tell_refusal(error.refusal, reader)
    try:
        deadline = _deadline(typed.until, reader.at)
    except ValueError:
        problems["until"] = Told(translate(language, "Choose until when."))
    try:
        checked_message(typed.message)
    except DomainError as error:
        problems["message"] = tell_refusal(error.refusal, reader)
    is_for_passcode = typed.audience == Audience.PASSCODE
    if is_for_passcode and not typed.passcode:
        problems["passcode"] = tell_refusal(Refusal(Code.PASSCODE_MISSING), reader)
    if quantity is None or shares is None or problems:
        return posting
    posting.post = PostLink(
        person=person.id,
        line=account.line.id,
        unit=quantity.unit,
        amount=quantity.amount,
        shares=shares,
        split=Split(typed.split) if typed.split in set(Split) else Split.EQUAL,
        least=least,
        audience=Audience(typed.audience) if typed.audience in set(Audience) else Audience.ANYONE,
        passcode=typed.passcode if is_for_passcode else "",
        message=typed.message,
        is_giver_hidden=typed.is_giver_hidden,
        deadline=deadline,
    )
    return posting


def _count(text: str) -> int | None:
    """Read a number of people, also in full-width digits; None: it is none."""
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "")
    return int(plain) if re.fullmatch(r"[0-9]{1,7}", plain) and int(plain) else None


def _deadline(text: str, at: datetime) -> datetime | None:
    """Read until when; what was looked over stays the instant that it was then."""
    if not text:
        return None
    if text in UNTIL:
        return at + UNTIL[text]
    deadline = datetime.fromisoformat(text)
    if deadline.tzinfo is None:
        raise ValueError("whose time it is must be said")
    return deadline
