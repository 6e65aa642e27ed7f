"""`yuzuri bench links` as an engineer runs it, at its smallest: it counts, and nothing stays."""

import json
from pathlib import Path

import psycopg
import pytest
from tests.conftest import Server
from typer.testing import CliRunner

from yuzuri.bench.links import LinksPlan
from yuzuri.bench.samples import Timing
from yuzuri.cli import bench

SMALLEST = LinksPlan(
    shares=2_000,
    takers_at_once=100,
    case=Timing(warm_s=0.0, rounds=1, round_s=0.1),
    peer_s=1,
    is_emptied=True,
)


def databases_on(server: Server) -> set[str]:
    with psycopg.connect(server.url("postgres")) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_a_run_tells_takes_beside_row_locks_and_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "LINKS_QUICK", SMALLEST)
    table = tmp_path / "links.md"
    before = databases_on(server)
    done = CliRunner().invoke(
        bench.app,
        (
            *("links", "--quick", "--json", "--markdown", str(table)),
            *("--url", server.url("postgres")),
        ),
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    takes = report["cases"]["takes"]
    assert 0 < takes["p50_ms"] <= takes["p99_ms"]
    assert takes["ratio"] == pytest.approx(takes["per_s"] / max(report["peers"].values()), rel=0.01)
    assert takes["against"].startswith("row locks, one by one")
    assert report["taken"] == report["shares"] == SMALLEST.shares
    assert "| shares of one link, 100 takers at once |" in table.read_text("utf-8")
    assert databases_on(server) == before
