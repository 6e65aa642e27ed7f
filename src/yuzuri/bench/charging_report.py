"""What a run of `yuzuri bench charging` found: values, JSON, and rows for people."""

import msgspec

from yuzuri.bench.report import Machine, count_clients
from yuzuri.bench.tables import Row, durability_row, machine_row, markdown_table

CHARGING_TITLES = {
    "sessions_64": "64 sessions",
    "sessions_512": "512 sessions",
    "sessions_512_workers_2": "512 sessions, 2 workers",
}
"""In the order in which they are shown."""

CHARGING_HEADINGS = (
    "case", "per second", "p50 ms", "p99 ms", "× pgbench", "× echo", "echo per second",
)  # fmt: skip


class ChargingCase(msgspec.Struct, frozen=True):
    """Durable updates beside both yardsticks: `ratio` is to `against`, `echo_ratio` to the echo."""

    per_s: float
    p50_ms: float
    p99_ms: float
    ratio: float
    against: str
    echo_ratio: float
    echo_per_s: float
    echo_p50_ms: float
    echo_p99_ms: float
    client_us: float
    """Processor time that an update cost whoever made the load, on the same machine."""


class ChargingReport(msgspec.Struct, frozen=True):
    """All that a run found; throughput per second, times in ms, sizes in bytes."""

    cases: dict[str, ChargingCase]
    pgbench: dict[str, float]
    """Transactions per second of simple-update by number of clients: the best of all its runs."""
    request_bytes: int
    answer_bytes: int
    updates: int
    """How many were acknowledged, outside of the measured rounds too: each is in the books."""
    bytes_used: int
    durable: bool
    machine: Machine
    seconds: float


def charging_json(report: ChargingReport) -> str:
    """The report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def charging_rows(report: ChargingReport) -> list[Row]:
    """A row for each case that was run, under `CHARGING_HEADINGS`."""
    return [
        (
            title,
            f"{case.per_s:,.0f}",
            f"{case.p50_ms:,.1f}",
            f"{case.p99_ms:,.1f}",
            f"{case.ratio:,.2f} ×",
            f"{case.echo_ratio:,.2f} ×",
            f"{case.echo_per_s:,.0f}",
        )
        for name, title in CHARGING_TITLES.items()
        if (case := report.cases.get(name)) is not None
    ]


def charging_fact_rows(report: ChargingReport) -> list[Row]:
    """What else was measured, and where: a name and a value each."""
    pgbench = (
        f"{count_clients(int(clients))} {tps:,.0f}" for clients, tps in report.pgbench.items()
    )
    client = max(case.client_us for case in report.cases.values())
    return [
        ("pgbench simple-update, per second", ", ".join(pgbench)),
        ("bytes of a request and its answer", f"{report.request_bytes}, {report.answer_bytes}"),
        ("processor time of the load", f"{client:,.0f} µs a request"),
        ("in the books", f"{report.updates:,} updates, {report.bytes_used:,} bytes, to the byte"),
        durability_row(report.durable, report.machine),
        machine_row(report.machine),
        ("took", f"{report.seconds:,.0f} s"),
    ]


def charging_markdown(report: ChargingReport) -> str:
    """The whole report as Markdown tables."""
    return "\n".join(
        [
            markdown_table(CHARGING_HEADINGS, charging_rows(report)),
            markdown_table(("beside them", ""), charging_fact_rows(report)),
        ]
    )
