"""The run of `yuzuri bench links`: one posted link, and everybody comes for a share of it at once.

Beside it, in the same run: the same rows written one by one under row locks, by pgbench in its C.
At the end the books must hold: nobody has two shares, none that was acknowledged is missing.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter

import msgspec
from msgspec.structs import replace

from yuzuri.bench import BenchFailed
from yuzuri.bench.cases import measure_callers
from yuzuri.bench.charged_lines import OPERATOR, check_books
from yuzuri.bench.ledger import Progress
from yuzuri.bench.link_peer import LINK_PEER_CLIENTS, make_link_peer, take_one_by_one
from yuzuri.bench.report import CaseResult, Machine, best_of, compare, count_clients, is_durable
from yuzuri.bench.samples import Timing
from yuzuri.bench.servers import BenchServer, open_bench_server, read_machine
from yuzuri.bench.tables import Row, durability_row, machine_row, markdown_table
from yuzuri.bench.takers import Taker, add_takers, check_shares, post_link
from yuzuri.db.connect import open_database
from yuzuri.db.login import Login
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import LinkId
from yuzuri.operators.profiles import Profiles, read_profiles
from yuzuri.runtime.memory import collect_rarely
from yuzuri.runtime.running import Yuzuri, run_yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import GiftDone
from yuzuri.sharing.links import SHARES_MAX, TakeShare


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksPlan:
    """How long each part of a run takes, and how much there is to do."""

    shares: int
    takers_at_once: int
    case: Timing
    peer_s: int
    is_emptied: bool
    """Everything that is left of the link is taken, too."""


LINKS_QUICK = LinksPlan(
    shares=SHARES_MAX,
    takers_at_once=2_000,
    case=Timing(warm_s=0.5, rounds=3, round_s=0.8),
    peer_s=2,
    is_emptied=False,
)

LINKS_FULL = LinksPlan(
    shares=SHARES_MAX,
    takers_at_once=2_000,
    case=Timing(warm_s=1.0, rounds=5, round_s=1.5),
    peer_s=5,
    is_emptied=True,
)


class LinksReport(msgspec.Struct, frozen=True):
    """All that a run found; throughput per second, times in ms."""

    cases: dict[str, CaseResult]
    """`takes`: so many takers at once each await their own share."""
    takers_at_once: int
    peers: dict[str, float]
    """Takes per second one by one under the row lock of the link, by number of clients."""
    shares: int
    taken: int
    """How many shares were acknowledged; each is in the books, once."""
    bytes_taken: int
    durable: bool
    machine: Machine
    seconds: float


async def bench_links(plan: LinksPlan, url: str | None, progress: Progress) -> LinksReport:
    """Measure takes of one link by this plan, and leave nothing behind.

    `url` None: on an embedded server in a temporary folder. Raises `BenchFailed` where a figure
    would not be true, `DatabaseUnavailable`.
    """
    collect_rarely()  # as every worker that serves
    started = perf_counter()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(open_bench_server(url, progress.tell))
        conninfo = await server.create_database("links")
        settings = Settings(data=server.folder or Path(), database_url=conninfo)
        database = await stack.enter_async_context(open_database(settings))
        yuzuri = await stack.enter_async_context(
            run_yuzuri(settings, database, clock=utc_now, profiles=_generous_profiles())
        )
        run = _Run(plan, server, Login.read(conninfo, "--url"), yuzuri, progress)
        await run.take_steps()
        machine = await read_machine(server, yuzuri.database)
        return LinksReport(
            cases=run.cases,
            peers={clients: round(per_s, 1) for clients, per_s in run.peers.items()},
            takers_at_once=plan.takers_at_once,
            shares=plan.shares,
            taken=run.taken,
            bytes_taken=run.bytes_taken,
            durable=is_durable(machine.server_settings),
            machine=machine,
            seconds=round(perf_counter() - started, 1),
        )


def _generous_profiles() -> Profiles:
    """The example operator without limits on how often and how much one gives."""
    profile = read_profiles()[OPERATOR]
    rules = replace(
        profile.gift,
        step=None,
        minimum=None,
        maximum=None,
        count_per_day=None,
        count_per_month=None,
        volume_per_day=None,
        volume_per_month=None,
        pending_max=None,
    )
    return Profiles({OPERATOR: replace(profile, gift=rules)})


@dataclass(slots=True)
class _Run:
    """What a run has at hand, and what it has found so far."""

    plan: LinksPlan
    server: BenchServer
    owner: Login
    yuzuri: Yuzuri
    progress: Progress
    cases: dict[str, CaseResult] = field(default_factory=dict)
    peers: dict[str, float] = field(default_factory=dict)
    taken: int = 0
    bytes_taken: int = 0

    async def take_steps(self) -> None:
        """Measure takes between two runs of the peer."""
        self.progress.begin(6 + self.plan.is_emptied)
        self.progress.step("posting a link")
        link, amount = await post_link(self.yuzuri, self.plan.shares)
        self.progress.step("making takers")
        takers = await add_takers(self.owner, self.plan.shares, self.yuzuri.clock())
        await make_link_peer(self.owner)
        await self.server.checkpoint()
        self.progress.step("row locks, one by one")
        for clients in LINK_PEER_CLIENTS:
            await self._measure_peer(link, clients)
        await self.server.checkpoint()
        self.progress.step("takes")
        queue = _Queue(self.yuzuri, link, takers)
        at_once = self.plan.takers_at_once
        figures = await measure_callers(queue.take, at_once, self.plan.case)
        if self.plan.is_emptied:
            self.progress.step("taking the rest")
            await queue.take_the_rest(at_once)
        self.taken = queue.taken
        self.progress.step("row locks, once more")
        await self._measure_peer(link, int(max(self.peers, key=lambda name: self.peers[name])))
        self.cases["takes"] = compare(figures, best_of(self.peers, "row locks, one by one"))
        self.progress.step("checking the books")
        self.bytes_taken = await check_shares(self.yuzuri, link, self.taken, amount)
        if self.plan.is_emptied and (self.taken, self.bytes_taken) != (self.plan.shares, amount):
            raise BenchFailed(f"{self.taken} shares, {self.bytes_taken} of {amount} bytes")
        await check_books(self.yuzuri)

    async def _measure_peer(self, link: LinkId, clients: int) -> None:
        per_s = await take_one_by_one(
            self.owner.conninfo, link, self.plan.shares, clients, self.plan.peer_s
        )
        self.peers[str(clients)] = max(per_s, self.peers.get(str(clients), 0.0))


class _Queue:
    """Those who have not come for their share yet; each comes once."""

    def __init__(self, yuzuri: Yuzuri, link: LinkId, takers: Sequence[Taker]) -> None:
        self._yuzuri = yuzuri
        self._link = link
        self._takers = deque(takers)
        self._keys = map(str, count(1))
        self.taken = 0

    async def take(self) -> None:
        """Let the next one take a share."""
        if not self._takers:
            raise BenchFailed("all shares were taken before the time was up")
        taker = self._takers.popleft()
        command = TakeShare(person=taker.person, line=taker.line, link=self._link)
        outcome = await self._yuzuri.submit(taker.person, next(self._keys), command)
        if not isinstance(outcome, GiftDone):
            raise BenchFailed(f"a take was refused: {outcome!r}")
        self.taken += 1

    async def take_the_rest(self, at_once: int) -> None:
        """Let all come who are left, as many at once as before."""

        async def take_on() -> None:
            while self._takers:
                await self.take()

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(take_on())


# ---------------------------------------------------------------- the report

LINKS_HEADINGS = ("case", "per second", "p50 ms", "p99 ms", "times", "its yardstick")


def links_json(report: LinksReport) -> str:
    """The report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def links_rows(report: LinksReport) -> list[Row]:
    """A row for the one case, under `LINKS_HEADINGS`."""
    case = report.cases["takes"]
    return [
        (
            f"shares of one link, {report.takers_at_once:,} takers at once",
            f"{case.per_s:,.0f}",
            f"{case.p50_ms:,.1f}",
            f"{case.p99_ms:,.1f}",
            f"{case.ratio:,.1f} ×",
            case.against,
        )
    ]


def links_fact_rows(report: LinksReport) -> list[Row]:
    """What else was measured, and where: a name and a value each."""
    peers = (
        f"{count_clients(int(clients))} {per_s:,.0f}" for clients, per_s in report.peers.items()
    )
    return [
        ("row locks, takes per second", ", ".join(peers)),
        ("in the books", f"{report.taken:,} of {report.shares:,} shares, each once, to the byte"),
        durability_row(report.durable, report.machine),
        machine_row(report.machine),
        ("took", f"{report.seconds:,.0f} s"),
    ]


def links_markdown(report: LinksReport) -> str:
    """The whole report as Markdown tables."""
    return "\n".join(
        [
            markdown_table(LINKS_HEADINGS, links_rows(report)),
            markdown_table(("beside them", ""), links_fact_rows(report)),
        ]
    )
