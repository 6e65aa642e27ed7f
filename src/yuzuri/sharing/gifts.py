"""Gifts, what can be asked about one, and what that is answered with.

While a gift is open its amount is set aside by holds on the giver's own buckets, so what is not
taken is back where it was, with its own expiry, at the moment it ends.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from yuzuri.feasibility.verdict import Arrival, Effect, Instead, Reason
from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.errors import Code, DomainError, FieldValue
from yuzuri.kernel.ids import (
    DelegationId,
    GiftId,
    HolderId,
    Id,
    PersonId,
)
from yuzuri.kernel.quantities import Quantity, Unit

MESSAGE_LENGTH_MAX = 200
"""Characters of the message that goes with a gift."""


class GiftState(StrEnum):
    """Where a gift stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """So much from one line to another, with a message; `amount` in base units."""

    id: GiftId
    from_line: HolderId
    to_line: HolderId
    unit: Unit
    amount: int
    message: str
    state: GiftState
    offered_at: datetime
    deadline: datetime
    ended_at: datetime | None = None
    via: Id | None = None
    """The posted link that it is a share of, or the request that it answers (their ids)."""
    is_share: bool = False
    """It is a share of a posted link: limits of the giver count the link, not each share."""
    authority: DelegationId | None = None
    """On whose authority it was offered, where the giver's person did not do it."""
    is_giver_hidden: bool = False
    """The receiver does not see who gave it."""
    is_receiver_hidden: bool = False
    """The giver does not see who took it."""
    thanks: str = ""
    """What the receiver has said to it."""

    @property
    def quantity(self) -> Quantity:
        """What is given."""
        return Quantity(self.amount, self.unit)

    def is_open(self, at: datetime) -> bool:
        """Tell whether it can still be accepted; at its deadline it is too late."""
        return self.state is GiftState.OPEN and at < self.deadline

    def state_at(self, at: datetime) -> GiftState:
        """Return where it stands at an instant, whether a sweep has written it down or not."""
        is_over = self.state is GiftState.OPEN and not self.is_open(at)
        return GiftState.EXPIRED if is_over else self.state


# ---------------------------------------------------------------- commands


class OfferGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Offer something of a line that the person has to another line."""

    person: PersonId
    from_line: HolderId
    to_line: HolderId
    unit: Unit
    amount: int
    message: str = ""


class AcceptGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take a gift that was offered to a line of the person."""

    person: PersonId
    gift: GiftId


class DeclineGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Turn a gift down that was offered to a line of the person."""

    person: PersonId
    gift: GiftId


class CancelGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take a gift back that a line of the person has offered, while nobody has accepted it."""

    person: PersonId
    gift: GiftId


class ExpireGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Mark a gift as expired whose deadline has passed; what it held has been free since then."""

    gift: GiftId


GiftCommand = OfferGift | AcceptGift | DeclineGift | CancelGift | ExpireGift


def checked_offer(offer: OfferGift) -> OfferGift:
    """Return an offer that can be understood, or raise `DomainError`."""
    checked_quantity(offer.amount, offer.unit)
    checked_message(offer.message)
    return offer


def checked_message(message: str) -> str:
    """Return a message that can be kept, or raise `DomainError`."""
    if len(message) > MESSAGE_LENGTH_MAX:
        raise DomainError(Code.MESSAGE_TOO_LONG, limit=MESSAGE_LENGTH_MAX)
    if "\0" in message:
        raise DomainError(Code.REQUEST_INVALID, field="message", problem="U+0000 is no text")
    return message


# ---------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True)
class GiftDone:
    """The gift as the command has left it, what arrives or arrived, and what one should know."""

    gift: Gift
    arrives: tuple[Arrival, ...] = ()
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class GiftRefused:
    """Nothing has changed; every reason, the deciding ones first, and what would work instead."""

    reasons: tuple[Reason, ...]
    instead: tuple[Instead, ...] = ()


GiftOutcome = GiftDone | GiftRefused


def refused(code: Code, **fields: FieldValue) -> GiftRefused:
    """Refuse for one reason that no published rule is behind."""
    return GiftRefused((Reason(code, Effect.REFUSES, fields),))
