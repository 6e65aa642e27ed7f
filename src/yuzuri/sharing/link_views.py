"""What people see of posted links: the giver of their own, and whoever has opened one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.feasibility.verdict import Arrival
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import LinkId, PersonId
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import PAST_LIMIT, gifts_via
from yuzuri.sharing.gifts import Gift
from yuzuri.sharing.link_decisions import TakePreview, preview_take
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.link_rows import links_of_lines, load_links
from yuzuri.sharing.link_store import take_in_links
from yuzuri.sharing.links import Link, TakeShare
from yuzuri.subscribers.lines import Line, Person, lines_of, load_line, load_lines, load_people


@dataclass(frozen=True, slots=True)
class LinkInView:
    """A link as its giver sees it, with the line that it is from."""

    link: Link
    line: Line


@dataclass(frozen=True, slots=True)
class ShareInView:
    """A share that was taken, as the giver sees it: its taker by nickname and masked number.

    `other` is None where they hide their name.
    """

    gift: Gift
    other: Person | None
    other_number: str


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link as whoever has opened it sees it; `giver` is None where they hide their name."""

    link: Link
    line: Line
    giver: Person | None


async def load_link_list(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[LinkInView]:
    """Return a person's links that are open or were posted lately, newest first."""
    lines = {line.id: line for line in await lines_of(connection, person)}
    links = await links_of_lines(connection, lines, at - PAST_LIMIT)
    return [LinkInView(link, lines[link.line]) for link in links]


async def load_own_link(connection: Connection, person: PersonId, link_id: LinkId) -> LinkInView:
    """Return a link that the person has posted, or raise `LINK_UNKNOWN`."""
    for link in await load_links(connection, [link_id]):
        line = await load_line(connection, link.line)
        if line.person == person:
            return LinkInView(link, line)
    raise DomainError(Code.LINK_UNKNOWN)


async def load_shares(
    connection: Connection, link: Link, limit: int = 100
) -> Sequence[ShareInView]:
    """Return the shares of a link that were taken, newest first."""
    gifts = await gifts_via(connection, link.id, limit)
    lines = await load_lines(connection, {gift.to_line for gift in gifts})
    people = await load_people(connection, {line.person for line in lines.values()})
    shares = []
    for gift in gifts:
        line = lines[gift.to_line]
        if gift.is_receiver_hidden:
            shares.append(ShareInView(gift, None, ""))
        else:
            shares.append(ShareInView(gift, people[line.person], line.masked_number))
    return shares


async def load_left(connection: Connection, link: Link, at: datetime) -> tuple[Arrival, ...]:
    """Return what is left behind an open link, and until when its giver could use it."""
    book = await read_book(connection, [link.line], at)
    held = [(book.allowances[hold.allowance], hold.amount) for hold in book.open_holds(link.id)]
    return tuple(
        Arrival(Quantity(amount, link.unit), allowance.expires_at, hours=allowance.hours)
        for allowance, amount in held
    )


async def load_open_link(
    connection: Connection, link_id: LinkId, at: datetime
) -> OpenedLink | None:
    """Return a link of which a share can be taken now; None: it has ended, or never was."""
    for link in await load_links(connection, [link_id]):
        if link.is_open(at):
            line = await load_line(connection, link.line)
            people = await load_people(connection, [line.person])
            return OpenedLink(link, line, None if link.is_giver_hidden else people[line.person])
    return None


async def load_take_previews(
    connection: Connection, profiles: Profiles, person: PersonId, link_id: LinkId, at: datetime
) -> Sequence[TakePreview]:
    """Return what `TakeShare` would answer for each line of a person, but for a passcode.

    Changes and locks nothing. None at all for a link that is not there.
    """
    own = await lines_of(connection, person)
    found = await load_links(connection, [link_id])
    lines = await load_lines(connection, {link.line for link in found})
    lines |= {line.id: line for line in own}
    book = await read_book(connection, list(lines), at)
    facts = LinkFacts(GiftFacts(book, profiles, lines))
    takes = [TakeShare(person=person, line=line.id, link=link_id) for line in own]
    await take_in_links(connection, facts, [link_id], takes)
    return [preview_take(facts, link, line) for link in facts.links.values() for line in own]
