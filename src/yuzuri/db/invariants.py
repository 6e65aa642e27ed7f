"""Checking what must always hold, with SQL on a live database: the shape of such a check."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from yuzuri.db import Connection
from yuzuri.kernel.ids import Home

SHOWN_MAX = 5
"""How many rows that break an invariant are named."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must hold; `breaches` selects (row, what is wrong) for each that breaks it.

    The statement may use %(home)s, %(at)s and what `parameters` adds.
    """

    number: str
    title: str
    breaches: LiteralString
    parameters: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether an invariant holds, and the first rows that break it."""

    number: str
    title: str
    breaches: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """No row breaks it."""
        return not self.breaches


async def check_invariants(
    connection: Connection,
    home: Home,
    at: datetime,
    invariants: Iterable[Invariant],
) -> Sequence[Finding]:
    """Check each invariant of a home as of an instant, on one snapshot; reads only.

    The connection must stand at the beginning of a transaction.
    """
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    findings = []
    for invariant in invariants:
        parameters = {"home": home, "at": at, **dict(invariant.parameters)}
        cursor = await connection.execute(invariant.breaches, parameters)
        rows = await cursor.fetchmany(SHOWN_MAX)
        breaches = tuple(f"{row[0]}: {row[1]}" for row in rows)
        findings.append(Finding(invariant.number, invariant.title, breaches))
    return findings
