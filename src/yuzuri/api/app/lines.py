"""A person's own lines, and what is left on each."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from yuzuri.api.app.callers import Caller, language_of, running
from yuzuri.api.app.descriptions import problems
from yuzuri.charging.use import load_month_use
from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, PersonId, parse_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Source
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.runtime.verdict_json import SaidHours, say_hours
from yuzuri.sharing.account import Balance, LineAccount, load_accounts
from yuzuri.sharing.delegation_views import load_seen_lines, may_person_give
from yuzuri.subscribers.lines import Line, Person, load_line, load_people


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


class DelegatedLineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of somebody who lets me see it: what is left, and what was used this month by unit.

    It has neither label nor contract; `number` is its last digits.
    """

    id: UUID
    owner: str
    number: str
    operator: str
    operator_name: str
    balances: list[BalanceView]
    used_this_month: dict[Unit, int]


class LinesView(msgspec.Struct, frozen=True, kw_only=True):
    """A person's lines, oldest first, and those of others that they may see."""

    lines: list[LineView]
    delegated: list[DelegatedLineView]


@get("/lines", summary="My lines and what is left on each", tags=["lines"], responses=problems(401))
async def show_lines(request: Caller) -> LinesView:
    """Return the lines of the person who is signed in."""
    yuzuri, language = running(request), language_of(request)
    at, profiles = yuzuri.clock(), yuzuri.profiles
    async with yuzuri.database.connection() as connection:
        accounts = await load_accounts(connection, request.user, at)
        seen = await load_seen_lines(connection, request.user, at)
        owners = await load_people(connection, {account.line.person for account in seen})
        used = [
            await load_month_use(connection, account.line, profiles[account.line.operator], at)
            for account in seen
        ]
    return LinesView(
        lines=[_view(account, profiles, language) for account in accounts],
        delegated=[
            _view_delegated(account, owners[account.line.person], use, profiles, language)
            for account, use in zip(seen, used, strict=True)
        ],
    )


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


async def giving_line(connection: Connection, person: PersonId, text: str, at: datetime) -> Line:
    """Return a line that a person may give from; raises `LINE_UNKNOWN` or `LINE_NOT_YOURS`.

    Whether they may give so much from the line of another is decided with the gift.
    """
    line = await find_line_by_id(connection, text)
    if line.person != person and not await may_person_give(connection, person, line.id, at):
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


def _view_delegated(
    account: LineAccount,
    owner: Person,
    used: Mapping[Unit, int],
    profiles: Profiles,
    language: Language,
) -> DelegatedLineView:
    line = account.line
    return DelegatedLineView(
        id=line.id.uuid,
        owner=owner.nickname,
        number=line.masked_number,
        operator=line.operator,
        operator_name=profiles[line.operator].name.in_language(language),
        balances=[_balance(balance) for balance in account.balances],
        used_this_month=dict(used),
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
