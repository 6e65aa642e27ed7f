"""The first page: my lines, what is left on each, what it uses, and what waits for me."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.charging.notices import load_notices, load_waiting, mark_any_seen
from yuzuri.charging.use import Hours, load_use
from yuzuri.db import Connection
from yuzuri.kernel.calendar import day_start
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, parse_id
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.account import LineAccount, load_accounts, load_gift_list
from yuzuri.sharing.delegation_views import load_delegation_views, load_first_uses
from yuzuri.sharing.pool_views import load_invitations_to
from yuzuri.subscribers.lines import Person
from yuzuri.web.advice import propose_gifts, tell_first_use, tell_waiting, view_notice
from yuzuri.web.delegation_views import view_delegation
from yuzuri.web.forms import Form
from yuzuri.web.gift_views import view_gift
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import view_line
from yuzuri.web.pool_views import view_invited
from yuzuri.web.rendering import page, see_other
from yuzuri.web.use_views import DAYS, view_use
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of


@get("/")
async def show_lines(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show a person's lines."""
    yuzuri = yuzuri_of(request)
    at, profiles = yuzuri.clock(), yuzuri.profiles
    async with yuzuri.database.connection() as connection:
        accounts = await load_accounts(connection, person.id, at)
        gifts = await load_gift_list(connection, person.id, at)
        lines = [account.line for account in accounts]
        use = await _load_week(connection, accounts, profiles, at)
        notices = await load_notices(connection, lines, profiles, at)
        invited = await load_invitations_to(connection, person.id, at)
        waiting = await load_waiting(connection, [line.id for line in lines])
        first_uses = await load_first_uses(connection, person.id, at)
        delegations = await load_delegation_views(connection, person.id, at)
    readers = {line.id: Reader(visit.language, profiles[line.operator].zone, at) for line in lines}
    return page(
        visit,
        "lines.html",
        lines=[view_line(account, profiles, visit.language, at) for account in accounts],
        offered=[
            view_gift(seen, profiles, visit.language, at)
            for seen in gifts
            if not seen.is_mine and seen.gift.is_open(at)
        ],
        notices=[
            view_notice(notice, accounts, profiles, readers[notice.line])
            for notice in notices
            if notice.seen_at is None
        ],
        asked=[
            view_delegation(seen, profiles, visit.language, at)
            for seen in delegations
            if not seen.is_mine and seen.delegation.is_offered(at)
        ],
        helping=[
            view_delegation(seen, profiles, visit.language, at)
            for seen in delegations
            if not seen.is_mine and seen.delegation.is_active(at)
        ],
        first_uses=[
            tell_first_use(use, profiles, readers[use.line.id])
            for use in first_uses
            if use.seen_at is None
        ],
        use={str(line): view_use(hours, readers[line]) for line, hours in use.items()},
        invitations=[
            view_invited(
                one,
                profiles[one.pool.operator],
                Reader(visit.language, profiles[one.pool.operator].zone, at),
            )
            for one in invited
        ],
        days=DAYS,
        proposals={
            str(one.line.id): list(
                propose_gifts(one, profiles, use[one.line.id], readers[one.line.id])
            )
            for one in accounts
        },
        waiting={str(line): list(tell_waiting(line, waiting, readers[line])) for line in readers},
    )


@post("/notices/{notice:str}/seen")
async def put_notice_away(
    request: AnyRequest,
    visit: Visit,
    person: Person,
    form: Form,  # noqa: ARG001 - read, so that it is one of ours
    notice: str,
) -> Redirect:
    """Take a notice off the page; one that is no longer there is as good as seen."""
    yuzuri = yuzuri_of(request)
    with contextlib.suppress(DomainError):
        notice_id = parse_id(notice, Code.NOTICE_UNKNOWN)
        async with yuzuri.database.connection() as connection:
            await mark_any_seen(connection, person.id, yuzuri.profiles, notice_id, yuzuri.clock())
    return see_other(visit, "/")


async def _load_week(
    connection: Connection, accounts: Sequence[LineAccount], profiles: Profiles, at: datetime
) -> Mapping[HolderId, Hours]:
    """Return what each line has used in the last days, by the clocks of its operator."""
    by_zone: dict[ZoneInfo, list[HolderId]] = {}
    for account in accounts:
        zone = profiles[account.line.operator].zone
        by_zone.setdefault(zone, []).append(account.line.id)
    use: dict[HolderId, Hours] = {}
    for zone, lines in by_zone.items():
        since, until = day_start(at, zone, 1 - DAYS), day_start(at, zone, 1)
        use |= await load_use(connection, lines, since, until, zone)
    return use
