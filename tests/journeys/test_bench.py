"""`yuzuri bench ledger` as an engineer runs it, at its smallest: every case, and nothing stays."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from tests.conftest import Server
from typer.testing import CliRunner

from yuzuri.bench.ledger import Plan
from yuzuri.bench.samples import Timing
from yuzuri.cli import bench

PROGRAM = (sys.executable, "-c", "from yuzuri.cli import command_line; command_line()")

CASES = {
    "groups",
    "callers_64",
    "callers_512",
    "callers_half_load",
    "hot",
    "holds",
    "holds_in_groups",
    "size_1e4",
    "size_1e5",
    "expiry",
    "traffic_before_expiry",
    "traffic_during_expiry",
}

_SHORT = Timing(warm_s=0.0, rounds=1, round_s=0.1)

SMALLEST = Plan(
    case=_SHORT,
    groups=_SHORT,
    half_load=_SHORT,
    sizes=(10**4, 10**5),
    size=_SHORT,
    pgbench_s=1,
    pgbench_scale=1,
    is_pgbench_repeated=False,
    row_locks_s=1,
    one_by_one_s=0.2,
    expiring=20_000,
    expiry_s_max=0.5,
    holds_in_groups=True,
)


def left_on(server: Server) -> set[str]:
    with psycopg.connect(server.url("postgres")) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles"
        )
        return {row[0] for row in rows if not row[0].startswith(("yuzuri_test_", "yuzuri_served_"))}


def test_a_run_on_a_named_server_tells_every_case_and_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "QUICK", SMALLEST)
    table, picture = tmp_path / "ledger.md", tmp_path / "ledger.svg"
    before = left_on(server)
    done = CliRunner().invoke(
        bench.app,
        ["ledger", "--quick", "--json", "--url", server.url("postgres"), "--homes", "16",
         "--markdown", str(table), "--plot", str(picture)],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert left_on(server) == before
    told = json.loads(done.stdout)
    assert set(told["cases"]) == CASES
    for case in told["cases"].values():
        assert set(case) == {"per_s", "p50_ms", "p99_ms", "ratio", "against"}
        assert case["per_s"] > 0
        assert 0 < case["p50_ms"] <= case["p99_ms"]
    assert told["durable"] is True
    assert 100 < told["bytes_per_transfer"] < 2_000
    assert told["homes"] == 16
    groups = told["cases"]["groups"]
    assert groups["against"].startswith("pgbench simple-update, ")
    assert (
        groups["ratio"] >= groups["per_s"] / max(told["pgbench"]["simple-update"].values()) - 0.01
    )
    assert told["cases"]["size_1e5"]["ratio"] == 1
    assert "one hot bucket, 512 callers" in table.read_text("utf-8")
    assert picture.read_bytes().startswith(b"<?xml")
    assert "dropped at the end" in done.stderr


def test_an_interrupted_run_leaves_neither_server_nor_folder(scratch: Path) -> None:
    folder = scratch / "bench"
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    with subprocess.Popen(
        [*PROGRAM, "bench", "ledger", "--quick"],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        deadline = time.monotonic() + 60
        while not list(folder.glob("*/data/postgresql/postmaster.pid")):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(3)  # into the first measurement
        running.send_signal(signal.SIGINT)
        told, said = running.communicate(timeout=60)
    assert (running.returncode, told, said) == (130, "", "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--plot", "ledger.pdf"), ".svg or .png"),
        (("--plot", "/nowhere/ledger.svg"), "/nowhere is not a folder"),
        (("--markdown", "/nowhere/ledger.md"), "/nowhere is not a folder"),
        (("--homes", "0"), "--homes"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_run(arguments: tuple[str, ...], says: str) -> None:
    done = CliRunner().invoke(bench.app, ["ledger", *arguments])
    assert done.exit_code == 2
    assert says in done.stderr.replace("\n│ ", "")


def test_a_plot_without_matplotlib_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench, "can_plot", lambda: False)
    done = CliRunner().invoke(bench.app, ["ledger", "--plot", "ledger.svg"])
    assert done.exit_code == 2
    assert "yuzuri[bench]" in done.stderr


def test_a_server_that_is_not_there_is_told_in_a_sentence() -> None:
    done = subprocess.run(
        [*PROGRAM, "bench", "ledger", "--url", "postgresql://postgres@127.0.0.1:1/postgres"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
