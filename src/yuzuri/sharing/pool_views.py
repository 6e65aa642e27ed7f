"""Pools as their people see them: what is in one, who draws how much, and what would go back."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import AllowanceId, HolderId, InvitationId, PersonId, PoolId
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book, Bucket, spending_order
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.authority import authority_to_manage
from yuzuri.sharing.contributions import settle
from yuzuri.sharing.delegation_store import delegations_to
from yuzuri.sharing.delegations import ManagePool
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pool_store import (
    load_contributions,
    load_invitations,
    load_members,
    load_members_of,
    load_pools,
    open_invitations,
    pools_of,
    pools_owing,
)
from yuzuri.sharing.pools import Contribution, Invitation, Member, Pool, Role
from yuzuri.subscribers.lines import (
    Line,
    Person,
    lines_of,
    load_lines,
    load_people,
    mask_number,
)


@dataclass(frozen=True, slots=True)
class MemberInView:
    """Who draws on a pool; to others by nickname and masked number only."""

    member: Member
    line: Line
    person: Person


@dataclass(frozen=True, slots=True)
class ShareInView:
    """What remains of what a line has put in of one allowance: it would go back now.

    `is_owed`: the line draws on the pool no longer, and gets it as soon as nothing holds it.
    """

    line: Line
    person: Person
    allowance: Allowance
    amount: int
    is_owed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolInView:
    """A pool with what is in it, soonest expiry first, and those of its people whom one may see.

    The owner and managers see all, a member themselves, whoever has left what is still theirs.
    """

    pool: Pool
    owner: Person
    role: Role
    """What whoever looks may do with it."""
    successor: Person | None
    holdings: tuple[tuple[Bucket, Allowance], ...]
    members: tuple[MemberInView, ...]
    shares: tuple[ShareInView, ...]
    invitations: tuple[Invitation, ...]


@dataclass(frozen=True, slots=True)
class InvitationInView:
    """An invitation as whoever may join by it sees it."""

    invitation: Invitation
    pool: Pool
    owner: Person
    inviter: Person


def number_seen(invitation: Invitation, person: PersonId) -> str | None:
    """Return whom an invitation is to as those who manage the pool may see it; None: a link.

    The whole number is for whoever invited it.
    """
    if invitation.number is None or invitation.by == person:
        return invitation.number
    return mask_number(invitation.number)


async def load_pool_views(
    connection: Connection, profiles: Profiles, person: PersonId, at: datetime
) -> Sequence[PoolInView]:
    """Return the pools that a person owns, draws on, manages or could take over, oldest first.

    And those from which they have still to get something back. A read that waits for no write.
    """
    mine = {line.id for line in await lines_of(connection, person)}
    pools = {pool.id: pool for pool in await pools_of(connection, person)}
    drawn_on = {PoolId(member.pool) for member in (await load_members(connection, mine)).values()}
    left = await pools_owing(connection, mine)
    pools |= await load_pools(connection, (drawn_on | left) - pools.keys())
    let = {one.id: one for one in await delegations_to(connection, person, at)}
    managed = {scope.pool for one in let.values() for scope in one.scopes_of(ManagePool)}
    for pool in (await load_pools(connection, managed - pools.keys())).values():
        if authority_to_manage(let.values(), pool, person, at):
            pools[pool.id] = pool
    members = await load_members_of(connection, pools)
    contributions = await load_contributions(connection, pools)
    invited = await open_invitations(connection, pools=pools, at=at) if pools else ()
    book = await read_book(connection, pools, at)
    contributors = {one.line for some in contributions.values() for one in some}
    lines = await load_lines(connection, members.keys() | contributors)
    leaders = {pool.owner for pool in pools.values()}
    leaders |= {pool.successor for pool in pools.values() if pool.successor is not None}
    people = await load_people(connection, leaders | {line.person for line in lines.values()})
    facts = PoolFacts(book, profiles, delegations=let)
    known = _Known(facts, mine, person, lines, people)
    return [
        known.view(
            pool,
            [member for member in members.values() if member.pool == pool.id],
            contributions[pool.id],
            [one for one in invited if one.pool == pool.id],
        )
        for pool in sorted(pools.values(), key=lambda pool: (pool.opened_at, pool.id))
    ]


async def load_pool_view(
    connection: Connection, profiles: Profiles, person: PersonId, pool: PoolId, at: datetime
) -> PoolInView:
    """Return a pool that a person has something to do with, or raise `POOL_UNKNOWN`."""
    for view in await load_pool_views(connection, profiles, person, at):
        if view.pool.id == pool:
            return view
    raise DomainError(Code.POOL_UNKNOWN)


async def load_invitations_to(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[InvitationInView]:
    """Return the open invitations to a person's numbers, oldest first."""
    numbers = [line.number for line in await lines_of(connection, person)]
    return await _in_view(connection, await open_invitations(connection, numbers=numbers, at=at))


async def check_invited(connection: Connection, invitation: InvitationId, number: str) -> None:
    """Raise `INVITATION_UNKNOWN` unless an invitation is to a number, open or not.

    One that is a link is accepted by its secret only.
    """
    known = (await load_invitations(connection, [invitation])).get(invitation)
    if known is None or known.number != number:
        raise DomainError(Code.INVITATION_UNKNOWN)


async def load_open_invitation(
    connection: Connection, invitation: InvitationId, at: datetime
) -> InvitationInView:
    """Return an invitation by which somebody can still join, or raise `INVITATION_UNKNOWN`."""
    known = await load_invitations(connection, [invitation])
    for view in await _in_view(connection, [one for one in known.values() if one.is_open(at)]):
        return view
    raise DomainError(Code.INVITATION_UNKNOWN)


async def _in_view(
    connection: Connection, invitations: Collection[Invitation]
) -> list[InvitationInView]:
    pools = await load_pools(connection, {one.pool for one in invitations})
    open_pools = {pool.id: pool for pool in pools.values() if pool.closed_at is None}
    people = await load_people(
        connection, {pool.owner for pool in pools.values()} | {one.by for one in invitations}
    )
    return [
        InvitationInView(one, open_pools[one.pool], people[pools[one.pool].owner], people[one.by])
        for one in invitations
        if one.pool in open_pools
    ]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read, and who looks."""

    facts: PoolFacts
    mine: Collection[HolderId]
    person: PersonId
    lines: dict[HolderId, Line]
    people: dict[PersonId, Person]

    def view(
        self,
        pool: Pool,
        members: Iterable[Member],
        contributions: Iterable[Contribution],
        invitations: Iterable[Invitation],
    ) -> PoolInView:
        """Return a pool as the person may see it."""
        members = list(members)
        role = self._role(pool, members)
        sees_all = role is not Role.MEMBER
        draws = any(one.line in self.mine for one in members)
        book = self.facts.book
        settled = sorted(
            settle(contributions, lambda allowance: _lasting(book, pool.id, allowance)),
            key=lambda one: (one.line, spending_order(book.allowances[one.allowance])),
        )
        return PoolInView(
            pool=self.facts.this_month(pool),
            owner=self.people[pool.owner],
            role=role,
            successor=None if pool.successor is None else self.people[pool.successor],
            # Whoever has left is told what is still theirs, and nothing else of the pool.
            holdings=tuple(_holdings(book, pool.id)) if sees_all or draws else (),
            members=tuple(
                MemberInView(one, self.lines[one.line], self._person(one.line))
                for one in members
                if sees_all or one.line in self.mine
            ),
            shares=tuple(
                ShareInView(
                    self.lines[one.line],
                    self._person(one.line),
                    book.allowances[one.allowance],
                    one.amount,
                    one.is_owed,
                )
                for one in settled
                if sees_all or one.line in self.mine
            ),
            invitations=tuple(invitations) if sees_all and pool.closed_at is None else (),
        )

    def _role(self, pool: Pool, members: Iterable[Member]) -> Role:
        if pool.owner == self.person:
            return Role.OWNER
        is_manager = any(one.line in self.mine and one.role is Role.MANAGER for one in members)
        let = self.facts.delegations.values()
        if is_manager or authority_to_manage(let, pool, self.person, self.facts.at):
            return Role.MANAGER
        return Role.MEMBER

    def _person(self, line: HolderId) -> Person:
        return self.people[self.lines[line].person]


def _holdings(book: Book, pool: HolderId) -> list[tuple[Bucket, Allowance]]:
    """Return all that a pool has and that is not over, set aside or not, soonest expiry first."""
    some = [
        (bucket, book.allowances[bucket.allowance])
        for bucket in book.buckets_of(pool)
        if bucket.balance and not book.allowances[bucket.allowance].is_over(book.at)
    ]
    return sorted(some, key=lambda pair: spending_order(pair[1]))


def _lasting(book: Book, pool: HolderId, allowance: AllowanceId) -> int:
    bucket = book.bucket(pool, allowance)
    is_over = bucket is None or book.allowances[allowance].is_over(book.at)
    return 0 if bucket is None or is_over else bucket.balance
