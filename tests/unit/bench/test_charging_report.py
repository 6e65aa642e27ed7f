"""The report of charging: figures beside both yardsticks, for people and for programs."""

import msgspec

from yuzuri.bench.charging_report import (
    ChargingCase,
    ChargingReport,
    charging_fact_rows,
    charging_json,
    charging_markdown,
    charging_rows,
)
from yuzuri.bench.report import Machine

CASE = ChargingCase(
    per_s=5000.0,
    p50_ms=99.96,
    p99_ms=120.0,
    ratio=0.75,
    against="pgbench simple-update, 8 clients",
    echo_ratio=0.25,
    echo_per_s=20000.0,
    echo_p50_ms=20.0,
    echo_p99_ms=30.0,
    client_us=13.0,
)
REPORT = ChargingReport(
    cases={"sessions_512": CASE, "sessions_64": CASE},
    pgbench={"1": 2000.0, "8": 6666.7},
    request_bytes=800,
    answer_bytes=500,
    updates=12_000,
    bytes_used=6_000_000_000,
    durable=True,
    machine=Machine(2, 2**34, "3.11.7", "18.6", "ext4", {"fsync": "on"}),
    seconds=40.0,
)


def test_cases_are_shown_in_their_order_beside_both_yardsticks() -> None:
    assert charging_rows(REPORT) == [
        (title, "5,000", "100.0", "120.0", "0.75 ×", "0.25 ×", "20,000")
        for title in ("64 sessions", "512 sessions")
    ]


def test_what_lies_beside_the_cases_is_told() -> None:
    facts = {row[0]: row[1] for row in charging_fact_rows(REPORT)}
    assert facts["pgbench simple-update, per second"] == "1 client 2,000, 8 clients 6,667"
    assert facts["in the books"] == "12,000 updates, 6,000,000,000 bytes, to the byte"
    assert facts["durable"] == "yes (fsync=on)"
    assert facts["machine"] == "2 CPUs, 16 GiB, Python 3.11.7, PostgreSQL 18.6, ext4"


def test_markdown_has_every_row() -> None:
    lines = charging_markdown(REPORT).splitlines()
    assert "| 512 sessions | 5,000 | 100.0 | 120.0 | 0.75 × | 0.25 × | 20,000 |" in lines
    assert "| took | 40 s |" in lines


def test_json_is_the_whole_report() -> None:
    assert msgspec.json.decode(charging_json(REPORT), type=ChargingReport) == REPORT
