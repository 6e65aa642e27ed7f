"""Booking what has expired to the house. It could not be spent before either: this is tidiness."""

from dataclasses import dataclass

import msgspec

from yuzuri.kernel.ids import HolderId
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import (
    HOUSE,
    CloseBucket,
    House,
    LedgerChange,
    Transfer,
    TransferKind,
)


class ExpireBuckets(msgspec.Struct, frozen=True, tag=True):
    """Book what of these holders, all of one home, has expired to the house."""

    holders: tuple[HolderId, ...]


@dataclass(frozen=True, slots=True)
class Expired:
    """So many buckets were emptied or, being empty, removed."""

    buckets: int


def expire_buckets(book: Book, command: ExpireBuckets) -> tuple[Expired, list[LedgerChange]]:
    """Decide what has expired; what is still held waits for its hold to end."""
    changes: list[LedgerChange] = []
    closed = 0
    for holder in dict.fromkeys(command.holders):
        for bucket in sorted(book.buckets_of(holder), key=lambda bucket: bucket.allowance):
            if bucket.held or not book.allowances[bucket.allowance].is_over(book.at):
                continue
            closed += 1
            if bucket.balance:
                changes.append(
                    Transfer(
                        allowance=bucket.allowance,
                        source=holder,
                        target=HOUSE[House.EXPIRED],
                        amount=bucket.balance,
                        kind=TransferKind.EXPIRE,
                        cause=bucket.allowance,
                    )
                )
            changes.append(CloseBucket(holder=holder, allowance=bucket.allowance))
    return Expired(closed), changes
