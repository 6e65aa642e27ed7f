"""Delegations as their two people see them: the other by nickname, the line by masked number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import DelegationId, HolderId, PersonId, PoolId
from yuzuri.kernel.names import Language
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.delegation_store import (
    delegations_of,
    delegations_to,
    load_actions,
    load_agreements,
    load_delegations,
)
from yuzuri.sharing.delegation_terms import Terms, render_terms
from yuzuri.sharing.delegations import (
    Action,
    Agreement,
    Delegation,
    ManagePool,
    OfferDelegation,
    Scope,
)
from yuzuri.sharing.gift_store import load_gifts
from yuzuri.sharing.pool_store import load_pools
from yuzuri.sharing.pools import Pool
from yuzuri.subscribers.lines import Line, Person, load_line, load_lines, load_people


@dataclass(frozen=True, slots=True)
class DelegationInView:
    """A delegation, its line, its people and the pools that it names."""

    delegation: Delegation
    is_mine: bool
    """The person looking is the owner."""
    line: Line
    owner: Person
    delegate: Person | None
    pools: Mapping[PoolId, Pool]

    @property
    def other(self) -> Person | None:
        """Who the other of the two is; None: nobody has accepted yet."""
        return self.delegate if self.is_mine else self.owner

    def terms(self, profiles: Profiles, language: Language) -> Terms:
        """Write out the terms that both agree to."""
        profile = profiles[self.line.operator]
        return render_terms(self.delegation, self.line, profile, self.pools, language)


@dataclass(frozen=True, slots=True)
class ActionInView:
    """Something that was done: to whom, and in which pool; empty where it is about no such."""

    action: Action
    whom: str
    pool: str


async def load_delegation_views(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[DelegationInView]:
    """Return what a person lets others do and may do for others, each newest first."""
    given = await delegations_of(connection, person, at)
    received = await delegations_to(connection, person, at)
    return await _in_view(connection, person, [*given, *received])


async def load_delegation_view(
    connection: Connection, person: PersonId, delegation: DelegationId, at: datetime
) -> DelegationInView:
    """Return a delegation of the person's; raises `DELEGATION_UNKNOWN`.

    For who may not act on it any more there is none.
    """
    for seen in await load_delegation_views(connection, person, at):
        if seen.delegation.id == delegation:
            return seen
    raise DomainError(Code.DELEGATION_UNKNOWN)


async def load_offer_by_link(
    connection: Connection, person: PersonId | None, delegation: DelegationId, at: datetime
) -> DelegationInView:
    """Return what is offered to whoever has its link; raises `DELEGATION_UNKNOWN`."""
    known = (await load_delegations(connection, [delegation], at)).get(delegation)
    if known is None or known.delegate is not None or not known.is_offered(at):
        raise DomainError(Code.DELEGATION_UNKNOWN)
    (seen,) = await _in_view(connection, person, [known])
    return seen


async def load_actions_in_view(
    connection: Connection, seen: DelegationInView
) -> Sequence[ActionInView]:
    """Return what was done on a delegation, newest first, for its owner."""
    actions = await load_actions(connection, seen.delegation.id)
    gifts = {
        gift.id: gift.to_line
        for gift in await load_gifts(connection, {a.gift for a in actions if a.gift is not None})
    }
    about = {a.id: a.line if a.gift is None else gifts.get(a.gift) for a in actions}
    lines = await load_lines(connection, {line for line in about.values() if line is not None})
    people = await load_people(connection, {line.person for line in lines.values()})
    pools = await load_pools(connection, {a.pool for a in actions if a.pool is not None})

    def whom(line: HolderId | None) -> str:
        known = None if line is None else lines.get(line)
        return "" if known is None else f"{people[known.person].nickname} {known.masked_number}"

    return [
        ActionInView(a, whom(about[a.id]), pools[a.pool].name if a.pool is not None else "")
        for a in actions
    ]


async def load_agreements_on(
    connection: Connection, person: PersonId, delegation: DelegationId
) -> Sequence[Agreement]:
    """Return what both sides agreed to, the first first; raises `DELEGATION_UNKNOWN`.

    Whoever agreed keeps it, whatever has become of it since.
    """
    found = [a for a in await load_agreements(connection, person) if a.delegation == delegation]
    if not found:
        raise DomainError(Code.DELEGATION_UNKNOWN)
    return found


async def load_offer_terms(
    connection: Connection, profiles: Profiles, offer: OfferDelegation
) -> Terms:
    """Write out what a person would agree to by an offer of a line that they have."""
    line = await load_line(connection, offer.line)
    if line.person != offer.person:
        raise DomainError(Code.LINE_NOT_YOURS)
    pools = await load_pools(connection, _pools_in(offer.scopes))
    for pool in _pools_in(offer.scopes):
        if pool not in pools or pools[pool].owner != offer.person:
            raise DomainError(Code.POOL_UNKNOWN)
    return render_terms(offer, line, profiles[line.operator], pools, offer.language)


def _pools_in(scopes: Iterable[Scope]) -> set[PoolId]:
    return {scope.pool for scope in scopes if isinstance(scope, ManagePool)}


async def _in_view(
    connection: Connection, person: PersonId | None, delegations: Sequence[Delegation]
) -> Sequence[DelegationInView]:
    lines = await load_lines(connection, {one.line for one in delegations})
    people = await load_people(
        connection,
        {one.owner for one in delegations}
        | {one.delegate for one in delegations if one.delegate is not None},
    )
    pools = await load_pools(
        connection, {pool for one in delegations for pool in _pools_in(one.scopes)}
    )
    return [
        DelegationInView(
            one,
            one.owner == person,
            lines[one.line],
            people[one.owner],
            None if one.delegate is None else people[one.delegate],
            pools,
        )
        for one in delegations
    ]
