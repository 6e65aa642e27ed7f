"""Who acts on the command line, on which line, and under which key."""

from typing import Annotated
from uuid import UUID

import typer

from yuzuri.kernel.ids import HolderId, Id, PersonId

As = Annotated[UUID, typer.Option("--as", help="The person who acts.")]
Key = Annotated[
    str | None, typer.Option(help="Idempotency key: the same again does nothing twice.")
]


def person_id(person: UUID) -> PersonId:
    """Return the person that an option names."""
    return PersonId(Id(person.bytes))


def line_id(line: UUID) -> HolderId:
    """Return the line that an option names."""
    return HolderId(Id(line.bytes))
