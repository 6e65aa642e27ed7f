"""How much data a line could use at this moment, for whoever may ask."""

from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.ids import HolderId, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.subscribers.lines import load_line

_LAST_COUNTRY = """
SELECT country FROM charging_session WHERE home = %s AND line = %s AND ended_at IS NULL
ORDER BY opened_at DESC LIMIT 1
"""


async def load_usable_data(
    connection: Connection, profiles: Profiles, line: HolderId, at: datetime
) -> int | None:
    """Return the bytes that a line has of its own and could use now, where it is; None: no limit.

    What is set aside (in an open gift, for a running session) does not count. Where it is: in the
    country of its newest running session, else at home. Raises `LINE_UNKNOWN`.
    """
    known = await load_line(connection, line)
    if Unit.DATA in find_plan(profiles[known.operator], known.plan).unlimited:
        return None
    row = await (await connection.execute(_LAST_COUNTRY, (home_of(line), line))).fetchone()
    country = profiles[known.operator].country if row is None else row[0]
    book = await read_book(connection, [line], at)
    usable = (
        bucket.available
        for bucket in book.buckets_of(line)
        if (allowance := book.allowances[bucket.allowance]).unit is Unit.DATA
        and not allowance.is_over(at)
        and (allowance.hours is None or allowance.hours.contains(at))
        and profiles[allowance.operator].covers(allowance.zone, country)
    )
    return sum(usable)
