"""`yuzuri verify`: the books, checked with SQL on the live database."""

import asyncio

import typer
from rich.progress import Progress

from yuzuri.cli.screen import Lang, console, errors, reader_language
from yuzuri.db.connect import open_database
from yuzuri.kernel.calendar import utc_now
from yuzuri.runtime.verify import verify as verify_books
from yuzuri.settings import read_settings
from yuzuri.words.translations import translate


def verify(lang: Lang = None) -> None:
    """Check that nothing is lost, doubled or lengthened: one line for each invariant.

    Exits 1 if one does not hold, and names the first rows that break it.
    """
    language = reader_language(lang)

    async def check() -> bool:
        async with (
            open_database(read_settings(), migrating=False) as database,
            database.connection() as connection,
        ):
            with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
                task = bar.add_task("I5", total=None)

                def show(done: int, total: int) -> None:
                    bar.update(task, completed=done, total=total)

                findings = await verify_books(connection, utc_now(), show)
        for finding in findings:
            mark, style = ("✓", "green") if finding.holds else ("✗", "bold red")
            title = translate(language, finding.title)
            console.print(f"{mark} {finding.number}  {title}", style=style, markup=False)
            for breach in finding.breaches:
                console.print(f"      {breach}", markup=False)
        return all(finding.holds for finding in findings)

    if not asyncio.run(check()):
        raise typer.Exit(1)
