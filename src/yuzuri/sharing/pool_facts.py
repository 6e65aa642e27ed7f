"""What decisions about pools may look at, and what they have changed of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from yuzuri.kernel.calendar import month_start
from yuzuri.kernel.ids import (
    AllowanceId,
    DelegationId,
    HolderId,
    Home,
    InvitationId,
    PersonId,
    PoolId,
    home_of,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.book import Book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.delegations import Delegation
from yuzuri.sharing.pools import Contribution, Invitation, Member, Pool
from yuzuri.subscribers.lines import Line


@dataclass(slots=True)
class PoolFacts:
    """The pools that a group names, all who draw on them, and the lines that it names.

    Charging looks at the same, so that each sees what the other has changed.
    """

    book: Book
    profiles: Profiles
    lines: Mapping[HolderId, Line] = field(default_factory=dict)
    """The lines that are named, and those of all members."""
    owned: Mapping[PersonId, Sequence[Line]] = field(default_factory=dict)
    """All lines of the owners of pools that somebody joins."""
    pools: dict[PoolId, Pool] = field(default_factory=dict)
    members: dict[HolderId, Member] = field(default_factory=dict)
    invitations: dict[InvitationId, Invitation] = field(default_factory=dict)
    contributions: dict[PoolId, Sequence[Contribution]] = field(default_factory=dict)
    """What lines have put in: of pools that are only drawn on, what is owed alone."""

    delegations: Mapping[DelegationId, Delegation] = field(default_factory=dict)
    """On what people may manage pools that they do not own."""

    changed_pools: set[PoolId] = field(default_factory=set)
    changed_contributions: set[PoolId] = field(default_factory=set)
    changed_invitations: set[InvitationId] = field(default_factory=set)
    changed: set[HolderId] = field(default_factory=set)
    """Lines of which the row as a member has changed, or goes where it is no member now."""
    touched_lines: set[HolderId] = field(default_factory=set)
    """Lines that joined, left, or may take more or less now: networks ask again for all of them."""

    @property
    def at(self) -> datetime:
        """The instant of the decision."""
        return self.book.at

    @property
    def homes_changed(self) -> set[Home]:
        """The homes of which a decision has changed something of this."""
        ids = self.changed | self.changed_pools | self.changed_contributions
        return {home_of(one) for one in ids | self.changed_invitations}

    def members_of(self, pool: HolderId) -> list[Member]:
        """Return all who draw on a pool."""
        return [member for member in self.members.values() if member.pool == pool]

    def lines_of(self, pool: PoolId) -> set[HolderId]:
        """Return the lines that draw on a pool or have put something in."""
        contributors = {one.line for one in self.contributions.get(pool, ())}
        return contributors | {member.line for member in self.members_of(pool)}

    def set_pool(self, pool: Pool) -> None:
        """Take in a pool as it is from now on."""
        self.pools[pool.id] = pool
        self.changed_pools.add(pool.id)

    def set_member(self, line: HolderId, member: Member | None) -> None:
        """Take in how a line draws on a pool from now on; None: on none."""
        if member is None:
            del self.members[line]
        else:
            self.members[line] = member
        self.changed.add(line)
        self.touched_lines.add(line)

    def set_invitation(self, invitation: Invitation) -> None:
        """Take in an invitation as it is from now on."""
        self.invitations[invitation.id] = invitation
        self.changed_invitations.add(invitation.id)

    def set_contributions(self, pool: PoolId, contributions: Sequence[Contribution]) -> None:
        """Take in what lines have put into a pool, all of it."""
        self.contributions[pool] = contributions
        self.changed_contributions.add(pool)

    def owed(self, pool: HolderId, allowance: AllowanceId) -> int:
        """Return how much of what a pool has is owed to lines that have left, in base units."""
        return sum(
            one.amount
            for one in self.contributions.get(PoolId(pool), ())
            if one.is_owed and one.allowance == allowance
        )

    def this_month(self, pool: Pool) -> Pool:
        """Return a pool with its size in the present month: in a new one, the data it now has."""
        month = month_start(self.at, self.profiles[pool.operator].zone)
        if month <= pool.month:
            return pool
        size = sum(
            bucket.balance
            for bucket in self.book.buckets_of(pool.id)
            if (allowance := self.book.allowances[bucket.allowance]).unit is Unit.DATA
            and not allowance.is_over(self.at)
        )
        return replace(pool, month=month, size=size)

    def size_of(self, holder: HolderId) -> int:
        """Return the size of a pool in the present month, in bytes; what is no pool has none."""
        pool = self.pools.get(PoolId(holder))
        if pool is None:
            return 0
        current = self.this_month(pool)
        if current is not pool:
            self.set_pool(current)
        return current.size
