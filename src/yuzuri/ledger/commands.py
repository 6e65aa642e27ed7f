"""What can be asked of the ledger itself, by faces and jobs that know the holders they name.

Pure: the book and a command in; an outcome and its changes out. Outcomes that are business are
returned, a balance that is too small among them.
"""

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from yuzuri.kernel.errors import Code, FieldValue, Refusal
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, Id, TransferId, home_of
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import (
    HOUSE,
    HOUSE_IDS,
    EnterTransit,
    House,
    LeaveTransit,
    LedgerChange,
    NewAllowance,
    OpenHold,
    ReleaseHold,
    Transfer,
    TransferKind,
)

TRANSIT_MAX = timedelta(minutes=5)
"""How long what is between two homes may be on its way before `yuzuri verify` complains."""

_CLOSED = HOUSE_IDS - {HOUSE[House.USED]}


class Move(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Move `amount` of an allowance to another holder, as it is.

    Between two homes it leaves one and arrives in the other, in two steps that each happen once.
    """

    id: TransferId
    allowance: AllowanceId
    source: HolderId
    target: HolderId
    amount: int


class Deliver(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The second step of a move between homes: what has left one arrives in the target's."""

    id: TransferId
    allowance: Allowance
    target: HolderId
    amount: int


class ForgetTransit(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take what has arrived off the list of the home that it left."""

    id: TransferId
    left: Home


class Reserve(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Set `amount` of an allowance aside until it is captured, released, or `expires_at` comes."""

    id: HoldId
    holder: HolderId
    allowance: AllowanceId
    amount: int
    cause: Id
    expires_at: datetime


class Capture(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Move `amount` of what a hold has set aside to `target`, a holder of the same home.

    The rest is free again; with `keep_rest` it stays set aside.
    """

    hold: HoldId
    holder: HolderId
    target: HolderId
    amount: int
    keep_rest: bool = False


class Release(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Free what a hold has set aside."""

    hold: HoldId
    holder: HolderId


LedgerCommand = Move | Deliver | ForgetTransit | Reserve | Capture | Release


class LedgerDone(msgspec.Struct, frozen=True):
    """It is done, to the unit as it was asked."""


DONE = LedgerDone()

LedgerOutcome = LedgerDone | Refusal

Decision = tuple[LedgerOutcome, tuple[LedgerChange, ...]]


def holders_named(command: LedgerCommand) -> set[HolderId]:
    """Return the holders whose buckets a command may touch, all of its own home."""
    match command:
        case Move():
            holder = command.source
            holders = {holder, command.target}
        case Capture():
            holder = command.holder
            holders = {holder, command.target}
        case Reserve() | Release():
            return {command.holder}
        case Deliver():
            return {command.target}
        case ForgetTransit():
            return set()
        case _:
            assert_never(command)
    if command.target[14:] != holder[14:] or not holders.isdisjoint(HOUSE_IDS):
        return {holder} - HOUSE_IDS
    return holders


def acting_home(command: LedgerCommand) -> Home:
    """Return the home whose books a command changes."""
    match command:
        case Move():
            return home_of(command.source)
        case Reserve() | Capture() | Release():
            return home_of(command.holder)
        case Deliver():
            return home_of(command.target)
        case ForgetTransit():
            return command.left
        case _:
            assert_never(command)


def decide_ledger(book: Book, command: LedgerCommand) -> Decision:
    """Decide a command to the ledger; pure."""
    match command:
        case Move():
            return decide_move(book, command)
        case Reserve():
            return decide_reservation(book, command)
        case Capture():
            return decide_capture(book, command)
        case Release():
            return decide_release(book, command)
        case Deliver():
            return decide_delivery(command)
        case ForgetTransit():
            return decide_end_of_transit(command)
        case _:
            assert_never(command)


def decide_move(book: Book, command: Move) -> Decision:
    """Decide a move; what is held or over cannot be moved."""
    refusal = _refusal_to_take(book, command.source, command.allowance, command.amount)
    if refusal is None and command.source == command.target:
        refusal = Refusal(Code.TRANSFER_TO_ITSELF)
    if refusal is None and not _can_receive(book, command.target):
        refusal = Refusal(Code.HOLDER_UNKNOWN)
    if refusal is not None:
        return refusal, ()
    if command.source[14:] == command.target[14:] or command.target in HOUSE_IDS:
        return DONE, (_transfer(command, command.target, TransferKind.MOVE),)
    return DONE, (
        _transfer(command, HOUSE[House.TRANSIT], TransferKind.TRANSIT),
        EnterTransit(
            id=command.id,
            source=command.source,
            target=command.target,
            allowance=command.allowance,
            amount=command.amount,
            deadline=book.at + TRANSIT_MAX,
        ),
    )


def decide_delivery(command: Deliver) -> Decision:
    """Decide what arrives: always, whatever has happened to its allowance on the way."""
    return DONE, (
        NewAllowance(allowance=command.allowance, holder=command.target),
        Transfer(
            allowance=command.allowance.id,
            source=HOUSE[House.TRANSIT],
            target=command.target,
            amount=command.amount,
            kind=TransferKind.TRANSIT,
            cause=command.id,
        ),
    )


def decide_reservation(book: Book, command: Reserve) -> Decision:
    """Decide a hold; many may stand on one bucket."""
    if command.expires_at <= book.at:
        return Refusal(Code.HOLD_ENDED), ()
    if command.id in book.holds:
        return Refusal(Code.KEY_REUSED), ()
    refusal = _refusal_to_take(book, command.holder, command.allowance, command.amount)
    if refusal is not None:
        return refusal, ()
    return DONE, (
        OpenHold(
            id=command.id,
            holder=command.holder,
            allowance=command.allowance,
            amount=command.amount,
            cause=command.cause,
            expires_at=command.expires_at,
        ),
    )


def decide_capture(book: Book, command: Capture) -> Decision:
    """Decide a capture; a hold that ran out, or outlives its allowance, has nothing left to it."""
    hold = book.holds.get(command.hold)
    if hold is None or hold.holder != command.holder:
        return Refusal(Code.HOLD_ENDED), ()
    if command.amount <= 0:
        return Refusal(Code.AMOUNT_NOT_POSITIVE), ()
    if book.allowances[hold.allowance].is_over(book.at):
        return Refusal(Code.ALLOWANCE_EXPIRED), ()
    if command.amount > hold.amount:
        return Refusal(Code.HOLD_TOO_SMALL, _counted(book, hold.allowance, hold.amount)), ()
    if command.target == command.holder:
        return Refusal(Code.TRANSFER_TO_ITSELF), ()
    if not _can_receive(book, command.target):
        return Refusal(Code.HOLDER_UNKNOWN), ()
    if command.target not in HOUSE_IDS and home_of(command.target) != home_of(command.holder):
        return Refusal(Code.HOLDER_ELSEWHERE), ()
    return DONE, (
        Transfer(
            allowance=hold.allowance,
            source=hold.holder,
            target=command.target,
            amount=command.amount,
            kind=TransferKind.USE if command.target in HOUSE_IDS else TransferKind.MOVE,
            cause=hold.cause,
            hold=hold.id,
            keep_rest=command.keep_rest,
        ),
    )


def decide_release(book: Book, command: Release) -> Decision:
    """Decide a release; what has ended already stays as it ended."""
    hold = book.holds.get(command.hold)
    if hold is None or hold.holder != command.holder:
        return Refusal(Code.HOLD_ENDED), ()
    return DONE, (ReleaseHold(id=hold.id),)


def decide_end_of_transit(command: ForgetTransit) -> Decision:
    """Decide to forget what has arrived; to forget it twice changes nothing."""
    return DONE, (LeaveTransit(id=command.id, home=command.left),)


def _can_receive(book: Book, target: HolderId) -> bool:
    """Of the house, only what is used up: the ledger alone accounts for the rest."""
    return target not in _CLOSED and home_of(target) < book.homes


def _refusal_to_take(
    book: Book, holder: HolderId, allowance: AllowanceId, amount: int
) -> Refusal | None:
    if amount <= 0:
        return Refusal(Code.AMOUNT_NOT_POSITIVE)
    owned = book.buckets.get(holder)
    bucket = None if owned is None else owned.get(allowance)
    if bucket is None:
        return Refusal(Code.ALLOWANCE_UNKNOWN)
    if book.allowances[allowance].is_over(book.at):
        return Refusal(Code.ALLOWANCE_EXPIRED)
    if bucket.balance - bucket.held < amount:
        left = _counted(book, allowance, bucket.available)
        return Refusal(
            Code.BALANCE_NOT_ENOUGH, left | {"amount": _quantity(book, allowance, amount)}
        )
    return None


def _transfer(move: Move, target: HolderId, kind: TransferKind) -> Transfer:
    return Transfer(
        allowance=move.allowance,
        source=move.source,
        target=target,
        amount=move.amount,
        kind=kind,
        cause=move.id,
    )


def _counted(book: Book, allowance: AllowanceId, available: int) -> dict[str, FieldValue]:
    return {"available": _quantity(book, allowance, available)}


def _quantity(book: Book, allowance: AllowanceId, amount: int) -> Quantity:
    return Quantity(amount, book.allowances[allowance].unit)
