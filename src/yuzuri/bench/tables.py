"""A report as rows of text, for a terminal and for Markdown alike."""

from collections.abc import Sequence

from yuzuri.bench.report import PGBENCH_CLIENTS, CaseResult, Machine, Report, count_clients

CASE_TITLES = {
    "groups": "transfers posted in groups of 8,000",
    "callers_64": "single transfers, 64 callers",
    "callers_512": "single transfers, 512 callers",
    "callers_half_load": "single transfers, at half of that load",
    "hot": "one hot bucket, 512 callers",
    "holds": "reserve + capture pairs, 512 callers",
    "holds_in_groups": "reserve + capture pairs in groups of 8,000",
    "size_1e4": "groups on 10,000 buckets",
    "size_1e5": "groups on 100,000 buckets",
    "size_1e6": "groups on 1,000,000 buckets",
    "size_1e7": "groups on 10,000,000 buckets",
    "expiry": "month-end expiry, buckets",
    "traffic_before_expiry": "single transfers just before it",
    "traffic_during_expiry": "single transfers during it",
}
"""In the order in which they are shown; times of a group are those of all its transfers."""

CASE_HEADINGS = ("case", "per second", "p50 ms", "p99 ms", "times", "its yardstick")
PGBENCH_HEADINGS = ("pgbench, per second", *map(count_clients, PGBENCH_CLIENTS))

Row = tuple[str, ...]


def case_rows(report: Report) -> list[Row]:
    """A row for each case that was run, under `CASE_HEADINGS`."""
    return [
        (title, *_figures(report.cases[name]))
        for name, title in CASE_TITLES.items()
        if name in report.cases
    ]


def pgbench_rows(report: Report) -> list[Row]:
    """A row for each of pgbench's scripts, under `PGBENCH_HEADINGS`."""
    return [
        (script, *(f"{runs[str(clients)]:,.0f}" for clients in PGBENCH_CLIENTS))
        for script, runs in report.pgbench.items()
    ]


def peer_rows(report: Report) -> list[Row]:
    """A row for each other yardstick: its name, and how many it did per second."""
    return [(name, f"{per_s:,.0f}") for name, per_s in report.peers.items()]


def fact_rows(report: Report) -> list[Row]:
    """What else was measured, and where: a name and a value each."""
    return [
        ("bytes on disk a transfer", f"{report.bytes_per_transfer:,.0f} (indexes included)"),
        durability_row(report.durable, report.machine),
        (
            "memory of the process",
            ", ".join(
                f"{name.replace('_', ' ')} {size / 1e6:,.0f} MB"
                for name, size in report.memory_bytes.items()
            ),
        ),
        machine_row(report.machine),
        ("homes", str(report.homes)),
        ("took", f"{report.seconds:,.0f} s"),
    ]


def durability_row(durable: bool, machine: Machine) -> Row:  # noqa: FBT001 - a row's value
    """Whether what was acknowledged is on disk, and what the server says of it."""
    settings = ", ".join(f"{name}={value}" for name, value in machine.server_settings.items())
    return "durable", f"{'yes' if durable else 'NO'} ({settings})"


def machine_row(machine: Machine) -> Row:
    """Where the figures were taken."""
    filesystem = f", {machine.filesystem}" if machine.filesystem else ""
    return (
        "machine",
        f"{machine.cpus} CPUs, {machine.memory_bytes / 2**30:.0f} GiB,"
        f" Python {machine.python}, PostgreSQL {machine.postgresql}{filesystem}",
    )


def markdown(report: Report) -> str:
    """The whole report as Markdown tables."""
    return "\n".join(
        [
            markdown_table(CASE_HEADINGS, case_rows(report)),
            markdown_table(PGBENCH_HEADINGS, pgbench_rows(report)),
            markdown_table(("other yardsticks", "per second"), peer_rows(report)),
            markdown_table(("beside them", ""), fact_rows(report)),
        ]
    )


def _figures(case: CaseResult) -> Row:
    return (
        f"{case.per_s:,.0f}",
        f"{case.p50_ms:,.1f}",
        f"{case.p99_ms:,.1f}",
        f"{case.ratio:,.2f} ×",
        case.against,
    )


def markdown_table(headings: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows under headings, as Markdown; columns of numbers to the right."""
    numbers = [all(_is_number(row[column]) for row in rows) for column in range(len(headings))]
    marks = ["---:" if is_number else "---" for is_number in numbers]
    lines = [headings, marks, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _is_number(text: str) -> bool:
    return text.removesuffix(" ×").replace(",", "").replace(".", "").isdigit()
