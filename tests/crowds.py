"""Many people with lines, made at once."""

from datetime import datetime, timedelta

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from yuzuri.kernel.ids import HOME, HolderId, Home, PersonId, home_of, new_id
from yuzuri.subscribers.lines import Line

_PEOPLE = """
INSERT INTO person (id, nickname, language, joined_at)
SELECT id, 'somebody', 'en', %s FROM unnest(%b::uuid[]) AS id
"""

_LINES = """
INSERT INTO line (home, id, person, operator, plan, number, label, activated_at)
SELECT home, id, person, %s, 'plan', number, 'a line', %s
FROM unnest(%b::smallint[], %b::uuid[], %b::uuid[], %b::text[]) AS made (home, id, person, number)
"""


async def add_crowd(
    connection: AsyncConnection[TupleRow],
    count: int,
    at: datetime,
    *,
    homes: int = 1,
    lines_each: int = 1,
    age_days: int = 400,
    operator: str = "open",
) -> list[Line]:
    """Make so many people, spread over the homes, each with some lines of an age."""
    activated_at = at - timedelta(days=age_days)
    lines = []
    for number in range(count):
        home = Home(number % homes) if homes > 1 else HOME
        person = PersonId(new_id(home))
        for _ in range(lines_each):
            line = HolderId(new_id(home))
            phone = f"+998{int.from_bytes(line) % 10**14}"
            lines.append(
                Line(
                    id=line,
                    person=person,
                    operator=operator,
                    plan="plan",
                    number=phone,
                    label="a line",
                    activated_at=activated_at,
                )
            )
    people = list({line.person for line in lines})
    await connection.execute(_PEOPLE, (at, people))
    rows = ((home_of(line.id), line.id, line.person, line.number) for line in lines)
    columns = zip(*rows, strict=True)
    await connection.execute(_LINES, (operator, activated_at, *map(list, columns)))
    return lines
