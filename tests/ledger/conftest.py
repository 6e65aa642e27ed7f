"""A running ledger with one home and with sixteen: databases that all tests here share.

Making one takes longer than most of these tests; each leaves them empty.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.conftest import Server
from tests.ledger.world import LedgerWorld, open_ledger
from tests.model.world import choose, forget, hurry

from yuzuri.db.connect import open_database
from yuzuri.settings import Settings

Databases = Callable[[int, str], str]


@pytest.fixture(scope="session")
def databases(server: Server, template: str) -> Iterator[Databases]:
    """A superuser's URL of the database that has so many homes, and of its twin."""
    urls: dict[tuple[int, str], str] = {}
    with ExitStack() as stack:

        def url(homes: int, name: str) -> str:
            if (homes, name) not in urls:
                made = database_with(server, template, homes, name)
                urls[homes, name] = stack.enter_context(made)
            return urls[homes, name]

        yield url


@contextmanager
def database_with(server: Server, template: str, homes: int, name: str) -> Iterator[str]:
    database = f"yuzuri_test_{name}_{homes}"
    server.drop(database)
    server.create(database, template)
    url = server.url(database)
    hurry(url)
    asyncio.run(choose(url, homes))
    yield url
    server.drop(database)


@pytest.fixture(params=[1, 16], ids=["1 home", "16 homes"])
def homes(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def database_url(databases: Databases, homes: int) -> Iterator[str]:
    url = databases(homes, "ledger")
    yield url
    forget(url)


@pytest.fixture
def twin_url(databases: Databases, homes: int) -> str:
    return databases(homes, "twin")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, database_url=database_url)


@pytest.fixture
async def ledger(settings: Settings) -> AsyncIterator[LedgerWorld]:
    """All that must hold is checked when the test ends."""
    async with (
        open_database(settings, migrating=False) as database,
        open_ledger(settings, database) as ledger,
    ):
        yield ledger
