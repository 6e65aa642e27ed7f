"""`yuzuri bench charging` as an engineer runs it, at its smallest: every case, nothing stays."""

import json
from pathlib import Path

import psycopg
import pytest
from tests.conftest import Server
from typer.testing import CliRunner

from yuzuri.bench import BenchFailed
from yuzuri.bench.charged_lines import add_lines, read_charged
from yuzuri.bench.charging import USED_BYTES, ChargingPlan, check_charged
from yuzuri.bench.samples import Timing
from yuzuri.cli import bench
from yuzuri.db.connect import Database
from yuzuri.kernel.calendar import utc_now
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import run_yuzuri
from yuzuri.settings import Settings

_SHORT = Timing(warm_s=0.0, rounds=1, round_s=0.1)
SMALLEST = ChargingPlan(case=_SHORT, echo=_SHORT, pgbench_s=1, pgbench_scale=1)


def databases_on(server: Server) -> set[str]:
    with psycopg.connect(server.url("postgres")) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_a_run_tells_every_case_beside_both_yardsticks_and_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "CHARGING_QUICK", SMALLEST)
    table = tmp_path / "charging.md"
    before = databases_on(server)
    done = CliRunner().invoke(
        bench.app,
        (
            *("charging", "--quick", "--json", "--markdown", str(table)),
            *("--url", server.url("postgres")),
        ),
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert set(report["cases"]) == {"sessions_64", "sessions_512", "sessions_512_workers_2"}
    for case in report["cases"].values():
        assert 0 < case["p50_ms"] <= case["p99_ms"]
        assert case["per_s"] > 0
        assert case["echo_ratio"] == pytest.approx(case["per_s"] / case["echo_per_s"], abs=0.001)
        assert case["against"].startswith("pgbench simple-update")
    assert report["updates"] >= 2 * (64 + 512 + 512)
    assert report["bytes_used"] == report["updates"] * USED_BYTES
    assert "| 512 sessions, 2 workers |" in table.read_text("utf-8")
    assert databases_on(server) == before


async def test_what_was_acknowledged_and_is_not_in_the_books_ends_the_run(
    database: Database, settings: Settings
) -> None:
    async with run_yuzuri(settings, database, clock=utc_now, profiles=read_profiles()) as yuzuri:
        await add_lines(yuzuri, 2)
        await check_charged(yuzuri, 0)
        assert (await read_charged(yuzuri)).transferred == 0
        with pytest.raises(BenchFailed, match="1 bytes were acknowledged"):
            await check_charged(yuzuri, 1)
