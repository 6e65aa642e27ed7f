"""What decisions about gifts may look at, and the question that they put to `feasibility`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from yuzuri.feasibility.question import GiftQuestion, Holding, Party, PastGift, Relation
from yuzuri.kernel.ids import DelegationId, GiftId, HolderId, LinkId
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.sharing.delegations import Delegation
from yuzuri.sharing.gifts import Gift, GiftState
from yuzuri.sharing.links import Link
from yuzuri.subscribers.lines import Line


@dataclass(slots=True)
class GiftFacts:
    """What decisions about gifts may look at; `past` has a line's gifts that limits count."""

    book: Book
    profiles: Profiles
    lines: Mapping[HolderId, Line]
    linked: Mapping[HolderId, frozenset[str]] = field(default_factory=dict)
    gifts: dict[GiftId, Gift] = field(default_factory=dict)
    past: dict[HolderId, dict[GiftId, Gift]] = field(default_factory=dict)
    posted: dict[HolderId, dict[LinkId, Link]] = field(default_factory=dict)
    """Links of a line that limits count."""
    delegations: Mapping[DelegationId, Delegation] = field(default_factory=dict)
    """On what people may act here who own none of these lines."""

    @property
    def at(self) -> datetime:
        """The instant of the decision."""
        return self.book.at

    def add_gift(self, gift: Gift) -> None:
        """Take in a gift as it now stands."""
        self.gifts[gift.id] = gift
        self.add_past(gift)

    def add_past(self, gift: Gift) -> None:
        """Take in a gift that only limits look at."""
        for line in (gift.to_line,) if gift.is_share else (gift.from_line, gift.to_line):
            self.past.setdefault(line, {})[gift.id] = gift

    def add_posted(self, link: Link) -> None:
        """Take in a link as it now stands, as limits look at it."""
        self.posted.setdefault(link.line, {})[link.id] = link

    def question(self, giver: Line, receiver: Line, quantity: Quantity) -> GiftQuestion:
        """Put the question of feasibility with everything that is known."""
        return GiftQuestion(
            giver=self.party(giver),
            receiver=self.party(receiver),
            quantity=quantity,
            at=self.at,
            relation=self._relation(giver, receiver),
            holdings=tuple(
                Holding(self.book.allowances[bucket.allowance], bucket.available)
                for bucket in self.book.buckets_of(giver.id)
                if bucket.available
            ),
            sent=(*self._past(giver, sent=True), *self._posted(giver)),
            received=self._past(receiver, sent=False),
            receiver_has=self._has(receiver, quantity.unit),
        )

    def receiving_question(self, giver: Line, receiver: Line, quantity: Quantity) -> GiftQuestion:
        """Put the question with what bears on the receiver alone."""
        return GiftQuestion(
            giver=self.party(giver),
            receiver=self.party(receiver),
            quantity=quantity,
            at=self.at,
            relation=self._relation(giver, receiver),
            received=self._past(receiver, sent=False),
            receiver_has=self._has(receiver, quantity.unit),
        )

    def _has(self, line: Line, unit: Unit) -> tuple[Allowance, ...]:
        return tuple(allowance for _, allowance in self.book.holdings(line.id, unit))

    def party(self, line: Line) -> Party:
        """Return a line as one side of a question."""
        profile = self.profiles[line.operator]
        return Party(profile, find_plan(profile, line.plan), line.activated_at)

    def _relation(self, giver: Line, receiver: Line) -> Relation:
        def shared(one: str | None, other: str | None) -> bool:
            return one is not None and one == other

        same_operator = giver.operator == receiver.operator
        return Relation(
            same_line=giver.id == receiver.id,
            same_account=same_operator and shared(giver.account, receiver.account),
            billing_group=same_operator and shared(giver.billing_group, receiver.billing_group),
            linked=receiver.number in self.linked.get(giver.id, frozenset()),
        )

    def _past(self, line: Line, *, sent: bool) -> tuple[PastGift, ...]:
        """Return what counts towards limits: sent, open or accepted; received, accepted only."""
        return tuple(
            PastGift(gift.quantity, gift.offered_at if sent else gift.ended_at or self.at, is_open)
            for gift in self.past.get(line.id, {}).values()
            for is_open in (gift.is_open(self.at),)
            if (gift.from_line if sent else gift.to_line) == line.id
            and (gift.state is GiftState.ACCEPTED or (sent and is_open))
        )

    def _posted(self, line: Line) -> Iterator[PastGift]:
        """Yield a line's links as limits count them: what was taken, and what still can be."""
        for link in self.posted.get(line.id, {}).values():
            if link.taken:
                quantity = Quantity(link.taken_amount, link.unit)
                yield PastGift(quantity, link.posted_at, count=link.taken)
            if link.is_open(self.at):
                quantity = Quantity(link.amount - link.taken_amount, link.unit)
                count = link.shares - link.taken
                yield PastGift(quantity, link.posted_at, is_open=True, count=count)
