"""Tanks: what is in them, whether my lines may draw and how much, giving and drawing."""

from datetime import datetime
from typing import Annotated, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from yuzuri.api.app.bodies import JSON_INTEGER_MAX, Text
from yuzuri.api.app.callers import Caller, Key, language_of, running, with_key
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.gift_views import OwnLineView
from yuzuri.api.app.lines import own_line
from yuzuri.api.app.problems import GiftNotDone
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import HolderId, PoolId, parse_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.verdict_json import (
    SaidArrival,
    SaidInstead,
    SaidReason,
    say_arrival,
    say_instead,
    say_reasons,
)
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.tank_views import LineAtTank, TankInView, load_tank_views
from yuzuri.sharing.tanks import DrawFromTank, GiveToTank, TankDone, checked_tank_command
from yuzuri.subscribers.lines import Line


class TankBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many bytes of data, from one of my lines or to it."""

    line: Text
    amount: Annotated[int, msgspec.Meta(ge=1, le=JSON_INTEGER_MAX)]


class LineAtTankView(msgspec.Struct, frozen=True, kw_only=True):
    """What one of my lines may do at a tank now, and what it did; all in bytes of data.

    `may_draw` false: `reasons` say why, and `instead` from when (`at`) or what else would work.
    `notes` is what one should know before one gives.
    """

    line: OwnLineView
    may_draw: bool
    most_to_draw: int
    reasons: tuple[SaidReason, ...]
    instead: tuple[SaidInstead, ...]
    most_to_give: int
    notes: tuple[SaidReason, ...]
    draws_this_month: int
    drawn_this_month: int
    given: int
    drawn: int


class TankView(msgspec.Struct, frozen=True, kw_only=True):
    """A tank that is open: `amount` bytes of data, `inside` by when they end.

    `area` (ISO 3166-2) where it is for an emergency there; `until` null: it has no end.
    """

    id: UUID
    name: str
    operator: str
    operator_name: str
    area: str | None
    opened_at: datetime
    until: datetime | None
    amount: int
    inside: SaidArrival | None
    lines: list[LineAtTankView]


class TanksView(msgspec.Struct, frozen=True, kw_only=True):
    """The open tanks of my operators, oldest first."""

    tanks: list[TankView]


class TankAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was given or drawn; `arrives`: what a draw brought, and until when it can be used."""

    tank: UUID
    line: UUID
    amount: int
    unit: Unit
    arrives: SaidArrival | None


@get("/tanks", summary="The tanks of my operators", tags=["tanks"], responses=problems(401))
async def show_tanks(request: Caller) -> TanksView:
    """Say of each tank what is in it, and of each of my lines whether it may draw, or from when."""
    yuzuri, language = running(request), language_of(request)
    async with yuzuri.database.connection() as connection:
        tanks = await load_tank_views(connection, yuzuri.profiles, request.user, yuzuri.clock())
    at = yuzuri.clock()
    return TanksView(tanks=[_view(tank, yuzuri.profiles, language, at) for tank in tanks])


@post(
    "/tanks/{tank_id:str}/donations",
    summary="Give to a tank",
    tags=["tanks"],
    status_code=200,
    guards=[with_key],
    responses=problems(400, 401, 403, 404, 409, 413, 422),
)
async def give_to_tank(
    request: Caller, tank_id: FromPath[str], data: JSONBody[TankBody], key: Key
) -> TankAnswer:
    """Give data of one of my lines to everyone of its operator: it does not come back."""
    line, tank = await _read(request, tank_id, data)
    command = GiveToTank(
        person=request.user, line=line.id, tank=tank, unit=Unit.DATA, amount=data.amount
    )
    return await _submit(request, key, command, line)


@post(
    "/tanks/{tank_id:str}/draws",
    summary="Draw from a tank",
    tags=["tanks"],
    status_code=200,
    guards=[with_key],
    responses=problems(400, 401, 403, 404, 409, 413, 422),
)
async def draw_from_tank(
    request: Caller, tank_id: FromPath[str], data: JSONBody[TankBody], key: Key
) -> TankAnswer:
    """Draw data to one of my lines, as far as the operator's rules let it; soonest expiry first."""
    line, tank = await _read(request, tank_id, data)
    command = DrawFromTank(person=request.user, line=line.id, tank=tank, amount=data.amount)
    return await _submit(request, key, command, line)


async def _read(request: Caller, tank_id: str, body: TankBody) -> tuple[Line, PoolId]:
    tank = PoolId(HolderId(parse_id(tank_id, Code.TANK_UNKNOWN)))
    async with running(request).database.connection() as connection:
        return await own_line(connection, request.user, body.line), tank


async def _submit(
    request: Caller, key: str, command: GiveToTank | DrawFromTank, line: Line
) -> TankAnswer:
    yuzuri = running(request)
    checked_tank_command(command)
    outcome = await yuzuri.submit(request.user, key, command)
    match outcome:
        case TankDone():
            return TankAnswer(
                tank=command.tank.uuid,
                line=command.line.uuid,
                amount=command.amount,
                unit=Unit.DATA,
                arrives=say_arrival(outcome.arrives),
            )
        case GiftRefused():
            raise GiftNotDone(outcome, yuzuri.profiles[line.operator].zone)
        case _:
            assert_never(outcome)


# ---------------------------------------------------------------- views


def _view(seen: TankInView, profiles: Profiles, language: Language, at: datetime) -> TankView:
    tank, profile = seen.tank, profiles[seen.tank.operator]
    return TankView(
        id=tank.id.uuid,
        name=tank.name,
        operator=tank.operator,
        operator_name=profile.name.in_language(language),
        area=tank.area,
        opened_at=tank.opened_at,
        until=tank.until,
        amount=seen.amount,
        inside=say_arrival(seen.inside),
        lines=[_view_line(one, language, profile.zone, at) for one in seen.lines],
    )


def _view_line(
    seen: LineAtTank, language: Language, zone: ZoneInfo, at: datetime
) -> LineAtTankView:
    draws, drawn_this_month = seen.account.in_month_of(at, zone)
    return LineAtTankView(
        line=OwnLineView(id=seen.line.id.uuid, label=seen.line.label),
        may_draw=seen.draw.feasible is True,
        most_to_draw=seen.most_to_draw,
        reasons=say_reasons(seen.draw.refusals, language, zone),
        instead=say_instead(seen.draw.instead, language, zone),
        most_to_give=seen.most_to_give,
        notes=say_reasons(seen.notes, language, zone),
        draws_this_month=draws,
        drawn_this_month=drawn_this_month,
        given=seen.account.given,
        drawn=seen.account.drawn,
    )
