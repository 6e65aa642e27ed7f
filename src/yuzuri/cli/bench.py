"""`yuzuri bench`: what this machine does with Yuzuri, beside what it does with its peers."""

import asyncio
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from yuzuri.bench import BenchFailed
from yuzuri.bench.books import HOMES_MAX
from yuzuri.bench.charging import CHARGING_FULL, CHARGING_QUICK, bench_charging
from yuzuri.bench.charging_report import (
    CHARGING_HEADINGS,
    ChargingReport,
    charging_fact_rows,
    charging_json,
    charging_markdown,
    charging_rows,
)
from yuzuri.bench.ledger import FULL, QUICK, bench_ledger
from yuzuri.bench.links import (
    LINKS_FULL,
    LINKS_HEADINGS,
    LINKS_QUICK,
    LinksReport,
    bench_links,
    links_fact_rows,
    links_json,
    links_markdown,
    links_rows,
)
from yuzuri.bench.plots import PLOT_ENDINGS, can_plot, write_plot
from yuzuri.bench.report import Report, report_json
from yuzuri.bench.tables import (
    CASE_HEADINGS,
    PGBENCH_HEADINGS,
    Row,
    case_rows,
    fact_rows,
    markdown,
    peer_rows,
    pgbench_rows,
)
from yuzuri.cli.screen import console, errors

_Url = Annotated[
    str | None,
    typer.Option(
        help="A PostgreSQL to measure on, in databases of its own that are dropped at the end;"
        " left out: an embedded one in a temporary folder."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_Markdown = Annotated[
    Path | None, typer.Option("--markdown", help="Write the tables to this file.")
]

app = typer.Typer(help="Measure Yuzuri beside its peers, on one machine.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure Yuzuri beside its peers, on one machine, in one run."""


@app.command("ledger")
def ledger(
    quick: Annotated[
        bool, typer.Option("--quick", help="Under 50 s; up to 100,000 buckets only.")
    ] = False,
    as_json: _Json = False,
    markdown_file: _Markdown = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", help="Draw to this file, .svg or .png.")
    ] = None,
    url: _Url = None,
    homes: Annotated[
        int, typer.Option(help="How many homes the books have.", min=1, max=HOMES_MAX)
    ] = 1,
) -> None:
    """Measure the durable ledger beside pgbench and plain transactions, on the same server.

    Leaves nothing behind, and never touches data that was there before. Exits 1 if a figure would
    not have been true.
    """
    _check_files(markdown_file, plot_file)
    with _Bar() as bar:
        try:
            report = asyncio.run(bench_ledger(QUICK if quick else FULL, url, homes, bar))
        except BenchFailed as failure:
            bar.tell(str(failure))
            raise typer.Exit(1) from failure
    if markdown_file is not None:
        markdown_file.write_text(markdown(report), "utf-8")
    if plot_file is not None:
        write_plot(report, plot_file)
    if as_json:
        print(report_json(report))
    else:
        _show(report)


@app.command("charging")
def charging(
    quick: Annotated[bool, typer.Option("--quick", help="Under 50 s.")] = False,
    as_json: _Json = False,
    markdown_file: _Markdown = None,
    url: _Url = None,
) -> None:
    """Measure durable updates of charging sessions over HTTP/2, beside an echo and pgbench.

    Leaves nothing behind, and never touches data that was there before. Exits 1 if a figure would
    not have been true.
    """
    _check_files(markdown_file, None)
    with _Bar() as bar:
        plan = CHARGING_QUICK if quick else CHARGING_FULL
        try:
            report = asyncio.run(bench_charging(plan, url, bar))
        except BenchFailed as failure:
            bar.tell(str(failure))
            raise typer.Exit(1) from failure
    if markdown_file is not None:
        markdown_file.write_text(charging_markdown(report), "utf-8")
    if as_json:
        print(charging_json(report))
    else:
        _show_charging(report)


@app.command("links")
def links(
    quick: Annotated[bool, typer.Option("--quick", help="Under 50 s.")] = False,
    as_json: _Json = False,
    markdown_file: _Markdown = None,
    url: _Url = None,
) -> None:
    """Measure takes of one posted link of 100,000 shares by 2,000 at once, beside row locks.

    Leaves nothing behind, and never touches data that was there before. Exits 1 if a figure would
    not have been true.
    """
    _check_files(markdown_file, None)
    with _Bar() as bar:
        try:
            report = asyncio.run(bench_links(LINKS_QUICK if quick else LINKS_FULL, url, bar))
        except BenchFailed as failure:
            bar.tell(str(failure))
            raise typer.Exit(1) from failure
    if markdown_file is not None:
        markdown_file.write_text(links_markdown(report), "utf-8")
    if as_json:
        print(links_json(report))
    else:
        _show_links(report)


def _check_files(markdown_file: Path | None, plot_file: Path | None) -> None:
    """Find out before the run, not after it, that something cannot be written."""
    for option, file in (("--markdown", markdown_file), ("--plot", plot_file)):
        if file is not None and not file.parent.is_dir():
            raise typer.BadParameter(f"{file.parent} is not a folder.", param_hint=option)
    if plot_file is None:
        return
    if plot_file.suffix.lower() not in PLOT_ENDINGS:
        raise typer.BadParameter("the file must end in .svg or .png.", param_hint="--plot")
    if not can_plot():
        raise typer.BadParameter(
            "drawing needs matplotlib: install it with pip install 'yuzuri[bench]'.",
            param_hint="--plot",
        )


class _Bar:
    """How far the run is, on standard error where that is a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f}"),
            TimeElapsedColumn(),
            console=errors,
            transient=True,
            disable=not errors.is_terminal,
        )
        self._task = self._progress.add_task("starting a server", total=1)
        self._is_first = True

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, steps: int) -> None:
        """So many steps lie ahead."""
        self._progress.update(self._task, total=steps)

    def step(self, title: str) -> None:
        """The next step begins."""
        advance = 0 if self._is_first else 1
        self._is_first = False
        self._progress.update(self._task, description=title, advance=advance)

    def tell(self, sentence: str) -> None:
        """Say something above the bar."""
        errors.print(sentence, markup=False)


def _show(report: Report) -> None:
    _show_table(CASE_HEADINGS, case_rows(report))
    _show_table(PGBENCH_HEADINGS, pgbench_rows(report))
    _show_table(("other yardsticks", "per second"), peer_rows(report))
    for name, value in fact_rows(report):
        console.print(f"{name}: {value}", markup=False)


def _show_charging(report: ChargingReport) -> None:
    _show_table(CHARGING_HEADINGS, charging_rows(report))
    for name, value in charging_fact_rows(report):
        console.print(f"{name}: {value}", markup=False)


def _show_links(report: LinksReport) -> None:
    _show_table(LINKS_HEADINGS, links_rows(report))
    for name, value in links_fact_rows(report):
        console.print(f"{name}: {value}", markup=False)


def _show_table(headings: Row, rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, heading in enumerate(headings):
        is_text = place == 0 or heading == "its yardstick"
        table.add_column(heading, justify="left" if is_text else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print()
