"""`yuzuri pools`: what several lines draw on together, from the command line."""

from typing import Annotated, assert_never
from uuid import UUID

import typer

from yuzuri.cli.acting import As, Key, line_id, person_id
from yuzuri.cli.pool_rows import PoolRows, pool_rows
from yuzuri.cli.screen import UTC_ZONE, Lang, console, reader_language, show_table, tell
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.calendar import parse_instant
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, Id, InvitationId, PoolId, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.pool_words import say_allotment, say_role, say_terms
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.link_secrets import (
    SecretKind,
    find_secret,
    mint_secret,
    read_secret,
    secret_url,
)
from yuzuri.sharing.pool_views import (
    load_invitations_to,
    load_pool_views,
)
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    ClosePool,
    FillPool,
    HandOverPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    PoolDone,
    RemoveMember,
    Role,
    TakeOverPool,
    WithdrawInvitation,
    checked_pool_command,
    pool_of_key,
)
from yuzuri.subscribers.lines import parse_number
from yuzuri.words.formats import say_list, say_until
from yuzuri.words.sentences import say

app = typer.Typer(help="Pools that several lines draw on together.", no_args_is_help=True)

PersonsCommand = (
    OpenPool
    | Invite
    | WithdrawInvitation
    | JoinPool
    | ChangeMember
    | RemoveMember
    | FillPool
    | ClosePool
    | HandOverPool
    | TakeOverPool
)

PerDay = Annotated[str | None, typer.Option("--per-day", help='At most so much data, as "1GB".')]
PerMonth = Annotated[
    str | None, typer.Option("--per-month", help='At most so much data, as "10GB".')
]
Share = Annotated[
    str | None, typer.Option("--share", help='So much in all since it joined, as "20GB".')
]
Percent = Annotated[
    int | None,
    typer.Option("--percent", min=1, max=100, help="Such a part of the pool, each month."),
]
PoolFirst = Annotated[
    bool, typer.Option("--pool-first", help="It draws on the pool before its own.")
]
Paused = Annotated[bool, typer.Option("--paused", help="It draws nothing for now.")]
Slowed = Annotated[bool, typer.Option("--slowed", help="The network is told to slow it down.")]
AsManager = Annotated[
    bool, typer.Option("--manager", help="It may invite, change and remove members.")
]


# ---------------------------------------------------------------- the pool


@app.command("open")
def open_pool(
    name: str,
    person: As,
    line: Annotated[UUID, typer.Option(help="A line of the owner, whose operator it is.")],
    owner_fills: Annotated[
        bool, typer.Option("--owner-fills", help="Nobody but the owner puts anything in.")
    ] = False,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Open a pool and print its id."""
    owner, chosen = person_id(person), key or str(new_id())
    command = OpenPool(
        person=owner,
        pool=pool_of_key(owner, chosen),
        name=name,
        line=line_id(line),
        members_fill=not owner_fills,
    )
    _act(command, chosen, lang)


@app.command("close")
def close(pool: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Let nobody draw on a pool any more; what remains goes back to those who put it in."""
    _act(ClosePool(person=person_id(person), pool=_pool(pool)), key, lang)


@app.command("hand-over")
def hand_over(
    pool: UUID,
    person: As,
    line: Annotated[
        UUID | None, typer.Option(help="A member's line; left out: it is offered to nobody.")
    ] = None,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Offer a pool to the person of one of its members, who has to take it over."""
    heir = None if line is None else line_id(line)
    _act(HandOverPool(person=person_id(person), pool=_pool(pool), line=heir), key, lang)


@app.command("take-over")
def take_over(pool: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Become the owner of a pool that is offered to one."""
    _act(TakeOverPool(person=person_id(person), pool=_pool(pool)), key, lang)


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
        person=person_id(person),
        line=line_id(line),
        pool=_pool(pool),
        unit=quantity.unit,
        amount=quantity.amount,
    )
    _act(command, key, lang)


# ---------------------------------------------------------------- its people


@app.command("invite")
def invite(
    pool: UUID,
    person: As,
    number: Annotated[
        str | None, typer.Option(help="With +; left out: whoever has the link.")
    ] = None,
    lines: Annotated[int, typer.Option(min=1, help="How many lines may join by the link.")] = 1,
    per_day: PerDay = None,
    per_month: PerMonth = None,
    share: Share = None,
    percent: Percent = None,
    pool_first: PoolFirst = False,
    manager: AsManager = False,
    until: Annotated[str | None, typer.Option(help="ISO 8601; left out: seven days.")] = None,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Invite to a pool; print the invitation's id, and the link where it is one."""
    command = Invite(
        person=person_id(person),
        pool=_pool(pool),
        number=None if number is None else parse_number(number),
        uses_max=lines,
        allotment=_allotment(per_day, per_month, share, percent, pool_first=pool_first),
        role=Role.MANAGER if manager else Role.MEMBER,
        until=None if until is None else parse_instant(until, UTC_ZONE),
    )
    _act(command, key, lang)


@app.command("withdraw")
def withdraw(invitation: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Let nobody join by an invitation any more."""
    command = WithdrawInvitation(person=person_id(person), invitation=_invitation(invitation))
    _act(command, key, lang)


@app.command("join")
def join(
    invitation: Annotated[str, typer.Argument(help="Its id, or the link.")],
    line: UUID,
    person: As,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Accept an invitation with a line; `invitations` says what one agrees to."""

    async def run(yuzuri: Yuzuri) -> None:
        found = await _find_invitation(yuzuri, invitation)
        command = JoinPool(person=person_id(person), line=line_id(line), invitation=found)
        await _submit(yuzuri, command, key, reader_language(lang))

    with_yuzuri(run)


@app.command("decline")
def decline(invitation: UUID, line: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Say no to an invitation with the line that was invited."""
    command = WithdrawInvitation(
        person=person_id(person), invitation=_invitation(invitation), line=line_id(line)
    )
    _act(command, key, lang)


@app.command("change")
def change(
    pool: UUID,
    line: UUID,
    person: As,
    per_day: PerDay = None,
    per_month: PerMonth = None,
    share: Share = None,
    percent: Percent = None,
    pool_first: PoolFirst = False,
    paused: Paused = False,
    slowed: Slowed = False,
    manager: AsManager = False,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Let a member draw on a pool in this way from now on; a limit left out is none."""
    command = ChangeMember(
        person=person_id(person),
        pool=_pool(pool),
        line=line_id(line),
        allotment=_allotment(
            per_day, per_month, share, percent, pool_first=pool_first, paused=paused, slowed=slowed
        ),
        role=Role.MANAGER if manager else Role.MEMBER,
    )
    _act(command, key, lang)


@app.command("remove")
def remove(pool: UUID, line: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Let a line draw on a pool no longer: asked by its owner or a manager, or by who leaves."""
    _act(RemoveMember(person=person_id(person), pool=_pool(pool), line=line_id(line)), key, lang)


# ---------------------------------------------------------------- looking


@app.command("show")
def show(person: As, lang: Lang = None) -> None:
    """Show a person's pools: what is in each, who draws on it, and what would go back to whom."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> list[PoolRows]:
        at = yuzuri.clock()
        async with yuzuri.database.connection() as connection:
            views = await load_pool_views(connection, yuzuri.profiles, person_id(person), at)
        return [pool_rows(view, yuzuri.profiles, at, language) for view in views]

    shown = with_yuzuri(load)
    show_table(language, ("Pool", "Name", "Role", "Left", "State"), [rows.pool for rows in shown])
    members = [row for rows in shown for row in rows.members]
    if members:
        console.print()
        headings = ("Line", "Pool", "Who", "Role", "Today", "This month", "In all", "Draws")
        show_table(language, headings, members)
    shares = [row for rows in shown for row in rows.shares]
    if shares:
        console.print()
        show_table(language, ("Line", "Pool", "Who", "Would go back", "Until"), shares)


@app.command("invitations")
def show_invitations(person: As, lang: Lang = None) -> None:
    """Show the open invitations to a person's numbers, and what one agrees to by joining."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        async with yuzuri.database.connection() as connection:
            seen = await load_invitations_to(connection, person_id(person), yuzuri.clock())
        found: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        for one in seen:
            profile = yuzuri.profiles[one.pool.operator]
            row = (
                str(one.invitation.id),
                one.pool.name,
                profile.name.in_language(language),
                one.inviter.nickname,
                say_role(one.invitation.role, language),
                say_list(say_allotment(one.invitation.allotment, language), language),
                say_until(one.invitation.until, profile.zone, language),
            )
            found.append((row, say_terms(one.pool, profile, language)))
        return found

    invitations = with_yuzuri(load)
    headings = ("Invitation", "Pool", "Operator", "From", "Role", "Draws", "Until")
    show_table(language, headings, [row for row, _ in invitations])
    for row, terms in invitations:
        console.print(f"\n{row[1]}", style="bold", markup=False)
        for term in terms:
            console.print(f"- {term}", markup=False)


# ---------------------------------------------------------------- what was typed


def _pool(pool: UUID) -> PoolId:
    return PoolId(HolderId(Id(pool.bytes)))


def _invitation(invitation: UUID) -> InvitationId:
    return InvitationId(Id(invitation.bytes))


def _allotment(
    per_day: str | None,
    per_month: str | None,
    share: str | None,
    percent: int | None,
    *,
    pool_first: bool,
    paused: bool = False,
    slowed: bool = False,
) -> Allotment:
    return Allotment(
        cap_per_day=_bytes(per_day),
        cap_per_month=_bytes(per_month),
        share=_bytes(share),
        share_percent=percent,
        pool_first=pool_first,
        is_paused=paused,
        is_slowed=slowed,
    )


def _bytes(limit: str | None) -> int | None:
    return None if limit is None else parse_quantity(limit, Unit.DATA).amount


# ---------------------------------------------------------------- doing


def _act(command: PersonsCommand, key: str | None, lang: str | None) -> None:
    with_yuzuri(lambda yuzuri: _submit(yuzuri, command, key, reader_language(lang)))


async def _submit(
    yuzuri: Yuzuri, command: PersonsCommand, key: str | None, language: Language
) -> None:
    checked_pool_command(command)
    outcome = await yuzuri.submit(command.person, key or str(new_id()), command)
    match outcome:
        case PoolDone():
            console.print(str(outcome.pool), markup=False)
        case Invited():
            console.print(str(outcome.invitation), markup=False)
            if isinstance(command, Invite) and command.number is None:
                console.print(await _mint_link(yuzuri, outcome.invitation), markup=False)
        case Refusal():
            tell(say(outcome.code, outcome.fields, language, UTC_ZONE))
            raise typer.Exit(2)
        case _:
            assert_never(outcome)


async def _mint_link(yuzuri: Yuzuri, invitation: InvitationId) -> str:
    async with yuzuri.database.connection() as connection:
        at = yuzuri.clock()
        secret = await mint_secret(connection, SecretKind.INVITATION, invitation, at)
    return secret_url(yuzuri.settings.origin, secret)


async def _find_invitation(yuzuri: Yuzuri, text: str) -> InvitationId:
    """Return the invitation with an id, or behind a link; raises `INVITATION_UNKNOWN`."""
    try:
        return _invitation(UUID(text))
    except ValueError:
        secret = read_secret(text, yuzuri.settings.origin)
        async with yuzuri.database.connection() as connection:
            target = await find_secret(connection, secret)
    if target is None or target.kind is not SecretKind.INVITATION:
        raise DomainError(Code.INVITATION_UNKNOWN)
    return InvitationId(target.id)
