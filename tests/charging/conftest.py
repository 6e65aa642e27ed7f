"""Databases with one home and with sixteen that all tests here share; each leaves them empty."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.charging.world import CHARGED, PROFILES, forget_all
from tests.conftest import Server
from tests.ledger.conftest import database_with
from tests.model.world import World, open_world

from yuzuri.db.connect import Database, open_database
from yuzuri.settings import Settings


@pytest.fixture(scope="session")
def charged_databases(server: Server, template: str) -> Iterator[Callable[[int], str]]:
    """A superuser's URL of the database that has so many homes."""
    urls: dict[int, str] = {}
    with ExitStack() as stack:

        def url(homes: int) -> str:
            if homes not in urls:
                urls[homes] = stack.enter_context(database_with(server, template, homes, CHARGED))
            return urls[homes]

        yield url


@pytest.fixture(params=[1, 16], ids=["1 home", "16 homes"])
def homes(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def database_url(charged_databases: Callable[[int], str], homes: int) -> Iterator[str]:
    url = charged_databases(homes)
    yield url
    forget_all(url)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, database_url=database_url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings, migrating=False) as database:
        yield database


@pytest.fixture
async def world(settings: Settings, database: Database) -> AsyncIterator[World]:
    """All that must hold is checked when the test ends."""
    async with open_world(settings, database, PROFILES) as world:
        yield world
