"""`yuzuri pools`: what several lines draw on together, from the command line."""

from datetime import datetime
from typing import Annotated, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from yuzuri.cli.screen import UTC_ZONE, Lang, console, reader_language, show_table, tell
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.ids import HolderId, Id, InvitationId, PersonId, PoolId, home_of, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.pool_views import PoolInView, load_pool_views
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    FillPool,
    Invite,
    Invited,
    JoinPool,
    Member,
    OpenPool,
    PoolDone,
    RemoveMember,
    checked_pool_command,
)
from yuzuri.subscribers.lines import parse_number
from yuzuri.words.formats import say_list, say_quantity
from yuzuri.words.sentences import say
from yuzuri.words.translations import translate

app = typer.Typer(help="Pools that several lines draw on together.", no_args_is_help=True)

As = Annotated[UUID, typer.Option("--as", help="The person who acts.")]
Key = Annotated[
    str | None, typer.Option(help="Idempotency key: the same again does nothing twice.")
]
PerDay = Annotated[str | None, typer.Option("--per-day", help='At most so much data, as "1GB".')]
PerMonth = Annotated[
    str | None, typer.Option("--per-month", help='At most so much data, as "10GB".')
]
PoolFirst = Annotated[
    bool, typer.Option("--pool-first", help="It draws on the pool before its own.")
]


@app.command("open")
def open_pool(
    name: str,
    person: As,
    line: Annotated[UUID, typer.Option(help="A line of the owner, whose operator it is.")],
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Open a pool and print its id."""
    owner = _person(person)
    command = OpenPool(
        person=owner, pool=PoolId(HolderId(new_id(home_of(owner)))), name=name, line=_line(line)
    )
    _act(command, key, lang)


@app.command("invite")
def invite(
    pool: UUID,
    person: As,
    number: Annotated[
        str | None, typer.Option(help="Whom, as +8190…; else whoever has it.")
    ] = None,
    uses: Annotated[int, typer.Option(help="So many lines may join by it.")] = 1,
    per_day: PerDay = None,
    per_month: PerMonth = None,
    pool_first: PoolFirst = False,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Invite to a pool, and print the id of the invitation."""
    command = Invite(
        person=_person(person),
        pool=_pool(pool),
        number=None if number is None else parse_number(number),
        uses_max=uses,
        allotment=_allotment(per_day, per_month, pool_first=pool_first),
    )
    _act(command, key, lang)


@app.command("join")
def join(invitation: UUID, line: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Accept an invitation: a line draws on the pool from now on."""
    command = JoinPool(
        person=_person(person),
        line=_line(line),
        invitation=InvitationId(Id(invitation.bytes)),
    )
    _act(command, key, lang)


@app.command("change")
def change(
    pool: UUID,
    line: UUID,
    person: As,
    per_day: PerDay = None,
    per_month: PerMonth = None,
    pool_first: PoolFirst = False,
    paused: Annotated[bool, typer.Option("--paused", help="It draws nothing for now.")] = False,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Let a member draw on a pool in this way from now on; a cap left out is none."""
    command = ChangeMember(
        person=_person(person),
        pool=_pool(pool),
        line=_line(line),
        allotment=_allotment(per_day, per_month, pool_first=pool_first, is_paused=paused),
    )
    _act(command, key, lang)


@app.command("remove")
def remove(pool: UUID, line: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Let a line draw on a pool no longer: asked by the owner, or by the member who leaves."""
    command = RemoveMember(person=_person(person), pool=_pool(pool), line=_line(line))
    _act(command, key, lang)


@app.command("fill")
def fill(
    pool: UUID,
    line: UUID,
    amount: Annotated[str, typer.Argument(help='Such as "1GB", "10min", "5 sms".')],
    person: As,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Put something of a line into a pool, soonest expiry first."""
    quantity = parse_quantity(amount)
    command = FillPool(
        person=_person(person),
        line=_line(line),
        pool=_pool(pool),
        unit=quantity.unit,
        amount=quantity.amount,
    )
    _act(command, key, lang)


@app.command("show")
def show(person: As, lang: Lang = None) -> None:
    """Show the pools that a person owns or draws on, who draws on them, and what they took."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        at = yuzuri.clock()
        async with yuzuri.database.connection() as connection:
            views = await load_pool_views(connection, _person(person), at)
        pools: list[tuple[str, ...]] = []
        members: list[tuple[str, ...]] = []
        for view in views:
            pools.append((str(view.pool.id), view.pool.name, _say_left(view, language)))
            zone = yuzuri.profiles[view.pool.operator].zone
            members += _member_rows(view, at, zone, language)
        return pools, members

    pools, members = with_yuzuri(load)
    show_table(language, ("Pool", "Name", "Left"), pools)
    if members:
        console.print()
        headings = ("Line", "Pool", "Who", "Today", "This month", "Draws on")
        show_table(language, headings, members)


def _say_left(view: PoolInView, language: Language) -> str:
    left = [say_quantity(quantity, language) for quantity in view.left]
    return say_list(left, language) if left else translate(language, "nothing")


def _member_rows(
    view: PoolInView, at: datetime, zone: ZoneInfo, language: Language
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for seen in view.members:
        member = seen.member
        today, this_month = member.taken_at(at, zone)
        rows.append(
            (
                str(member.line),
                view.pool.name,
                f"{seen.person.nickname} {seen.line.masked_number}",
                _say_taken(today, member.allotment.cap_per_day, language),
                _say_taken(this_month, member.allotment.cap_per_month, language),
                _say_order(member, language),
            )
        )
    return rows


def _say_taken(taken: int, cap: int | None, language: Language) -> str:
    said = say_quantity(Quantity(taken, Unit.DATA), language)
    if cap is None:
        return said
    limit = say_quantity(Quantity(cap, Unit.DATA), language)
    return translate(language, "{taken} of {limit}", taken=said, limit=limit)


def _say_order(member: Member, language: Language) -> str:
    if member.allotment.is_paused:
        return translate(language, "nothing: paused")
    return translate(language, "the pool first" if member.allotment.pool_first else "its own first")


def _person(person: UUID) -> PersonId:
    return PersonId(Id(person.bytes))


def _pool(pool: UUID) -> PoolId:
    return PoolId(HolderId(Id(pool.bytes)))


def _line(line: UUID) -> HolderId:
    return HolderId(Id(line.bytes))


def _allotment(
    per_day: str | None, per_month: str | None, *, pool_first: bool, is_paused: bool = False
) -> Allotment:
    return Allotment(
        cap_per_day=_bytes(per_day),
        cap_per_month=_bytes(per_month),
        pool_first=pool_first,
        is_paused=is_paused,
    )


def _bytes(cap: str | None) -> int | None:
    return None if cap is None else parse_quantity(cap, Unit.DATA).amount


_Command = OpenPool | Invite | JoinPool | ChangeMember | RemoveMember | FillPool


def _act(command: _Command, key: str | None, lang: str | None) -> None:
    language = reader_language(lang)

    async def run(yuzuri: Yuzuri) -> None:
        checked_pool_command(command)
        outcome = await yuzuri.submit(command.person, key or str(new_id()), command)
        match outcome:
            case PoolDone():
                console.print(str(outcome.pool), markup=False)
            case Invited():
                console.print(str(outcome.invitation), markup=False)
            case Refusal():
                tell(say(outcome.code, outcome.fields, language, UTC_ZONE))
                raise typer.Exit(2)
            case _:
                assert_never(outcome)

    with_yuzuri(run)
