"""`yuzuri audit`: statements that somebody else can check, and the digests that prove them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from yuzuri.cli.screen import (
    UTC_ZONE,
    Lang,
    console,
    errors,
    read_time,
    reader_language,
    tell,
)
from yuzuri.db import Connection
from yuzuri.db.connect import open_database
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import HolderId, Home, Id
from yuzuri.kernel.names import Language
from yuzuri.ledger.statement import (
    Fault,
    Statement,
    StatementError,
    check_statement,
    encode_statement,
    find_published,
    read_statement,
)
from yuzuri.ledger.statement_store import Head, is_still_there, load_heads, load_statement
from yuzuri.settings import read_settings
from yuzuri.subscribers.lines import load_line
from yuzuri.words.formats import say_number
from yuzuri.words.sentence_table import STATEMENT_FAULTS
from yuzuri.words.sentences import Said
from yuzuri.words.translations import translate

app = typer.Typer(
    help="Statements that a third party can check, and digests to publish.", no_args_is_help=True
)

EXIT_DOES_NOT_HOLD = 1
EXIT_REFUSED = 2

SHOWN_MAX = 5
"""How many things that are wrong with a statement are named."""

T = TypeVar("T")


@app.command("export")
def export(
    line: Annotated[UUID, typer.Option(help="Whose transfers.")],
    since: Annotated[
        str | None, typer.Option("--from", help="Leave out what was before; UTC, or with a zone.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Leave out what was then or later; UTC, or with a zone.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to; left out: standard output.")] = None,
    lang: Lang = None,
) -> None:
    """Write a line's transfers with their proof, as JSON; docs/audit.md says what it holds.

    Exits 1, and writes nothing, if the journal is not what was written.
    """
    language = reader_language(lang)
    holder = HolderId(Id(line.bytes))
    begin = None if since is None else read_time(since, UTC_ZONE, utc_now())
    end = None if until is None else read_time(until, UTC_ZONE, utc_now())

    async def load(connection: Connection) -> Statement:
        await load_line(connection, holder)
        await connection.commit()  # a statement is of one moment, and begins its own
        return await load_statement(connection, holder, begin, end)

    try:
        statement = _with_connection(load)
    except StatementError as error:
        _tell_fault(error.fault, language)
        then = translate(language, "No statement was written. Run yuzuri verify to see all of it.")
        errors.print(then, markup=False)
        raise typer.Exit(EXIT_DOES_NOT_HOLD) from None
    if out is None:
        sys.stdout.buffer.write(encode_statement(statement))
        sys.stdout.buffer.flush()
    else:
        _use_file(out, language, lambda: out.write_bytes(encode_statement(statement)))
    errors.print(_say_content(statement, language), markup=False)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The statement; - is standard input.")],
    head: Annotated[
        str | None, typer.Option(help="A digest of its home that was published.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Check a statement, without a database: whether its transfers are those that were written.

    Exits 2 if something is wrong with it, and names what; or if --head does not prove all of it.
    """
    language = reader_language(lang)
    try:
        statement = read_statement(_read(file, language))
    except StatementError as error:
        _tell_fault(error.fault, language)
        raise typer.Exit(EXIT_REFUSED) from None
    faults = list(check_statement(statement))
    for fault in faults[:SHOWN_MAX]:
        _tell_fault(fault, language)
    if len(faults) > SHOWN_MAX:
        more = say_number(len(faults) - SHOWN_MAX, language)
        errors.print(translate(language, "And {count} more.", count=more), markup=False)
    if faults:
        raise typer.Exit(EXIT_REFUSED)
    console.print(_say_content(statement, language), markup=False)
    if head is not None and not _compare_with(statement, head.strip().lower(), language):
        raise typer.Exit(EXIT_REFUSED)


@app.command("head")
def show_heads() -> None:
    """Print each home's last page and its digest, a line each: publish them where others keep them.

    Whoever knows one can tell whether anything up to it was changed since.
    """
    for head in _with_connection(load_heads):
        console.print(f"{head.home} {head.page} {head.digest}", markup=False)


@app.command("compare")
def compare(
    file: Annotated[Path, typer.Argument(help="Lines of yuzuri audit head; - is standard input.")],
    lang: Lang = None,
) -> None:
    """See whether the journal still has every page that was published, with its digest.

    Together with yuzuri verify this shows that nothing before it was rewritten. Exits 1 if not.
    """
    language = reader_language(lang)
    published = _parse_heads(_read(file, language), language)

    async def find_lost(connection: Connection) -> list[Head]:
        return [head for head in published if not await is_still_there(connection, head)]

    lost = _with_connection(find_lost)
    for head in lost:
        told = translate(
            language,
            "Page {page} of home {home} is not the one that was published: {digest}.",
            page=head.page,
            home=head.home,
            digest=head.digest,
        )
        tell(Said(told, ""))
    if lost:
        raise typer.Exit(EXIT_DOES_NOT_HOLD)
    count = say_number(len(published), language)
    console.print(
        translate(language, "All {count} published pages are still there.", count=count),
        markup=False,
    )


def _compare_with(statement: Statement, digest: str, language: Language) -> bool:
    """Tell what a published digest proves; False where that is not all of the statement."""
    page = find_published(statement, digest)
    if page is None:
        told = translate(
            language,
            "This digest is of none of the pages {first} to {last}.",
            first=statement.journal.first - 1,
            last=statement.journal.last,
        )
        then = translate(
            language,
            "If it was published after the statement was made, ask for a new statement."
            " If it was published before, one of the two is false.",
        )
        tell(Said(told, then))
        return False
    proved, total = sum(t.page <= page for t in statement.transfers), len(statement.transfers)
    told = translate(
        language,
        "The published digest is that of page {page}: it proves {count} of {total} transfers.",
        page=page,
        count=say_number(proved, language),
        total=say_number(total, language),
    )
    if proved < total:
        then = translate(language, "Compare the others with a digest that was published later.")
        tell(Said(told, then))
        return False
    console.print(told, markup=False)
    return True


def _say_content(statement: Statement, language: Language) -> str:
    journal = statement.journal
    return translate(
        language,
        "{count} transfers of line {line}, proved by page {page} of home {home}: {digest}",
        count=say_number(len(statement.transfers), language),
        line=statement.line,
        page=journal.last,
        home=statement.home,
        digest=journal.head,
    )


def _tell_fault(fault: Fault, language: Language) -> None:
    tell(Said(translate(language, STATEMENT_FAULTS[fault.kind.value], **fault.fields), ""))


def _parse_heads(text: bytes, language: Language) -> list[Head]:
    heads = []
    for line in text.decode(errors="replace").splitlines():
        match line.split():
            case []:
                pass
            case [home, page, digest] if home.isdecimal() and page.isdecimal():
                heads.append(Head(Home(int(home)), int(page), digest.lower()))
            case _:
                told = translate(
                    language, "This is no line of yuzuri audit head: {line}", line=line
                )
                tell(Said(told, ""))
                raise typer.Exit(EXIT_REFUSED)
    return heads


def _read(file: Path, language: Language) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    return _use_file(file, language, file.read_bytes)


def _use_file(file: Path, language: Language, use: Callable[[], T]) -> T:
    try:
        return use()
    except OSError as error:
        problem = error.strerror or str(error)
        told = translate(language, "{file}: {problem}", file=file, problem=problem)
        tell(Said(told, ""))
        raise typer.Exit(EXIT_REFUSED) from None


def _with_connection(work: Callable[[Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        async with (
            open_database(read_settings(), migrating=False) as database,
            database.connection() as connection,
        ):
            return await work(connection)

    return asyncio.run(run())
