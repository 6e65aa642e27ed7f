"""What a run found, as values and as the one JSON object of `--json`."""

from collections.abc import Mapping

import msgspec

from yuzuri.bench.samples import Figures


class CaseResult(msgspec.Struct, frozen=True):
    """One case beside its yardstick: `ratio` is how many times `against` it is, by throughput."""

    per_s: float
    p50_ms: float
    p99_ms: float
    ratio: float
    against: str


class Yardstick(msgspec.Struct, frozen=True):
    """What a case is held against."""

    name: str
    per_s: float


class Machine(msgspec.Struct, frozen=True):
    """Where the figures were taken; client and server share it unless a URL says otherwise."""

    cpus: int
    memory_bytes: int
    python: str
    postgresql: str
    filesystem: str
    """Of the server's folder; empty where it isn't ours."""
    server_settings: Mapping[str, str]


PGBENCH_SCRIPTS = ("tpcb-like", "simple-update")
PGBENCH_CLIENTS = (1, 8, 32)

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
"""What the server must have on for an answer to outlive a power cut."""


class Report(msgspec.Struct, frozen=True):
    """All that a run found; throughput per second, times in ms, sizes in bytes."""

    cases: dict[str, CaseResult]
    pgbench: dict[str, dict[str, float]]
    """Transactions per second by script and number of clients: the best of all its runs."""
    bytes_per_transfer: float
    durable: bool
    memory_bytes: dict[str, int]
    """Of this process: `start`, `before_sizes` (all but the sizes measured) and `peak`."""
    peers: dict[str, float]
    """The other yardsticks, per second: one transaction at a time over psycopg, row locks."""
    homes: int
    machine: Machine
    seconds: float


def compare(figures: Figures, yardstick: Yardstick) -> CaseResult:
    """Put a case beside its yardstick."""
    return CaseResult(
        per_s=round(figures.per_s, 1),
        p50_ms=round(figures.p50_ms, 3),
        p99_ms=round(figures.p99_ms, 3),
        ratio=round(figures.per_s / yardstick.per_s, 3),
        against=yardstick.name,
    )


def best_of(runs: Mapping[str, float], name: str) -> Yardstick:
    """The best of runs of one yardstick that differ in their number of clients."""
    clients = max(runs, key=lambda clients: runs[clients])
    return Yardstick(f"{name}, {count_clients(int(clients))}", runs[clients])


def count_clients(clients: int) -> str:
    """Say how many clients ran beside one another."""
    return "1 client" if clients == 1 else f"{clients} clients"


def is_durable(server_settings: Mapping[str, str]) -> bool:
    """Tell whether the server said that what it acknowledges is on disk."""
    return all(server_settings.get(name) == "on" for name in DURABILITY)


def report_json(report: Report) -> str:
    """The report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
