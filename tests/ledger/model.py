"""The ledger in a few dozen lines: what commands to it leave, as numbers in dicts.

It takes homes only as what may be equal, and knows nothing of groups, rows, keys or the journal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, TransferId
from yuzuri.ledger.commands import Capture, Move, Release, Reserve


@dataclass
class Held:
    """So much of a bucket, until an instant."""

    holder: HolderId
    allowance: AllowanceId
    amount: int
    until: datetime


@dataclass
class Model:
    """Who has how much, what of it is set aside, and what is on its way.

    Each method does one thing at an instant, and returns why not; None: it is done.
    """

    homes: int
    home_of: Callable[[HolderId], Home]
    house: frozenset[HolderId]
    used: HolderId
    """The one account of the house that anybody may give to."""
    ends: dict[AllowanceId, datetime | None] = field(default_factory=dict)
    balances: dict[tuple[HolderId, AllowanceId], int] = field(default_factory=dict)
    holds: dict[HoldId, Held] = field(default_factory=dict)
    travelling: dict[TransferId, tuple[HolderId, AllowanceId, int]] = field(default_factory=dict)

    def issue(
        self, who: HolderId, what: AllowanceId, amount: int, ends: datetime | None, at: datetime
    ) -> None:
        self._lapse(at, who)
        self.ends[what] = ends
        self._add(who, what, amount)

    def move(self, asked: Move, at: datetime) -> Code | None:
        source, target, allowance = asked.source, asked.target, asked.allowance
        is_near = target in self.house or self.home_of(source) == self.home_of(target)
        self._lapse(at, source, *([target] if is_near else []))
        refused = self._may_not_give(source, allowance, asked.amount, at)
        if refused is not None:
            return refused
        if source == target:
            return Code.TRANSFER_TO_ITSELF
        if not self._can_receive(target):
            return Code.HOLDER_UNKNOWN
        self.balances[source, allowance] -= asked.amount
        if is_near:
            self._add(target, allowance, asked.amount)
        else:
            self.travelling[asked.id] = (target, allowance, asked.amount)
        return None

    def arrive(self, moved: TransferId, at: datetime) -> None:
        target, allowance, amount = self.travelling.pop(moved)
        self._lapse(at, target)
        self._add(target, allowance, amount)

    def reserve(self, asked: Reserve, at: datetime) -> Code | None:
        self._lapse(at, asked.holder)
        if asked.expires_at <= at:
            return Code.HOLD_ENDED
        if asked.id in self.holds:
            return Code.KEY_REUSED
        refused = self._may_not_give(asked.holder, asked.allowance, asked.amount, at)
        if refused is None:
            held = Held(asked.holder, asked.allowance, asked.amount, asked.expires_at)
            self.holds[asked.id] = held
        return refused

    def capture(self, asked: Capture, at: datetime) -> Code | None:
        holder, target = asked.holder, asked.target
        is_near = target in self.house or self.home_of(target) == self.home_of(holder)
        self._lapse(at, holder, *([target] if is_near else []))
        hold = self.holds.get(asked.hold)
        if hold is None or hold.holder != holder:
            return Code.HOLD_ENDED
        if asked.amount <= 0:
            return Code.AMOUNT_NOT_POSITIVE
        if self._is_over(hold.allowance, at):
            return Code.ALLOWANCE_EXPIRED
        if asked.amount > hold.amount:
            return Code.HOLD_TOO_SMALL
        if target == holder:
            return Code.TRANSFER_TO_ITSELF
        if not self._can_receive(target):
            return Code.HOLDER_UNKNOWN
        if not is_near:
            return Code.HOLDER_ELSEWHERE
        hold.amount -= asked.amount
        if not asked.keep_rest or not hold.amount:
            del self.holds[asked.hold]
        self.balances[holder, hold.allowance] -= asked.amount
        self._add(target, hold.allowance, asked.amount)
        return None

    def release(self, asked: Release, at: datetime) -> Code | None:
        self._lapse(at, asked.holder)
        hold = self.holds.get(asked.hold)
        if hold is None or hold.holder != asked.holder:
            return Code.HOLD_ENDED
        del self.holds[asked.hold]
        return None

    def expire(self, holders: tuple[HolderId, ...], at: datetime) -> int:
        """Return how many buckets are gone."""
        self._lapse(at, *holders)
        held = {(hold.holder, hold.allowance) for hold in self.holds.values()}
        over = [
            bucket
            for bucket in self.balances
            if bucket[0] in holders and self._is_over(bucket[1], at) and bucket not in held
        ]
        for bucket in over:
            del self.balances[bucket]
        return len(over)

    def free(self, who: HolderId, what: AllowanceId, at: datetime) -> int:
        """What is neither spent nor set aside."""
        holds = (h for h in self.holds.values() if h.until > at)
        held = sum(h.amount for h in holds if (h.holder, h.allowance) == (who, what))
        return self.balances.get((who, what), 0) - held

    def _may_not_give(
        self, who: HolderId, what: AllowanceId, amount: int, at: datetime
    ) -> Code | None:
        if amount <= 0:
            return Code.AMOUNT_NOT_POSITIVE
        if (who, what) not in self.balances:
            return Code.ALLOWANCE_UNKNOWN
        if self._is_over(what, at):
            return Code.ALLOWANCE_EXPIRED
        return Code.BALANCE_NOT_ENOUGH if self.free(who, what, at) < amount else None

    def _can_receive(self, target: HolderId) -> bool:
        is_closed = target in self.house and target != self.used
        return not is_closed and self.home_of(target) < self.homes

    def _lapse(self, at: datetime, *holders: HolderId) -> None:
        """What ran out is free for ever once something is asked of its holder."""
        for hold_id, hold in list(self.holds.items()):
            if hold.holder in holders and hold.until <= at:
                del self.holds[hold_id]

    def _is_over(self, what: AllowanceId, at: datetime) -> bool:
        ends = self.ends[what]
        return ends is not None and ends <= at

    def _add(self, who: HolderId, what: AllowanceId, amount: int) -> None:
        if who not in self.house:
            self.balances[who, what] = self.balances.get((who, what), 0) + amount
