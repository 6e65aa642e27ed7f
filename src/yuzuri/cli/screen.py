"""What the command line shows: sentences in the reader's language, tables, amounts."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from yuzuri.kernel.calendar import parse_instant
from yuzuri.kernel.errors import DomainError, Refusal
from yuzuri.kernel.names import Language
from yuzuri.settings import read_settings
from yuzuri.words.languages import parse_language
from yuzuri.words.sentences import Said, say
from yuzuri.words.translations import translate

UTC_ZONE = ZoneInfo("UTC")

Lang = Annotated[str | None, typer.Option(help="en, ja or zh.")]
"""In which language to answer; left out: that of the settings."""

# What another program reads is not folded to the width of a screen.
_WIDTH = None if sys.stdout.isatty() else 1_000

console = Console(highlight=False, soft_wrap=True, width=_WIDTH)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def reader_language(chosen: str | None = None) -> Language:
    """Return the language asked for, or that of the settings; raises `LANGUAGE_UNKNOWN`."""
    return read_settings().lang if chosen is None else parse_language(chosen)


def tell_problem(refusal: Refusal) -> None:
    """Tell why something was not done, and what can be done about it, on standard error."""
    tell(say(refusal.code, refusal.fields, _settings_language(), UTC_ZONE))


def tell(said: Said) -> None:
    """Print a sentence and its next step on standard error."""
    errors.print(said.text, style="bold red", markup=False)
    if said.next_step:
        errors.print(said.next_step, markup=False)


def _settings_language() -> Language:
    try:
        return read_settings().lang
    except DomainError:  # the settings themselves may be the problem
        return Language.EN


def show_table(language: Language, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show rows under headings, which are said in the reader's language."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(translate(language, heading), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def read_time(text: str | None, zone: ZoneInfo, now: datetime) -> datetime:
    """Read an ISO 8601 time, in `zone` where it names none; None: now. Raises `TIME_UNREADABLE`."""
    if text is None:
        return now
    return parse_instant(text, zone).astimezone(UTC)
