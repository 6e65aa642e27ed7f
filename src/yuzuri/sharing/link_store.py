"""Loading the facts of decisions about posted links, and writing what links became."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from yuzuri.db import Connection
from yuzuri.kernel.ids import HolderId, LinkId
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import take_in_past
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.link_rows import (
    count_taken_since,
    load_links,
    load_takers,
    write_links,
    write_takers,
)
from yuzuri.sharing.links import Audience, Link, TakeShare
from yuzuri.subscribers.contacts import contact_numbers
from yuzuri.subscribers.lines import Line, lines_of_people, linked_numbers

_DAY = timedelta(hours=24)


async def lines_of_links(connection: Connection, links: Iterable[LinkId]) -> set[HolderId]:
    """Return the lines that have posted these links: they must be locked before."""
    return {link.line for link in await load_links(connection, links)}


async def take_in_links(
    connection: Connection, facts: LinkFacts, links: Iterable[LinkId], takes: Sequence[TakeShare]
) -> None:
    """Load what decisions on these links may look at.

    Of a taker, only what the rules of the link and of the operators look at is loaded. A link whose
    line is not among the facts is left out: it was posted after the lines were locked.
    """
    gifts = facts.gifts
    for link in await load_links(connection, links):
        if link.line in gifts.lines:
            facts.links[link.id] = link
    asked = [
        (facts.links[take.link], gifts.lines[take.line], take)
        for take in takes
        if take.link in facts.links and take.line in gifts.lines
    ]
    if not asked:
        return
    people = {take.person for _, _, take in asked}
    pairs = {(take.link, take.person) for _, _, take in asked}
    facts.takers = {(t.link, t.person): t for t in await load_takers(connection, pairs)}
    facts.taken_lately.update(await count_taken_since(connection, people, gifts.at - _DAY))
    limited = {line.id for _, line, _ in asked if gifts.party(line).rules.received_per_month}
    if limited:
        await take_in_past(connection, gifts, limited)
    givers = {link.line for link in facts.links.values()}
    gifts.linked = {**gifts.linked, **await linked_numbers(connection, givers)}
    known_by = {
        gifts.lines[link.line].person
        for link in facts.links.values()
        if link.audience is Audience.CONTACTS
    }
    facts.contacts = {giver: await contact_numbers(connection, giver) for giver in known_by}
    others = {t.person for link, line, t in asked if _others_matter(gifts, link, line)}
    facts.own = await lines_of_people(connection, others) if others else {}


def _others_matter(gifts: GiftFacts, link: Link, line: Line) -> bool:
    """Tell whether it may matter which other lines a taker has."""
    is_elsewhere = line.operator != gifts.lines[link.line].operator
    return is_elsewhere or link.audience is Audience.CONTACTS


async def write_link_facts(connection: Connection, facts: LinkFacts) -> None:
    """Write all that a group has changed of links."""
    if facts.changed_links:
        await write_links(connection, map(facts.links.__getitem__, facts.changed_links))
    if facts.changed_takers:
        await write_takers(connection, map(facts.takers.__getitem__, facts.changed_takers))
