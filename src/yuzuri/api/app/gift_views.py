"""Gifts as the API shows them to one of their two people."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.verdict_json import SaidArrival, SaidReason, say_arrival, say_reasons
from yuzuri.sharing.account import GiftInView
from yuzuri.sharing.gifts import GiftDone, GiftState
from yuzuri.subscribers.lines import Person


class Direction(StrEnum):
    """Which gifts: what came in, what went out, or all."""

    IN = "in"
    OUT = "out"
    ALL = "all"


class OwnLineView(msgspec.Struct, frozen=True, kw_only=True):
    """The reader's own line of the two."""

    id: UUID
    label: str


class OtherView(msgspec.Struct, frozen=True, kw_only=True):
    """The other person: a nickname, and the last digits of a number."""

    nickname: str
    number: str


def view_other(person: Person | None, number: str) -> OtherView | None:
    """Show another person; None: they hide their name."""
    return None if person is None else OtherView(nickname=person.nickname, number=number)


class AuthorityView(msgspec.Struct, frozen=True, kw_only=True):
    """By whom something was done, and on whose authority: two nicknames."""

    delegate: str
    owner: str


class GiftView(msgspec.Struct, frozen=True, kw_only=True):
    """A gift as one of its two people sees it; `amount` in bytes, seconds or messages.

    An open gift is `expired` from its `deadline` on, and what was set aside for it is free again.
    `other` is null where they hide their name, `authority` where the giver gave it.
    `thanks`: what the receiver has said to it.
    """

    id: UUID
    direction: Direction
    state: GiftState
    unit: Unit
    amount: int
    message: str
    line: OwnLineView
    other: OtherView | None
    authority: AuthorityView | None
    thanks: str
    offered_at: datetime
    deadline: datetime
    ended_at: datetime | None


class GiftAnswer(GiftView, frozen=True, kw_only=True):
    """A gift as a request has left it; `arrives`: what the receiver gets or got, and until when."""

    arrives: SaidArrival | None
    notes: tuple[SaidReason, ...]


class GiftsView(msgspec.Struct, frozen=True, kw_only=True):
    """Gifts, newest first."""

    gifts: list[GiftView]


def view_gift(seen: GiftInView, at: datetime) -> GiftView:
    """Show a gift as it stands at an instant."""
    return GiftView(**_fields(seen, at))


def view_answer(seen: GiftInView, done: GiftDone, language: Language, zone: ZoneInfo) -> GiftAnswer:
    """Show a gift as a request has left it, its notes in a language and by the clocks of a zone."""
    return GiftAnswer(
        **_fields(seen, done.gift.ended_at or done.gift.offered_at),
        arrives=say_arrival(done.arrives),
        notes=say_reasons(done.notes, language, zone),
    )


def _fields(seen: GiftInView, at: datetime) -> dict[str, Any]:
    gift = seen.gift
    return {
        "id": gift.id.uuid,
        "direction": Direction.OUT if seen.is_mine else Direction.IN,
        "state": gift.state_at(at),
        "unit": gift.unit,
        "amount": gift.amount,
        "message": gift.message,
        "line": OwnLineView(id=seen.line.id.uuid, label=seen.line.label),
        "other": view_other(seen.other, seen.other_number),
        "authority": None
        if seen.authority is None
        else AuthorityView(
            delegate=seen.authority.delegate.nickname, owner=seen.authority.owner.nickname
        ),
        "thanks": gift.thanks,
        "offered_at": gift.offered_at,
        "deadline": gift.deadline,
        "ended_at": gift.ended_at,
    }
