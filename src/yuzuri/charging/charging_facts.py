"""What decisions on charging may look at, and what they have changed of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.charging.rating import RatingTable
from yuzuri.charging.sessions import Quota, Session
from yuzuri.kernel.calendar import month_start
from yuzuri.kernel.ids import HolderId, Home, Id, SessionId, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.book import Book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import Member
from yuzuri.subscribers.lines import Line


class LineUse(msgspec.Struct, kw_only=True):
    """How much of its own a line has used of a unit in the operator's present month.

    `reached` is the part of a hundred (0, 80, 100) of all it has had in that month that is used.
    """

    line: HolderId
    unit: Unit
    cycle_start: datetime
    used: int = 0
    reached: int = 0


class UseNotice(msgspec.Struct, frozen=True):
    """A line has reached a part of a hundred of a unit: told once in a month."""

    line: HolderId
    unit: Unit
    cycle_start: datetime
    reached: int


@dataclass(slots=True)
class ChargingFacts:
    """The sessions of one group of commands, at the instant of its book; decisions change them."""

    book: Book
    profiles: Profiles
    rating: RatingTable
    pools: PoolFacts
    """Who draws on what beside their own; by line, and shared with decisions about pools."""
    lines: Mapping[HolderId, Line] = field(default_factory=dict)
    """The lines of sessions that are opened and of events; others are not needed."""
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    quotas: dict[SessionId, dict[int, Quota]] = field(default_factory=dict)
    uses: dict[tuple[HolderId, Unit], LineUse] = field(default_factory=dict)

    changed_sessions: dict[SessionId, Session] = field(default_factory=dict)
    changed_quotas: dict[Id, Quota] = field(default_factory=dict)
    changed_uses: dict[tuple[HolderId, Unit], LineUse] = field(default_factory=dict)
    changed_members: dict[HolderId, Member] = field(default_factory=dict)
    notices: list[UseNotice] = field(default_factory=list)
    counters: set[HolderId] = field(default_factory=set)
    """Lines with a counter that has reached, or left, a part of a hundred."""
    credited: set[HolderId] = field(default_factory=set)
    """Lines of which something was given back that another session may be waiting for."""
    wake_at: dict[SessionId, datetime] = field(default_factory=dict)
    """Sessions that have less than they asked for, and when a window opens that has more."""

    @property
    def at(self) -> datetime:
        """The instant of the group."""
        return self.book.at

    @property
    def homes_changed(self) -> set[Home]:
        """The homes of which a decision has changed something of this."""
        return {home_of(session) for session in self.changed_sessions} | {
            home_of(quota) for quota in self.changed_quotas
        }

    def payers(self, lines: Iterable[HolderId]) -> set[HolderId]:
        """Return what may pay for these lines beside their own, and what sessions hold part of."""
        held = (
            quota.pool
            for quotas in self.quotas.values()
            for quota in quotas.values()
            if quota.pool is not None and quota.from_pool
        )
        members = self.pools.members
        return {*held, *(members[line].pool for line in lines if line in members)}

    def add_session(self, session: Session) -> None:
        """Take a session in as it stands in the database."""
        self.sessions[session.id] = session

    def add_quota(self, quota: Quota) -> None:
        """Take a quota in as it stands in the database."""
        self.quotas.setdefault(quota.session, {})[quota.rating_group] = quota

    def add_use(self, use: LineUse) -> None:
        """Take in what a line has used, as it stands in the database."""
        self.uses[use.line, use.unit] = use

    def use_of(self, line: HolderId, unit: Unit, operator: str) -> LineUse:
        """Return what a line has used this month: nothing, in a new one."""
        cycle = _cycle_start(self.at, self.profiles[operator].timezone)
        use = self.uses.get((line, unit))
        if use is None or use.cycle_start < cycle:
            use = self.uses[line, unit] = LineUse(line=line, unit=unit, cycle_start=cycle)
        return use


@lru_cache(maxsize=64)
def _cycle_start(at: datetime, timezone: str) -> datetime:
    return month_start(at, ZoneInfo(timezone))
