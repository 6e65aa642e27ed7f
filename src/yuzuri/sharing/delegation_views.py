"""Delegated use as its two people see it, and what a delegate may see of a line.

The owner sees all; the delegate what is offered to them and what they may do now. What was revoked
is not there any more for the delegate, as if it had never been.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import DelegationId, HolderId, PersonId, PoolId, home_of
from yuzuri.kernel.names import Language
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.account import LineAccount, load_line_accounts
from yuzuri.sharing.authority import may_see
from yuzuri.sharing.delegation_store import (
    delegations_of,
    delegations_to,
    first_uses,
    load_actions,
    load_active_to,
    load_delegations,
    see_first_use,
)
from yuzuri.sharing.delegation_terms import Terms, render_terms
from yuzuri.sharing.delegations import (
    Action,
    Delegation,
    DelegationState,
    Give,
    ManagePool,
    OfferDelegation,
    See,
)
from yuzuri.sharing.pool_store import load_pools
from yuzuri.sharing.pools import Pool
from yuzuri.subscribers.lines import Line, Person, load_line, load_lines, load_people


@dataclass(frozen=True, slots=True)
class DelegationInView:
    """A delegation as one of its two people sees it: the other by nickname, never by number.

    `line` is the owner's. `other` None: nobody has accepted yet, so that nobody learns whether
    anybody is there.
    """

    delegation: Delegation
    is_mine: bool
    """The person looking is the owner."""
    line: Line
    other: Person | None
    pools: Mapping[PoolId, Pool]
    """Those that may be managed."""


@dataclass(frozen=True, slots=True)
class FirstUse:
    """Somebody has used what the owner lets them do, for the first time."""

    delegation: Delegation
    line: Line
    delegate: Person
    at: datetime
    seen_at: datetime | None


async def load_delegation_views(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[DelegationInView]:
    """Return what a person lets others do, and what others let them do, newest first."""
    mine = await delegations_of(connection, person, at)
    return await _in_view(
        connection, person, [*mine, *await delegations_to(connection, person, at)]
    )


async def load_delegation(
    connection: Connection, person: PersonId, delegation: DelegationId, at: datetime
) -> DelegationInView:
    """Return a delegation that a person has part in, or raise `DELEGATION_UNKNOWN`."""
    known = (await load_delegations(connection, [delegation], at)).get(delegation)
    if known is None or not _has_part(known, person, at):
        raise DomainError(Code.DELEGATION_UNKNOWN)
    (view,) = await _in_view(connection, person, [known])
    return view


async def load_open_offer(
    connection: Connection, delegation: DelegationId, at: datetime
) -> DelegationInView:
    """Return what is offered to whoever has its link, or raise `DELEGATION_UNKNOWN`.

    Whoever calls has been shown the secret of the link: an id alone gives nobody a right to ask.
    """
    known = (await load_delegations(connection, [delegation], at)).get(delegation)
    if known is None or known.delegate is not None or not known.is_offered(at):
        raise DomainError(Code.DELEGATION_UNKNOWN)
    (view,) = await _in_view(connection, None, [known])
    return view


async def load_terms(
    connection: Connection,
    profiles: Profiles,
    about: Delegation | OfferDelegation,
    language: Language,
) -> Terms:
    """Return the terms of a delegation, or of one that is to be offered, as they read now.

    Raises `LINE_UNKNOWN` and `POOL_UNKNOWN`.
    """
    line = await load_line(connection, about.line)
    named = {scope.pool for scope in about.scopes if isinstance(scope, ManagePool)}
    pools = await load_pools(connection, named) if named else {}
    if named - pools.keys():
        raise DomainError(Code.POOL_UNKNOWN)
    return render_terms(about, line, profiles[line.operator], pools, language)


async def load_done(
    connection: Connection, person: PersonId, delegation: DelegationId, at: datetime
) -> Sequence[Action]:
    """Return what was done on a delegation that a person has part in, newest first."""
    await load_delegation(connection, person, delegation, at)
    return await load_actions(connection, delegation)


# ---------------------------------------------------------------- what a delegate may see


async def may_person_see(
    connection: Connection, person: PersonId, line: HolderId, at: datetime
) -> bool:
    """Tell whether somebody lets a person see what is left on a line, at this moment."""
    active = await load_active_to(connection, [home_of(line)], [person], at)
    return may_see(active.values(), line, person, at)


async def may_person_give(
    connection: Connection, person: PersonId, line: HolderId, at: datetime
) -> bool:
    """Tell whether somebody lets a person give from a line, however much, at this moment."""
    active = await load_active_to(connection, [home_of(line)], [person], at)
    return any(
        one.line == line and one.is_active(at) and one.scopes_of(Give) for one in active.values()
    )


async def load_seen_lines(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[LineAccount]:
    """Return the lines of others that a person may see, with what is left on each.

    It is all that the scope `See` opens, with how much was used this month (`charging.use`).
    """
    seen = [
        delegation.line
        for delegation in await delegations_to(connection, person, at)
        if delegation.is_active(at) and delegation.scopes_of(See)
    ]
    lines = await load_lines(connection, seen) if seen else {}
    return await load_line_accounts(connection, list(lines.values()), at)


async def load_seen_line(
    connection: Connection, person: PersonId, line: HolderId, at: datetime
) -> LineAccount:
    """Return a line of another's with what is left on it, or raise `LINE_NOT_YOURS`."""
    if not await may_person_see(connection, person, line, at):
        raise DomainError(Code.LINE_NOT_YOURS)
    (account,) = await load_line_accounts(connection, [await load_line(connection, line)], at)
    return account


# ---------------------------------------------------------------- the first use


async def load_first_uses(
    connection: Connection, owner: PersonId, at: datetime
) -> Sequence[FirstUse]:
    """Return which of a person's delegations were used, the last to begin first."""
    return await _first_uses(connection, await first_uses(connection, owner), at)


async def _first_uses(
    connection: Connection,
    found: Sequence[tuple[DelegationId, datetime, datetime | None]],
    at: datetime,
) -> Sequence[FirstUse]:
    known = await load_delegations(connection, [one for one, *_ in found], at)
    lines = await load_lines(connection, {one.line for one in known.values()})
    people = await load_people(connection, _delegates(known.values()))
    return [
        FirstUse(known[one], lines[known[one].line], people[delegate], used_at, seen_at)
        for one, used_at, seen_at in found
        if (delegate := known[one].delegate) is not None
    ]


async def mark_first_use_seen(
    connection: Connection, owner: PersonId, delegation: DelegationId, at: datetime
) -> FirstUse:
    """Note that the owner has seen that it was used, once; raises `NOTICE_UNKNOWN`."""
    seen = await see_first_use(connection, owner, delegation, at)
    if seen is None:
        raise DomainError(Code.NOTICE_UNKNOWN)
    (use,) = await _first_uses(connection, [(delegation, *seen)], at)
    return use


# ---------------------------------------------------------------- rows


def _has_part(delegation: Delegation, person: PersonId, at: datetime) -> bool:
    """Tell whether a person sees it: the owner always, the delegate while it stands."""
    if delegation.owner == person:
        return True
    stands = delegation.state is DelegationState.ACTIVE and at < delegation.until
    return delegation.delegate == person and (stands or delegation.is_offered(at))


async def _in_view(
    connection: Connection, person: PersonId | None, delegations: Sequence[Delegation]
) -> list[DelegationInView]:
    lines = await load_lines(connection, {one.line for one in delegations})
    owners = {one.owner for one in delegations}
    people = await load_people(connection, owners | _delegates(delegations))
    named = {scope.pool for one in delegations for scope in one.scopes_of(ManagePool)}
    pools = await load_pools(connection, named) if named else {}
    views = []
    for one in delegations:
        is_mine = one.owner == person
        other = one.owner if not is_mine else one.delegate if one.answered_at else None
        views.append(
            DelegationInView(
                one,
                is_mine,
                lines[one.line],
                None if other is None else people.get(other),
                {scope.pool: pools[scope.pool] for scope in one.scopes_of(ManagePool)},
            )
        )
    return views


def _delegates(delegations: Iterable[Delegation]) -> set[PersonId]:
    return {one.delegate for one in delegations if one.delegate is not None}
