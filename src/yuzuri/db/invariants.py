"""Checking what must always hold, on a live database: the shape of such a check."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from yuzuri.db import Connection

SHOWN_MAX = 5
"""How many rows that break an invariant are named."""

Breach = tuple[str, str]
"""A row that breaks an invariant, and what is wrong with it."""

Progress = Callable[[int, int], None]
"""Is told how much of a long check is done, and of how much."""

Check = Callable[[Connection, Progress], AsyncGenerator[Breach, None]]
"""Looks for breaches where SQL alone cannot; the connection stands in a snapshot."""


def ignore_progress(done: int, total: int) -> None:
    """Tell nobody how far a check is."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must hold; `breaches` selects (row, what is wrong) for each that breaks it.

    The statement may use %(at)s and what `parameters` adds. `check` looks first, and so names
    causes before consequences.
    """

    number: str
    title: str
    breaches: LiteralString
    parameters: tuple[tuple[str, Any], ...] = ()
    check: Check | None = None


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
    at: datetime,
    invariants: Iterable[Invariant],
    progress: Progress = ignore_progress,
) -> Sequence[Finding]:
    """Check each invariant as of an instant, on one snapshot of all homes; reads only.

    The connection must stand at the beginning of a transaction.
    """
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    # Nearly all is read: where statistics are behind, nothing must be looked for row by row.
    await connection.execute("SET LOCAL enable_nestloop = off")
    findings = []
    for invariant in invariants:
        rows: list[Breach] = []
        if invariant.check is not None:
            async with contextlib.aclosing(invariant.check(connection, progress)) as found:
                while len(rows) < SHOWN_MAX and (breach := await anext(found, None)) is not None:
                    rows.append(breach)
        parameters = {"at": at, **dict(invariant.parameters)}
        cursor = await connection.execute(invariant.breaches, parameters)
        rows += [(row[0], row[1]) for row in await cursor.fetchmany(SHOWN_MAX)]
        breaches = tuple(f"{row}: {what}" for row, what in rows[:SHOWN_MAX])
        findings.append(Finding(invariant.number, invariant.title, breaches))
    return findings
