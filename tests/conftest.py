"""The database of the tests: a real PostgreSQL, migrated once, copied for each test.

`YUZURI_TEST_DATABASE_URL` names another server, signed in as a superuser; without it the embedded
one is started in a folder of its own. If neither can be had, tests fail: they are never skipped.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import psycopg
import pytest
from psycopg import AsyncConnection, sql

from yuzuri.db.connect import Database, open_database
from yuzuri.db.embedded import SUPERUSER, start_embedded
from yuzuri.db.migrate import migrate
from yuzuri.settings import Settings

# How long an example takes says something of the machine only.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

TEMPLATE = f"yuzuri_test_template_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


@dataclass(frozen=True)
class Server:
    """A server that tests make databases on; `url` gives a superuser's URL of one of them."""

    url: Callable[[str], str]

    def run(self, command: LiteralString, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            identifiers = [sql.Identifier(name) for name in names]
            connection.execute(sql.SQL(command).format(*identifiers))

    def create(self, name: str, template: str | None = None) -> None:
        if template is None:
            self.run("CREATE DATABASE {}", name)
        else:
            # By file copy, which for a small template is the fastest.
            self.run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)

    def drop(self, name: str) -> None:
        self.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A short folder that the database's own account can enter when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="yuzuri-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(scratch: Path) -> Iterator[Server]:
    given = os.environ.get("YUZURI_TEST_DATABASE_URL")
    with contextlib.ExitStack() as stack:
        if given:
            parts = urlsplit(given)
            yield Server(lambda name: urlunsplit(parts._replace(path=f"/{name}")))
        else:
            embedded = stack.enter_context(start_embedded(scratch / "server"))
            yield Server(lambda name: embedded.url(name, SUPERUSER))


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """A migrated database without connections, which each test's own is copied from."""
    server.drop(TEMPLATE)
    server.create(TEMPLATE)

    async def fill() -> None:
        url = server.url(TEMPLATE)
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await migrate(connection)

    asyncio.run(fill())
    yield TEMPLATE
    server.drop(TEMPLATE)


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    """A superuser's URL of a database that nothing has been done to."""
    name = f"yuzuri_test_{uuid.uuid4().hex}"
    server.create(name)
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    """A superuser's URL of a migrated database that is this test's own."""
    name = f"yuzuri_test_{uuid.uuid4().hex}"
    server.create(name, template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """The settings of a process that uses this test's database."""
    return Settings(data=tmp_path, database_url=database_url, demo=True)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """This test's own database, opened as in production: as the role `yuzuri_serve`."""
    async with open_database(settings, migrating=False) as database:
        yield database


@pytest.fixture
async def admin_connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    """A superuser's connection to this test's database, for a look behind what is offered."""
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("SET search_path = yuzuri")
        yield connection
