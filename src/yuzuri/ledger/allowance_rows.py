"""Allowances as rows; they never change, so what was read once is known for good."""

from collections.abc import Iterable
from typing import Any

from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.db.arrays import UuidArray
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, Home, PurchaseId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source

_COLUMNS = """
id, unit, operator, plan, zone, source, paid, issued_at, expires_at, purchase,
hours_since, hours_until, hours_timezone, hops, parent, expiry_rule
"""

_LOAD = f"SELECT {_COLUMNS} FROM allowance WHERE home = %s AND id = ANY(%b)"

ADD_ALLOWANCES = f"""
INSERT INTO allowance (home, {_COLUMNS})
SELECT %s, * FROM unnest(
    %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[],
    %b::timestamptz[], %b::timestamptz[], %b::uuid[], %b::time[], %b::time[], %b::text[],
    %b::integer[], %b::uuid[], %b::text[])
ON CONFLICT (home, id) DO NOTHING
"""


class AllowanceCache:
    """Allowances that this process has read lately: they never change, so they are never stale."""

    def __init__(self, size_max: int = 200_000) -> None:
        self._known: dict[tuple[Home, AllowanceId], Allowance] = {}
        self._size_max = size_max

    def take(
        self, home: Home, ids: Iterable[AllowanceId], found: dict[AllowanceId, Allowance]
    ) -> list[AllowanceId]:
        """Put those that are known into `found` and return the others."""
        missing = []
        for allowance_id in ids:
            known = self._known.get((home, allowance_id))
            if known is None:
                missing.append(allowance_id)
            else:
                found[allowance_id] = known
        return missing

    def keep(self, home: Home, allowances: Iterable[Allowance]) -> None:
        """Remember what was read from the database."""
        if len(self._known) > self._size_max:
            self._known.clear()
        for allowance in allowances:
            self._known[home, allowance.id] = allowance


async def load_allowances(
    connection: Connection, home: Home, ids: Iterable[AllowanceId]
) -> dict[AllowanceId, Allowance]:
    """Return the allowances of a home with these ids."""
    cursor = await connection.execute(_LOAD, (home, UuidArray(list(ids))), prepare=True)
    return {row[0]: _allowance(row) async for row in cursor}


def allowance_row(allowance: Allowance) -> tuple[Any, ...]:
    """Return the values of an allowance in the order of `ADD_ALLOWANCES`."""
    a, hours = allowance, allowance.hours
    return (
        a.id, a.unit.value, a.operator, a.plan, a.zone, a.source.value, a.paid, a.issued_at,
        a.expires_at, a.purchase, hours and hours.since, hours and hours.until,
        hours and hours.timezone, a.hops, a.parent, a.expiry_rule,
    )  # fmt: skip


def _allowance(row: TupleRow) -> Allowance:
    (allowance_id, unit, operator, plan, zone, source, paid, issued_at, expires_at, purchase,
     since, until, timezone, hops, parent, expiry_rule) = row  # fmt: skip
    return Allowance(
        id=AllowanceId(allowance_id),
        unit=Unit(unit),
        operator=operator,
        plan=plan,
        zone=zone,
        source=Source(source),
        paid=paid,
        issued_at=issued_at,
        expires_at=expires_at,
        purchase=PurchaseId(purchase),
        hours=None if since is None else DailyWindow(since, until, timezone),
        hops=hops,
        parent=None if parent is None else AllowanceId(parent),
        expiry_rule=expiry_rule,
    )
