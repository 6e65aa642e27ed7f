"""The pure core of the ledger on rows that are dicts: loaded, decided, kept, without a database.

What a real database is asked to keep is all that is kept here, so that a change that the book
makes and does not list is lost here too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import msgspec
from tests.ids import numbered
from tests.ledger.ledger_machine import Asked, Kept
from tests.model.world import ISSUED, MovedClock

from yuzuri.charging.rating import RatingTable
from yuzuri.kernel.calendar import month_end
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, PurchaseId, TransferId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.ledger.book import Book, Bucket, Hold
from yuzuri.ledger.changes import (
    HOUSE,
    HOUSE_IDS,
    EnterTransit,
    House,
    NewAllowance,
    Transfer,
    TransferKind,
)
from yuzuri.ledger.commands import DONE, Deliver, ForgetTransit, holders_named
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad

NO_PROFILES = Profiles({})
NO_RATING = RatingTable(())
PLACED = b"placed"

UTC_ZONE = ZoneInfo("UTC")


@dataclass
class Rows:
    """What is kept between groups."""

    homes: int
    allowances: dict[AllowanceId, Allowance] = field(default_factory=dict)
    buckets: dict[HolderId, dict[AllowanceId, Bucket]] = field(default_factory=dict)
    holds: dict[HolderId, dict[HoldId, Hold]] = field(default_factory=dict)
    """Those that are open."""
    transfers: list[Transfer] = field(default_factory=list)
    in_transit: dict[TransferId, EnterTransit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._road = YuzuriRoad(NO_PROFILES, self.homes, NO_RATING)

    def ask(self, at: datetime, *commands: Asked) -> list[Outcome]:
        """Decide commands as one group at an instant, and keep what it changes."""
        named: set[HolderId] = set()
        for command in commands:
            if isinstance(command, ExpireBuckets):
                named.update(command.holders)
            else:
                named |= holders_named(command)
        book = self._load(at, named)
        facts = self._road._facts(book)
        outcomes = [self._road.decide(facts, command) for command in commands]
        self._keep(book)
        return outcomes

    def issue(self, at: datetime, holder: HolderId, allowance: Allowance, amount: int) -> None:
        book = self._load(at, {holder})
        book.apply(
            [
                NewAllowance(allowance=allowance, holder=holder),
                Transfer(
                    allowance=allowance.id,
                    source=HOUSE[House.ISSUED],
                    target=holder,
                    amount=amount,
                    kind=TransferKind.ISSUE,
                    cause=allowance.purchase,
                ),
            ]
        )
        self._keep(book)

    def folded(self) -> dict[tuple[HolderId, AllowanceId], int]:
        """What the transfers alone say that everybody has, the house too."""
        sums: dict[tuple[HolderId, AllowanceId], int] = {}
        for t in self.transfers:
            for holder, amount in ((t.source, -t.amount), (t.target, t.amount)):
                bucket = (holder, t.allowance)
                sums[bucket] = sums.get(bucket, 0) + amount
        return sums

    def _load(self, at: datetime, holders: Iterable[HolderId]) -> Book:
        book = Book(at, homes=self.homes, allowances=dict(self.allowances))
        copied = msgspec.structs.replace
        for holder in holders:
            for bucket in self.buckets.get(holder, {}).values():
                book.add_bucket(copied(bucket, is_changed=False))
            for hold in self.holds.get(holder, {}).values():
                book.add_hold(copied(hold))
        book.end_lapsed_holds()
        return book

    def _keep(self, book: Book) -> None:
        self.allowances |= {allowance.id: allowance for allowance in book.new_allowances.values()}
        self.transfers += book.transfers
        for bucket in book.changed_buckets:
            owned = self.buckets.setdefault(bucket.holder, {})
            if not bucket.is_closed:
                assert (bucket.allowance in owned) == (bucket.place is not None)
                bucket.place = PLACED
                owned[bucket.allowance] = bucket
            elif bucket.place is not None:
                del owned[bucket.allowance]
        for hold in book.ended_holds.values():
            self.holds.get(hold.holder, {}).pop(hold.id, None)
        for hold in book.changed_holds.values():
            owned_holds = self.holds.setdefault(hold.holder, {})
            assert (hold.id in owned_holds) != hold.is_new
            if hold.lapsed_at is not None:
                del owned_holds[hold.id]
            else:
                hold.is_new = False
                owned_holds[hold.id] = hold
        self.in_transit |= {entered.id: entered for entered in book.entered_transit}
        for left in book.left_transit:
            self.in_transit.pop(left.id, None)


def made_up_allowance(name: AllowanceId, at: datetime, ends: datetime | None) -> Allowance:
    return Allowance(
        id=name,
        unit=Unit.DATA,
        operator="open",
        plan="plan",
        zone="JP",
        source=Source.BOUGHT,
        paid=True,
        issued_at=at,
        expires_at=ends,
        purchase=PurchaseId(name),
    )


class CoreLedger:
    """The pure core as the machine asks it."""

    def __init__(self, homes: int) -> None:
        self.homes = homes
        self.clock = MovedClock()
        self.rows = Rows(homes)
        self._numbers = count(1)

    def new_holders(self, homes: Sequence[Home]) -> list[HolderId]:
        return [HolderId(numbered(200 + number, home)) for number, home in enumerate(homes)]

    def issue(self, holder: HolderId, lifetime: str) -> tuple[AllowanceId, int]:
        at = self.clock.now
        ends = {"day": at + timedelta(days=1), "month": month_end(at, UTC_ZONE), "never": None}
        allowance = AllowanceId(numbered(300 + next(self._numbers)))
        terms = made_up_allowance(allowance, at, ends[lifetime])
        self.rows.issue(at, holder, terms, ISSUED)
        return allowance, ISSUED

    def ask(self, command: Asked) -> Outcome:
        return self.rows.ask(self.clock.now, command)[0]

    def bring_over(self, moved: TransferId, left: Home) -> None:
        entered = self.rows.in_transit[moved]
        terms = self.rows.allowances[entered.allowance]
        delivery = Deliver(id=moved, allowance=terms, target=entered.target, amount=entered.amount)
        assert self.ask(delivery) is DONE
        assert self.ask(ForgetTransit(id=moved, left=left)) is DONE

    def kept(self) -> Kept:
        rows = self.rows
        return Kept(
            buckets={
                (bucket.holder, bucket.allowance): (bucket.balance, bucket.held)
                for owned in rows.buckets.values()
                for bucket in owned.values()
            },
            holds={
                hold.id: (hold.holder, hold.allowance, hold.amount, hold.expires_at)
                for owned in rows.holds.values()
                for hold in owned.values()
            },
            travelling={
                entered.id: (entered.target, entered.allowance, entered.amount)
                for entered in rows.in_transit.values()
            },
        )

    def end(self) -> None:
        """See that balances and what is on its way are what the transfers sum to (I1, I2, I5)."""
        folded = self.rows.folded()
        kept = self.kept()
        balances = {bucket: left for bucket, (left, _) in kept.buckets.items() if left}
        people = {b: left for b, left in folded.items() if left and b[0] not in HOUSE_IDS}
        assert people == balances
        between = sum(amount for _, _, amount in kept.travelling.values())
        transit = HOUSE[House.TRANSIT]
        assert sum(amount for (who, _), amount in folded.items() if who == transit) == between
        assert sum(folded.values()) == 0
