"""What a line has used, hour by hour, and the notices of its owner."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from yuzuri.api.app.callers import Caller, running
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.lines import own_line
from yuzuri.charging.notices import Notice, load_notices, mark_any_seen
from yuzuri.charging.use import HourUse, UsePart, load_use
from yuzuri.kernel.calendar import day_start
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import parse_id
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.plans import AllowanceClass
from yuzuri.sharing.delegation_views import FirstUse, load_first_uses
from yuzuri.subscribers.lines import lines_of

DAYS_MAX = 31


class UsePartView(msgspec.Struct, frozen=True, kw_only=True):
    """So much of one kind, in bytes, seconds or messages.

    `night`: paid by what can be used at certain hours only; `pooled`: paid by a pool.
    """

    unit: Unit
    kind: AllowanceClass
    zone: str
    night: bool
    pooled: bool
    amount: int


class HourView(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in an hour of the operator's clocks."""

    since: datetime
    until: datetime
    parts: list[UsePartView]


class UseView(msgspec.Struct, frozen=True, kw_only=True):
    """Every hour of the last days, oldest first; the last day is today, by the operator's clocks.

    A day has 23 or 25 hours where clocks are changed in it.
    """

    line: UUID
    timezone: str
    hours: list[HourView]


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """So many of a hundred parts of what a line has of a unit this month are used."""

    id: UUID
    line: UUID
    unit: Unit
    reached: int
    month_since: datetime
    at: datetime
    seen_at: datetime | None


class FirstUseView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has used what I let them do with a line, for the first time; `id` is its own."""

    id: UUID
    line: UUID
    delegate: str
    at: datetime
    seen_at: datetime | None


class NoticesView(msgspec.Struct, frozen=True, kw_only=True):
    """The notices of this month, newest first: for each line and unit the one that says most.

    `delegations`: which of them were used, and when first, the last to begin first.
    """

    notices: list[NoticeView]
    delegations: list[FirstUseView]


@get(
    "/lines/{line_id:str}/use",
    summary="What one of my lines has used",
    tags=["lines"],
    responses=problems(400, 401, 403, 404),
)
async def show_use(
    request: Caller,
    line_id: FromPath[str],
    days: Annotated[int, QueryParameter(ge=1, le=DAYS_MAX)] = 7,
) -> UseView:
    """Return what the line has used in each hour, as soon as the network has reported it."""
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, line_id)
        zone = yuzuri.profiles[line.operator].zone
        since, until = day_start(at, zone, 1 - days), day_start(at, zone, 1)
        use = await load_use(connection, [line.id], since, until, zone)
    hours = [_view_hour(hour) for hour in use[line.id]]
    return UseView(line=line.id.uuid, timezone=zone.key, hours=hours)


@get("/notices", summary="What my lines have reached", tags=["lines"], responses=problems(401))
async def show_notices(request: Caller) -> NoticesView:
    """Return where 80 or 100 % of what a line has this month is used, and who began to act."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        lines = await lines_of(connection, request.user)
        notices = await load_notices(connection, lines, yuzuri.profiles, yuzuri.clock())
        first_uses = await load_first_uses(connection, request.user, yuzuri.clock())
    return NoticesView(
        notices=[_view_notice(notice) for notice in notices],
        delegations=[_view_first_use(use) for use in first_uses],
    )


@post(
    "/notices/{notice_id:str}/seen",
    summary="Put a notice away",
    tags=["lines"],
    status_code=200,
    responses=problems(401, 404),
)
async def see_notice(request: Caller, notice_id: FromPath[str]) -> NoticeView | FirstUseView:
    """Note that I have seen a notice; to do so again changes nothing."""
    yuzuri = running(request)
    notice = parse_id(notice_id, Code.NOTICE_UNKNOWN)
    async with yuzuri.database.connection() as connection:
        seen = await mark_any_seen(
            connection, request.user, yuzuri.profiles, notice, yuzuri.clock()
        )
    return _view_notice(seen) if isinstance(seen, Notice) else _view_first_use(seen)


def _view_hour(hour: HourUse) -> HourView:
    return HourView(
        since=hour.since, until=hour.until, parts=[_view_part(part) for part in hour.parts]
    )


def _view_part(part: UsePart) -> UsePartView:
    return UsePartView(
        unit=part.unit,
        kind=part.kind,
        zone=part.zone,
        night=part.is_night,
        pooled=part.from_pool,
        amount=part.amount,
    )


def _view_notice(notice: Notice) -> NoticeView:
    return NoticeView(
        id=notice.id.uuid,
        line=notice.line.uuid,
        unit=notice.unit,
        reached=notice.reached,
        month_since=notice.cycle_start,
        at=notice.at,
        seen_at=notice.seen_at,
    )


def _view_first_use(use: FirstUse) -> FirstUseView:
    return FirstUseView(
        id=use.delegation.id.uuid,
        line=use.line.id.uuid,
        delegate=use.delegate.nickname,
        at=use.at,
        seen_at=use.seen_at,
    )
