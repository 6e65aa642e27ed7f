"""What can happen to balances: transfers and holds, as immutable values."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, Id, TransferId
from yuzuri.ledger.allowances import Allowance


class House(StrEnum):
    """The accounts of the house: where amounts come from and go to. They keep no balance row."""

    ISSUED = "issued"
    EXPIRED = "expired"
    CONVERTED = "converted"
    USED = "used"
    TRANSIT = "transit"


HOUSE: dict[House, HolderId] = {
    house: HolderId(Id(number.to_bytes(14) + bytes(2)))
    for number, house in enumerate(House, start=1)
}
"""The holder id of each house account: the same in every home of every database."""

HOUSE_IDS = frozenset(HOUSE.values())


USE_SETTLEMENT = timedelta(minutes=70)
"""How long after its end an allowance may pay for what was used before it and set aside for that.

Networks report what was used afterwards.
"""


class TransferKind(StrEnum):
    """Why an amount moved; the value is what the journal keeps."""

    ISSUE = "i"
    GIFT = "g"
    MOVE = "m"
    USE = "u"
    TRANSIT = "t"
    EXPIRE = "e"


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Moves `amount` (above 0) of one allowance from one holder's bucket to another's.

    Both have the same home, or one of them is the house. `cause` is the gift, purchase or other
    matter that it belongs to. `hold` is the hold that it captures, if any: the amount was set aside
    for it; what is left of the hold is free again, or with `keep_rest` stays set aside.
    """

    allowance: AllowanceId
    source: HolderId
    target: HolderId
    amount: int
    kind: TransferKind
    cause: Id
    hold: HoldId | None = None
    keep_rest: bool = False


class NewAllowance(msgspec.Struct, frozen=True, kw_only=True):
    """Makes an allowance known to a holder's home; the same again changes nothing."""

    allowance: Allowance
    holder: HolderId


class OpenHold(msgspec.Struct, frozen=True, kw_only=True):
    """Sets `amount` of a bucket aside for `cause` until `expires_at`, when it is free by itself."""

    id: HoldId
    holder: HolderId
    allowance: AllowanceId
    amount: int
    cause: Id
    expires_at: datetime


class ResizeHold(msgspec.Struct, frozen=True, kw_only=True):
    """Lets an open hold set `amount` (above 0) aside from now on, until `expires_at`."""

    id: HoldId
    amount: int
    expires_at: datetime


class ReleaseHold(msgspec.Struct, frozen=True, kw_only=True):
    """Frees what a hold has set aside and not captured."""

    id: HoldId


class CloseBucket(msgspec.Struct, frozen=True, kw_only=True):
    """Removes a bucket that is empty and whose allowance is over."""

    holder: HolderId
    allowance: AllowanceId


class EnterTransit(msgspec.Struct, frozen=True, kw_only=True):
    """Lists what left its source's home for `target` in another, until it has arrived."""

    id: TransferId
    source: HolderId
    target: HolderId
    allowance: AllowanceId
    amount: int
    deadline: datetime


class LeaveTransit(msgspec.Struct, frozen=True, kw_only=True):
    """Takes what has arrived off the list of the home that it left."""

    id: TransferId
    home: Home


LedgerChange = (
    Transfer
    | OpenHold
    | ResizeHold
    | ReleaseHold
    | NewAllowance
    | CloseBucket
    | EnterTransit
    | LeaveTransit
)
