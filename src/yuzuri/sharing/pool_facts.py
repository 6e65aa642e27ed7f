"""What decisions about pools may look at, and what they have changed of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from yuzuri.kernel.ids import HolderId, Home, PersonId, PoolId, home_of
from yuzuri.ledger.book import Book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.pools import Member, Pool
from yuzuri.subscribers.lines import Line


@dataclass(slots=True)
class PoolFacts:
    """The pools that a group names, all who draw on them, and the lines that it names.

    Charging looks at the same `members`, so that each sees what the other has changed.
    """

    book: Book
    profiles: Profiles
    lines: Mapping[HolderId, Line] = field(default_factory=dict)
    owned: Mapping[PersonId, Sequence[Line]] = field(default_factory=dict)
    """All lines of those who let others draw on a pool."""
    pools: dict[PoolId, Pool] = field(default_factory=dict)
    members: dict[HolderId, Member] = field(default_factory=dict)

    opened: list[Pool] = field(default_factory=list)
    changed: set[HolderId] = field(default_factory=set)
    """Lines of which the row as a member has changed, or goes where it is no member now."""
    touched_lines: set[HolderId] = field(default_factory=set)
    """Lines that joined, left, or may take more or less now: networks ask again for all of them."""
    supplied_lines: set[HolderId] = field(default_factory=set)
    """Lines that draw on a pool that was filled: it matters to those that wait for something."""

    @property
    def at(self) -> datetime:
        """The instant of the decision."""
        return self.book.at

    @property
    def homes_changed(self) -> set[Home]:
        """The homes of which a decision has changed something of this."""
        return {home_of(line) for line in self.changed}

    def members_of(self, pool: PoolId) -> list[Member]:
        """Return all who draw on a pool."""
        return [member for member in self.members.values() if member.pool == pool]

    def open_pool(self, pool: Pool) -> None:
        """Take in a pool that is new."""
        self.pools[pool.id] = pool
        self.opened.append(pool)

    def set_member(self, line: HolderId, member: Member | None) -> None:
        """Take in how a line draws on a pool from now on; None: on none."""
        if member is None:
            del self.members[line]
        else:
            self.members[line] = member
        self.changed.add(line)
        self.touched_lines.add(line)
