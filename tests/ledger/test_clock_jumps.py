"""What a clock that jumps does to holds and to what expires: by an hour, a month, 400 days, back.

It is 10 November 2026, 3:00 UTC. One holder has something of a day (until the 11th, 3:00), of the
month (until 1 December, 0:00), and for ever; of each, 100 is held for an hour and 100 for 60 days.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from tests.ledger.ledger_machine import Asked
from tests.ledger.world import USED, LedgerWorld, move
from tests.model.world import ISSUED, START

from yuzuri.jobs.sweeps import sweep
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Id, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.commands import DONE, Capture, Release, Reserve
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.ledger.store import read_book
from yuzuri.runtime.replies import Outcome

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC) - START
LIFETIMES = ("day", "month", "never")


@dataclass
class Owned:
    """What the holder has, and the holds on it: by lifetime, short and long."""

    ledger: LedgerWorld
    holder: HolderId
    allowances: dict[str, AllowanceId] = field(default_factory=dict)
    short: dict[str, HoldId] = field(default_factory=dict)
    long: dict[str, HoldId] = field(default_factory=dict)

    def reserve(self, lifetime: str, lasts: timedelta) -> Reserve:
        return Reserve(
            id=HoldId(new_id()),
            holder=self.holder,
            allowance=self.allowances[lifetime],
            amount=100,
            cause=Id(bytes(15) + b"c"),
            expires_at=self.ledger.clock.now + lasts,
        )

    async def capture(self, hold: HoldId) -> str:
        return said(
            await self.ledger.ask(Capture(hold=hold, holder=self.holder, target=USED, amount=1))
        )

    async def use(self, lifetime: str, amount: int = 1) -> str:
        return said(
            await self.ledger.ask(move(self.allowances[lifetime], self.holder, USED, amount))
        )

    async def available(self) -> dict[str, int]:
        """What faces would show of what can still be used."""
        database = self.ledger.yuzuri.database
        async with database.connection() as connection:
            book = await read_book(connection, [self.holder], self.ledger.clock.now)
        left = {
            bucket.allowance: bucket.available
            for bucket, _ in book.holdings(self.holder, Unit.DATA)
        }
        return {name: left.get(allowance, 0) for name, allowance in self.allowances.items()}


def said(outcome: Outcome) -> str:
    match outcome:
        case Refusal(code=code):
            return code.value
        case _:
            assert outcome is DONE, outcome
            return "done"


DONE_, OVER, ENDED = "done", Code.ALLOWANCE_EXPIRED.value, Code.HOLD_ENDED.value
GONE = Code.ALLOWANCE_UNKNOWN.value


async def new_owned(ledger: LedgerWorld) -> Owned:
    (holder,) = await ledger.new_holders([5])
    owned = Owned(ledger, holder)
    for lifetime in LIFETIMES:
        owned.allowances[lifetime] = await ledger.issue(holder, lifetime)
        for holds, lasts in ((owned.short, HOUR), (owned.long, 60 * DAY)):
            reserve = owned.reserve(lifetime, lasts)
            assert await ledger.ask(reserve) is DONE
            holds[lifetime] = reserve.id
    return owned


@pytest.fixture
async def owned(ledger: LedgerWorld) -> Owned:
    return await new_owned(ledger)


# The clock's way from the start; then what using some says, and what capturing a short and a long
# hold says: each of what is of a day, of the month, and for ever.
JUMPS = [
    ("nowhere", [timedelta(0)], (DONE_, DONE_, DONE_), (DONE_,) * 3, (DONE_,) * 3),
    ("almost an hour", [HOUR - TICK], (DONE_,) * 3, (DONE_,) * 3, (DONE_,) * 3),
    ("an hour", [HOUR], (DONE_,) * 3, (ENDED,) * 3, (DONE_,) * 3),
    ("an hour back", [-HOUR], (DONE_,) * 3, (DONE_,) * 3, (DONE_,) * 3),
    ("400 days back", [-400 * DAY], (DONE_,) * 3, (DONE_,) * 3, (DONE_,) * 3),
    ("an hour and back", [HOUR, -HOUR], (DONE_,) * 3, (DONE_,) * 3, (DONE_,) * 3),
    ("almost a day", [DAY - TICK], (DONE_,) * 3, (ENDED,) * 3, (DONE_,) * 3),
    ("a day", [DAY], (OVER, DONE_, DONE_), (ENDED,) * 3, (OVER, DONE_, DONE_)),
    ("almost to the month's end", [MONTH_END - TICK], (OVER, DONE_, DONE_), (ENDED,) * 3,
     (OVER, DONE_, DONE_)),
    ("to the month's end", [MONTH_END], (OVER, OVER, DONE_), (ENDED,) * 3, (OVER, OVER, DONE_)),
    ("past the month's end and back", [MONTH_END + HOUR, -2 * HOUR], (OVER, DONE_, DONE_),
     (ENDED,) * 3, (OVER, DONE_, DONE_)),
    ("almost 60 days", [60 * DAY - TICK], (OVER, OVER, DONE_), (ENDED,) * 3,
     (OVER, OVER, DONE_)),
    ("60 days", [60 * DAY], (OVER, OVER, DONE_), (ENDED,) * 3, (ENDED,) * 3),
    ("400 days", [400 * DAY], (OVER, OVER, DONE_), (ENDED,) * 3, (ENDED,) * 3),
    ("400 days and back", [400 * DAY, -400 * DAY], (DONE_,) * 3, (DONE_,) * 3, (DONE_,) * 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("way", "used", "short", "long"), [row[1:] for row in JUMPS], ids=[row[0] for row in JUMPS]
)
async def test_what_is_over_where_the_clock_has_jumped(
    owned: Owned,
    way: list[timedelta],
    used: tuple[str, ...],
    short: tuple[str, ...],
    long: tuple[str, ...],
) -> None:
    for jump in way:
        owned.ledger.clock.move(jump)
        shown = await owned.available()
    expected = {
        name: 0 if use == OVER else ISSUED - 100 * (one, other).count(DONE_)
        for name, use, one, other in zip(LIFETIMES, used, short, long, strict=True)
    }
    # A hold outlives its allowance, of which nothing is shown.
    assert shown == expected
    assert tuple([await owned.use(name) for name in LIFETIMES]) == used
    assert tuple([await owned.capture(owned.short[name]) for name in LIFETIMES]) == short
    assert tuple([await owned.capture(owned.long[name]) for name in LIFETIMES]) == long


async def test_what_was_written_down_as_run_out_stays_so_when_the_clock_goes_back(
    owned: Owned,
) -> None:
    owned.ledger.clock.move(HOUR)
    assert await owned.ledger.ask(ExpireBuckets((owned.holder,))) == Expired(0)
    owned.ledger.clock.move(-HOUR)
    assert {await owned.capture(hold) for hold in owned.short.values()} == {ENDED}
    assert {await owned.capture(hold) for hold in owned.long.values()} == {DONE_}


async def test_what_was_booked_as_expired_stays_so_when_the_clock_goes_back(owned: Owned) -> None:
    owned.ledger.clock.move(400 * DAY)
    await sweep(owned.ledger.yuzuri)
    kept = await owned.ledger.kept()
    assert kept.holds == {}
    assert kept.buckets == {(owned.holder, owned.allowances["never"]): (ISSUED, 0)}
    owned.ledger.clock.move(-400 * DAY)
    assert [await owned.use(name, ISSUED) for name in LIFETIMES] == [GONE, GONE, DONE_]


async def test_a_sweep_at_the_months_end_books_all_that_ends_and_nothing_else(
    owned: Owned,
) -> None:
    for hold in (*owned.short.values(), *owned.long.values()):
        assert await owned.ledger.ask(Release(hold=hold, holder=owned.holder)) is DONE
    owned.ledger.clock.move(MONTH_END - TICK)
    await sweep(owned.ledger.yuzuri)
    left = {owned.allowances["month"], owned.allowances["never"]}
    assert {allowance for _, allowance in (await owned.ledger.kept()).buckets} == left
    owned.ledger.clock.move(TICK)
    await sweep(owned.ledger.yuzuri)
    buckets = (await owned.ledger.kept()).buckets
    assert buckets == {(owned.holder, owned.allowances["never"]): (ISSUED, 0)}


async def test_what_is_held_is_booked_when_its_hold_has_run_out_and_not_before(
    owned: Owned,
) -> None:
    owned.ledger.clock.move(MONTH_END)
    await sweep(owned.ledger.yuzuri)
    assert len((await owned.ledger.kept()).buckets) == 3  # each with a hold of 60 days
    owned.ledger.clock.move(60 * DAY - MONTH_END)
    await sweep(owned.ledger.yuzuri)
    buckets = (await owned.ledger.kept()).buckets
    assert buckets == {(owned.holder, owned.allowances["never"]): (ISSUED, 0)}


@pytest.mark.parametrize("jump", [HOUR, -HOUR, MONTH_END, 400 * DAY, -400 * DAY], ids=str)
async def test_the_same_key_is_answered_the_same_whenever_it_is(
    owned: Owned, jump: timedelta
) -> None:
    reserve = owned.reserve("day", HOUR)
    too_late = owned.reserve("day", -HOUR)
    capture = Capture(hold=owned.short["day"], holder=owned.holder, target=USED, amount=1)
    commands: dict[str, Asked] = {"reserve": reserve, "too late": too_late, "capture": capture}
    before = {key: await owned.ledger.ask(command, key) for key, command in commands.items()}
    kept = await owned.ledger.kept()
    owned.ledger.clock.move(jump)
    again = {key: await owned.ledger.ask(command, key) for key, command in commands.items()}
    assert again == before
    assert await owned.ledger.kept() == kept
