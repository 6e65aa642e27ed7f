"""`yuzuri simulate phones`: phones that use a network which asks Yuzuri for every byte."""

import asyncio
from typing import Annotated, Any

import httpx
import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from yuzuri.cli.screen import console, errors
from yuzuri.simulator.core import open_core
from yuzuri.simulator.crowds import Crowd, run_crowd, supis_from
from yuzuri.simulator.mishaps import NONE, USUAL
from yuzuri.simulator.profiles import STEPS_PER_DAY, ProfileName
from yuzuri.simulator.tallies import Tally

app = typer.Typer(help="Simulate the network that Yuzuri charges for.", no_args_is_help=True)


@app.callback()
def simulate() -> None:
    """Simulate the network that Yuzuri charges for."""


@app.command("phones")
def phones(
    lines: Annotated[int, typer.Option(help="How many phones.", min=1)] = 4,
    profile: Annotated[
        list[ProfileName] | None,
        typer.Option(help="How they are used; several are dealt in turn, left out: all."),
    ] = None,
    url: Annotated[
        str, typer.Option(help="The charging function; HTTP/2 without TLS.")
    ] = "http://127.0.0.1:8080",
    supi_from: Annotated[
        str, typer.Option(help="The first line; the others count upwards.")
    ] = "imsi-440990000000001",
    seed: Annotated[int, typer.Option(help="The same seed sends the same messages.")] = 1,
    seconds: Annotated[float, typer.Option(help="How long it lasts.", min=0)] = 60.0,
    days: Annotated[
        float, typer.Option(help="How many days of use that is.", min=1 / STEPS_PER_DAY)
    ] = 1.0,
    token: Annotated[
        str | None, typer.Option(help="A network function's token.", envvar="YUZURI_NETWORK_TOKEN")
    ] = None,
    listen_host: Annotated[
        str, typer.Option(help="The address at which notifications are heard.")
    ] = "127.0.0.1",
    listen_port: Annotated[
        int, typer.Option(help="Its port; 0: any that is free.", min=0, max=65535)
    ] = 0,
    orderly: Annotated[
        bool, typer.Option("--orderly", help="No message is lost, late or doubled on the way.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Let phones call, write and surf as people do, and show what they were allowed.

    Exits 1 where an answer was none that a network expects, or none came.
    """
    crowd = Crowd(
        lines=lines,
        profiles=tuple(profile or ProfileName),
        first_supi=supi_from,
        seed=seed,
        seconds=seconds,
        days=days,
        mishaps=NONE if orderly else USUAL,
    )
    try:
        supis_from(supi_from, lines)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="--supi-from") from error
    if httpx.URL(url).scheme != "http":
        raise typer.BadParameter(
            "the simulator speaks HTTP/2 without TLS: http://…", param_hint="--url"
        )
    tallies = asyncio.run(_run(crowd, url, token, listen_host, listen_port))
    if as_json:
        print(msgspec.json.encode(_as_json(crowd, tallies)).decode())
    else:
        _show(tallies, supi_from)
    if Tally.of(tallies.values()).unexpected:
        raise typer.Exit(1)


async def _run(
    crowd: Crowd, url: str, token: str | None, listen_host: str, listen_port: int
) -> dict[ProfileName, Tally]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=errors, transient=True, disable=not errors.is_terminal
    ) as progress:
        total = crowd.lines * round(crowd.days * STEPS_PER_DAY)
        task = progress.add_task(f"{crowd.lines} phones", total=total)
        async with open_core(
            url, token=token, listen_host=listen_host, listen_port=listen_port
        ) as core:
            return await run_crowd(core, crowd, tell=lambda: progress.advance(task))


# ---------------------------------------------------------------- telling


def _show(tallies: dict[ProfileName, Tally], first_supi: str) -> None:
    whole = Tally.of(tallies.values())
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for heading in (*tallies, "in all"):
        table.add_column(heading, justify="right", no_wrap=True)
    columns = [_cells(tally) for tally in (*tallies.values(), whole)]
    for title in columns[0]:
        table.add_row(title, *(column[title] for column in columns))
    console.print(table)
    for status, count in whole.unexpected.items():
        said = f"answered with {status}" if status else "not answered"
        console.print(f"{count} × {said}", style="bold red", markup=False)
    if set(whole.statuses) == {404}:
        console.print("None of these phones is known there.", style="bold red")
        console.print(f"Name one: yuzuri lines add … --supi {first_supi}", markup=False)


def _cells(tally: Tally) -> dict[str, str]:
    median, longest = tally.flowing_after_median_s, tally.flowing_after_max_s
    return {
        "phones": f"{tally.phones:,}",
        "sessions": f"{tally.sessions:,}",
        "vanished": f"{tally.vanished:,}",
        "messages": f"{tally.messages:,}",
        "of them repeats": f"{tally.repeats:,}",
        "MB allowed": f"{tally.bytes_allowed / 1e6:,.1f}",
        "MB stopped": f"{tally.bytes_stopped / 1e6:,.1f}",
        "s of calls allowed": f"{tally.call_s_allowed:,}",
        "s of calls stopped": f"{tally.call_s_stopped:,}",
        "texts allowed": f"{tally.texts_allowed:,}",
        "texts stopped": f"{tally.texts_stopped:,}",
        "ran dry": f"{tally.dry:,}",
        "told to ask again": f"{tally.notified:,}",
        "flows after: median": "-" if median is None else f"{median:.3f} s",
        "flows after: longest": "-" if longest is None else f"{longest:.3f} s",
    }


def _as_json(crowd: Crowd, tallies: dict[ProfileName, Tally]) -> dict[str, Any]:
    whole = Tally.of(tallies.values())
    return {
        "seed": crowd.seed,
        "seconds": crowd.seconds,
        "days": crowd.days,
        "all": _tally_json(whole),
        "by_profile": {name.value: _tally_json(tally) for name, tally in tallies.items()},
    }


def _tally_json(tally: Tally) -> dict[str, Any]:
    counts: dict[str, Any] = msgspec.to_builtins(tally)
    del counts["flowing_after_s"], counts["statuses"]
    return counts | {
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "flowing_after_median_s": tally.flowing_after_median_s,
        "flowing_after_max_s": tally.flowing_after_max_s,
    }
