"""`yuzuri delegations`: letting somebody act on a line, from the command line."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, assert_never
from uuid import UUID

import typer
from msgspec.structs import replace

from yuzuri.cli.acting import As, Key, line_id, person_id
from yuzuri.cli.screen import (
    UTC_ZONE,
    Lang,
    console,
    read_time,
    reader_language,
    show_table,
    tell,
    tell_problem,
)
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import DelegationId, HolderId, Id, PoolId, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.delegation_words import (
    say_action,
    say_agreements,
    say_scope,
    say_so_far,
    say_state,
)
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.delegation_actions import load_actions_in_view
from yuzuri.sharing.delegation_store import load_agreements, load_delegations
from yuzuri.sharing.delegation_terms import Terms
from yuzuri.sharing.delegation_views import DelegationInView, load_delegation_views, load_terms
from yuzuri.sharing.delegations import (
    AcceptDelegation,
    DeclineDelegation,
    DelegationDone,
    EndDelegation,
    Give,
    ManagePool,
    OfferDelegation,
    Scope,
    See,
    Use,
    checked_scopes,
)
from yuzuri.sharing.link_secrets import (
    SecretKind,
    find_secret,
    mint_secret,
    read_secret,
    secret_url,
)
from yuzuri.subscribers.lines import find_line, load_line, parse_number
from yuzuri.words.formats import say_instant, say_until
from yuzuri.words.sentences import say

app = typer.Typer(help="Who may act on whose line.", no_args_is_help=True)

PersonsCommand = OfferDelegation | AcceptDelegation | DeclineDelegation | EndDelegation

Agree = Annotated[
    bool, typer.Option("--agree", help="Agree to the terms, which are printed either way.")
]


# ---------------------------------------------------------------- agreeing


@app.command("offer")
def offer(
    line: UUID,
    person: As,
    until: Annotated[str, typer.Option(help="ISO 8601, by the clocks of the line's operator.")],
    since: Annotated[str | None, typer.Option(help="The same; left out: now.")] = None,
    to: Annotated[
        str | None, typer.Option(help="A phone number; left out: whoever opens a link first.")
    ] = None,
    see: Annotated[bool, typer.Option("--see", help="See what is left and was used.")] = False,
    use: Annotated[str | None, typer.Option(help='Use so much data in all, as "2GB".')] = None,
    use_per_day: Annotated[str | None, typer.Option(help='So much a day, as "500MB".')] = None,
    give: Annotated[
        list[str] | None, typer.Option(help='Give so much in all, as "1GB" or "10min".')
    ] = None,
    pool: Annotated[list[UUID] | None, typer.Option(help="Manage a pool of the owner's.")] = None,
    agree: Agree = False,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Print the terms and, with --agree, offer it; prints its id, and the link to it."""
    language = reader_language(lang)
    scopes = checked_scopes(tuple(_scopes(use, use_per_day, give or [], pool or [], is_seen=see)))

    async def run(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            known = await load_line(connection, line_id(line))
            profile = yuzuri.profiles[known.operator]
            delegate = None
            if to is not None:
                found = await find_line(connection, parse_number(to, profile.country))
                delegate = (await load_line(connection, found)).person
            command = OfferDelegation(
                person=person_id(person),
                line=known.id,
                delegate=delegate,
                scopes=scopes,
                since=read_time(since, profile.zone, yuzuri.clock()),
                until=read_time(until, profile.zone, yuzuri.clock()),
                language=language,
                text_hash=b"",
            )
            terms = await load_terms(connection, yuzuri.profiles, command, language)
        _ask_to_agree(terms, agree=agree)
        agreed = replace(command, text_hash=terms.text_hash)
        delegation = await _submit(yuzuri, agreed, key, language)
        if delegate is None:
            console.print(await _mint_link(yuzuri, delegation), markup=False)

    with_yuzuri(run)


@app.command("accept")
def accept(
    which: Annotated[str, typer.Argument(help="What was offered: its id, or the link to it.")],
    person: As,
    line: Annotated[
        UUID | None, typer.Option(help="The line that shall use data, where that is allowed.")
    ] = None,
    agree: Agree = False,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Print the terms and, with --agree, accept what was offered."""
    language = reader_language(lang)

    async def run(yuzuri: Yuzuri) -> None:
        delegation = await _find(yuzuri, which)
        async with yuzuri.database.connection() as connection:
            known = await load_delegations(connection, [delegation], yuzuri.clock())
            if delegation not in known:
                raise DomainError(Code.DELEGATION_UNKNOWN)
            terms = await load_terms(connection, yuzuri.profiles, known[delegation], language)
        _ask_to_agree(terms, agree=agree)
        command = AcceptDelegation(
            person=person_id(person),
            delegation=delegation,
            line=None if line is None else line_id(line),
            language=language,
            text_hash=terms.text_hash,
        )
        await _submit(yuzuri, command, key, language)

    with_yuzuri(run)


@app.command("decline")
def decline(delegation: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Turn down to act on somebody's line."""
    _act(DeclineDelegation(person=person_id(person), delegation=_delegation(delegation)), key, lang)


@app.command("end")
def end(delegation: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Revoke it at once (its owner; the other is not told), or give it up (the other)."""
    _act(EndDelegation(person=person_id(person), delegation=_delegation(delegation)), key, lang)


# ---------------------------------------------------------------- showing


@app.command("show")
def show(person: As, lang: Lang = None) -> None:
    """Show who may act for a person, and what was done; and for whom the person may act."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        at = yuzuri.clock()
        done: list[tuple[str, ...]] = []
        async with yuzuri.database.connection() as connection:
            views = await load_delegation_views(connection, person_id(person), at)
            for seen in views:
                zone = yuzuri.profiles[seen.line.operator].zone
                done += [
                    (
                        say_instant(one.action.at, zone, language),
                        _say_other(seen),
                        say_action(one.action, one.whom, one.pool, language),
                    )
                    for one in await load_actions_in_view(
                        connection, person_id(person), seen.delegation.id, at
                    )
                ]
        return [_row(yuzuri, seen, language) for seen in views], done

    delegations, done = with_yuzuri(load)
    show_table(language, ("Delegation", "Who", "Line", "What", "Until", "State"), delegations)
    if done:
        console.print()
        show_table(language, ("When", "Who", "What was done"), done)


def _row(yuzuri: Yuzuri, seen: DelegationInView, language: Language) -> tuple[str, ...]:
    delegation, at = seen.delegation, yuzuri.clock()
    allowed = []
    for scope in delegation.scopes:
        pool = seen.pools[scope.pool].name if isinstance(scope, ManagePool) else ""
        so_far = say_so_far(delegation, scope, language)
        allowed.append(say_scope(scope, pool, language) + (f" ({so_far})" if so_far else ""))
    return (
        str(delegation.id),
        _say_other(seen),
        seen.line.label if seen.is_mine else seen.line.masked_number,
        "; ".join(allowed),
        say_until(delegation.until, yuzuri.profiles[seen.line.operator].zone, language),
        say_state(delegation, language, at, is_mine=seen.is_mine),
    )


def _say_other(seen: DelegationInView) -> str:
    """Name the other with an arrow: from me to them, or from them to me."""
    return f"{'→' if seen.is_mine else '←'} {seen.other.nickname if seen.other else '?'}"


@app.command("agreement")
def agreement(
    delegation: UUID,
    person: As,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    lang: Lang = None,
) -> None:
    """Print word for word what the sides have agreed to."""
    language, which = reader_language(lang), _delegation(delegation)

    async def run(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            agreed = await load_agreements(connection, person_id(person))
        found = [one for one in agreed if one.delegation == which]
        if not found:
            raise DomainError(Code.DELEGATION_UNKNOWN)
        if not as_json:
            console.print(say_agreements(found, language), markup=False)
            return
        plain = [
            {
                "person": str(one.person),
                "version": one.version,
                "language": one.language.value,
                "text": one.text,
                "text_hash": one.text_hash.hex(),
                "agreed_at": one.agreed_at.isoformat(),
            }
            for one in found
        ]
        print(json.dumps(plain, ensure_ascii=False, indent=2))

    with_yuzuri(run)


# ---------------------------------------------------------------- doing


def _scopes(
    use: str | None,
    use_per_day: str | None,
    give: Sequence[str],
    pools: Sequence[UUID],
    *,
    is_seen: bool,
) -> Iterator[Scope]:
    if is_seen:
        yield See()
    if use is not None or use_per_day is not None:
        yield Use(in_all=_bytes(use), per_day=_bytes(use_per_day))
    for text in give:
        quantity = parse_quantity(text)
        yield Give(unit=quantity.unit, in_all=quantity.amount)
    for pool in pools:
        yield ManagePool(pool=PoolId(HolderId(Id(pool.bytes))))


def _bytes(text: str | None) -> int | None:
    return None if text is None else parse_quantity(text, Unit.DATA).amount


def _ask_to_agree(terms: Terms, *, agree: bool) -> None:
    """Print the terms; who has not agreed to them goes no further."""
    console.print(terms.text, markup=False)
    if not agree:
        tell_problem(Refusal(Code.TERMS_NOT_AGREED))
        raise typer.Exit(2)


def _act(command: PersonsCommand, key: str | None, lang: str | None) -> None:
    language = reader_language(lang)

    async def run(yuzuri: Yuzuri) -> None:
        await _submit(yuzuri, command, key, language)

    with_yuzuri(run)


async def _submit(
    yuzuri: Yuzuri, command: PersonsCommand, key: str | None, language: Language
) -> DelegationId:
    """Send a command down the road, and print which delegation it was about."""
    outcome = await yuzuri.submit(command.person, key or str(new_id()), command)
    match outcome:
        case DelegationDone():
            console.print(str(outcome.delegation), markup=False)
            return outcome.delegation
        case Refusal():
            tell(say(outcome.code, outcome.fields, language, UTC_ZONE))
            raise typer.Exit(2)
        case _:
            assert_never(outcome)


async def _mint_link(yuzuri: Yuzuri, delegation: DelegationId) -> str:
    async with yuzuri.database.connection() as connection:
        at = yuzuri.clock()
        secret = await mint_secret(connection, SecretKind.DELEGATION, delegation, at)
    return secret_url(yuzuri.settings.origin, secret)


async def _find(yuzuri: Yuzuri, text: str) -> DelegationId:
    """Return the delegation with an id, or behind a link; raises `DELEGATION_UNKNOWN`."""
    try:
        return _delegation(UUID(text))
    except ValueError:
        secret = read_secret(text, yuzuri.settings.origin)
        async with yuzuri.database.connection() as connection:
            target = await find_secret(connection, secret)
    if target is None or target.kind is not SecretKind.DELEGATION:
        raise DomainError(Code.DELEGATION_UNKNOWN)
    return DelegationId(target.id)


def _delegation(delegation: UUID) -> DelegationId:
    return DelegationId(Id(delegation.bytes))
