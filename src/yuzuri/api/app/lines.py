"""A person's own lines, and what is left on each."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from yuzuri.api.app.callers import Caller, language_of, running
from yuzuri.api.app.descriptions import problems
from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, PersonId, parse_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Source
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.runtime.verdict_json import SaidHours, say_hours
from yuzuri.sharing.account import Balance, LineAccount, load_accounts
from yuzuri.subscribers.lines import Line, load_line


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of one allowance, in bytes, seconds or messages.

    `held` is set aside: `in_gifts` of it waits in open gifts, a phone at work may use the rest.
    """

    allowance: UUID
    unit: Unit
    amount: int
    held: int
    in_gifts: int
    available: int
    expires_at: datetime | None
    zone: str
    hours: SaidHours | None
    source: Source
    paid: bool
    received: bool
    hops: int


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """One eSIM subscription with all that can still be used on it, soonest expiry first."""

    id: UUID
    label: str
    number: str
    operator: str
    operator_name: str
    plan: str
    plan_name: str
    activated_at: datetime
    balances: list[BalanceView]


class LinesView(msgspec.Struct, frozen=True, kw_only=True):
    """A person's lines, oldest first."""

    lines: list[LineView]


@get("/lines", summary="My lines and what is left on each", tags=["lines"], responses=problems(401))
async def show_lines(request: Caller) -> LinesView:
    """Return the lines of the person who is signed in."""
    yuzuri, language = running(request), language_of(request)
    async with yuzuri.database.connection() as connection:
        accounts = await load_accounts(connection, request.user, yuzuri.clock())
    return LinesView(lines=[_view(account, yuzuri.profiles, language) for account in accounts])


@get(
    "/lines/{line_id:str}",
    summary="One of my lines",
    tags=["lines"],
    responses=problems(401, 403, 404),
)
async def show_line(request: Caller, line_id: FromPath[str]) -> LineView:
    """Return one line of the person who is signed in."""
    yuzuri = running(request)
    async with yuzuri.database.connection() as connection:
        line = await own_line(connection, request.user, line_id)
        accounts = await load_accounts(connection, request.user, yuzuri.clock())
    account = next(account for account in accounts if account.line.id == line.id)
    return _view(account, yuzuri.profiles, language_of(request))


async def own_line(connection: Connection, person: PersonId, text: str) -> Line:
    """Return a person's line by its id as text; raises `LINE_UNKNOWN` or `LINE_NOT_YOURS`."""
    line = await find_line_by_id(connection, text)
    if line.person != person:
        raise DomainError(Code.LINE_NOT_YOURS)
    return line


async def find_line_by_id(connection: Connection, text: str) -> Line:
    """Return the line that has an id, or raise `LINE_UNKNOWN`."""
    return await load_line(connection, HolderId(parse_id(text, Code.LINE_UNKNOWN)))


def _view(account: LineAccount, profiles: Profiles, language: Language) -> LineView:
    line = account.line
    profile = profiles[line.operator]
    return LineView(
        id=line.id.uuid,
        label=line.label,
        number=line.number,
        operator=line.operator,
        operator_name=profile.name.in_language(language),
        plan=line.plan,
        plan_name=find_plan(profile, line.plan).name.in_language(language),
        activated_at=line.activated_at,
        balances=[_balance(balance) for balance in account.balances],
    )


def _balance(balance: Balance) -> BalanceView:
    bucket, allowance = balance.bucket, balance.allowance
    return BalanceView(
        allowance=allowance.id.uuid,
        unit=allowance.unit,
        amount=bucket.balance,
        held=bucket.held,
        in_gifts=balance.in_gifts,
        available=bucket.available,
        expires_at=allowance.expires_at,
        zone=allowance.zone,
        hours=say_hours(allowance.hours),
        source=allowance.source,
        paid=allowance.paid,
        received=allowance.hops > 0,
        hops=allowance.hops,
    )
