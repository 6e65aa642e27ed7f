"""Booking what has expired to the house. It could not be spent before either: this is tidiness."""

from dataclasses import dataclass

import msgspec

from yuzuri.kernel.ids import HolderId, TransferId, new_id
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import HOUSE, House, LedgerChange, Transfer, TransferKind


class ExpireBuckets(msgspec.Struct, frozen=True, tag=True):
    """Book a holder's expired balances to the house."""

    holder: HolderId


@dataclass(frozen=True, slots=True)
class Expired:
    """So many buckets were emptied."""

    buckets: int


def expire_buckets(book: Book, command: ExpireBuckets) -> tuple[Expired, list[LedgerChange]]:
    """Decide what of a holder's has expired; what is still held waits for its hold to end."""
    changes: list[LedgerChange] = [
        Transfer(
            id=TransferId(new_id()),
            allowance=bucket.allowance,
            source=command.holder,
            target=HOUSE[House.EXPIRED],
            amount=bucket.available,
            kind=TransferKind.EXPIRE,
            cause=bucket.allowance,
        )
        for bucket in sorted(book.buckets_of(command.holder), key=lambda bucket: bucket.allowance)
        if bucket.available and book.allowances[bucket.allowance].is_over(book.at)
    ]
    return Expired(len(changes)), changes
