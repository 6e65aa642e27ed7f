"""What a run is told as: one JSON object for programs, tables and a picture for people."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from yuzuri.bench.ledger import FULL, QUICK, SIZE_COMPARED, Plan
from yuzuri.bench.plots import write_plot
from yuzuri.bench.report import (
    PGBENCH_CLIENTS,
    Machine,
    Report,
    Yardstick,
    best_of,
    compare,
    is_durable,
    report_json,
)
from yuzuri.bench.samples import Figures
from yuzuri.bench.tables import CASE_TITLES, case_rows, markdown, pgbench_rows

ON = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def report(**cases: Figures) -> Report:
    yardstick = Yardstick("pgbench simple-update, 8 clients", 5_000.0)
    return Report(
        cases={name: compare(figures, yardstick) for name, figures in cases.items()},
        pgbench={
            "tpcb-like": {"1": 500.0, "8": 3_000.0, "32": 2_500.0},
            "simple-update": {"1": 900.0, "8": 5_000.0, "32": 4_000.0},
        },
        bytes_per_transfer=282.4,
        durable=True,
        memory_bytes={"start": 70_000_000, "peak": 110_000_000},
        peers={"transfers, one by one": 780.0},
        homes=1,
        machine=Machine(2, 8 * 2**30, "3.11.7", "18.6", "ext4", ON),
        seconds=41.0,
    )


def test_a_case_stands_beside_its_yardstick() -> None:
    case = compare(Figures(25_000.0, 12.5, 20.0), Yardstick("pgbench", 5_000.0))
    assert (case.per_s, case.ratio, case.against) == (25_000.0, 5.0, "pgbench")


def test_json_has_the_published_shape() -> None:
    told = json.loads(report_json(report(groups=Figures(25_000.0, 320.0, 400.0))))
    assert told["cases"] == {
        "groups": {
            "per_s": 25_000.0,
            "p50_ms": 320.0,
            "p99_ms": 400.0,
            "ratio": 5.0,
            "against": "pgbench simple-update, 8 clients",
        }
    }
    assert set(told["pgbench"]) == {"tpcb-like", "simple-update"}
    for runs in told["pgbench"].values():
        assert set(runs) == {str(clients) for clients in PGBENCH_CLIENTS}
    assert (told["bytes_per_transfer"], told["durable"]) == (282.4, True)


@pytest.mark.parametrize("setting", ON)
def test_nothing_is_durable_with_one_of_these_off(setting: str) -> None:
    assert is_durable(ON)
    assert not is_durable(ON | {setting: "off"})
    assert not is_durable({name: value for name, value in ON.items() if name != setting})


def test_the_best_number_of_clients_is_the_yardstick() -> None:
    best = best_of({"8": 700.0, "32": 650.0}, "row locks")
    assert (best.name, best.per_s) == ("row locks, 8 clients", 700.0)


def test_tables_show_what_was_run_in_one_order() -> None:
    shown = report(hot=Figures(22_000, 20, 40), groups=Figures(25_000, 320, 400))
    assert [row[0] for row in case_rows(shown)] == [CASE_TITLES["groups"], CASE_TITLES["hot"]]
    assert case_rows(shown)[0][1:5] == ("25,000", "320.0", "400.0", "5.00 ×")
    assert pgbench_rows(shown)[1] == ("simple-update", "900", "5,000", "4,000")


def test_markdown_is_tables_with_as_many_columns_as_headings() -> None:
    text = markdown(report(groups=Figures(25_000, 320, 400)))
    assert "| transfers posted in groups of 8,000 | 25,000 | 320.0 | 400.0 | 5.00 × |" in text
    assert "| --- | ---: | ---: | ---: | ---: | --- |" in text
    for table in text.strip().split("\n\n"):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_a_run_that_was_not_durable_says_so() -> None:
    machine = Machine(2, 2**30, "3.11", "18.6", "", ON | {"fsync": "off"})
    text = markdown(msgspec.structs.replace(report(), durable=False, machine=machine))
    assert "NO (fsync=off" in text


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_picture_is_drawn(ending: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"ledger.{ending}"
    write_plot(report(groups=Figures(25_000, 320, 400), hot=Figures(0.2, 20, 40)), path)
    assert path.read_bytes().startswith(begins)
    if ending == "svg":
        assert ET.parse(path).getroot().tag.endswith("svg")


@pytest.mark.parametrize("plan", [QUICK, FULL])
def test_sizes_are_compared_with_one_that_is_measured(plan: Plan) -> None:
    assert SIZE_COMPARED in plan.sizes


def test_a_quick_run_plans_for_well_under_50_seconds() -> None:
    pgbench_runs, row_lock_runs, one_by_one_runs = 6 + 4, 3 + 1, 2
    planned = (
        pgbench_runs * QUICK.pgbench_s
        + row_lock_runs * QUICK.row_locks_s
        + one_by_one_runs * QUICK.one_by_one_s
        + QUICK.groups.total_s
        + 4 * QUICK.case.total_s
        + 2 * QUICK.half_load.total_s
        + len(QUICK.sizes) * QUICK.size.total_s
        + QUICK.expiry_s_max
    )
    assert planned < 30  # books, groups that are under way and the server come on top
    assert max(QUICK.sizes) == SIZE_COMPARED
