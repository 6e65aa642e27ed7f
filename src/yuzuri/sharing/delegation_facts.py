"""What decisions about delegations may look at, and what has changed of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from yuzuri.kernel.ids import DelegationId, HolderId, Home, home_of
from yuzuri.ledger.book import Book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.delegations import Action, Agreement, Delegation
from yuzuri.sharing.gifts import Gift, GiftState
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.subscribers.lines import Line


@dataclass(slots=True)
class DelegationFacts:
    """The delegations that a group names or may act on, with the lines and pools they are about.

    Gifts and pools look at the same `known`, so that each sees what the other has changed.
    """

    book: Book
    profiles: Profiles
    pools: PoolFacts
    """Pools, and who draws on what: a line that uses up another's data is a member."""
    lines: Mapping[HolderId, Line] = field(default_factory=dict)
    known: dict[DelegationId, Delegation] = field(default_factory=dict)

    changed: set[DelegationId] = field(default_factory=set)
    agreements: list[Agreement] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        """The instant of the decision."""
        return self.book.at

    @property
    def homes_changed(self) -> set[Home]:
        """The homes of which a decision has changed something of this."""
        return {home_of(delegation) for delegation in self.changed}

    def take(self, delegation: Delegation) -> None:
        """Take in a delegation as it is from now on."""
        self.known[delegation.id] = delegation
        self.changed.add(delegation.id)

    def count_gift(self, before: Gift | None, after: Gift) -> None:
        """Take in what a gift makes of what was given on its authority; an end gives it back."""
        known = None if after.authority is None else self.known.get(after.authority)
        if known is None:
            return
        counted = after.amount * (self._counts(after) - self._counts(before))
        given = {**known.given, after.unit: known.given.get(after.unit, 0) + counted}
        self.known[known.id] = replace(known, given=given)

    def _counts(self, gift: Gift | None) -> bool:
        return gift is not None and gift.state_at(self.at) in {GiftState.OPEN, GiftState.ACCEPTED}

    def note(self, action: Action) -> None:
        """Take in what a delegate has done."""
        acted = self.known[action.delegation]
        first = acted.first_used_at or action.at
        last = max(acted.last_used_at or action.at, action.at)
        self.take(replace(acted, first_used_at=first, last_used_at=last))
        self.actions.append(action)

    def draws_on_another(self, line: HolderId) -> bool:
        """Tell whether a line draws on something beside its own, as far as time lets it."""
        member = self.pools.members.get(line)
        return member is not None and (member.until is None or self.at < member.until)
