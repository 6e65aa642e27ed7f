"""Pools, who draws on one and how much, and what can be asked about them.

A pool is a holder of the ledger. What is put into it keeps its terms, and its members use it up
beside what their lines have of their own.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, PersonId, PoolId, home_of
from yuzuri.kernel.quantities import Unit

NAME_LENGTH_MAX = 40
"""Characters of the name of a pool."""


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """What several lines of one operator draw on; it lives in the home of its owner."""

    id: PoolId
    owner: PersonId
    name: str
    operator: str
    opened_at: datetime
    closed_at: datetime | None = None


class Member(msgspec.Struct, kw_only=True):
    """A line that may draw on a pool, and on no other; only decisions change it.

    Caps are bytes of data that it may take in a day and in a month of the operator's, None: as much
    as there is. Voice and messages are not capped. `taken_today` counts since `day`, the first
    instant of a day, and `taken_this_month` since `month`.
    """

    line: HolderId
    pool: PoolId
    joined_at: datetime
    day: datetime
    month: datetime
    taken_today: int = 0
    taken_this_month: int = 0
    cap_per_day: int | None = None
    cap_per_month: int | None = None
    pool_first: bool = False
    """It draws on the pool before its own; else on its own first."""
    is_paused: bool = False

    def may_take(self, unit: Unit, at: datetime, zone: ZoneInfo) -> int | None:
        """Return how much more it may take of a unit at an instant, None: as much as there is.

        `zone` is that of its operator.
        """
        if self.is_paused:
            return 0
        if unit is not Unit.DATA:
            return None
        today, this_month = self.taken_at(at, zone)
        left = [
            max(0, cap - taken)
            for cap, taken in ((self.cap_per_day, today), (self.cap_per_month, this_month))
            if cap is not None
        ]
        return min(left, default=None)

    def take(self, unit: Unit, amount: int, at: datetime, zone: ZoneInfo) -> None:
        """Count what it takes; a new day and a new month begin at 0."""
        if unit is not Unit.DATA:
            return
        today, this_month = self.taken_at(at, zone)
        self.day = max(self.day, day_start(at, zone))
        self.month = max(self.month, month_start(at, zone))
        self.taken_today = today + amount
        self.taken_this_month = this_month + amount

    def give_back(self, unit: Unit, amount: int, taken_at: datetime, zone: ZoneInfo) -> None:
        """Stop counting what it took at an instant and has not used; never below 0.

        What it took on an earlier day makes no room in the present one.
        """
        if unit is not Unit.DATA:
            return
        if day_start(taken_at, zone) >= self.day:
            self.taken_today = max(0, self.taken_today - amount)
        if month_start(taken_at, zone) >= self.month:
            self.taken_this_month = max(0, self.taken_this_month - amount)

    def taken_at(self, at: datetime, zone: ZoneInfo) -> tuple[int, int]:
        """Return what it has taken in the day and in the month of an instant, in bytes.

        Where the clock has gone back, the later day and month go on.
        """
        return (
            0 if day_start(at, zone) > self.day else self.taken_today,
            0 if month_start(at, zone) > self.month else self.taken_this_month,
        )


# ---------------------------------------------------------------- commands


class OpenPool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Open a pool of the operator of a line that the person has; the id is a new one."""

    person: PersonId
    pool: PoolId
    name: str
    line: HolderId


class AddMember(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Let a line draw on a pool that the person owns."""

    person: PersonId
    pool: PoolId
    line: HolderId
    cap_per_day: int | None = None
    cap_per_month: int | None = None
    pool_first: bool = False


class ChangeMember(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Let a member of a pool that the person owns draw on it in this way from now on.

    What the member has taken today and this month still counts.
    """

    person: PersonId
    pool: PoolId
    line: HolderId
    cap_per_day: int | None = None
    cap_per_month: int | None = None
    pool_first: bool = False
    is_paused: bool = False


class RemoveMember(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Let a line draw on a pool no longer: the owner removes it, or its own person leaves."""

    person: PersonId
    pool: PoolId
    line: HolderId


class FillPool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Put something of a line that the person has into a pool, soonest expiry first.

    The line draws on the pool, or is the owner's.
    """

    person: PersonId
    line: HolderId
    pool: PoolId
    unit: Unit
    amount: int


PoolCommand = OpenPool | AddMember | ChangeMember | RemoveMember | FillPool


def checked_pool_command(command: PoolCommand) -> PoolCommand:
    """Return a command that can be understood, or raise `DomainError`."""
    match command:
        case OpenPool():
            if not command.name.strip() or "\0" in command.name:
                raise DomainError(Code.REQUEST_INVALID, field="name", problem="it is no text")
            if len(command.name) > NAME_LENGTH_MAX:
                raise DomainError(Code.MESSAGE_TOO_LONG, limit=NAME_LENGTH_MAX)
            if home_of(command.pool) != home_of(command.person):
                problem = "a pool lives in the home of its owner"
                raise DomainError(Code.REQUEST_INVALID, field="pool", problem=problem)
        case AddMember() | ChangeMember():
            for cap in (command.cap_per_day, command.cap_per_month):
                if cap is not None:
                    checked_quantity(cap, Unit.DATA)
        case FillPool():
            checked_quantity(command.amount, command.unit)
        case RemoveMember():
            pass
    return command


# ---------------------------------------------------------------- outcomes


class PoolDone(msgspec.Struct, frozen=True):
    """The pool is as the command asked."""

    pool: PoolId


PoolOutcome = PoolDone | Refusal
