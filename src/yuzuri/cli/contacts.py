"""`yuzuri contacts`: the numbers that a person knows, from the command line."""

from collections.abc import Sequence
from typing import Annotated

import typer

from yuzuri.cli.acting import As, person_id
from yuzuri.cli.screen import Lang, reader_language, show_table
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.contacts import Contact, add_contact, load_contacts, remove_contact
from yuzuri.subscribers.lines import load_person, parse_number

app = typer.Typer(help="The numbers that a person knows.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="A phone number, with +.")]


@app.command("add")
def add(
    number: Number,
    person: As,
    label: Annotated[str, typer.Option(help="What the person calls it.")] = "",
) -> None:
    """Add a number, or change what it is called; nobody is told whether anyone has it."""
    known = parse_number(number)

    async def run(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            owner = await load_person(connection, person_id(person))
            await add_contact(connection, owner.id, known, label, yuzuri.clock())

    with_yuzuri(run)


@app.command("remove")
def remove(number: Number, person: As) -> None:
    """Remove a number; one that is not there is as good as gone."""
    known = parse_number(number)

    async def run(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            await remove_contact(connection, person_id(person), known)

    with_yuzuri(run)


@app.command("show")
def show(person: As, lang: Lang = None) -> None:
    """Show a person's contacts."""

    async def load(yuzuri: Yuzuri) -> Sequence[Contact]:
        async with yuzuri.database.connection() as connection:
            return await load_contacts(connection, person_id(person))

    rows = [(contact.label, contact.number) for contact in with_yuzuri(load)]
    show_table(reader_language(lang), ("Name", "Number"), rows)
