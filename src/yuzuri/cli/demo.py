"""`yuzuri demo`: people with something to give, served for you; or played through by itself."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from yuzuri.cli.demo_people import DEMO_NAMESPACE, DEMO_PEOPLE, settle_people
from yuzuri.cli.demo_phone import start_phone
from yuzuri.cli.demo_story import play
from yuzuri.cli.screen import console
from yuzuri.cli.serving import check_port, serve_until_interrupted
from yuzuri.db.embedded import start_embedded
from yuzuri.runtime.running import open_yuzuri
from yuzuri.settings import Settings, read_settings

HOST = "127.0.0.1"
"""The demo lets anyone be anyone: it is served to this machine only."""


def demo(
    port: Annotated[
        int | None, typer.Option(help="The port to serve on.", min=1, max=65535)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Play the story through HTTP, and say if it holds.")
    ] = False,
) -> None:
    """Serve people who have something to give, until interrupted; or check the whole story."""
    # Whoever is on this machine may speak as a network: the demo's phones do.
    settings = replace(read_settings(), demo=True, network_open=True)
    if check:
        raise typer.Exit(0 if _play_on_fresh_data(settings) else 1)
    port = port or settings.port
    check_port(HOST, port)
    if settings.database_url is None:
        settings = replace(settings, data=settings.data / "demo")
        settings.data.mkdir(parents=True, exist_ok=True)
        with start_embedded(settings.data):
            _serve(settings, port)
    else:
        _serve(settings, port)


def _serve(settings: Settings, port: int) -> None:
    console.print("Preparing the demo: a database, and people with something to give…")
    asyncio.run(_settle(settings))
    console.print()
    console.print(f"  Open  http://{HOST}:{port}/  and sign in as", style="bold", markup=False)
    for person in DEMO_PEOPLE:
        console.print(f"    {person.nickname:<10}{person.about}", markup=False)
    console.print(
        "\n  Give something from Aki's first line to Ben, sign in as Ben, and accept it."
        "\n  美怡's phone has used all she had: give her 1 GB, accept as her, and watch it go on."
        "\n  Then try 15 MB from mineo to mineo, or anything from ahamo to povo."
        f"\n  For programs: http://{HOST}:{port}/schema   Stop with Ctrl-C.\n",
        markup=False,
    )
    start_phone(f"http://{HOST}:{port}", DEMO_NAMESPACE)
    serve_until_interrupted(settings, HOST, port)


async def _settle(settings: Settings) -> None:
    async with open_yuzuri(settings) as yuzuri:
        await settle_people(yuzuri, DEMO_PEOPLE, DEMO_NAMESPACE)


def _play_on_fresh_data(settings: Settings) -> bool:
    if settings.database_url is not None:
        return asyncio.run(play(settings))
    with tempfile.TemporaryDirectory(prefix="yuzuri-", ignore_cleanup_errors=True) as folder:
        # The database's own account must be able to enter when root plays.
        Path(folder).chmod(0o711)
        fresh = replace(settings, data=Path(folder) / "data")
        fresh.data.mkdir()
        with start_embedded(fresh.data):
            return asyncio.run(play(fresh))
