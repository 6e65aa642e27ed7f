"""`yuzuri serve` and `yuzuri migrate`."""

import asyncio
import contextlib
import os
import socket
from dataclasses import replace
from typing import Annotated

import typer
from granian.constants import Interfaces, SSLProtocols
from granian.server import Server

from yuzuri.cli.screen import console
from yuzuri.db.connect import open_database
from yuzuri.db.embedded import start_embedded
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HOMES_MAX
from yuzuri.ledger.homes import choose_homes, count_homes
from yuzuri.settings import Settings, check_tls, read_settings


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(help="The port to listen on.", min=1, max=65535)
    ] = None,
    workers: Annotated[int, typer.Option(help="How many processes serve.", min=1)] = 1,
) -> None:
    """Serve the pages and the API until interrupted; starts the embedded database if needed."""
    settings = read_settings()
    settings = replace(settings, host=host or settings.host, port=port or settings.port)
    console.print(say_how_networks_enter(settings))
    console.print(say_where_links_lead(settings), markup=False)
    serve_until_interrupted(settings, settings.host, settings.port, workers)


def migrate() -> None:
    """Bring the database up to date with this program, and stop."""
    asyncio.run(_bring_up_to_date(read_settings()))
    console.print("The database is up to date.")


def init(
    homes: Annotated[
        int | None,
        typer.Option(help="Into how many parts the books are divided.", min=1, max=HOMES_MAX),
    ] = None,
) -> None:
    """Make the database, and choose how many homes it has (1): once, before anybody is in it.

    People of one home have their books together; groups of several homes are written side by side.
    """
    chosen = asyncio.run(_choose_homes(read_settings(), homes))
    console.print(f"The database is ready, with homes: {chosen}.")


async def _choose_homes(settings: Settings, homes: int | None) -> int:
    async with open_database(settings) as database, database.as_owner() as connection:
        if homes is not None:
            await choose_homes(connection, homes)
        return await count_homes(connection)


async def _bring_up_to_date(settings: Settings) -> None:
    async with open_database(settings):
        pass


def serve_until_interrupted(
    settings: Settings,
    host: str,
    port: int,
    workers: int = 1,
    application: str = "yuzuri.main:create_app",
) -> None:
    """Serve with these settings; the workers read them from the environment.

    `application` names a factory: another one is for measuring it beside this one.
    Raises `SETTING_INVALID` where the port is taken, `DatabaseUnavailable` without a database.
    """
    check_port(host, port)
    check_tls(settings)
    os.environ |= as_environment(replace(settings, host=host, port=port))
    with contextlib.ExitStack() as stack:
        if settings.database_url is None:
            # Held here too, so that it outlives a worker that is replaced.
            stack.enter_context(start_embedded(settings.data))
        # What is wrong with the database is said here, once and in a sentence.
        asyncio.run(_bring_up_to_date(settings))
        Server(
            application,
            factory=True,
            interface=Interfaces.ASGI,
            address=host,
            port=port,
            workers=workers,
            log_access=False,
            respawn_failed_workers=True,
            ssl_cert=settings.tls_certificate,
            ssl_key=settings.tls_key,
            ssl_ca=settings.client_ca,
            ssl_client_verify=settings.client_ca is not None,
            ssl_protocol_min=SSLProtocols.tls12,  # networks still speak it (TS 33.210)
        ).serve()


def say_how_networks_enter(settings: Settings) -> str:
    """Say how a network is let in, as `api/network/authentication.py` decides it."""
    if settings.client_ca is not None:
        return "Nobody connects without a certificate that YUZURI_CLIENT_CA has signed."
    if settings.network_open:
        return "Every program of this machine may speak as a network: YUZURI_NETWORK_OPEN."
    return "A network is let in by a signed token (yuzuri network token, trust)."


def say_where_links_lead(settings: Settings) -> str:
    """Say with what the links that people pass on begin."""
    said = f"Links that people pass on begin with {settings.origin}."
    if settings.public_origin is None:
        return f"{said} Set YUZURI_ORIGIN where people find this under another address."
    return said


def check_port(host: str, port: int) -> None:
    """Raise `SETTING_INVALID` where nothing can listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            expected = f"a free port: {host}:{port} cannot be used ({error.strerror})"
            raise DomainError(
                Code.SETTING_INVALID, setting="YUZURI_PORT", expected=expected
            ) from error


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables by which another process that inherits ours finds the same data."""
    chosen = {
        "YUZURI_DATA": str(settings.data),
        "YUZURI_DEMO": "1" if settings.demo else "0",
        "YUZURI_HOST": settings.host,
        "YUZURI_PORT": str(settings.port),
        "YUZURI_PROXIES": str(settings.proxies),
    }
    if settings.database_url is not None:
        chosen["YUZURI_DATABASE_URL"] = settings.database_url
    if settings.migration_url is not None:
        chosen["YUZURI_MIGRATION_URL"] = settings.migration_url
    files = {
        "YUZURI_TLS_CERTIFICATE": settings.tls_certificate,
        "YUZURI_TLS_KEY": settings.tls_key,
        "YUZURI_CLIENT_CA": settings.client_ca,
        "YUZURI_RATING_GROUPS": settings.rating_groups,
    }
    chosen |= {name: str(file) for name, file in files.items() if file is not None}
    if settings.network_open:
        chosen["YUZURI_NETWORK_OPEN"] = "1"
    if settings.public_origin is not None:
        chosen["YUZURI_ORIGIN"] = settings.public_origin
    return chosen
