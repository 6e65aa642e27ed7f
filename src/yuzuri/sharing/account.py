"""What people see of their own: lines and what is left on each, and gifts in and out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import AllowanceId, GiftId, HolderId, Id, LinkId, PersonId, home_of
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book, Bucket, spending_order
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.delegation_store import (
    delegations_to,
    load_active_to,
    load_delegations,
)
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import gift_history, load_gift_facts, load_gifts
from yuzuri.sharing.gifts import Gift, OfferGift
from yuzuri.sharing.link_rows import load_links
from yuzuri.subscribers.lines import Line, Person, lines_of, load_lines, load_people


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left of one allowance on one line; `in_gifts` of it waits in open gifts and links."""

    bucket: Bucket
    allowance: Allowance
    in_gifts: int = 0

    @property
    def usable(self) -> int:
        """What can be used: also what a phone that is at work has been granted of it."""
        return self.bucket.balance - self.in_gifts


@dataclass(frozen=True, slots=True)
class LineAccount:
    """A line with what can still be used on it, soonest expiry first."""

    line: Line
    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class Authority:
    """By whom something was done, and on whose authority."""

    delegate: Person
    owner: Person
    is_by_reader: bool
    """Whoever looks has done it."""


@dataclass(frozen=True, slots=True)
class GiftInView:
    """A gift as one of its two people sees it: the other by nickname and masked number only."""

    gift: Gift
    is_mine: bool
    """The person looking is the giver, or has given it on the giver's authority."""
    line: Line
    """The person's own line of the two, or the one that they act for."""
    other: Person | None
    """None where they hide their name: a share of a posted link."""
    other_number: str
    authority: Authority | None = None
    """None: the giver has given it."""


async def load_accounts(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[LineAccount]:
    """Return a person's lines with what is left on each; a read that waits for no write."""
    return await load_line_accounts(connection, await lines_of(connection, person), at)


async def load_line_accounts(
    connection: Connection, lines: Sequence[Line], at: datetime
) -> Sequence[LineAccount]:
    """Return lines with what is left on each; whoever calls has seen that one may know."""
    book = await read_book(connection, [line.id for line in lines], at)
    in_gifts = await _held_by_gifts(connection, book)
    accounts = []
    for line in lines:
        balances = [
            Balance(
                bucket,
                book.allowances[bucket.allowance],
                in_gifts[line.id, bucket.allowance],
            )
            for bucket in book.buckets_of(line.id)
            if bucket.balance and not book.allowances[bucket.allowance].is_over(at)
        ]
        balances.sort(key=lambda balance: spending_order(balance.allowance))
        accounts.append(LineAccount(line, tuple(balances)))
    return accounts


async def _held_by_gifts(
    connection: Connection, book: Book
) -> Counter[tuple[HolderId, AllowanceId]]:
    """Return how much of each bucket is set aside to be given, and not for a phone at work."""
    holds = list(book.holds.values())
    causes = {hold.cause for hold in holds}
    gifts: set[Id] = {gift.id for gift in await load_gifts(connection, map(GiftId, causes))}
    gifts |= {link.id for link in await load_links(connection, map(LinkId, causes))}
    held: Counter[tuple[HolderId, AllowanceId]] = Counter()
    for hold in holds:
        if hold.cause in gifts:
            held[hold.holder, hold.allowance] += hold.amount
    return held


async def load_gift_list(
    connection: Connection,
    person: PersonId,
    at: datetime,
    limit: int = 100,
    *,
    sent: bool = True,
    received: bool = True,
) -> Sequence[GiftInView]:
    """Return the gifts from (`sent`) and to (`received`) a person's lines, newest first.

    What they have given on another's authority is there as long as they may act on it.
    """
    mine = [line.id for line in await lines_of(connection, person)]
    acting = [one.id for one in await delegations_to(connection, person, at) if one.is_active(at)]
    gifts = await gift_history(
        connection, mine, limit, sent=sent, received=received, acting=acting if sent else ()
    )
    return await _in_view(connection, person, gifts, at)


async def load_gift(
    connection: Connection, person: PersonId, gift_id: GiftId, at: datetime
) -> GiftInView:
    """Return a gift that the person gives or receives, or raise `GIFT_UNKNOWN`.

    So is one that they have given on another's authority, as long as they may act on it.
    """
    gifts = await load_gifts(connection, [gift_id])
    for gift in await _in_view(connection, person, gifts, at):
        return gift
    raise DomainError(Code.GIFT_UNKNOWN)


async def load_offer_facts(
    connection: Connection, profiles: Profiles, offer: OfferGift | Gift, at: datetime
) -> GiftFacts:
    """Load what previews of an offer and of its acceptance look at, without locking anything."""
    lines = await load_lines(connection, (offer.from_line, offer.to_line))
    book = await read_book(connection, list(lines), at)
    facts = await load_gift_facts(connection, book, profiles, lines)
    giver = lines.get(offer.from_line)
    if isinstance(offer, OfferGift) and giver is not None and giver.person != offer.person:
        homes = [home_of(giver.id)]
        facts.delegations = await load_active_to(connection, homes, [offer.person], at)
    return facts


async def _in_view(
    connection: Connection, person: PersonId, gifts: Iterable[Gift], at: datetime
) -> list[GiftInView]:
    gifts = list(gifts)
    lines = await load_lines(
        connection, {line for gift in gifts for line in (gift.from_line, gift.to_line)}
    )
    made_on = {gift.authority for gift in gifts if gift.authority is not None}
    delegations = await load_delegations(connection, made_on, at)
    delegates = {one.delegate for one in delegations.values() if one.delegate is not None}
    people = await load_people(connection, {line.person for line in lines.values()} | delegates)
    views = []
    for gift in gifts:
        giver, receiver = lines[gift.from_line], lines[gift.to_line]
        delegation = None if gift.authority is None else delegations[gift.authority]
        acts = delegation is not None and delegation.delegate == person and delegation.is_active(at)
        if person not in (giver.person, receiver.person) and not acts:
            continue
        is_mine = person == giver.person or (acts and person != receiver.person)
        own, other = (giver, receiver) if is_mine else (receiver, giver)
        authority = None
        if delegation is not None and delegation.delegate is not None:
            delegate, owner = people[delegation.delegate], people[delegation.owner]
            authority = Authority(delegate, owner, delegation.delegate == person)
        if is_mine and person != giver.person:
            own = as_seen_by_others(giver, people[giver.person])
        is_hidden = gift.is_receiver_hidden if is_mine else gift.is_giver_hidden
        known, number = (None, "") if is_hidden else (people[other.person], other.masked_number)
        views.append(GiftInView(gift, is_mine, own, known, number, authority))
    return views


def as_seen_by_others(line: Line, owner: Person) -> Line:
    """Return a line without what is its owner's alone: number, label, plan's account and group."""
    label = f"{owner.nickname} {line.masked_number}"
    return replace(line, label=label, number=line.masked_number, account=None, billing_group=None)
