"""The shadow: what lines have and which gifts are open, told in the fewest words that are true.

Each line has so much of each purchase, through whatever hands it came. An open gift holds parts of
what its giver has until its deadline. Nothing here knows of buckets, holds, entries or hops.
"""

from dataclasses import dataclass, field
from datetime import datetime

from tests.model.world import CLAIM_LIFETIME

from yuzuri.kernel.errors import Code
from yuzuri.sharing.gifts import GiftState

LineNumber = int
PurchaseNumber = int
GiftNumber = int


@dataclass
class ShadowGift:
    giver: LineNumber
    receiver: LineNumber
    parts: dict[PurchaseNumber, int]
    deadline: datetime
    state: GiftState = GiftState.OPEN

    def is_open(self, now: datetime) -> bool:
        return self.state is GiftState.OPEN and now < self.deadline


@dataclass
class Shadow:
    """`ends` has the expiry of each purchase in the order of their making; None: never."""

    ends: list[datetime | None] = field(default_factory=list)
    balances: list[dict[PurchaseNumber, int]] = field(default_factory=list)
    gifts: list[ShadowGift] = field(default_factory=list)

    def buy(self, line: LineNumber, amount: int, ends: datetime | None) -> None:
        self.ends.append(ends)
        self.balances[line][len(self.ends) - 1] = amount

    def held(self, line: LineNumber, purchase: PurchaseNumber, now: datetime) -> int:
        return sum(
            gift.parts.get(purchase, 0)
            for gift in self.gifts
            if gift.giver == line and gift.is_open(now)
        )

    def free(self, line: LineNumber, now: datetime, *, over: bool = False) -> dict[int, int]:
        """What is not held: of what can still be used soonest expiry first, or of what is over."""
        found = {
            purchase: balance - self.held(line, purchase, now)
            for purchase, balance in self.balances[line].items()
            if self._is_over(purchase, now) is over
        }
        order = sorted(found, key=lambda p: (self.ends[p] is None, self.ends[p] or now, p))
        return {purchase: found[purchase] for purchase in order if found[purchase]}

    def offer(
        self, giver: LineNumber, receiver: LineNumber, amount: int, now: datetime
    ) -> Code | None:
        if giver == receiver:
            return Code.GIFT_TO_ONESELF
        free = self.free(giver, now)
        if amount > sum(free.values()):
            over = sum(self.free(giver, now, over=True).values())
            expired = over and amount <= sum(free.values()) + over
            return Code.ALLOWANCE_EXPIRED if expired else Code.BALANCE_NOT_ENOUGH
        parts = {}
        for purchase, available in free.items():
            parts[purchase] = min(available, amount)
            amount -= parts[purchase]
        parts = {purchase: part for purchase, part in parts.items() if part}
        ends = [end for purchase in parts if (end := self.ends[purchase]) is not None]
        deadline = min([now + CLAIM_LIFETIME, *ends])
        self.gifts.append(ShadowGift(giver, receiver, parts, deadline))
        return None

    def end(
        self, number: GiftNumber, by: LineNumber, state: GiftState, now: datetime
    ) -> Code | None:
        gift = self.gifts[number]
        if by not in {gift.giver, gift.receiver}:
            return Code.GIFT_UNKNOWN
        if by != (gift.giver if state is GiftState.CANCELLED else gift.receiver):
            return Code.GIFT_NOT_YOURS
        if gift.state is not GiftState.OPEN:
            return Code.GIFT_ENDED
        if not gift.is_open(now):
            return Code.GIFT_EXPIRED
        gift.state = state
        if state is GiftState.ACCEPTED:
            for purchase, part in gift.parts.items():
                self.balances[gift.giver][purchase] -= part
                received = self.balances[gift.receiver]
                received[purchase] = received.get(purchase, 0) + part
        return None

    def sweep(self, now: datetime) -> None:
        for gift in self.gifts:
            if gift.state is GiftState.OPEN and not gift.is_open(now):
                gift.state = GiftState.EXPIRED
        # What is over is gone, row and all.
        self.balances = [
            {
                purchase: left
                for purchase, left in balances.items()
                if not self._is_over(purchase, now)
            }
            for balances in self.balances
        ]

    def _is_over(self, purchase: PurchaseNumber, now: datetime) -> bool:
        ends = self.ends[purchase]
        return ends is not None and ends <= now
