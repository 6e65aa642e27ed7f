"""What the owner of a line is told: a part of the month is used, and that the phone is waiting.

Also that somebody who may act on the line has done so for the first time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from yuzuri.db import Connection
from yuzuri.kernel.calendar import month_start
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import (
    DelegationId,
    HolderId,
    Id,
    PersonId,
    by_home,
    derived_id,
    home_of,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.delegation_views import FirstUse, mark_first_use_seen
from yuzuri.subscribers.lines import Line, lines_of

_MONTH = timedelta(days=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`reached` (80, 100) of a hundred parts of what a line has of a unit in a month is used."""

    line: HolderId
    unit: Unit
    cycle_start: datetime
    reached: int
    at: datetime
    seen_at: datetime | None = None

    @property
    def id(self) -> Id:
        """Its name, which follows from what it says."""
        said = f"{self.unit} {self.cycle_start.timestamp():.0f} {self.reached}"
        return derived_id(self.line, said)


_LOAD = """
SELECT line, unit, cycle_start, reached, at, seen_at FROM use_notice
WHERE home = %s AND line = ANY(%b) AND cycle_start >= %s
ORDER BY at DESC, line, unit, reached DESC
"""

_SEEN = """
UPDATE use_notice SET seen_at = %s
WHERE home = %s AND line = %s AND unit = %s AND cycle_start = %s AND reached <= %s
    AND seen_at IS NULL
"""

_WAITING = """
SELECT charging_quota.line, unit, bool_or(granted > used + returned)
FROM charging_quota
JOIN charging_session ON charging_session.home = charging_quota.home
    AND charging_session.id = session AND ended_at IS NULL
WHERE charging_quota.home = %s AND charging_quota.line = ANY(%b) AND is_waiting
GROUP BY charging_quota.line, unit
"""


async def load_notices(
    connection: Connection, lines: Iterable[Line], profiles: Profiles, at: datetime
) -> list[Notice]:
    """Return the notices of the present month of each line's operator, newest first.

    80 % is not told of what has reached 100 %.
    """
    of_line = {line.id: line for line in lines}
    notices: dict[tuple[HolderId, Unit], Notice] = {}
    for home, wanted in by_home(of_line).items():
        cursor = await connection.execute(_LOAD, (home, wanted, at - _MONTH))
        async for line, unit, cycle_start, reached, told_at, seen_at in cursor:
            zone = profiles[of_line[line].operator].zone
            if cycle_start < month_start(at, zone):
                continue
            notice = Notice(
                line=line,
                unit=Unit(unit),
                cycle_start=cycle_start,
                reached=reached,
                at=told_at,
                seen_at=seen_at,
            )
            known = notices.get((line, notice.unit))
            if known is None or known.reached < reached:
                notices[line, notice.unit] = notice
    return sorted(notices.values(), key=lambda notice: notice.at, reverse=True)


async def mark_seen(
    connection: Connection,
    lines: Iterable[Line],
    profiles: Profiles,
    notice_id: Id,
    at: datetime,
) -> Notice:
    """Note that a notice on one of the lines was seen, once, and return it.

    Raises `NOTICE_UNKNOWN` where no line has it, or not any more.
    """
    for notice in await load_notices(connection, lines, profiles, at):
        if notice.id == notice_id:
            break
    else:
        raise DomainError(Code.NOTICE_UNKNOWN)
    if notice.seen_at is not None:
        return notice
    place = (home_of(notice.line), notice.line, notice.unit.value, notice.cycle_start)
    await connection.execute(_SEEN, (at, *place, notice.reached))
    return replace(notice, seen_at=at)


async def mark_any_seen(
    connection: Connection, person: PersonId, profiles: Profiles, notice_id: Id, at: datetime
) -> Notice | FirstUse:
    """Note that a person has seen what they were told, of whatever kind; raises `NOTICE_UNKNOWN`.

    The first use of a delegation has the id of the delegation.
    """
    lines = await lines_of(connection, person)
    try:
        return await mark_seen(connection, lines, profiles, notice_id, at)
    except DomainError:
        return await mark_first_use_seen(connection, person, DelegationId(notice_id), at)


async def load_waiting(
    connection: Connection, lines: Iterable[HolderId]
) -> Mapping[tuple[HolderId, Unit], bool]:
    """Return of which units each line's running sessions have less than they asked for.

    The value says whether something that was granted is still left: the last there is.
    """
    waiting: dict[tuple[HolderId, Unit], bool] = {}
    for home, wanted in by_home(lines).items():
        cursor = await connection.execute(_WAITING, (home, wanted))
        async for line, unit, is_last in cursor:
            waiting[line, Unit(unit)] = is_last
    return waiting
