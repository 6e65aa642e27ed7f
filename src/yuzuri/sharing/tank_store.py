"""The rows of tanks, of what lines did at them, and of where lines are."""

from collections.abc import Iterable, Mapping

from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.kernel.ids import HOME, HolderId, PoolId, by_home, home_of
from yuzuri.ledger.store import lock_home
from yuzuri.sharing.tank_facts import AccountKey, TankFacts
from yuzuri.sharing.tanks import Tank, TankAccount, checked_area

_TANK_COLUMNS = "id, operator, name, area, opened_at, until"

_TANKS = f"""
SELECT {_TANK_COLUMNS} FROM tank
WHERE home = %s AND (id = ANY(%b) OR operator = ANY(%b)) ORDER BY opened_at, id
"""

_WRITE_TANK = f"""
INSERT INTO tank (home, {_TANK_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (home, id) DO UPDATE SET until = excluded.until
"""

_ACCOUNT_COLUMNS = "line, tank, month, draws, drawn_this_month, given, drawn"

_ACCOUNTS = f"""
SELECT {_ACCOUNT_COLUMNS} FROM tank_account WHERE home = %s AND line = ANY(%b) AND tank = ANY(%b)
"""

_WRITE_ACCOUNT = f"""
INSERT INTO tank_account (home, {_ACCOUNT_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (home, line, tank) DO UPDATE
SET month = excluded.month, draws = excluded.draws,
    drawn_this_month = excluded.drawn_this_month, given = excluded.given, drawn = excluded.drawn
"""

_AREAS = "SELECT line, area FROM line_area WHERE home = %s AND line = ANY(%b)"

_PLACE = """
INSERT INTO line_area (home, line, area) VALUES (%s, %s, %s)
ON CONFLICT (home, line) DO UPDATE SET area = excluded.area
"""


async def take_in_tanks(
    connection: Connection,
    facts: TankFacts,
    tanks: Iterable[PoolId],
    operators: Iterable[str],
    lines: Iterable[HolderId],
) -> None:
    """Take in these tanks and all of these operators, and what these lines did at them.

    The first home and those of the lines are locked.
    """
    lines = list(lines)
    facts.tanks |= await load_tanks(connection, tanks, operators)
    facts.accounts |= await load_tank_accounts(connection, lines, facts.tanks)
    facts.areas = await load_areas(connection, lines)


async def write_tanks(connection: Connection, facts: TankFacts) -> None:
    """Write all that decisions have changed of tanks and of what lines did at them."""
    for tank in map(facts.tanks.__getitem__, facts.changed_tanks):
        await connection.execute(
            _WRITE_TANK,
            (home_of(tank.id), tank.id, tank.operator, tank.name, tank.area, tank.opened_at,
             tank.until),
        )  # fmt: skip
    for account in map(facts.accounts.__getitem__, facts.changed_accounts):
        await connection.execute(
            _WRITE_ACCOUNT,
            (home_of(account.line), account.line, account.tank, account.month, account.draws,
             account.drawn_this_month, account.given, account.drawn),
            prepare=True,
        )  # fmt: skip


async def load_tanks(
    connection: Connection, tanks: Iterable[PoolId], operators: Iterable[str] = ()
) -> dict[PoolId, Tank]:
    """Return the tanks with these ids, as far as they exist, and all of these operators."""
    cursor = await connection.execute(_TANKS, (HOME, list(tanks), list(operators)))
    return {PoolId(HolderId(row[0])): _tank(row) async for row in cursor}


async def load_tank_accounts(
    connection: Connection, lines: Iterable[HolderId], tanks: Iterable[PoolId]
) -> dict[AccountKey, TankAccount]:
    """Return what lines did at tanks, as far as they did anything."""
    tanks = list(tanks)
    found: dict[AccountKey, TankAccount] = {}
    for home, wanted in by_home(lines).items():
        cursor = await connection.execute(_ACCOUNTS, (home, wanted, tanks), prepare=True)
        async for row in cursor:
            account = _account(row)
            found[account.line, account.tank] = account
    return found


async def load_areas(connection: Connection, lines: Iterable[HolderId]) -> Mapping[HolderId, str]:
    """Return where the operator has recorded lines to be, as far as it has."""
    areas: dict[HolderId, str] = {}
    for home, wanted in by_home(lines).items():
        cursor = await connection.execute(_AREAS, (home, wanted), prepare=True)
        areas |= {HolderId(line): area async for line, area in cursor}
    return areas


async def place_line(connection: Connection, line: HolderId, area: str) -> None:
    """Record that a line is in an area (ISO 3166-2), and no longer in another."""
    checked_area(area)
    await lock_home(connection, home_of(line))
    await connection.execute(_PLACE, (home_of(line), line, area))


def _tank(row: TupleRow) -> Tank:
    tank_id, operator, name, area, opened_at, until = row
    return Tank(
        id=PoolId(HolderId(tank_id)),
        operator=operator,
        name=name,
        area=area,
        opened_at=opened_at,
        until=until,
    )


def _account(row: TupleRow) -> TankAccount:
    line, tank, month, draws, drawn_this_month, given, drawn = row
    return TankAccount(
        line=HolderId(line),
        tank=PoolId(HolderId(tank)),
        month=month,
        draws=draws,
        drawn_this_month=drawn_this_month,
        given=given,
        drawn=drawn,
    )
