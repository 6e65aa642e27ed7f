"""People and lines. A line is a holder of the ledger: its id is the holder's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import phonenumbers
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, PersonId, by_home, home_of
from yuzuri.kernel.names import Language
from yuzuri.ledger.store import lock_home


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with lines. Others see the nickname, never a name or a full number."""

    id: PersonId
    nickname: str
    language: Language
    joined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One eSIM subscription; `number` is E.164, `account` and `billing_group` the operator's."""

    id: HolderId
    person: PersonId
    operator: str
    plan: str
    number: str
    label: str
    activated_at: datetime
    account: str | None = None
    billing_group: str | None = None

    @property
    def masked_number(self) -> str:
        """The number as other people may see it: its last two digits."""
        return mask_number(self.number)


_LINE_COLUMNS = "id, person, operator, plan, number, label, account, billing_group, activated_at"
_ADD_PERSON = "INSERT INTO person (id, nickname, language, joined_at) VALUES (%s, %s, %s, %s)"
_PERSON = "SELECT id, nickname, language, joined_at FROM person WHERE id = ANY(%b)"
_PEOPLE = "SELECT id, nickname, language, joined_at FROM person ORDER BY joined_at, id LIMIT %s"
_ADD_NUMBER = "INSERT INTO phone_number (number, home, line) VALUES (%s, %s, %s)"
_ADD_LINE = f"""
INSERT INTO line (home, {_LINE_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_LINES = f"SELECT {_LINE_COLUMNS} FROM line WHERE home = %s AND id = ANY(%b)"
_LINES_OF = (
    f"SELECT {_LINE_COLUMNS} FROM line WHERE home = %s AND person = %s ORDER BY activated_at, id"
)
_LINES_OF_PEOPLE = f"""
SELECT {_LINE_COLUMNS} FROM line WHERE home = %s AND person = ANY(%b) ORDER BY activated_at, id
"""
_LINE_BY_NUMBER = "SELECT line FROM phone_number WHERE number = %s"
_LINK = "INSERT INTO linked_number (home, line, number) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_LINKED = "SELECT line, number FROM linked_number WHERE home = %s AND line = ANY(%b)"


def mask_number(number: str) -> str:
    """Return a number as other people may see it: its last two digits."""
    return f"•••{number[-2:]}"


def parse_number(text: str, country: str | None = None) -> str:
    """Read a phone number as people write it and return it as E.164; raises `DomainError`."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise DomainError(Code.NUMBER_UNREADABLE, text=text[:40]) from error
    if not phonenumbers.is_possible_number(number):
        raise DomainError(Code.NUMBER_UNREADABLE, text=text[:40])
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


async def add_person(connection: Connection, person: Person) -> None:
    """Make a person known."""
    row = (person.id, person.nickname, person.language, person.joined_at)
    await connection.execute(_ADD_PERSON, row)


async def add_line(connection: Connection, line: Line) -> None:
    """Make a line known, with its number, in the home of its person; raises `NUMBER_TAKEN`."""
    home = home_of(line.id)
    if home != home_of(line.person):
        raise ValueError("a line lives in the home of its person")
    try:
        await connection.execute(_ADD_NUMBER, (line.number, home, line.id))
    except UniqueViolation as error:
        raise DomainError(Code.NUMBER_TAKEN, number=line.number) from error
    await connection.execute(
        _ADD_LINE,
        (home, line.id, line.person, line.operator, line.plan, line.number, line.label,
         line.account, line.billing_group, line.activated_at),
    )  # fmt: skip


async def link_number(
    connection: Connection, line: HolderId, number: str, numbers_max: int | None
) -> None:
    """Link a number with a line, where the operator lets one give to linked numbers only.

    A number that is linked already stays so. Raises `LINKED_NUMBERS_FULL` where the operator allows
    no more than `numbers_max`.
    """
    home = home_of(line)
    await lock_home(connection, home)
    linked = (await linked_numbers(connection, [line])).get(line, frozenset())
    if numbers_max is not None and len(linked | {number}) > numbers_max:
        raise DomainError(Code.LINKED_NUMBERS_FULL, limit=numbers_max)
    await connection.execute(_LINK, (home, line, number))


async def load_lines(connection: Connection, ids: Iterable[HolderId]) -> dict[HolderId, Line]:
    """Return the lines with these ids, as far as they exist."""
    lines: dict[HolderId, Line] = {}
    for home, wanted in by_home(ids).items():
        cursor = await connection.execute(_LINES, (home, wanted), prepare=True)
        lines |= {HolderId(row[0]): _line(row) async for row in cursor}
    return lines


async def load_line(connection: Connection, line: HolderId) -> Line:
    """Return a line, or raise `LINE_UNKNOWN`."""
    known = await load_lines(connection, [line])
    if line not in known:
        raise DomainError(Code.LINE_UNKNOWN)
    return known[line]


async def lines_of(connection: Connection, person: PersonId) -> Sequence[Line]:
    """Return a person's lines, oldest first."""
    cursor = await connection.execute(_LINES_OF, (home_of(person), person))
    return [_line(row) async for row in cursor]


async def lines_of_people(
    connection: Connection, people: Iterable[PersonId]
) -> dict[PersonId, Sequence[Line]]:
    """Return the lines of each of these people, oldest first."""
    lines: dict[PersonId, list[Line]] = {}
    for home, wanted in by_home(people).items():
        cursor = await connection.execute(_LINES_OF_PEOPLE, (home, wanted), prepare=True)
        async for row in cursor:
            line = _line(row)
            lines.setdefault(line.person, []).append(line)
    return dict(lines)


async def find_line(connection: Connection, number: str) -> HolderId:
    """Return the line that has a number (E.164), or raise `LINE_UNKNOWN`."""
    cursor = await connection.execute(_LINE_BY_NUMBER, (number,))
    row = await cursor.fetchone()
    if row is None:
        raise DomainError(Code.LINE_UNKNOWN)
    return HolderId(row[0])


async def linked_numbers(
    connection: Connection, lines: Iterable[HolderId]
) -> dict[HolderId, frozenset[str]]:
    """Return the numbers that each line has linked."""
    linked: dict[HolderId, set[str]] = {}
    for home, wanted in by_home(lines).items():
        cursor = await connection.execute(_LINKED, (home, wanted), prepare=True)
        async for line, number in cursor:
            linked.setdefault(HolderId(line), set()).add(number)
    return {line: frozenset(numbers) for line, numbers in linked.items()}


async def load_people(connection: Connection, ids: Iterable[PersonId]) -> dict[PersonId, Person]:
    """Return the people with these ids, as far as they exist."""
    cursor = await connection.execute(_PERSON, (list(set(ids)),))
    return {PersonId(row[0]): _person(row) async for row in cursor}


async def load_person(connection: Connection, person: PersonId) -> Person:
    """Return a person, or raise `PERSON_UNKNOWN`."""
    known = await load_people(connection, [person])
    if person not in known:
        raise DomainError(Code.PERSON_UNKNOWN)
    return known[person]


async def list_people(connection: Connection, limit: int = 50) -> Sequence[Person]:
    """Return the first people who joined."""
    cursor = await connection.execute(_PEOPLE, (limit,))
    return [_person(row) async for row in cursor]


def _person(row: TupleRow) -> Person:
    person_id, nickname, language, joined_at = row
    return Person(PersonId(person_id), nickname, Language(language), joined_at)


def _line(row: TupleRow) -> Line:
    line_id, person, operator, plan, number, label, account, group, activated_at = row
    return Line(
        id=HolderId(line_id),
        person=PersonId(person),
        operator=operator,
        plan=plan,
        number=number,
        label=label,
        activated_at=activated_at,
        account=account,
        billing_group=group,
    )
