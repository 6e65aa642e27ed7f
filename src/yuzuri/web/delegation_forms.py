"""Letting somebody help, as a form has it: what was typed, and what it means or why it cannot."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from yuzuri.kernel.calendar import day_start, parse_instant
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, PersonId, parse_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.delegations import Give, ManagePool, Scope, See, Use
from yuzuri.sharing.pools import Pool
from yuzuri.subscribers.lines import Line, find_line, load_line, parse_number
from yuzuri.web.amounts import read_amount
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.words.translations import translate

BY_NUMBER = "number"
BY_LINK = "link"

_DAY_LENGTH = len("2026-11-12")

_LAST_MOMENT = timedelta(microseconds=1)
"""How long before its end a day's last moment is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The form as it was filled in; a box that is not ticked is empty.

    `since` and `until` are days, or instants once the terms have been shown. `to` is `BY_NUMBER`,
    `BY_LINK`, the number of a contact, or in the demo a line.
    """

    line: str = ""
    see: str = ""
    use: str = ""
    use_in_all: str = ""
    use_per_day: str = ""
    give: str = ""
    give_data: str = ""
    give_voice: str = ""
    give_sms: str = ""
    since: str = ""
    until: str = ""
    to: str = ""
    to_number: str = ""
    pools: tuple[str, ...] = ()
    """Ids of those of the person's pools whose boxes are ticked."""

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield the fields of a form that carries all of it on."""
        for each in fields(self):
            if each.name != "pools":
                yield each.name, getattr(self, each.name)
        for pool in self.pools:
            yield f"pool-{pool}", "1"

    def days(self, zone: ZoneInfo, first: datetime, last: datetime) -> tuple[str, str]:
        """Return the first and the last day as fields show them; else those that are given."""
        return (
            _as_day(self.since, zone, timedelta(0)) or f"{first.astimezone(zone):%Y-%m-%d}",
            _as_day(self.until, zone, _LAST_MOMENT) or f"{last.astimezone(zone):%Y-%m-%d}",
        )


def read_typed(form: Form, pools: Sequence[Pool]) -> Typed:
    """Take over what a form has; `pools` are those that the person owns."""
    typed = {each.name: form.text(each.name) for each in fields(Typed) if each.name != "pools"}
    ticked = tuple(str(pool.id) for pool in pools if form.text(f"pool-{pool.id}"))
    return Typed(**typed, pools=ticked)


@dataclass(slots=True)
class Reading:
    """What was typed as an offer, or what of it cannot be understood, by field.

    `delegate` None: whoever opens the link first.
    """

    reader: Reader
    scopes: list[Scope] = field(default_factory=list)
    since: datetime | None = None
    until: datetime | None = None
    delegate: PersonId | None = None
    problems: dict[str, Told] = field(default_factory=dict)

    @contextlib.contextmanager
    def noting(self, name: str) -> Iterator[None]:
        """Keep why a field cannot be understood."""
        try:
            yield
        except DomainError as error:
            self.problems[name] = tell_refusal(error.refusal, self.reader)


async def read_delegation(
    yuzuri: Yuzuri, line: Line, typed: Typed, pools: Sequence[Pool], reader: Reader
) -> Reading:
    """Understand the form; every field that cannot be understood has its problem."""
    reading, language = Reading(reader), reader.language
    if typed.see:
        reading.scopes.append(See())
    if typed.use:
        _read_use(reading, typed)
    if typed.give:
        _read_give(reading, typed)
    reading.scopes += [ManagePool(pool=pool.id) for pool in pools if str(pool.id) in typed.pools]
    if not reading.scopes and not reading.problems:
        text = translate(language, "Choose at least one thing that they may do.")
        reading.problems["scopes"] = Told(text)
    with reading.noting("since"):
        reading.since = max(reader.at, _read_time(typed.since, reader.zone, 0))
    with reading.noting("until"):
        reading.until = _read_time(typed.until, reader.zone, 1)
    if typed.to == BY_NUMBER and not typed.to_number:
        text = translate(language, "Type their phone number, or choose another way.")
        reading.problems["to_number"] = Told(text)
    elif typed.to:
        with reading.noting("to_number"):
            reading.delegate = await _delegate(yuzuri, line, typed)
    else:
        reading.problems["to"] = Told(translate(language, "Choose who may do it."))
    return reading


def _read_use(reading: Reading, typed: Typed) -> None:
    texts = {"use_in_all": typed.use_in_all, "use_per_day": typed.use_per_day}
    caps: dict[str, int] = {}
    for name, text in texts.items():
        with reading.noting(name):
            if text:
                caps[name] = read_amount(text, Unit.DATA).amount
    if caps:
        in_all, per_day = caps.get("use_in_all"), caps.get("use_per_day")
        reading.scopes.append(Use(in_all=in_all, per_day=per_day))
    elif not any(texts.values()):
        text = translate(reading.reader.language, "Say how much data they may use.")
        reading.problems["use_in_all"] = Told(text)


def _read_give(reading: Reading, typed: Typed) -> None:
    texts = {
        Unit.DATA: typed.give_data,
        Unit.VOICE: typed.give_voice,
        Unit.SMS: typed.give_sms,
    }
    for unit, text in texts.items():
        with reading.noting(f"give_{unit}"):
            if text:
                reading.scopes.append(Give(unit=unit, in_all=read_amount(text, unit).amount))
    if not any(texts.values()):
        text = translate(reading.reader.language, "Say how much they may give.")
        reading.problems["give_data"] = Told(text)


def _as_day(text: str, zone: ZoneInfo, before: timedelta) -> str:
    """Return the day of an instant, or of just `before` it; a day, or what is none, as it is."""
    if len(text) <= _DAY_LENGTH:
        return text
    try:
        at = parse_instant(text, zone)
    except DomainError:
        return ""
    return f"{(at - before).astimezone(zone):%Y-%m-%d}"


def _read_time(text: str, zone: ZoneInfo, days_later: int) -> datetime:
    """Read the beginning of a day or of so many days later, or an instant as terms name it."""
    at = parse_instant(text, zone)
    return day_start(at, zone, days_later) if len(text) == _DAY_LENGTH else at


async def _delegate(yuzuri: Yuzuri, line: Line, typed: Typed) -> PersonId | None:
    if typed.to == BY_LINK:
        return None
    async with yuzuri.database.connection() as connection:
        if typed.to == BY_NUMBER or typed.to.startswith("+"):
            text = typed.to_number if typed.to == BY_NUMBER else typed.to
            number = parse_number(text, yuzuri.profiles[line.operator].country)
            found = await find_line(connection, number)
        elif yuzuri.settings.demo:
            found = HolderId(parse_id(typed.to, Code.LINE_UNKNOWN))
        else:
            raise DomainError(Code.LINE_UNKNOWN)
        return (await load_line(connection, found)).person
