"""`yuzuri chaos`: kill -9, again and again, and see that nothing acknowledged is lost."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from yuzuri.chaos import runs
from yuzuri.chaos.kills import Victim
from yuzuri.chaos.reports import Figures, Report
from yuzuri.chaos.sabotage import Sabotage
from yuzuri.cli.screen import console, errors
from yuzuri.kernel.ids import HOMES_MAX

_SHOWN_MAX = 10


def chaos(
    kills: Annotated[int, typer.Option(help="How often something is killed.", min=1)] = 100,
    clients: Annotated[int, typer.Option(help="How many ask at the same time.", min=1)] = 16,
    workers: Annotated[int, typer.Option(help="How many processes serve.", min=1)] = 2,
    homes: Annotated[
        int, typer.Option(help="How many homes the database has.", min=1, max=HOMES_MAX)
    ] = 1,
    seed: Annotated[
        int | None, typer.Option(help="Repeat what another run has killed, and when.")
    ] = None,
    sabotage: Annotated[
        Sabotage | None,
        typer.Option("--break", help="Break this on purpose; then damage must be found."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the folder, also where nothing is amiss.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Kill a server, its workers and its database under load, and look for what is lost or doubled.

    Runs on a database of its own in a temporary folder. Exits 0 only if all that was acknowledged
    is there, once, and the books hold; with --break, only if the damage was found.
    """
    choices = runs.Choices(
        kills=kills,
        clients=clients,
        workers=workers,
        homes=homes,
        seed=secrets.randbelow(10**6) if seed is None else seed,
        sabotage=sabotage,
    )
    folder = Path(tempfile.mkdtemp(prefix="yuzuri-chaos-"))
    # The database's own account must be able to enter when root runs this.
    folder.chmod(0o711)
    load, cores = os.getloadavg()[0], os.cpu_count()
    said = f"seed {choices.seed}, in {folder}, on {cores} cores with a load of {load:.1f}"
    errors.print(said, markup=False)
    try:
        report = _run(choices, folder)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if as_json:
        print(msgspec.json.encode(_as_json(report)).decode())
    else:
        _show(report)
    if report.holds and not keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        errors.print(f"What the server said, and what it acknowledged, is in {folder}")
    if not report.holds:
        raise typer.Exit(1)


def _run(choices: runs.Choices, folder: Path) -> Report:
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TextColumn("{task.fields[said]}")),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("kills", total=choices.kills, said="preparing")

        def tell(now: runs.Progress) -> None:
            said = f"{now.acknowledged} acknowledged, {now.damage} damaged"
            progress.update(task, completed=now.kills, said=said)

        return runs.run_chaos(choices, folder, tell)


# ---------------------------------------------------------------- telling


def _show(report: Report) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("killed")
    for heading in (
        "kills",
        "acknowledged",
        "lost",
        "twice",
        "first success: median",
        "p99",
        "max",
    ):
        table.add_column(heading, justify="right")
    for victim in Victim:
        table.add_row(victim, *_cells(report.figures_of(victim)))
    table.add_row("in all", *_cells(report.figures), style="bold")
    console.print(table)
    console.print(
        f"The server ended by itself {report.ended_by_itself} times,"
        f" {report.crash_loops} of them as a crash loop, and was started again."
    )
    for title, counts in (("asked again", report.retries), ("unexpected", report.unexpected)):
        for what, count in sorted(counts.items()):
            console.print(f"{title}: {count} × {what}", markup=False)
    if report.unanswered:
        console.print(f"{report.unanswered} clients were never answered.")
    for damage in report.damage[:_SHOWN_MAX]:
        console.print(f"{damage.kind}: wish {damage.request}: {damage.what}", markup=False)
    if not report.verified:
        console.print(report.verify_says, markup=False)
    console.print(_verdict(report), style="green" if report.holds else "bold red", markup=False)


def _verdict(report: Report) -> str:
    verified = "the books hold" if report.verified else "the books do not hold"
    said = f"{len(report.killed)} of {report.kills_planned} kills, {report.figures.lost} lost,"
    said += f" {report.figures.twice} twice, {verified} (seed {report.seed}, {report.took_s:.0f} s)"
    if report.sabotage is None:
        return said
    found = "was found" if report.holds else "was NOT found"
    return f"{said}; broken on purpose: {report.sabotage}, and the damage {found}"


def _cells(figures: Figures) -> list[str]:
    counts = (figures.kills, figures.acknowledged, figures.lost, figures.twice)
    times = (
        figures.first_success_median_s,
        figures.first_success_p99_s,
        figures.first_success_max_s,
    )
    return [*map(str, counts), *("-" if time is None else f"{time:.2f} s" for time in times)]


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "seed": report.seed,
        "broken": report.sabotage,
        "holds": report.holds,
        "verified": report.verified,
        "all": report.figures,
        "by_victim": {victim.value: report.figures_of(victim) for victim in Victim},
        "crash_loops": report.crash_loops,
        "ended_by_itself": report.ended_by_itself,
        "unanswered": report.unanswered,
        "unexpected": report.unexpected,
        "retries": report.retries,
        "damage": report.damage[:_SHOWN_MAX],
        "took_s": report.took_s,
    }
