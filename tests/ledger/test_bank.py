"""Eight processes at 64 hot buckets, and at every instant in between the books are right."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from tests.ledger.bank import Job, Processes, Report, processes
from tests.ledger.world import LedgerWorld, move, open_ledger
from tests.model.world import EFFORT, ISSUED

from yuzuri.db import Connection
from yuzuri.db.connect import open_database
from yuzuri.db.invariants import check_invariants
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import new_id
from yuzuri.ledger.changes import HOUSE, House
from yuzuri.ledger.commands import DONE
from yuzuri.ledger.invariants import LEDGER_INVARIANTS
from yuzuri.settings import Settings

PROCESSES, BUCKETS = 8, 64

LOOKED_AT = [invariant for invariant in LEDGER_INVARIANTS if invariant.number in {"I1", "I2", "I3"}]

# What people have, what is between homes, and what was used up.
_TOTAL = """
SELECT (SELECT sum(balance) FROM bucket)
     + (SELECT coalesce(sum(amount), 0) FROM entry WHERE holder = ANY(%s))
"""


@pytest.fixture(scope="module")
def tellers() -> Iterator[Processes]:
    with processes(PROCESSES) as tellers:
        yield tellers


@dataclass
class Day:
    """A day at the bank: what was done, how often somebody looked, and what was wrong."""

    reports: Sequence[Report] = ()
    instants: int = 0
    seen: list[str] = field(default_factory=list)
    """What was wrong at an instant in between."""

    def sum(self, what: str) -> int:
        return sum(getattr(report, what) for report in self.reports)


async def look(connection: Connection, day: Day) -> None:
    """Look at one instant, in one snapshot."""
    async with connection.transaction():
        findings = await check_invariants(connection, utc_now(), LOOKED_AT)
        elsewhere = [HOUSE[House.TRANSIT], HOUSE[House.USED]]
        row = await (await connection.execute(_TOTAL, (elsewhere,))).fetchone()
    assert row is not None
    day.instants += 1
    day.seen += [f"{f.number} {breach}" for f in findings for breach in f.breaches]
    if row[0] != ISSUED:
        day.seen.append(f"all there is was {row[0]}")


async def open_bank(ledger: LedgerWorld, settings: Settings, bug: str = "") -> list[Job]:
    """Give every holder a little of one allowance; returns what each process is to do with it.

    Every other process has few callers, so that some groups move nothing.
    """
    holders = await ledger.new_holders(range(BUCKETS))
    allowance = await ledger.issue(holders[0])
    for holder in holders[1:]:
        share = move(allowance, holders[0], holder, ISSUED // BUCKETS)
        assert await ledger.ask(share) is DONE
    seed = int.from_bytes(new_id()[-6:])
    print(f"seed {seed}")
    return [
        Job(
            database_url=settings.database_url or "",
            data=settings.data,
            holders=holders,
            allowance=allowance,
            seed=seed + number,
            seconds=2.0 * EFFORT,
            callers=2 if number % 2 else 24,
            bug=bug,
        )
        for number in range(PROCESSES)
    ]


async def spend(ledger: LedgerWorld, tellers: Processes, jobs: Sequence[Job]) -> Day:
    """Let all work at once, and look on all the while."""
    day = Day()
    working = asyncio.create_task(tellers.work(jobs))
    async with ledger.yuzuri.database.connection() as connection:
        while not working.done():
            await look(connection, day)
            await asyncio.sleep(0.02)
    day.reports = await working
    return day


async def test_the_books_are_right_at_every_instant(
    ledger: LedgerWorld, tellers: Processes, settings: Settings
) -> None:
    jobs = await open_bank(ledger, settings)
    day = await spend(ledger, tellers, jobs)
    wrong = Counter(what for report in day.reports for what in report.wrong)
    assert wrong == Counter()
    assert day.seen == []
    assert day.instants >= 10
    assert all(report.done for report in day.reports)
    assert min(day.sum("refused"), day.sum("again")) > 0
    await ledger.bring_all_over()  # and the books are checked whole when the test ends


@pytest.mark.parametrize(
    ("bug", "homes"),
    [("lock_nothing", 1), ("lock_nothing", 16), ("believe_what_was_foreseen", 1)],
)
async def test_with_a_bug_the_books_are_seen_to_be_wrong(
    settings: Settings, tellers: Processes, bug: str
) -> None:
    """A test that cannot fail proves nothing."""
    async with (
        open_database(settings, migrating=False) as database,
        open_ledger(settings, database, is_checked=False) as ledger,
    ):
        jobs = await open_bank(ledger, settings, bug)
        for _ in range(10):
            day = await spend(ledger, tellers, jobs)
            if day.seen or await ledger.breaches():
                return
    pytest.fail("nobody has seen it")
