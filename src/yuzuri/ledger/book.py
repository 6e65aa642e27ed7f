"""The book: the balances that one group of commands may touch, and what becomes of them.

It is loaded whole before the group is decided, under the locks of its homes. Rules read it;
`apply` is the only thing that changes it, and refuses (as a defect, never as business) whatever
would break I2 or I3. What changed is then written in one go by the store.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

import msgspec

from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, Id, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.changes import (
    HOUSE_IDS,
    CloseBucket,
    EnterTransit,
    LeaveTransit,
    LedgerChange,
    NewAllowance,
    OpenHold,
    ReleaseHold,
    ResizeHold,
    Transfer,
)
from yuzuri.ledger.journal import FIRST_DIGEST


class BookError(Exception):
    """A change that no rule should have let through: a defect, stopped before it is written."""


class Bucket(msgspec.Struct):
    """How much of one allowance one holder has, in base units; 0 ≤ held ≤ balance (I2, I3).

    Only the book changes it. `place` is where its row is, as far as that is known.
    """

    holder: HolderId
    allowance: AllowanceId
    balance: int = 0
    held: int = 0
    has_row: bool = False
    place: bytes | None = None
    is_changed: bool = False
    is_closed: bool = False

    def once_written(self) -> "Bucket":
        """Return it as the next group will find it: what was changed has its row elsewhere."""
        place = None if self.is_changed else self.place
        return Bucket(self.holder, self.allowance, self.balance, self.held, True, place)

    @property
    def available(self) -> int:
        """What is neither spent nor set aside."""
        return self.balance - self.held


class Hold(msgspec.Struct):
    """So much of a bucket set aside for a cause; ends once, and by itself at `expires_at`.

    `amount` is what is still set aside. Only the book changes it.
    """

    id: HoldId
    holder: HolderId
    allowance: AllowanceId
    amount: int
    cause: Id
    expires_at: datetime
    lapsed_at: datetime | None = None
    is_new: bool = False
    written: tuple[int, datetime] | None = None
    """Amount and end as its row has them."""

    @property
    def is_as_written(self) -> bool:
        """Tell whether its row says the same already."""
        return self.lapsed_at is None and self.written == (self.amount, self.expires_at)

    def once_written(self) -> "Hold":
        """Return it as the next group will find it."""
        return Hold(
            self.id, self.holder, self.allowance, self.amount, self.cause,
            self.expires_at,
        )  # fmt: skip


class HomeState(msgspec.Struct, frozen=True):
    """How many groups have changed a home's books, and where its journal ends."""

    groups: int = 0
    page: int = 0
    digest: bytes = FIRST_DIGEST


@dataclass(slots=True)
class Book:
    """The working set of one group at one instant `at`."""

    at: datetime
    locked: dict[Home, HomeState] = field(default_factory=dict)
    """The homes that are locked (or, where it is foreseen, will be), as the group finds them."""
    written: dict[Home, HomeState] = field(default_factory=dict)
    """The same homes as the group leaves them."""
    homes: int = 1
    """How many homes there are."""
    allowances: dict[AllowanceId, Allowance] = field(default_factory=dict)
    recorded: set[tuple[Home, AllowanceId]] = field(default_factory=set)
    """Which home is known to have which allowance."""
    buckets: dict[HolderId, dict[AllowanceId, Bucket]] = field(default_factory=dict)
    holds: dict[HoldId, Hold] = field(default_factory=dict)
    """The holds that are open."""
    holds_by_cause: dict[Id, list[Hold]] = field(default_factory=dict)

    transfers: list[Transfer] = field(default_factory=list)
    changed_buckets: list[Bucket] = field(default_factory=list)
    changed_holds: dict[HoldId, Hold] = field(default_factory=dict)
    ended_holds: dict[HoldId, Hold] = field(default_factory=dict)
    new_allowances: dict[tuple[Home, AllowanceId], Allowance] = field(default_factory=dict)
    entered_transit: list[EnterTransit] = field(default_factory=list)
    left_transit: list[LeaveTransit] = field(default_factory=list)
    touched: set[Home] = field(default_factory=set)
    """Homes of which something else than a balance was changed that decisions look at."""

    def add_bucket(self, bucket: Bucket) -> None:
        """Take a bucket into the book as it stands in the database."""
        owned = self.buckets.get(bucket.holder)
        if owned is None:
            self.buckets[bucket.holder] = {bucket.allowance: bucket}
        else:
            owned[bucket.allowance] = bucket

    def add_hold(self, hold: Hold) -> None:
        """Take an open hold into the book."""
        if not hold.is_new and hold.written is None:
            hold.written = (hold.amount, hold.expires_at)
        self.holds[hold.id] = hold
        self.holds_by_cause.setdefault(hold.cause, []).append(hold)

    def holdings(self, holder: HolderId, unit: Unit) -> list[tuple[Bucket, Allowance]]:
        """Return what a holder has of a unit and can still use, soonest expiry first."""
        return in_spending_order(
            ((bucket, self.allowances[bucket.allowance]) for bucket in self.buckets_of(holder)),
            unit,
            self.at,
        )

    def buckets_of(self, holder: HolderId) -> list[Bucket]:
        """Return all buckets of a holder, empty and expired ones too."""
        return list(self.buckets.get(holder, {}).values())

    def bucket(self, holder: HolderId, allowance: AllowanceId) -> Bucket | None:
        """Return what a holder has of an allowance, if it ever had any."""
        owned = self.buckets.get(holder)
        return None if owned is None else owned.get(allowance)

    def open_holds(self, cause: Id) -> list[Hold]:
        """Return the holds that are still open for a cause, soonest expiring allowance first."""
        held = [
            hold for hold in self.holds_by_cause.get(cause, ()) if self.holds.get(hold.id) is hold
        ]
        if len(held) > 1:
            held.sort(key=lambda hold: spending_order(self.allowances[hold.allowance]))
        return held

    def apply(self, changes: Iterable[LedgerChange]) -> None:
        """Carry out what was decided, in order; raises `BookError` for what must never be."""
        for change in changes:
            match change:
                case Transfer():
                    self._transfer(change)
                case OpenHold():
                    self._open_hold(change)
                case ReleaseHold():
                    self._end_hold(self._open(change.id))
                case ResizeHold():
                    self._resize_hold(change)
                case NewAllowance():
                    self._add_allowance(change)
                case CloseBucket():
                    self._close_bucket(change)
                case EnterTransit():
                    self.entered_transit.append(change)
                case LeaveTransit():
                    self.left_transit.append(change)
                case _:
                    assert_never(change)

    def end_lapsed_holds(self) -> None:
        """Free every hold whose time is up, so that no rule ever counts it."""
        for hold in [hold for hold in self.holds.values() if hold.expires_at <= self.at]:
            del self.holds[hold.id]
            self._hold_back(hold, -hold.amount)
            hold.lapsed_at = self.at
            self.changed_holds[hold.id] = hold

    def _add_allowance(self, new: NewAllowance) -> None:
        allowance, home = new.allowance, home_of(new.holder)
        if self.allowances.setdefault(allowance.id, allowance) != allowance:
            raise BookError(f"allowance {allowance.id} is known on other terms")
        if (home, allowance.id) not in self.recorded:
            self.recorded.add((home, allowance.id))
            self.new_allowances[home, allowance.id] = allowance

    def _transfer(self, transfer: Transfer) -> None:
        source, target, amount = transfer.source, transfer.target, transfer.amount
        if amount <= 0 or source == target:
            raise BookError(f"a transfer for {transfer.cause} moves nothing")
        if transfer.allowance not in self.allowances:
            raise BookError(f"allowance {transfer.allowance} is not in the book")
        if transfer.hold is not None:
            self._capture(transfer, transfer.hold)
        if source not in HOUSE_IDS:
            self._add(source, transfer.allowance, -amount)
        if target not in HOUSE_IDS:
            self._add(target, transfer.allowance, amount)
            if source not in HOUSE_IDS and source[14:] != target[14:]:
                raise BookError(f"a transfer for {transfer.cause} would cross homes in one step")
        self.transfers.append(transfer)

    def _capture(self, transfer: Transfer, hold_id: HoldId) -> None:
        hold = self._open(hold_id)
        if (hold.holder, hold.allowance) != (transfer.source, transfer.allowance):
            raise BookError(f"hold {hold.id} is on another bucket")
        if transfer.amount > hold.amount:
            raise BookError(f"hold {hold.id} is for less than {transfer.amount}")
        if transfer.keep_rest and transfer.amount < hold.amount:
            self._hold_back(hold, -transfer.amount)
            hold.amount -= transfer.amount
            self.changed_holds[hold.id] = hold
        else:
            self._end_hold(hold)

    def _open_hold(self, opened: OpenHold) -> None:
        if opened.amount <= 0 or opened.expires_at <= self.at or opened.id in self.holds:
            raise BookError(f"hold {opened.id} holds nothing")
        if opened.id in self.changed_holds:  # one of this name has just run out
            self.ended_holds[opened.id] = self.changed_holds[opened.id]
        hold = self._reopened(opened) or Hold(
            opened.id, opened.holder, opened.allowance, opened.amount,
            opened.cause, opened.expires_at, is_new=True,
        )  # fmt: skip
        self._hold_back(hold, hold.amount)
        self.add_hold(hold)
        self.changed_holds[hold.id] = hold

    def _reopened(self, opened: OpenHold) -> Hold | None:
        """Return a hold that this group has ended and that goes on as if it had not."""
        ended = self.ended_holds.get(opened.id)
        if ended is None or (ended.holder, ended.allowance, ended.cause) != (
            opened.holder,
            opened.allowance,
            opened.cause,
        ):
            return None
        del self.ended_holds[opened.id]
        self.holds_by_cause[ended.cause].remove(ended)
        ended.amount, ended.expires_at, ended.lapsed_at = opened.amount, opened.expires_at, None
        return ended

    def _resize_hold(self, resized: ResizeHold) -> None:
        hold = self._open(resized.id)
        if resized.amount <= 0 or resized.expires_at <= self.at:
            raise BookError(f"hold {hold.id} would hold nothing")
        if resized.amount != hold.amount:
            self._hold_back(hold, resized.amount - hold.amount)
        hold.amount = resized.amount
        hold.expires_at = resized.expires_at
        self.changed_holds[hold.id] = hold

    def _end_hold(self, hold: Hold) -> None:
        self._hold_back(hold, -hold.amount)
        del self.holds[hold.id]
        self.changed_holds.pop(hold.id, None)
        if not hold.is_new:
            self.ended_holds[hold.id] = hold

    def _open(self, hold_id: HoldId) -> Hold:
        hold = self.holds.get(hold_id)
        if hold is None:
            raise BookError(f"hold {hold_id} is not open")
        return hold

    def _close_bucket(self, closed: CloseBucket) -> None:
        bucket = self.bucket(closed.holder, closed.allowance)
        if (
            bucket is None
            or bucket.balance
            or not self.allowances[bucket.allowance].is_over(self.at)
        ):
            raise BookError(f"the bucket of {closed.holder} cannot be closed")
        del self.buckets[closed.holder][closed.allowance]
        bucket.is_closed = True
        self._mark(bucket)

    def _add(self, holder: HolderId, allowance: AllowanceId, amount: int) -> None:
        owned = self.buckets.get(holder)
        bucket = None if owned is None else owned.get(allowance)
        if bucket is None:
            bucket = Bucket(holder, allowance)
            self.add_bucket(bucket)
        balance = bucket.balance + amount
        if balance < bucket.held:
            raise BookError(f"bucket of {holder} would hold {bucket.held} of {balance}")
        bucket.balance = balance
        if not bucket.is_changed:
            bucket.is_changed = True
            self.changed_buckets.append(bucket)

    def _hold_back(self, hold: Hold, amount: int) -> None:
        bucket = self.bucket(hold.holder, hold.allowance)
        if bucket is None or not 0 <= bucket.held + amount <= bucket.balance:
            raise BookError(f"hold {hold.id} does not fit its bucket")
        bucket.held += amount
        self._mark(bucket)

    def _mark(self, bucket: Bucket) -> None:
        if not bucket.is_changed:
            bucket.is_changed = True
            self.changed_buckets.append(bucket)


def spending_order(allowance: Allowance) -> tuple[bool, float, bool, datetime, Id]:
    """Sort what ends soonest first; then what is usable all day; then what was issued first."""
    ends = allowance.expires_at.timestamp() if allowance.expires_at else 0.0
    is_limited = allowance.hours is not None
    return (allowance.expires_at is None, ends, is_limited, allowance.issued_at, allowance.id)


def in_spending_order(
    holdings: Iterable[tuple[Bucket, Allowance]], unit: Unit, at: datetime
) -> list[tuple[Bucket, Allowance]]:
    """Return what can be used of a unit at an instant, soonest expiry first."""
    usable = (
        (bucket, allowance)
        for bucket, allowance in holdings
        if allowance.unit is unit and bucket.available > 0 and not allowance.is_over(at)
    )
    return sorted(usable, key=lambda pair: spending_order(pair[1]))
