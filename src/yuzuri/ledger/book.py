"""The book: the balances that one group of commands may touch, and what becomes of them.

It is loaded whole before the group is decided, under the locks of its holders. Rules read it;
`apply` is the only thing that changes it, and refuses (as a defect, never as business) whatever
would break I2 or I3. What changed is then written in one go by the store.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import assert_never
from uuid import UUID

from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, TransferId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.changes import (
    HOUSE_IDS,
    LedgerChange,
    NewAllowance,
    OpenHold,
    ReleaseHold,
    Transfer,
    TransferKind,
)

FIRST_HASH = bytes(32)
"""What the first entry of a bucket is chained to."""

BucketKey = tuple[HolderId, AllowanceId]


class BookError(Exception):
    """A change that no rule should have let through: a defect, stopped before it is written."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much of one allowance one holder has, in base units; 0 ≤ held ≤ balance (I2, I3)."""

    holder: HolderId
    allowance: AllowanceId
    balance: int = 0
    held: int = 0
    entries: int = 0
    head: bytes = FIRST_HASH

    @property
    def available(self) -> int:
        """What is neither spent nor set aside."""
        return self.balance - self.held


class HoldState(StrEnum):
    """Where a hold stands."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Hold:
    """So much of a bucket set aside for a cause; ends once, and by itself at `expires_at`."""

    id: HoldId
    holder: HolderId
    allowance: AllowanceId
    amount: int
    cause: UUID
    opened_at: datetime
    expires_at: datetime
    state: HoldState = HoldState.OPEN
    captured: int = 0
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transfer; append-only. `hash` chains it to the bucket's entry before (I5)."""

    holder: HolderId
    transfer: TransferId
    allowance: AllowanceId
    amount: int
    kind: TransferKind
    cause: UUID
    at: datetime
    number: int
    hash: bytes


@dataclass(slots=True)
class Book:
    """The working set of one group at one instant `at`."""

    at: datetime
    allowances: dict[AllowanceId, Allowance] = field(default_factory=dict)
    buckets: dict[HolderId, dict[AllowanceId, Bucket]] = field(default_factory=dict)
    holds: dict[HoldId, Hold] = field(default_factory=dict)
    holds_by_cause: dict[UUID, list[HoldId]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    new_allowances: dict[AllowanceId, Allowance] = field(default_factory=dict)
    changed_buckets: set[BucketKey] = field(default_factory=set)
    changed_holds: set[HoldId] = field(default_factory=set)

    def add_bucket(self, bucket: Bucket) -> None:
        """Take a bucket into the book as it stands in the database."""
        self.buckets.setdefault(bucket.holder, {})[bucket.allowance] = bucket

    def add_hold(self, hold: Hold) -> None:
        """Take a hold into the book as it stands in the database."""
        if hold.id not in self.holds:
            self.holds_by_cause.setdefault(hold.cause, []).append(hold.id)
        self.holds[hold.id] = hold

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

    def open_holds(self, cause: UUID) -> list[Hold]:
        """Return the holds that are still open for a cause, soonest expiring allowance first."""
        known = (self.holds[hold_id] for hold_id in self.holds_by_cause.get(cause, ()))
        held = [hold for hold in known if hold.state is HoldState.OPEN]
        return sorted(held, key=lambda hold: spending_order(self.allowances[hold.allowance]))

    def apply(self, changes: Iterable[LedgerChange]) -> None:
        """Carry out what was decided, in order; raises `BookError` for what must never be."""
        for change in changes:
            match change:
                case NewAllowance():
                    self._add_allowance(change.allowance)
                case Transfer():
                    self._transfer(change)
                case OpenHold():
                    self._open_hold(change)
                case ReleaseHold():
                    self._end_hold(self._open(change.id), HoldState.RELEASED)
                case _:
                    assert_never(change)

    def end_lapsed_holds(self) -> None:
        """Free every hold whose time is up, so that no rule ever counts it."""
        for hold in list(self.holds.values()):
            if hold.state is HoldState.OPEN and hold.expires_at <= self.at:
                self._end_hold(hold, HoldState.LAPSED)

    def _add_allowance(self, allowance: Allowance) -> None:
        known = self.allowances.get(allowance.id)
        if known is not None and known != allowance:
            raise BookError(f"allowance {allowance.id} is known on other terms")
        if known is None:
            self.allowances[allowance.id] = self.new_allowances[allowance.id] = allowance

    def _transfer(self, transfer: Transfer) -> None:
        if transfer.amount <= 0 or transfer.source == transfer.target:
            raise BookError(f"transfer {transfer.id} moves nothing")
        if transfer.hold is not None:
            self._capture(transfer, transfer.hold)
        for holder, amount in (
            (transfer.source, -transfer.amount),
            (transfer.target, transfer.amount),
        ):
            self._enter(transfer, holder, amount)

    def _capture(self, transfer: Transfer, hold_id: HoldId) -> None:
        hold = self._open(hold_id)
        if (hold.holder, hold.allowance) != (transfer.source, transfer.allowance):
            raise BookError(f"hold {hold.id} is on another bucket")
        if transfer.amount > hold.amount:
            raise BookError(f"hold {hold.id} is for less than {transfer.amount}")
        self._end_hold(hold, HoldState.CAPTURED, transfer.amount)

    def _enter(self, transfer: Transfer, holder: HolderId, amount: int) -> None:
        if holder in HOUSE_IDS:
            number, head = 0, FIRST_HASH
        else:
            bucket = self._bucket(holder, transfer.allowance)
            number = bucket.entries + 1
            head = entry_hash(bucket.head, transfer, holder, amount, self.at)
            self._set_bucket(
                replace(bucket, balance=bucket.balance + amount, entries=number, head=head)
            )
        self.entries.append(
            Entry(
                holder, transfer.id, transfer.allowance, amount,
                transfer.kind, transfer.cause, self.at, number, head,
            )
        )  # fmt: skip

    def _open_hold(self, opened: OpenHold) -> None:
        if opened.amount <= 0 or opened.expires_at <= self.at:
            raise BookError(f"hold {opened.id} holds nothing")
        bucket = self._bucket(opened.holder, opened.allowance)
        self._set_bucket(replace(bucket, held=bucket.held + opened.amount))
        self._set_hold(
            Hold(
                opened.id, opened.holder, opened.allowance, opened.amount,
                opened.cause, self.at, opened.expires_at,
            )
        )  # fmt: skip

    def _end_hold(self, hold: Hold, state: HoldState, captured: int = 0) -> None:
        bucket = self._bucket(hold.holder, hold.allowance)
        self._set_bucket(replace(bucket, held=bucket.held - hold.amount))
        self._set_hold(replace(hold, state=state, captured=captured, ended_at=self.at))

    def _open(self, hold_id: HoldId) -> Hold:
        hold = self.holds.get(hold_id)
        if hold is None or hold.state is not HoldState.OPEN:
            raise BookError(f"hold {hold_id} is not open")
        return hold

    def _bucket(self, holder: HolderId, allowance: AllowanceId) -> Bucket:
        if allowance not in self.allowances:
            raise BookError(f"allowance {allowance} is not in the book")
        return self.buckets.get(holder, {}).get(allowance) or Bucket(holder, allowance)

    def _set_bucket(self, bucket: Bucket) -> None:
        # A capture lowers held before balance, so both bounds hold after every step.
        if not 0 <= bucket.held <= bucket.balance:
            raise BookError(
                f"bucket of {bucket.holder} would hold {bucket.held} of {bucket.balance}"
            )
        self.add_bucket(bucket)
        self.changed_buckets.add((bucket.holder, bucket.allowance))

    def _set_hold(self, hold: Hold) -> None:
        self.add_hold(hold)
        self.changed_holds.add(hold.id)


def spending_order(allowance: Allowance) -> tuple[bool, float, bool, datetime, UUID]:
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


def entry_hash(
    previous: bytes, transfer: Transfer, holder: HolderId, amount: int, at: datetime
) -> bytes:
    """Chain one entry to the one before it; `invariants.py` computes the same from the rows."""
    return sha256(
        previous
        + transfer.id.bytes
        + holder.bytes
        + transfer.allowance.bytes
        + amount.to_bytes(8, "big", signed=True)
        + transfer.cause.bytes
        + transfer.kind.value.encode()
        + round(at.timestamp() * 1_000_000).to_bytes(8, "big", signed=True)
    ).digest()
