"""What decisions about posted links may look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yuzuri.kernel.ids import LinkId, PersonId
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.links import Link, Taker
from yuzuri.subscribers.lines import Line


@dataclass(slots=True)
class LinkFacts:
    """What decisions about links may look at, beside what those about gifts may."""

    gifts: GiftFacts
    links: dict[LinkId, Link] = field(default_factory=dict)
    takers: dict[tuple[LinkId, PersonId], Taker] = field(default_factory=dict)
    """What people have had of links; whoever is not there has had nothing."""
    taken_lately: Counter[PersonId] = field(default_factory=Counter)
    """How many shares a person has taken in the last 24 hours."""
    contacts: Mapping[PersonId, frozenset[str]] = field(default_factory=dict)
    """The numbers that a giver knows, where a link is for them."""
    own: Mapping[PersonId, Sequence[Line]] = field(default_factory=dict)
    """All lines of a taker, where others than the one named may matter."""
    changed_links: set[LinkId] = field(default_factory=set)
    changed_takers: set[tuple[LinkId, PersonId]] = field(default_factory=set)

    def put_link(self, link: Link) -> None:
        """Take in what a link has become."""
        self.links[link.id] = link
        self.gifts.add_posted(link)
        self.changed_links.add(link.id)

    def put_taker(self, taker: Taker) -> None:
        """Take in what a person has come to have of a link."""
        key = (taker.link, taker.person)
        self.takers[key] = taker
        self.changed_takers.add(key)
        if taker.gift is not None:
            self.taken_lately[taker.person] += 1
