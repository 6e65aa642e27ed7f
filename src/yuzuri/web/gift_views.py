"""Gifts as a page shows them: what, from or to whom, where it stands, and what has happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from yuzuri.kernel.names import Language
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.account import GiftInView
from yuzuri.sharing.gifts import Gift, GiftState
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import line_name
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate


@dataclass(frozen=True, slots=True)
class Happening:
    """One point of a gift's time."""

    text: str
    when: str
    is_past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftView:
    """A gift as one of its two people sees it."""

    id: str
    is_mine: bool
    is_open: bool
    state: GiftState
    state_text: str
    unit: str
    amount: str
    other: str
    other_number: str
    line: str
    authority: str
    """By whom or for whom it was given; empty: the giver has given it."""
    message: str
    when: str
    accept_until: str
    left: str
    happenings: tuple[Happening, ...]
    came_by: str
    """By a link or a request; empty: from one to the other."""
    came_by_path: str
    """Where it is found, if it is the reader's own."""
    thanks: str
    can_thank: bool


def view_gift(seen: GiftInView, profiles: Profiles, language: Language, at: datetime) -> GiftView:
    """Put a gift into words, by the clocks of the person's own line's operator."""
    gift, profile = seen.gift, profiles[seen.line.operator]
    reader = Reader(language, profile.zone, at)
    state = gift.state_at(at)
    came_by, came_by_path = _came_by(seen, language)
    return GiftView(
        id=str(gift.id),
        is_mine=seen.is_mine,
        is_open=state is GiftState.OPEN,
        state=state,
        state_text=_state_text(state, language, is_mine=seen.is_mine),
        unit=gift.unit.value,
        amount=say_quantity(gift.quantity, language),
        other=seen.other.nickname if seen.other else translate(language, "somebody"),
        other_number=seen.other_number,
        line=line_name(seen.line, profile, language),
        authority=_say_authority(seen, language),
        message=gift.message,
        when=reader.past(_ended_at(gift, state)),
        accept_until=reader.until(gift.deadline),
        left=reader.left(gift.deadline) if state is GiftState.OPEN else "",
        happenings=tuple(_happenings(seen, state, reader)),
        came_by=came_by,
        came_by_path=came_by_path,
        thanks=gift.thanks,
        can_thank=not seen.is_mine and state is GiftState.ACCEPTED and not gift.thanks,
    )


def _say_authority(seen: GiftInView, language: Language) -> str:
    """Say who has given it on whose authority, to each of those who see it."""
    if seen.authority is None:
        return ""
    delegate, owner = seen.authority.delegate.nickname, seen.authority.owner.nickname
    if not seen.is_mine:
        return translate(language, "{delegate} gave it for {owner}", delegate=delegate, owner=owner)
    if seen.authority.is_by_reader:
        return translate(language, "on {owner}’s authority", owner=owner)
    return translate(language, "{delegate} gave it, on your authority", delegate=delegate)


def _came_by(seen: GiftInView, language: Language) -> tuple[str, str]:
    gift = seen.gift
    if gift.via is None:
        return "", ""
    if gift.is_share and seen.is_mine:
        return translate(language, "A share of your link"), f"/links/{gift.via}"
    if gift.is_share:
        return translate(language, "A share of a link"), ""
    if seen.is_mine:
        return translate(language, "Given to a request"), ""
    return translate(language, "Given to your request"), f"/requests/{gift.via}"


def _ended_at(gift: Gift, state: GiftState) -> datetime:
    """Return when a gift came to where it stands; one that ran out did so at its deadline."""
    if state is GiftState.EXPIRED:
        return gift.deadline
    return gift.ended_at or gift.offered_at


def _state_text(state: GiftState, language: Language, *, is_mine: bool) -> str:
    match state:
        case GiftState.OPEN if is_mine:
            return translate(language, "Waiting for an answer")
        case GiftState.OPEN:
            return translate(language, "Waiting for you")
        case GiftState.ACCEPTED if is_mine:
            return translate(language, "Given")
        case GiftState.ACCEPTED:
            return translate(language, "Received")
        case GiftState.DECLINED:
            return translate(language, "Declined")
        case GiftState.CANCELLED:
            return translate(language, "Taken back")
        case GiftState.EXPIRED:
            return translate(language, "Not accepted in time")
        case _:
            assert_never(state)


def _happenings(seen: GiftInView, state: GiftState, reader: Reader) -> Iterator[Happening]:
    gift, language = seen.gift, reader.language
    if gift.is_share:
        posted = translate(language, "Put behind a link")
        yield Happening(posted, reader.instant(gift.offered_at), is_past=True)
        taken = translate(language, "Taken, and arrived")
        yield Happening(taken, reader.instant(_ended_at(gift, state)), is_past=True)
        return
    offered = translate(language, "Offered")
    if state is GiftState.ACCEPTED and gift.ended_at == gift.offered_at:
        yield Happening(
            translate(language, "Arrived at once"), reader.instant(gift.offered_at), is_past=True
        )
        return
    yield Happening(offered, reader.instant(gift.offered_at), is_past=True)
    match state:
        case GiftState.OPEN:
            text = translate(language, "Can be accepted")
            yield Happening(text, reader.until(gift.deadline), is_past=False)
            return
        case GiftState.ACCEPTED:
            text = translate(language, "Accepted, and arrived")
        case GiftState.DECLINED:
            text = translate(language, "Declined; it is back where it came from")
        case GiftState.CANCELLED:
            text = translate(language, "Taken back by the giver")
        case GiftState.EXPIRED:
            text = translate(language, "Nobody accepted it; it is back where it came from")
        case _:
            assert_never(state)
    yield Happening(text, reader.instant(_ended_at(gift, state)), is_past=True)
