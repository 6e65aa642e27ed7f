"""How many homes a database has: chosen once, before anybody lives in one."""

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HOMES_MAX

_COUNT = "SELECT count(*) FROM home"

_IS_LIVED_IN = """
SELECT EXISTS (SELECT FROM bucket) OR EXISTS (SELECT FROM journal_page)
    OR EXISTS (SELECT FROM command) OR EXISTS (SELECT FROM line)
"""

_ADD = "INSERT INTO home (home) SELECT generate_series(%s::integer, %s::integer)"


async def count_homes(connection: Connection) -> int:
    """Return how many homes there are; they are numbered from 0."""
    cursor = await connection.execute(_COUNT)
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def choose_homes(connection: Connection, homes: int) -> None:
    """Let there be so many homes, 1 to `HOMES_MAX`; to choose the same again changes nothing.

    The connection must belong to a role that owns the tables. Raises `HOMES_FIXED` where another
    number was chosen before or somebody lives there already, since ids name the home they are of.
    """
    if not 1 <= homes <= HOMES_MAX:
        raise ValueError(f"there can be 1 to {HOMES_MAX} homes")
    await connection.execute("LOCK TABLE home IN EXCLUSIVE MODE")
    now = await count_homes(connection)
    if homes == now:
        return
    cursor = await connection.execute(_IS_LIVED_IN)
    row = await cursor.fetchone()
    if now != 1 or row is None or row[0]:
        raise DomainError(Code.HOMES_FIXED, homes=now)
    await connection.execute(_ADD, (now, homes - 1))
