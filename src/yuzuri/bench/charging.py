"""The run of `yuzuri bench charging`: updates of sessions on the product's own server over h2c.

Beside them, in the same run: an echo on the same server, which is what HTTP alone costs, and
pgbench. Every update reports use, so that each moves a balance durably before it is answered; at
the end the books must hold, and contain what was acknowledged to the byte.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from yuzuri.bench import BenchFailed
from yuzuri.bench.charged_lines import add_lines, check_books, read_charged
from yuzuri.bench.charging_app import ECHO_PATH, ECHO_WORD
from yuzuri.bench.charging_report import ChargingCase, ChargingReport
from yuzuri.bench.h2load import Load, Loaded, Session
from yuzuri.bench.ledger import SIMPLE_UPDATE, Progress
from yuzuri.bench.pgbench import Pgbench
from yuzuri.bench.report import is_durable
from yuzuri.bench.samples import Timing
from yuzuri.bench.served import HOST, Served, serve_beside_echo
from yuzuri.bench.servers import BenchServer, open_bench_server, read_machine
from yuzuri.kernel.calendar import utc_now
from yuzuri.runtime.running import Yuzuri, open_yuzuri
from yuzuri.settings import Settings

USED_BYTES = 500_000
"""What each update reports: 10,000 of them use up a line's plan, and a part of one grant."""

_API = "/nchf-convergedcharging/v3/chargingdata"
_RATING_GROUP = 1
_FUNCTION = "5b1a7c0e-3a51-4d0b-9d53-2f6f1f6f0001"
_USER_PLANE = "5b1a7c0e-3a51-4d0b-9d53-2f6f1f6f0002"
_PLMN = {"mcc": "440", "mnc": "99"}
_AT_ONCE = 64
_CONNECTIONS = {1: 4, 2: 16}
"""By workers: the system deals connections to them, and more are dealt more evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingPlan:
    """How long each part of a run takes."""

    case: Timing
    echo: Timing
    pgbench_s: int
    pgbench_scale: int


CHARGING_QUICK = ChargingPlan(
    case=Timing(warm_s=0.5, rounds=3, round_s=0.7),
    echo=Timing(warm_s=0.3, rounds=2, round_s=0.5),
    pgbench_s=1,
    pgbench_scale=10,
)

CHARGING_FULL = ChargingPlan(
    case=Timing(warm_s=2.0, rounds=5, round_s=3.0),
    echo=Timing(warm_s=1.0, rounds=3, round_s=1.5),
    pgbench_s=6,
    pgbench_scale=50,
)

_CASES = (("sessions_64", 64, 1), ("sessions_512", 512, 1), ("sessions_512_workers_2", 512, 2))
"""Name, sessions, workers: each has lines of its own."""


async def bench_charging(plan: ChargingPlan, url: str | None, progress: Progress) -> ChargingReport:
    """Measure charging by this plan, and leave nothing behind.

    `url` None: on an embedded server in a temporary folder. Raises `BenchFailed` where a figure
    would not be true, `DatabaseUnavailable`.
    """
    started = perf_counter()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(open_bench_server(url, progress.tell))
        conninfo = await server.create_database("charging")
        settings = Settings(data=server.folder or Path(), database_url=conninfo)
        yuzuri = await stack.enter_async_context(open_yuzuri(settings))
        pgbench = Pgbench(await server.create_database("pgbench"))
        run = _Run(plan, server, conninfo, yuzuri, pgbench, progress)
        await run.take_steps()
        machine = await read_machine(server, yuzuri.database)
        return ChargingReport(
            cases=run.cases,
            pgbench=pgbench.best[SIMPLE_UPDATE],
            request_bytes=run.request_bytes,
            answer_bytes=run.answer_bytes,
            updates=run.updates,
            bytes_used=run.updates * USED_BYTES,
            durable=is_durable(machine.server_settings),
            machine=machine,
            seconds=round(perf_counter() - started, 1),
        )


@dataclass(slots=True)
class _Run:
    """What a run has at hand, and what it has found so far."""

    plan: ChargingPlan
    server: BenchServer
    conninfo: str
    yuzuri: Yuzuri
    pgbench: Pgbench
    progress: Progress
    cases: dict[str, ChargingCase] = field(default_factory=dict)
    updates: int = 0
    request_bytes: int = 0
    answer_bytes: int = 0
    _supis: list[str] = field(default_factory=list)

    async def take_steps(self) -> None:
        """Measure everything, yardsticks before and after."""
        self.progress.begin(3 + len(_CASES))
        self.progress.step("making lines")
        self._supis += await add_lines(self.yuzuri, sum(sessions for _, sessions, _ in _CASES))
        self.progress.step("pgbench")
        await self.pgbench.initialise(self.plan.pgbench_scale)
        await self.server.checkpoint()
        await self.pgbench.measure_all(self.plan.pgbench_s, [SIMPLE_UPDATE])
        for workers in (1, 2):
            async with serve_beside_echo(self.conninfo, workers) as served:
                for name, sessions, with_workers in _CASES:
                    if with_workers == workers:
                        self.progress.step(name.replace("_", " "))
                        await self._measure(name, served, sessions, workers)
        self.progress.step("checking the books")
        await check_charged(self.yuzuri, self.updates * USED_BYTES)

    async def _measure(self, name: str, served: Served, count: int, workers: int) -> None:
        """Measure one case between two runs of each yardstick; the better one counts."""
        lines, self._supis = self._supis[:count], self._supis[count:]
        paths = await self._open_sessions(served, lines)
        bodies = [_body(supi, sequence="%(sequence)d", at="%(when)b") for supi in lines]
        asking = [Session(path, body) for path, body in zip(paths, bodies, strict=True)]
        size = f"{ECHO_PATH}?size={self.answer_bytes}"
        echoing = [Session(size, body) for body in bodies]
        connections = _CONNECTIONS[workers]

        async def put_on(sessions: list[Session], timing: Timing) -> Loaded:
            return await served.put_on(
                Load(HOST, served.port, sessions, timing, ECHO_WORD, connections, _NEXT_SEQUENCE)
            )

        before = self.pgbench.last(SIMPLE_UPDATE)
        echo_before = await put_on(echoing, self.plan.echo)
        loaded = await put_on(asking, self.plan.case)
        self.updates += sum(loaded.answered)
        echo_after = await put_on(echoing, self.plan.echo)
        await self.server.checkpoint()
        await self.pgbench.measure_best(SIMPLE_UPDATE, self.plan.pgbench_s)
        against = max(before, self.pgbench.last(SIMPLE_UPDATE), key=lambda run: run.per_s)
        echo = max((echo_before, echo_after), key=lambda run: run.figures.per_s).figures
        figures = loaded.figures
        self.cases[name] = ChargingCase(
            per_s=round(figures.per_s, 1),
            p50_ms=round(figures.p50_ms, 3),
            p99_ms=round(figures.p99_ms, 3),
            ratio=round(figures.per_s / against.per_s, 3),
            against=against.name,
            echo_ratio=round(figures.per_s / echo.per_s, 3),
            echo_per_s=round(echo.per_s, 1),
            echo_p50_ms=round(echo.p50_ms, 3),
            echo_p99_ms=round(echo.p99_ms, 3),
            client_us=round(loaded.client_us, 1),
        )

    async def _open_sessions(self, served: Served, lines: Sequence[str]) -> list[str]:
        """Open a session for each line and report once; returns where each is updated."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def open_session(supi: str) -> str:
            async with gate:
                created = await served.http.post(_API, json=json.loads(_create(supi)))
                if created.status_code != 201:
                    raise BenchFailed(f"no session is opened: {created.status_code} {created.text}")
                path = f"{_API}/{created.headers['location'].rpartition('/')[2]}/update"
                body = _body(supi, sequence="2", at=utc_now().isoformat())
                updated = await served.http.post(
                    path, content=body, headers={"content-type": "application/json"}
                )
                if updated.status_code != 200 or ECHO_WORD not in updated.text:
                    raise BenchFailed(f"an update fails: {updated.status_code} {updated.text}")
                self.updates += 1
                self.request_bytes = len(body)
                self.answer_bytes = len(updated.content)
                return path

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(open_session(supi)) for supi in lines]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]


async def check_charged(yuzuri: Yuzuri, acknowledged: int) -> None:
    """See that so many bytes, and no others, are in the books, and that these hold.

    Raises `BenchFailed`.
    """
    charged = await read_charged(yuzuri)
    if not charged.transferred == charged.reported == acknowledged or charged.unpaid:
        raise BenchFailed(f"{acknowledged} bytes were acknowledged, and there are {charged}")
    await check_books(yuzuri)


_NEXT_SEQUENCE = 3
"""1 opens a session, and 2 is its first report."""


def _message(supi: str, sequence: str, at: str, units: dict[str, Any]) -> str:
    """A message as a session manager sends it; `sequence` and `at` may be places in the text."""
    number = int(supi[-6:])
    session = {"pduSessionID": 1, "dnnId": "internet", "ratType": "NR", "servingCNPlmnId": _PLMN}
    consumer = {"nFName": _FUNCTION, "nFPLMNID": _PLMN, "nodeFunctionality": "SMF"}
    message = {
        "subscriberIdentifier": supi,
        "chargingId": number,
        "nfConsumerIdentification": consumer,
        "invocationTimeStamp": at,
        "invocationSequenceNumber": "SEQUENCE",
        "multipleUnitUsage": [{"ratingGroup": _RATING_GROUP, "uPFID": _USER_PLANE, **units}],
        "pDUSessionChargingInformation": {"chargingId": number, "pduSessionInformation": session},
    }
    text = json.dumps(message, separators=(",", ":"))
    return text.replace('"SEQUENCE"', sequence)


def _create(supi: str) -> str:
    return _message(supi, "1", utc_now().isoformat(), {"requestedUnit": {}})


def _body(supi: str, *, sequence: str, at: str) -> str:
    used = {
        "localSequenceNumber": 1,
        "quotaManagementIndicator": "ONLINE_CHARGING",
        "triggers": [{"triggerType": "QUOTA_THRESHOLD", "triggerCategory": "IMMEDIATE_REPORT"}],
        "triggerTimestamp": at,
        "totalVolume": USED_BYTES,
        "uplinkVolume": USED_BYTES // 10,
        "downlinkVolume": USED_BYTES - USED_BYTES // 10,
    }
    return _message(supi, sequence, at, {"requestedUnit": {}, "usedUnitContainer": [used]})
