"""The run of `yuzuri bench ledger`: every case beside its yardstick, on one server, in one go."""

import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Protocol
from zoneinfo import ZoneInfo

import psutil

from yuzuri.bench import BenchFailed
from yuzuri.bench.books import BALANCE, Books, fill_books, open_as_owner
from yuzuri.bench.cases import (
    Load,
    MovableClock,
    drive_groups,
    measure_arrivals,
    measure_callers,
    measure_groups,
    measure_month_end,
)
from yuzuri.bench.peers import (
    ROW_LOCK_CLIENTS,
    copy_expiring,
    expire_one_by_one,
    lock_one_row,
    make_peer_tables,
    move_one_by_one,
)
from yuzuri.bench.pgbench import Pgbench
from yuzuri.bench.report import (
    CaseResult,
    Report,
    Yardstick,
    best_of,
    compare,
    count_clients,
    is_durable,
)
from yuzuri.bench.samples import Figures, Round, Timing, median_figures
from yuzuri.bench.servers import BenchServer, open_bench_server, read_machine
from yuzuri.db.connect import open_database
from yuzuri.db.login import Login
from yuzuri.kernel.calendar import month_end, utc_now
from yuzuri.ledger.homes import choose_homes
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.memory import collect_rarely
from yuzuri.runtime.running import Yuzuri, run_yuzuri
from yuzuri.settings import Settings

SIMPLE_UPDATE = "simple-update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long each part of a run takes, and how much there is to do."""

    case: Timing
    groups: Timing
    half_load: Timing
    sizes: tuple[int, ...]
    """Powers of ten; `SIZE_COMPARED` is one of them."""
    size: Timing
    pgbench_s: int
    pgbench_scale: int
    is_pgbench_repeated: bool
    """All of it again at the end."""
    row_locks_s: int
    one_by_one_s: float
    expiring: int
    expiry_s_max: float
    holds_in_groups: bool


SIZE_COMPARED = 10**5

QUICK = Plan(
    case=Timing(warm_s=0.3, rounds=3, round_s=0.4),
    groups=Timing(warm_s=0.2, rounds=3, round_s=0.6),
    half_load=Timing(warm_s=0.2, rounds=3, round_s=0.4),
    sizes=(10**4, 10**5),
    size=Timing(warm_s=0.0, rounds=2, round_s=0.5),
    pgbench_s=1,
    pgbench_scale=10,
    is_pgbench_repeated=False,
    row_locks_s=1,
    one_by_one_s=0.5,
    expiring=100_000,
    expiry_s_max=2.0,
    holds_in_groups=False,
)

FULL = Plan(
    case=Timing(warm_s=2.0, rounds=5, round_s=3.0),
    groups=Timing(warm_s=2.0, rounds=5, round_s=3.0),
    half_load=Timing(warm_s=1.0, rounds=5, round_s=3.0),
    sizes=(10**4, 10**5, 10**6, 10**7),
    size=Timing(warm_s=1.0, rounds=5, round_s=4.0),
    pgbench_s=6,
    pgbench_scale=50,
    is_pgbench_repeated=True,
    row_locks_s=5,
    one_by_one_s=5.0,
    expiring=1_000_000,
    expiry_s_max=300.0,
    holds_in_groups=True,
)


class Progress(Protocol):
    """Whoever shows how far a run is."""

    def begin(self, steps: int) -> None:
        """So many steps lie ahead."""

    def step(self, title: str) -> None:
        """The next step begins; the one before is done."""

    def tell(self, sentence: str) -> None:
        """Say what the reader should know while it runs."""


async def bench_ledger(plan: Plan, url: str | None, homes: int, progress: Progress) -> Report:
    """Measure the ledger by this plan, and leave nothing behind.

    `url` None: on an embedded server in a temporary folder. Raises `BenchFailed` where a figure
    would not be true, `DatabaseUnavailable`.
    """
    collect_rarely()  # as every worker that serves
    memory = {"start": psutil.Process().memory_info().rss}
    started = perf_counter()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(open_bench_server(url, progress.tell))
        clock = MovableClock(utc_now)
        books = Books(SIZE_COMPARED, homes)
        conninfo = await server.create_database("ledger")
        yuzuri = await stack.enter_async_context(_open_books(server, conninfo, books, clock))
        run = _Run(
            plan=plan,
            server=server,
            progress=progress,
            clock=clock,
            load=Load(yuzuri, books),
            owner=Login.read(conninfo, "--url"),
            pgbench=Pgbench(await server.create_database("pgbench")),
            memory=memory,
            stack=stack,
        )
        await run.take_steps()
        machine = await read_machine(server, yuzuri.database)
        memory["peak"] = _peak_memory_bytes()
        return Report(
            cases=run.compared(),
            pgbench=run.pgbench.best,
            bytes_per_transfer=round(run.bytes_per_transfer, 1),
            durable=is_durable(machine.server_settings),
            memory_bytes=memory,
            peers={name: round(per_s, 1) for name, per_s in run.peers.items()},
            homes=homes,
            machine=machine,
            seconds=round(perf_counter() - started, 1),
        )


@dataclass(slots=True)
class _Run:
    """What a run has at hand, and what it has found so far."""

    plan: Plan
    server: BenchServer
    progress: Progress
    clock: MovableClock
    load: Load
    owner: Login
    pgbench: Pgbench
    memory: dict[str, int]
    stack: AsyncExitStack
    sizes: dict[str, Load] = field(default_factory=dict)
    figures: dict[str, Figures] = field(default_factory=dict)
    peers: dict[str, float] = field(default_factory=dict)
    yardsticks: dict[str, Yardstick] = field(default_factory=dict)
    bytes_per_transfer: float = 0.0

    async def take_steps(self) -> None:
        """Measure everything, yardsticks before and after."""
        steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("making the yardsticks' tables", self._prepare_peers),
            ("pgbench", self._measure_pgbench),
            ("groups of 8,000", self._measure_groups),
            ("64 callers", partial(self._measure_callers, 64)),
            ("512 callers", partial(self._measure_callers, 512)),
            ("half of that load", self._measure_half_load),
            ("one transaction a transfer", self._measure_one_by_one),
            ("one hot bucket", self._measure_hot),
            ("bytes on disk", self._measure_bytes),
            ("holds", self._measure_holds),
            ("month-end expiry", self._measure_expiry),
            *((f"{size:,} buckets", partial(self._fill_size, size)) for size in self.plan.sizes),
            ("these sizes in turns", self._measure_sizes),
        ]
        if self.plan.is_pgbench_repeated:
            steps.append(("pgbench again", self._measure_pgbench))
        self.progress.begin(len(steps))
        for title, take in steps:
            self.progress.step(title)
            await take()

    def compared(self) -> dict[str, CaseResult]:
        """Every case beside its yardstick."""
        return {
            name: compare(figures, self.yardsticks[name]) for name, figures in self.figures.items()
        }

    def _compare_with_case(self, name: str, other: str) -> None:
        self.yardsticks[name] = Yardstick(other, self.figures[other].per_s)

    async def _prepare_peers(self) -> None:
        await self.pgbench.initialise(self.plan.pgbench_scale)
        await make_peer_tables(self.owner)

    async def _measure_pgbench(self) -> None:
        await self.server.checkpoint()
        await self.pgbench.measure_all(self.plan.pgbench_s)

    async def _beside_pgbench(self, name: str, measuring: Awaitable[Figures]) -> None:
        """Measure a case between two runs of simple-update; the better one is its yardstick."""
        before = self.pgbench.last(SIMPLE_UPDATE)
        self.figures[name] = await measuring
        await self.pgbench.measure_best(SIMPLE_UPDATE, self.plan.pgbench_s)
        after = self.pgbench.last(SIMPLE_UPDATE)
        self.yardsticks[name] = max(before, after, key=lambda run: run.per_s)

    async def _measure_groups(self) -> None:
        await self._beside_pgbench("groups", measure_groups(self.load.move_group, self.plan.groups))

    async def _measure_callers(self, callers: int) -> None:
        await self._beside_pgbench(
            f"callers_{callers}", measure_callers(self.load.move, callers, self.plan.case)
        )

    async def _measure_half_load(self) -> None:
        name = "callers_half_load"
        self._compare_with_case(name, "callers_512")
        self.figures[name] = await measure_arrivals(
            self.load.move, self.yardsticks[name].per_s / 2, self.plan.half_load
        )

    async def _measure_one_by_one(self) -> None:
        self.peers["transfers, one by one"] = await move_one_by_one(
            self.owner.conninfo, self.load.books, self.plan.one_by_one_s
        )

    async def _measure_hot(self) -> None:
        """Measure one bucket that everyone wants between runs of row locks on one."""
        runs: dict[str, float] = {}

        async def lock(clients: int) -> None:
            per_s = await lock_one_row(
                self.owner.conninfo, self.load.books, clients, self.plan.row_locks_s
            )
            runs[str(clients)] = max(per_s, runs.get(str(clients), 0.0))

        for clients in ROW_LOCK_CLIENTS:
            await lock(clients)
        self.figures["hot"] = await measure_callers(self.load.move_from_hot, 512, self.plan.case)
        await lock(max(ROW_LOCK_CLIENTS, key=lambda clients: runs[str(clients)]))
        self.yardsticks["hot"] = best_of(runs, "row locks, one by one")
        for clients in ROW_LOCK_CLIENTS:
            name = f"row locks on one bucket, {count_clients(clients)}"
            self.peers[name] = runs[str(clients)]

    async def _measure_bytes(self) -> None:
        """Count what the transfers so far have left on disk, and see that none was lost."""
        async with self.load.yuzuri.database.connection() as connection:
            cursor = await connection.execute(_COUNT)
            row = await cursor.fetchone()
        assert row is not None
        size, transfers, balance = row
        if transfers != self.load.moved or balance != BALANCE * self.load.books.buckets:
            raise BenchFailed(
                f"{self.load.moved} transfers were acknowledged and {transfers} are there;"
                f" balances sum to {balance}"
            )
        self.bytes_per_transfer = size / transfers
        self.memory["before_sizes"] = psutil.Process().memory_info().rss

    async def _measure_holds(self) -> None:
        await self._beside_pgbench(
            "holds", measure_callers(self.load.reserve_and_capture, 512, self.plan.case)
        )
        if self.plan.holds_in_groups:
            await self._beside_pgbench(
                "holds_in_groups",
                measure_groups(self.load.reserve_and_capture_group, self.plan.groups),
            )

    async def _fill_size(self, size: int) -> None:
        books = Books(size, self.load.books.homes)
        conninfo = await self.server.create_database(_size_name(size))
        yuzuri = await self.stack.enter_async_context(
            _open_books(self.server, conninfo, books, self.clock)
        )
        self.sizes[_size_name(size)] = Load(yuzuri, books)

    async def _measure_sizes(self) -> None:
        """Post groups to books of each size in turns, so that the machine is the same for all."""
        timing = self.plan.size
        turn = Timing(timing.warm_s, 1, timing.round_s)
        rounds: dict[str, list[Round]] = {name: [] for name in self.sizes}
        await self.server.checkpoint()
        for number in range(timing.rounds):
            for name in self.sizes if number % 2 == 0 else reversed(self.sizes):
                rounds[name] += await drive_groups(self.sizes[name].move_group, turn)
        for name in self.sizes:
            self.figures[name] = median_figures(rounds[name])
        for name in self.sizes:
            self._compare_with_case(name, _size_name(SIZE_COMPARED))

    async def _measure_expiry(self) -> None:
        at = utc_now()
        ends_at = month_end(at, ZoneInfo("UTC"), 1)
        ending = Books(self.plan.expiring, self.load.books.homes)
        await fill_books(self.owner, ending, at, ends_at)
        await copy_expiring(self.owner, _ONE_BY_ONE_MAX)
        await self.server.checkpoint()
        self.peers["expiry, one by one"] = await expire_one_by_one(
            self.owner.conninfo, ending, ends_at, self.plan.one_by_one_s
        )
        result = await measure_month_end(
            self.load,
            self.clock,
            ends_at,
            per_s=self.figures["callers_512"].per_s / 4,
            timing=self.plan.half_load,
            seconds_max=self.plan.expiry_s_max,
        )
        self.figures["expiry"] = result.expiry
        self.figures["traffic_before_expiry"] = result.before
        self.figures["traffic_during_expiry"] = result.during
        self.yardsticks["expiry"] = Yardstick("one by one", self.peers["expiry, one by one"])
        for name in ("traffic_before_expiry", "traffic_during_expiry"):
            self._compare_with_case(name, "traffic_before_expiry")


_ONE_BY_ONE_MAX = 50_000

_COUNT = """
SELECT pg_total_relation_size('transfer') + pg_total_relation_size('journal_page')
           + pg_total_relation_size('command'),
       (SELECT count(*) FROM transfer),
       (SELECT sum(balance) FROM bucket)::bigint
"""


@asynccontextmanager
async def _open_books(
    server: BenchServer, conninfo: str, books: Books, clock: MovableClock
) -> AsyncIterator[Yuzuri]:
    """Open a Yuzuri on an empty database, migrated and with its buckets filled."""
    settings = Settings(data=server.folder or Path(), database_url=conninfo)
    owner = Login.read(conninfo, "--url")
    async with open_database(settings) as database:
        async with open_as_owner(owner) as connection, connection.transaction():
            await choose_homes(connection, books.homes)
        await fill_books(owner, books, clock())
        async with run_yuzuri(settings, database, clock=clock, profiles=Profiles({})) as yuzuri:
            yield yuzuri


def _size_name(size: int) -> str:
    return f"size_1e{len(str(size)) - 1}"


def _peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
