"""Pools, who draws on one and how much, and what can be asked about them.

A pool is a holder of the ledger. What is put into it keeps its terms, and its members use it up
beside what their lines have of their own.
"""

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import (
    AllowanceId,
    DelegationId,
    HolderId,
    InvitationId,
    PersonId,
    PoolId,
    derived_id,
    home_of,
    in_home,
)
from yuzuri.kernel.quantities import Unit

NAME_LENGTH_MAX = 40
"""Characters of the name of a pool."""

USES_MAX = 100
"""Lines that may join by one invitation."""


class Role(StrEnum):
    """What somebody may do with a pool, beside drawing on it."""

    OWNER = "owner"
    """Everything, and alone: close it, hand it over, name managers."""
    MANAGER = "manager"
    """Invite, change and remove members."""
    MEMBER = "member"


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """What several lines of one operator draw on; it lives in the home of who opened it.

    `size` is the data in bytes that it had when the operator's month `month` began, and all that
    was put in and returned since then: what shares in percent are of.
    """

    id: PoolId
    owner: PersonId
    name: str
    operator: str
    opened_at: datetime
    closed_at: datetime | None = None
    successor: PersonId | None = None
    """To whom it is offered; it is theirs when they accept."""
    members_fill: bool = True
    """Members may put in what their operator lets them; else the owner alone."""
    month: datetime
    size: int = 0


class Allotment(msgspec.Struct, frozen=True, kw_only=True):
    """How a member may draw on a pool: caps in bytes of data, None: as much as there is.

    Voice and messages are not capped.
    """

    cap_per_day: int | None = None
    cap_per_month: int | None = None
    share: int | None = None
    """So much in all, from when it joined."""
    share_percent: int | None = None
    """1 to 100: such a part, in a month, of the pool's size in that month."""
    pool_first: bool = False
    """It draws on the pool before its own; else on its own first."""
    is_paused: bool = False
    is_slowed: bool = False
    """The network is told to slow it down."""


class Member(msgspec.Struct, kw_only=True):
    """A line that may draw on a pool, and on no other; only decisions change it.

    Where a delegation lets it use up data of another person's line, `pool` is that line, and
    `until` the end. `taken_today` counts since `day`, the first instant of a day of the operator's,
    `taken_this_month` since `month`, `taken` since it joined; all in bytes of data.
    """

    line: HolderId
    pool: HolderId
    joined_at: datetime
    day: datetime
    month: datetime
    taken_today: int = 0
    taken_this_month: int = 0
    taken: int = 0
    allotment: Allotment = Allotment()
    role: Role = Role.MEMBER
    delegation: DelegationId | None = None
    since: datetime | None = None
    until: datetime | None = None

    def may_act(self, at: datetime) -> bool:
        """Tell whether it may draw on the pool at all at an instant."""
        return (
            not self.allotment.is_paused
            and (self.since is None or self.since <= at)
            and (self.until is None or at < self.until)
        )

    def may_take(self, unit: Unit, at: datetime, zone: ZoneInfo, pool_size: int) -> int | None:
        """Return how much more it may take of a unit at an instant, None: as much as there is.

        `zone` is that of its operator, `pool_size` the pool's in that month, in bytes.
        """
        if not self.may_act(at):
            return 0
        if unit is not Unit.DATA:
            return None if self.delegation is None else 0
        today, this_month = self.taken_at(at, zone)
        given = self.allotment
        part = None if given.share_percent is None else pool_size * given.share_percent // 100
        limits = (
            (given.cap_per_day, today),
            (given.cap_per_month, this_month),
            (given.share, self.taken),
            (part, this_month),
        )
        return min(
            (max(0, limit - taken) for limit, taken in limits if limit is not None), default=None
        )

    def take(self, unit: Unit, amount: int, at: datetime, zone: ZoneInfo) -> None:
        """Count what it takes; a new day and a new month begin at 0."""
        if unit is not Unit.DATA:
            return
        today, this_month = self.taken_at(at, zone)
        self.day = max(self.day, day_start(at, zone))
        self.month = max(self.month, month_start(at, zone))
        self.taken_today = today + amount
        self.taken_this_month = this_month + amount
        self.taken += amount

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
        self.taken = max(0, self.taken - amount)

    def taken_at(self, at: datetime, zone: ZoneInfo) -> tuple[int, int]:
        """Return what it has taken in the day and in the month of an instant, in bytes.

        Where the clock has gone back, the later day and month go on.
        """
        return (
            0 if day_start(at, zone) > self.day else self.taken_today,
            0 if month_start(at, zone) > self.month else self.taken_this_month,
        )


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation to join a pool on these terms; it lives in the home of the pool."""

    id: InvitationId
    pool: PoolId
    by: PersonId
    number: str | None
    uses_max: int
    uses: int = 0
    allotment: Allotment
    role: Role = Role.MEMBER
    invited_at: datetime
    until: datetime
    withdrawn_at: datetime | None = None

    def is_open(self, at: datetime) -> bool:
        """Tell whether one more line may join by it."""
        return self.withdrawn_at is None and at < self.until and self.uses < self.uses_max


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """How much a line has put into a pool of one allowance and would get back of it.

    `amount` is what remained of it when that was last worked out, in base units: use takes from all
    of one allowance in proportion. What `is_owed` to a line that draws on the pool no longer is
    nobody else's to use.
    """

    pool: PoolId
    line: HolderId
    allowance: AllowanceId
    amount: int
    is_owed: bool = False


# ---------------------------------------------------------------- commands


class OpenPool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Open a pool of the operator of a line that the person has; the id is a new one."""

    person: PersonId
    pool: PoolId
    name: str
    line: HolderId
    members_fill: bool = True


class Invite(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Invite to a pool that the person owns or manages: a number, or whoever has the link.

    `number` is E.164; one that nobody has is answered the same. `uses_max` lines may join by it.
    """

    person: PersonId
    pool: PoolId
    number: str | None = None
    uses_max: int = 1
    allotment: Allotment = Allotment()
    role: Role = Role.MEMBER
    until: datetime | None = None
    """None: seven days."""


class WithdrawInvitation(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Let nobody join by an invitation any more: asked by who manages the pool.

    With the `line` that was invited, its person declines.
    """

    person: PersonId
    invitation: InvitationId
    line: HolderId | None = None


class JoinPool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Accept an invitation with a line that the person has, and what it says of returns."""

    person: PersonId
    line: HolderId
    invitation: InvitationId


class ChangeMember(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Let a member draw on a pool in this way from now on; its owner and managers may.

    What the member has taken still counts. Only the owner changes roles.
    """

    person: PersonId
    pool: PoolId
    line: HolderId
    allotment: Allotment
    role: Role = Role.MEMBER


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


class ClosePool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Close a pool that the person owns: nobody draws on it, and what remains goes back."""

    person: PersonId
    pool: PoolId


class HandOverPool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Offer a pool to the person of one of its members; `line` None: offer it to nobody."""

    person: PersonId
    pool: PoolId
    line: HolderId | None


class TakeOverPool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Accept a pool that is offered to the person."""

    person: PersonId
    pool: PoolId


class SettlePool(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Return what is owed to lines that have left, as far as nothing holds it; a sweep sends it."""

    pool: PoolId


PoolCommand = (
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
    | SettlePool
)


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
        case Invite():
            _check_allotment(command.allotment)
            _check_role(command.role)
            uses_max = 1 if command.number else USES_MAX
            if not 1 <= command.uses_max <= uses_max:
                problem = f"it is not between 1 and {uses_max}"
                raise DomainError(Code.REQUEST_INVALID, field="uses_max", problem=problem)
        case ChangeMember():
            _check_allotment(command.allotment)
            _check_role(command.role)
        case FillPool():
            checked_quantity(command.amount, command.unit)
        case _:
            pass
    return command


def _check_allotment(asked: Allotment) -> None:
    for limit in (asked.cap_per_day, asked.cap_per_month, asked.share):
        if limit is not None:
            checked_quantity(limit, Unit.DATA)
    if asked.share_percent is not None and not 1 <= asked.share_percent <= 100:
        problem = "it is not between 1 and 100"
        raise DomainError(Code.REQUEST_INVALID, field="share_percent", problem=problem)


def _check_role(asked: Role) -> None:
    if asked is Role.OWNER:
        problem = "a pool is handed over, and has one owner"
        raise DomainError(Code.REQUEST_INVALID, field="role", problem=problem)


def pool_of_key(person: PersonId, key: str) -> PoolId:
    """Name the pool that a person opens by a key: the same again names the same pool."""
    return PoolId(HolderId(in_home(derived_id(person, f"pool {key}"), home_of(person))))


# ---------------------------------------------------------------- outcomes


class PoolDone(msgspec.Struct, frozen=True):
    """The pool is as the command asked."""

    pool: PoolId


class Invited(msgspec.Struct, frozen=True):
    """The invitation stands, whether anybody has the number or not."""

    invitation: InvitationId


PoolOutcome = PoolDone | Invited | Refusal
