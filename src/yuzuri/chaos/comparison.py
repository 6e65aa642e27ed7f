"""What was acknowledged beside what the database has: what is lost, and what happened twice. Pure.

Every gift carries the number of its wish in its message, so that a double is seen even if nobody
was ever told of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from yuzuri.chaos.acknowledgements import Acknowledged, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptGift:
    """A gift as the database has it; amounts in bytes, as the entries of the journal tell them."""

    id: str
    wish: int
    state: str
    amount: int
    given: int
    """What has left the giver for it."""
    received: int
    """What has come to the receiver for it."""


class DamageKind(StrEnum):
    """What may never happen."""

    LOST = "lost"
    TWICE = "twice"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that was acknowledged and is not there, or is there more than once."""

    kind: DamageKind
    request: str
    """Whose request: the wish, and of one that is lost also the step."""
    what: str = field(compare=False)


def compare(acknowledged: Iterable[Acknowledged], kept: Iterable[KeptGift]) -> Iterator[Damage]:
    """Yield every damage; `kept` has every gift of the wishes that are acknowledged, or more."""
    gifts = {gift.id: gift for gift in kept}
    for told in acknowledged:
        lost = _what_is_lost(told, gifts.get(told.gift))
        if lost:
            yield Damage(DamageKind.LOST, f"{told.wish} {told.step}", f"gift {told.gift} {lost}")
    by_wish: defaultdict[int, list[KeptGift]] = defaultdict(list)
    for gift in gifts.values():
        by_wish[gift.wish].append(gift)
        moves = gift.amount if gift.state == Step.ACCEPT else 0
        if max(gift.given, gift.received) > moves:
            what = f"gift {gift.id} is {gift.state} and has moved {_moved(gift)}"
            yield Damage(DamageKind.TWICE, f"{gift.wish} moved", what)
    for wish, same in by_wish.items():
        if len(same) > 1:
            what = "became gifts " + ", ".join(sorted(gift.id for gift in same))
            yield Damage(DamageKind.TWICE, f"{wish}", what)


def _what_is_lost(told: Acknowledged, gift: KeptGift | None) -> str | None:
    if gift is None:
        return f"was told to be {told.step}, and is not there"
    if told.step is Step.OFFER:
        return None  # whatever has become of it since
    if gift.state != told.step:
        return f"was told to be {told.step}, and is {gift.state}"
    if told.step is Step.ACCEPT and min(gift.given, gift.received) < gift.amount:
        return f"was told to be {told.step}, and has moved {_moved(gift)}"
    return None


def _moved(gift: KeptGift) -> str:
    return f"{gift.given} from its giver and {gift.received} to its receiver, of {gift.amount}"
