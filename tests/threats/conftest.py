"""A server of its own for what is tried at posted links, and people who post and take."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Server
from tests.journeys.served import (
    Customer,
    ServedYuzuri,
    add_customer,
    beside,
    keyed,
    serving,
)

from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings

GB = 10**9
ORIGIN = "https://yuzuri.example"
"""Where people find the server, whatever address it listens on."""


@dataclass(frozen=True)
class Street:
    """A server behind one proxy, whose log is kept, and its database."""

    served: ServedYuzuri
    log: Path
    superuser_url: str


@pytest.fixture(scope="session")
def street(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Street]:
    name = f"yuzuri_threats_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("threats")
    settings = Settings(
        data=data, database_url=server.url(name), demo=True, proxies=1, public_origin=ORIGIN
    )
    log = data / "server.log"
    with serving(settings, log) as served:
        yield Street(served, log, server.url(name))
    server.drop(name)


@pytest.fixture
async def inside(street: Street) -> AsyncIterator[Yuzuri]:
    """The same database, without going through the server."""
    async with beside(street.served.settings) as yuzuri:
        yield yuzuri


NewCustomer = Callable[[str], Awaitable[Customer]]


@pytest.fixture
def new_customer(street: Street, inside: Yuzuri) -> NewCustomer:
    async def add(nickname: str) -> Customer:
        return await add_customer(inside, street.served, nickname)

    return add


def post_link(giver: Customer, **more: Any) -> dict[str, Any]:
    """Post 1 GB in two shares, and return the answer."""
    body = {"line": str(giver.line), "unit": "data", "amount": GB, "shares": 2} | more
    answer = giver.api.post("/v1/links", json=body, headers=keyed())
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


def coming_from(address: str) -> dict[str, str]:
    """Return what the proxy in front of the server says of a client."""
    return {"X-Forwarded-For": address}
