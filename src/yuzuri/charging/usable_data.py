"""How much data a line could use at this moment, for whoever may ask."""

from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.ids import AllowanceId, HolderId, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.subscribers.lines import load_line

_RUNNING = """
SELECT country, charging_quota.id FROM charging_session AS session
LEFT JOIN charging_quota
    ON charging_quota.home = session.home AND charging_quota.session = session.id
WHERE session.home = %s AND session.line = %s AND ended_at IS NULL
ORDER BY opened_at DESC
"""


async def load_usable_data(
    connection: Connection, profiles: Profiles, line: HolderId, at: datetime
) -> int | None:
    """Return the bytes that a line has of its own and could use now, where it is; None: no limit.

    What is set aside for somebody else, as in an open gift, does not count; what its own sessions
    have been granted ahead does. Where it is: in the country of its newest running session, else at
    home. Raises `LINE_UNKNOWN`.
    """
    known = await load_line(connection, line)
    if Unit.DATA in find_plan(profiles[known.operator], known.plan).unlimited:
        return None
    running = await (await connection.execute(_RUNNING, (home_of(line), line))).fetchall()
    country = running[0][0] if running else profiles[known.operator].country
    quotas = {quota for _, quota in running}
    book = await read_book(connection, [line], at)
    granted: dict[AllowanceId, int] = {}
    for hold in book.holds.values():
        if hold.cause in quotas and hold.holder == line:
            granted[hold.allowance] = granted.get(hold.allowance, 0) + hold.amount
    usable = (
        bucket.available + granted.get(bucket.allowance, 0)
        for bucket in book.buckets_of(line)
        if (allowance := book.allowances[bucket.allowance]).unit is Unit.DATA
        and not allowance.is_over(at)
        and (allowance.hours is None or allowance.hours.contains(at))
        and profiles[allowance.operator].covers(allowance.zone, country)
    )
    return sum(usable)
