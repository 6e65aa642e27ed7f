"""`yuzuri tanks`: common stores of an operator's, from the command line.

Opening, extending, closing and placing lines are the operator's own; there is no other way to.
"""

from datetime import datetime
from typing import Annotated, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from yuzuri.cli.acting import As, Key, line_id, person_id
from yuzuri.cli.screen import Lang, console, reader_language, show_table, tell
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.feasibility.verdict import Instead, Reason
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.calendar import parse_instant
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import (
    HOME,
    HolderId,
    Id,
    PoolId,
    derived_id,
    in_home,
    new_id,
)
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.tank_store import load_tanks, place_line
from yuzuri.sharing.tank_views import LineAtTank, TankInView, load_tank_views, view_tanks
from yuzuri.sharing.tanks import (
    CloseTank,
    DrawFromTank,
    ExtendTank,
    GiveToTank,
    OpenTank,
    TankCommand,
    TankDone,
    checked_area,
    checked_tank_command,
)
from yuzuri.subscribers.lines import load_line
from yuzuri.words.formats import say_instant, say_quantity
from yuzuri.words.sentences import say
from yuzuri.words.translations import translate

app = typer.Typer(help="Common tanks: anyone gives, lines in need draw.", no_args_is_help=True)

Until = typer.Option(help="When it closes, as ISO 8601 (the operator's time zone).")


@app.command("open")
def open_tank(
    operator: str,
    name: str,
    area: Annotated[
        str | None, typer.Option(help="For an emergency there, as ISO 3166-2: JP-17.")
    ] = None,
    until: Annotated[str | None, Until] = None,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Open a tank of an operator's and print its id."""

    async def run(yuzuri: Yuzuri) -> None:
        zone = yuzuri.profiles[operator].zone
        command = OpenTank(
            tank=_new_tank(key),
            operator=operator,
            name=name,
            area=area,
            until=None if until is None else parse_instant(until, zone),
        )
        await _submit(yuzuri, HOUSE_CLIENT, command, key, zone, reader_language(lang))

    with_yuzuri(run)


@app.command("extend")
def extend(tank: UUID, until: Annotated[str, Until], key: Key = None, lang: Lang = None) -> None:
    """Let an emergency tank be open until later."""

    async def run(yuzuri: Yuzuri) -> None:
        zone = await _zone_of_tank(yuzuri, _tank(tank))
        command = ExtendTank(tank=_tank(tank), until=parse_instant(until, zone))
        await _submit(yuzuri, HOUSE_CLIENT, command, key, zone, reader_language(lang))

    with_yuzuri(run)


@app.command("close")
def close(tank: UUID, key: Key = None, lang: Lang = None) -> None:
    """Close a tank now; what is in it ends when it would have ended anyway."""

    async def run(yuzuri: Yuzuri) -> None:
        zone = await _zone_of_tank(yuzuri, _tank(tank))
        command = CloseTank(tank=_tank(tank))
        await _submit(yuzuri, HOUSE_CLIENT, command, key, zone, reader_language(lang))

    with_yuzuri(run)


@app.command("place")
def place(line: UUID, area: Annotated[str, typer.Argument(help="As ISO 3166-2: JP-17.")]) -> None:
    """Record in which area a line is, so that it may draw on a tank for that area."""
    checked_area(area)

    async def run(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            known = await load_line(connection, line_id(line))
            await place_line(connection, known.id, area)

    with_yuzuri(run)


@app.command("give")
def give(
    tank: UUID,
    line: UUID,
    amount: Annotated[str, typer.Argument(help='Such as "500MB".')],
    person: As,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Give data of a line to everyone of its operator: it does not come back."""
    quantity = parse_quantity(amount)
    command = GiveToTank(
        person=person_id(person),
        line=line_id(line),
        tank=_tank(tank),
        unit=quantity.unit,
        amount=quantity.amount,
    )
    _act(command, key, lang)


@app.command("draw")
def draw(
    tank: UUID,
    line: UUID,
    amount: Annotated[str, typer.Argument(help='Such as "500MB".')],
    person: As,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Draw data from a tank to a line, as far as its rules let it."""
    command = DrawFromTank(
        person=person_id(person),
        line=line_id(line),
        tank=_tank(tank),
        amount=parse_quantity(amount, Unit.DATA).amount,
    )
    _act(command, key, lang)


@app.command("show")
def show(
    person: Annotated[
        UUID | None, typer.Option("--as", help="Show what this person's lines may do.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Show the tanks that are open; with --as what each line may draw, or from when."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        at, profiles = yuzuri.clock(), yuzuri.profiles
        async with yuzuri.database.connection() as connection:
            if person is None:
                views = await view_tanks(connection, profiles, profiles, (), at)
            else:
                views = await load_tank_views(connection, profiles, person_id(person), at)
        tanks = [_tank_row(view, profiles[view.tank.operator].zone, language) for view in views]
        lines = [
            _line_row(view, one, profiles[one.line.operator].zone, at, language)
            for view in views
            for one in view.lines
        ]
        return tanks, lines

    tanks, lines = with_yuzuri(load)
    show_table(language, ("Tank", "Name", "Operator", "Area", "Left", "Open until"), tanks)
    if lines:
        console.print()
        headings = ("Line", "Name", "May draw now", "This month", "Gave", "Drew", "Why not")
        show_table(language, headings, lines)


def _tank_row(view: TankInView, zone: ZoneInfo, language: Language) -> tuple[str, ...]:
    tank = view.tank
    return (
        str(tank.id),
        tank.name,
        tank.operator,
        tank.area or "",
        _say(view.amount, language),
        "" if tank.until is None else say_instant(tank.until, zone, language),
    )


def _line_row(
    view: TankInView, one: LineAtTank, zone: ZoneInfo, at: datetime, language: Language
) -> tuple[str, ...]:
    told: tuple[Reason | Instead, ...] = (*one.draw.refusals, *one.draw.instead)
    _, drawn_this_month = one.account.in_month_of(at, zone)
    return (
        str(one.line.id),
        view.tank.name,
        _say(one.most_to_draw, language) if one.most_to_draw else translate(language, "nothing"),
        _say(drawn_this_month, language),
        _say(one.account.given, language),
        _say(one.account.drawn, language),
        " ".join(say(said.code, said.fields, language, zone).text for said in told),
    )


def _say(amount: int, language: Language) -> str:
    return say_quantity(Quantity(amount, Unit.DATA), language)


def _tank(tank: UUID) -> PoolId:
    return PoolId(HolderId(Id(tank.bytes)))


def _new_tank(key: str | None) -> PoolId:
    """Return the id of a tank to be: the same key names the same one."""
    made = new_id() if key is None else in_home(derived_id(HOUSE_CLIENT, f"tank {key}"), HOME)
    return PoolId(HolderId(made))


async def _zone_of_tank(yuzuri: Yuzuri, tank_id: PoolId) -> ZoneInfo:
    async with yuzuri.database.connection() as connection:
        tanks = await load_tanks(connection, [tank_id])
    if tank_id not in tanks:
        raise DomainError(Code.TANK_UNKNOWN)
    return yuzuri.profiles[tanks[tank_id].operator].zone


def _act(command: GiveToTank | DrawFromTank, key: str | None, lang: str | None) -> None:
    async def run(yuzuri: Yuzuri) -> None:
        zone = await _zone_of_tank(yuzuri, command.tank)
        await _submit(yuzuri, command.person, command, key, zone, reader_language(lang))

    with_yuzuri(run)


async def _submit(
    yuzuri: Yuzuri,
    client: Id,
    command: TankCommand,
    key: str | None,
    zone: ZoneInfo,
    language: Language,
) -> None:
    outcome = await yuzuri.submit(client, key or str(new_id()), checked_tank_command(command))
    match outcome:
        case TankDone():
            console.print(str(outcome.tank), markup=False)
        case GiftRefused():
            told: tuple[Reason | Instead, ...] = (*outcome.reasons, *outcome.instead)
            for said in told:
                tell(say(said.code, said.fields, language, zone))
            raise typer.Exit(2)
        case _:
            assert_never(outcome)
