"""What can happen to balances: issues, transfers and holds, as immutable values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, TransferId
from yuzuri.ledger.allowances import Allowance


class House(StrEnum):
    """The accounts of the house: where amounts come from and go to. They keep no balance row."""

    ISSUED = "issued"
    EXPIRED = "expired"
    CONVERTED = "converted"


HOUSE: dict[House, HolderId] = {
    house: HolderId(UUID(int=number)) for number, house in enumerate(House, start=1)
}
"""The holder id of each house account: fixed, the same in every database."""

HOUSE_IDS = frozenset(HOUSE.values())


class TransferKind(StrEnum):
    """Why an amount moved."""

    ISSUE = "issue"
    GIFT = "gift"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Moves `amount` (above 0) of one allowance from one holder's bucket to another's.

    `cause` is the gift, purchase or other matter that it belongs to. `hold` is the hold that it
    captures, if any: the amount was set aside for it.
    """

    id: TransferId
    allowance: AllowanceId
    source: HolderId
    target: HolderId
    amount: int
    kind: TransferKind
    cause: UUID
    hold: HoldId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAllowance:
    """Makes an allowance known before something of it is issued; the same again changes nothing."""

    allowance: Allowance


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """Sets `amount` of a bucket aside for `cause` until `expires_at`, when it is free by itself."""

    id: HoldId
    holder: HolderId
    allowance: AllowanceId
    amount: int
    cause: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHold:
    """Frees what a hold has set aside and not captured."""

    id: HoldId


LedgerChange = Transfer | NewAllowance | OpenHold | ReleaseHold
