"""One server for the journeys that leave it standing; each journey brings people of its own."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Server
from tests.journeys.served import Customer, ServedYuzuri, add_customer, beside, serving

from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings

AddCustomer = Callable[..., Awaitable[Customer]]


@pytest.fixture(scope="session")
def served_database_url(server: Server, template: str) -> Iterator[str]:
    """A superuser's URL of the database behind `served`."""
    name = f"yuzuri_served_{uuid.uuid4().hex}"
    server.create(name, template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture(scope="session")
def served(
    served_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedYuzuri]:
    """A server process in its demo mode, behind one proxy, so that tests choose their address."""
    data: Path = tmp_path_factory.mktemp("served")
    settings = Settings(data=data, database_url=served_database_url, demo=True, proxies=1)
    with serving(settings) as served:
        yield served


@pytest.fixture
async def beside_served(served: ServedYuzuri) -> AsyncIterator[Yuzuri]:
    """The same database, without going through the server."""
    async with beside(served.settings) as yuzuri:
        yield yuzuri


@pytest.fixture
def new_customer(served: ServedYuzuri, beside_served: Yuzuri) -> AddCustomer:
    """Makes people with a filled line, signed in at `served`."""

    async def add(nickname: str, **more: object) -> Customer:
        return await add_customer(beside_served, served, nickname, **more)  # type: ignore[arg-type]

    return add
