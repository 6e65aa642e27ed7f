"""Stories of transfers, holds and expiry, told at once to the ledger and to the model."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.ids import numbered
from tests.ledger.model import Model
from tests.model.world import MovedClock

from yuzuri.kernel.calendar import month_end
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, TransferId, home_of
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.changes import HOUSE, HOUSE_IDS, House
from yuzuri.ledger.commands import DONE, Capture, LedgerCommand, Move, Release, Reserve
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.runtime.replies import Outcome

Asked = LedgerCommand | ExpireBuckets
BucketId = tuple[HolderId, AllowanceId]
Value = TypeVar("Value", HolderId, HoldId, AllowanceId, TransferId, BucketId, datetime)

USED = HOUSE[House.USED]
STRANGER = HolderId(numbered(999, Home(777)))
"""Somebody in a home that is not there."""

UTC_ZONE = ZoneInfo("UTC")
MICROSECOND = timedelta(microseconds=1)
LIFETIMES = ("day", "month", "never")
SHARES = ("one", "third", "third", "all", "more", "none")
DURATIONS = (timedelta(minutes=30), timedelta(hours=6), timedelta(days=60))
JUMPS = (
    timedelta(minutes=10),
    timedelta(minutes=29),
    timedelta(hours=1),
    timedelta(hours=-1),
    timedelta(days=400),
    timedelta(days=-30),
    None,
)
"""How the clock is moved; None: to the end of the month."""


class Way(NamedTuple):
    """How something is asked. In one draw, as draws are what a story takes its time for."""

    pick: int
    """Which one of however many there are."""
    taker: int
    """A person, or one of the others in `Side.taker`."""
    share: str
    odd: bool


WAYS = 16 * 9 * len(SHARES) * 2


def way_of(number: int) -> Way:
    # Most numbers that are drawn are small: this spreads them over all ways.
    number, pick = divmod(number * 1_009 % WAYS, 16)
    number, taker = divmod(number, 9)
    odd, share = divmod(number, len(SHARES))
    return Way(pick, taker, SHARES[share], bool(odd))


ways = st.integers(0, WAYS - 1).map(way_of)


class Kept(NamedTuple):
    """What is kept: balance and held of buckets, open holds, and what is between homes."""

    buckets: dict[BucketId, tuple[int, int]]
    holds: dict[HoldId, tuple[HolderId, AllowanceId, int, datetime]]
    travelling: dict[TransferId, tuple[HolderId, AllowanceId, int]]


class Ledger(Protocol):
    """The side that is tested, at the clock's time."""

    @property
    def homes(self) -> int: ...
    @property
    def clock(self) -> MovedClock: ...
    def new_holders(self, homes: Sequence[Home]) -> list[HolderId]: ...
    def issue(self, holder: HolderId, lifetime: str) -> tuple[AllowanceId, int]: ...
    def ask(self, command: Asked) -> Outcome: ...
    def bring_over(self, moved: TransferId, left: Home) -> None: ...
    def kept(self) -> Kept: ...
    def end(self) -> None:
        """Check what must hold at the end, and forget it all."""


class Side:
    """Five people of one ledger; each step asks it and the model, and compares."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.clock = ledger.clock
        self.model = Model(ledger.homes, home_of, HOUSE_IDS, USED)
        homes = [Home(home % ledger.homes) for home in (0, 0, 7, 7, 15)]
        self.people = ledger.new_holders(homes)
        self.others = [*self.people, USED, HOUSE[House.TRANSIT], STRANGER]
        self.hold_ids: list[tuple[HoldId, HolderId]] = []
        self.left: dict[TransferId, Home] = {}
        self.numbers = count(1_000)
        for person, lifetime in enumerate(LIFETIMES):
            self.issue(person, lifetime)

    @property
    def at(self) -> datetime:
        return self.clock.now

    def taker(self, way: Way, giver: HolderId) -> HolderId:
        return giver if way.taker == len(self.others) else self.others[way.taker]

    def issue(self, person: int, lifetime: str) -> None:
        holder = self.people[person % len(self.people)]
        allowance, amount = self.ledger.issue(holder, lifetime)
        ends = {"day": self.at + timedelta(days=1), "month": month_end(self.at, UTC_ZONE)}
        self.model.issue(holder, allowance, amount, ends.get(lifetime), self.at)

    def move(self, way: Way) -> None:
        if way.pick == 0:  # by somebody who may have none of it
            allowance = pick(self.model.ends, way)
            assert allowance is not None
            self._move(self.people[way.taker % len(self.people)], allowance, way)
            return
        bucket = pick(self.model.balances, way)
        if bucket is not None:
            self._move(*bucket, way)

    def _move(self, source: HolderId, allowance: AllowanceId, way: Way) -> None:
        free = self.model.free(source, allowance, self.at)
        move = Move(
            id=TransferId(numbered(next(self.numbers))),
            allowance=allowance,
            source=source,
            target=self.taker(way, source),
            amount=share_of(way, free),
        )
        self._compare(self.ledger.ask(move), self.model.move(move, self.at), free)
        if move.id in self.model.travelling:
            self.left[move.id] = home_of(source)

    def bring_over(self, way: Way) -> None:
        moved = pick(self.model.travelling, way)
        if moved is not None:
            self.ledger.bring_over(moved, self.left[moved])
            self.model.arrive(moved, self.at)

    def reserve(self, way: Way) -> None:
        bucket = pick(self.model.balances, way)
        if bucket is None:
            return
        lasts = DURATIONS[way.taker % len(DURATIONS)]
        open_hold = self.hold(way) if way.pick == 1 else None
        if open_hold is not None and open_hold[0] in self.model.holds:  # its name once more
            hold, holder = open_hold
            bucket = (holder, self.model.holds[hold].allowance)
        else:
            hold = HoldId(numbered(next(self.numbers)))
        self._reserve(hold, *bucket, way, timedelta(0) if way.pick == 0 else lasts)

    def _reserve(
        self, hold: HoldId, holder: HolderId, allowance: AllowanceId, way: Way, lasts: timedelta
    ) -> None:
        free = self.model.free(holder, allowance, self.at)
        reserve = Reserve(
            id=hold,
            holder=holder,
            allowance=allowance,
            amount=share_of(way, free),
            cause=numbered(77),
            expires_at=self.at + lasts,
        )
        outcome = self.ledger.ask(reserve)
        self._compare(outcome, self.model.reserve(reserve, self.at), free)
        if outcome is DONE:
            self.hold_ids.append((hold, holder))

    def hold(self, way: Way) -> tuple[HoldId, HolderId] | None:
        """One that is open, or else any that ever was."""
        open_ones = [hold for hold, held in self.model.holds.items() if held.until > self.at]
        hold = pick(open_ones, way)
        if hold is not None and way.pick:
            return hold, self.model.holds[hold].holder
        return self.hold_ids[-1 - way.taker % len(self.hold_ids)] if self.hold_ids else None

    def capture(self, way: Way) -> None:
        found = self.hold(way)
        if found is None:
            return
        hold, holder = found
        known = self.model.holds.get(hold)
        whole = known.amount if known else 1
        capture = Capture(
            hold=hold,
            holder=holder,
            target=self.taker(way, holder),
            amount=share_of(way, whole),
            keep_rest=way.odd,
        )
        self._compare(self.ledger.ask(capture), self.model.capture(capture, self.at), whole)

    def release(self, way: Way) -> None:
        found = self.hold(way)
        if found is None:
            return
        hold, holder = found
        if way.share == "none":  # not theirs
            holder = next(other for other in self.people if other != holder)
        release = Release(hold=hold, holder=holder)
        self._compare(self.ledger.ask(release), self.model.release(release, self.at), 0)

    def expire(self, way: Way) -> None:
        first = self.people[way.pick % len(self.people)]
        home = home_of(first)
        neighbours = tuple(other for other in self.people if home_of(other) == home)
        holders = neighbours if way.odd else (first,)
        outcome = self.ledger.ask(ExpireBuckets(holders))
        assert outcome == Expired(self.model.expire(holders, self.at))

    def pass_time(self, way: Way) -> None:
        """By some span, or to the instant at which a hold or an allowance ends, or just before."""
        ends = {
            0: {hold.until for hold in self.model.holds.values()},
            1: {end for end in self.model.ends.values() if end is not None},
        }
        instant = pick(ends.get(way.taker % 4, set()), way)
        if instant is not None:
            self.clock.now = instant - MICROSECOND * way.odd
            return
        jump = JUMPS[way.pick % len(JUMPS)]
        self.clock.now = month_end(self.at, UTC_ZONE) if jump is None else self.at + jump

    def compare(self) -> None:
        model = self.model
        kept = self.ledger.kept()
        held: dict[BucketId, int] = {}
        for hold in model.holds.values():
            bucket = (hold.holder, hold.allowance)
            held[bucket] = held.get(bucket, 0) + hold.amount
        buckets = {bucket: (left, held.get(bucket, 0)) for bucket, left in model.balances.items()}
        assert kept.buckets == buckets
        assert kept.holds == {
            hold_id: (hold.holder, hold.allowance, hold.amount, hold.until)
            for hold_id, hold in model.holds.items()
        }
        assert kept.travelling == model.travelling

    def _compare(self, outcome: Outcome, refused: Code | None, available: int) -> None:
        if refused is None:
            assert outcome is DONE
            return
        assert isinstance(outcome, Refusal), outcome
        assert outcome.code is refused
        if refused in {Code.BALANCE_NOT_ENOUGH, Code.HOLD_TOO_SMALL}:
            said = outcome.fields["available"]
            assert isinstance(said, Quantity)
            assert said.amount == available


class LedgerMachine(RuleBasedStateMachine):
    """Tells every step to each of its sides."""

    def __init__(self, *ledgers: Ledger, every: int = 1) -> None:
        """`every`: what is kept is compared after so many steps, and at the end."""
        super().__init__()
        self.sides = [Side(ledger) for ledger in ledgers]
        self.every = every
        self.steps = 0

    @rule(way=ways)
    def issue(self, way: Way) -> None:
        for side in self.sides:
            side.issue(way.pick, LIFETIMES[way.taker % 3])

    @rule(way=ways)
    def move(self, way: Way) -> None:
        for side in self.sides:
            side.move(way)

    @rule(way=ways)
    def bring_over(self, way: Way) -> None:
        for side in self.sides:
            side.bring_over(way)

    @rule(way=ways)
    def reserve(self, way: Way) -> None:
        for side in self.sides:
            side.reserve(way)

    @rule(way=ways)
    def capture(self, way: Way) -> None:
        for side in self.sides:
            side.capture(way)

    @rule(way=ways)
    def release(self, way: Way) -> None:
        for side in self.sides:
            side.release(way)

    @rule(way=ways)
    def expire(self, way: Way) -> None:
        for side in self.sides:
            side.expire(way)

    @rule(way=ways)
    def pass_time(self, way: Way) -> None:
        for side in self.sides:
            side.pass_time(way)

    @invariant()
    def is_kept_as_the_model_says(self) -> None:
        self.steps += 1
        if self.steps % self.every == 0:
            self.compare()

    def compare(self) -> None:
        for side in self.sides:
            side.compare()

    def teardown(self) -> None:
        try:
            self.compare()
        finally:
            for side in self.sides:
                side.ledger.end()


def pick(values: Collection[Value], way: Way) -> Value | None:
    return sorted(values)[way.pick % len(values)] if values else None


def share_of(way: Way, whole: int) -> int:
    match way.share:
        case "one":
            return 1
        case "third":
            return max(1, whole // 3)
        case "all":
            return max(1, whole)
        case "more":
            return whole + 1
        case _:
            return 0
