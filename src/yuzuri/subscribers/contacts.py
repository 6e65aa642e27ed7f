"""A person's own list of phone numbers, under names of their own.

Nobody is looked up: the list is the same whether a number belongs to anybody here or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId, home_of
from yuzuri.ledger.store import lock_home

CONTACTS_MAX = 500
LABEL_LENGTH_MAX = 40


@dataclass(frozen=True, slots=True)
class Contact:
    """A number (E.164), and what the person calls it."""

    number: str
    label: str
    added_at: datetime


_CONTACTS = """
SELECT number, label, added_at FROM contact WHERE home = %s AND person = %s ORDER BY label, number
"""
_NUMBERS = "SELECT number FROM contact WHERE home = %s AND person = %s"
_ADD = """
INSERT INTO contact (home, person, number, label, added_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (home, person, number) DO UPDATE SET label = excluded.label
"""
_REMOVE = "DELETE FROM contact WHERE home = %s AND person = %s AND number = %s"


async def add_contact(
    connection: Connection, person: PersonId, number: str, label: str, at: datetime
) -> None:
    """Put a number (E.164) on a person's list; one that is there gets the new label.

    Raises `CONTACTS_FULL`, and `REQUEST_INVALID` for a label that cannot be kept.
    """
    if len(label) > LABEL_LENGTH_MAX or "\0" in label:
        problem = f"at most {LABEL_LENGTH_MAX} characters, and no U+0000"
        raise DomainError(Code.REQUEST_INVALID, field="label", problem=problem)
    # One at a time, so that two at once cannot pass the limit.
    await lock_home(connection, home_of(person))
    known = await contact_numbers(connection, person)
    if number not in known and len(known) >= CONTACTS_MAX:
        raise DomainError(Code.CONTACTS_FULL, limit=CONTACTS_MAX)
    await connection.execute(_ADD, (home_of(person), person, number, label, at))


async def remove_contact(connection: Connection, person: PersonId, number: str) -> None:
    """Take a number off a person's list; one that is not there is as good as gone."""
    await connection.execute(_REMOVE, (home_of(person), person, number))


async def load_contacts(connection: Connection, person: PersonId) -> Sequence[Contact]:
    """Return a person's list, by label."""
    cursor = await connection.execute(_CONTACTS, (home_of(person), person))
    return [Contact(*row) async for row in cursor]


async def contact_numbers(connection: Connection, person: PersonId) -> frozenset[str]:
    """Return the numbers on a person's list."""
    cursor = await connection.execute(_NUMBERS, (home_of(person), person), prepare=True)
    return frozenset([number async for (number,) in cursor])
