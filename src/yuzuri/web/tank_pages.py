"""The tanks of one's operators: what is in them, may I draw and how much, giving and drawing."""

from dataclasses import dataclass
from typing import assert_never

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, PoolId, parse_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.tank_views import load_tank_views
from yuzuri.sharing.tanks import DrawFromTank, GiveToTank, TankDone, TankOutcome
from yuzuri.subscribers.lines import Person, load_line
from yuzuri.web.amounts import read_amount
from yuzuri.web.evidence_views import InsteadView, Told, tell_instead, tell_reason, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import new_key, submit
from yuzuri.web.tank_views import view_tank
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of

DRAW, GIVE = "draw", "give"


@dataclass(frozen=True, slots=True)
class NotDone:
    """A form that had no effect, why, and what would work."""

    tank: str
    line: str
    how: str
    amount: str
    reasons: tuple[Told, ...]
    instead: tuple[InsteadView, ...] = ()


@get("/tanks")
async def show_tanks(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the tanks of a person's operators."""
    done = request.query_params.get("done", "")
    return await _tanks_page(yuzuri_of(request), visit, person, done=done)


@post("/tanks/{tank:str}/{how:str}")
async def use_tank(
    request: AnyRequest, visit: Visit, person: Person, form: Form, tank: str, how: str
) -> Response[str] | Redirect:
    """Give to a tank or draw from it; the same form sent twice does it once."""
    yuzuri = yuzuri_of(request)
    if how not in {DRAW, GIVE}:
        raise DomainError(Code.PATH_UNKNOWN)
    tank_id = PoolId(HolderId(parse_id(tank, Code.TANK_UNKNOWN)))
    line_id = HolderId(parse_id(form.text("line"), Code.LINE_UNKNOWN))
    async with yuzuri.database.connection() as connection:
        line = await load_line(connection, line_id)
    if line.person != person.id:
        raise DomainError(Code.LINE_NOT_YOURS)
    reader = Reader(visit.language, yuzuri.profiles[line.operator].zone, yuzuri.clock())
    typed = form.text("amount")
    outcome: TankOutcome | Refusal
    try:
        quantity = read_amount(typed, Unit.DATA)
        command = (
            DrawFromTank(person=person.id, line=line_id, tank=tank_id, amount=quantity.amount)
            if how == DRAW
            else GiveToTank(
                person=person.id,
                line=line_id,
                tank=tank_id,
                unit=quantity.unit,
                amount=quantity.amount,
            )
        )
        outcome = await submit(yuzuri, person, f"tank-{how}", form.text("key"), command)
    except DomainError as error:
        outcome = error.refusal
    match outcome:
        case TankDone():
            return see_other(visit, f"/tanks?done={how}")
        case GiftRefused():
            reasons = tuple(tell_reason(reason, reader) for reason in outcome.reasons)
            instead = tuple(tell_instead(one, Unit.DATA, reader) for one in outcome.instead)
            not_done = NotDone(tank, str(line_id), how, typed, reasons, instead)
        case Refusal():
            reasons = (tell_refusal(outcome, reader),)
            not_done = NotDone(tank, str(line_id), how, typed, reasons)
        case _:
            assert_never(outcome)
    return await _tanks_page(yuzuri, visit, person, not_done=not_done, status=422)


async def _tanks_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    *,
    done: str = "",
    not_done: NotDone | None = None,
    status: int = 200,
) -> Response[str]:
    at, profiles = yuzuri.clock(), yuzuri.profiles
    async with yuzuri.database.connection() as connection:
        tanks = await load_tank_views(connection, profiles, person.id, at)
    return page(
        visit,
        "tanks.html",
        status=status,
        tanks=[view_tank(tank, profiles, visit.language, at) for tank in tanks],
        done=done if done in {DRAW, GIVE} else "",
        not_done=not_done,
        key=new_key(),
    )
