"""A journal that is written once; what a test changes in it is undone."""

import asyncio
import copy
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from psycopg import AsyncConnection
from tests.conftest import Server
from tests.database.journals import Journal, as_admin, write_journal


@dataclass(frozen=True)
class Written:
    """A journal in a database of its own, which tests leave as they found it."""

    journal: Journal
    url: str


@pytest.fixture(scope="module", params=[1, 16], ids=["1 home", "16 homes"])
def written(request: pytest.FixtureRequest, server: Server, template: str) -> Iterator[Written]:
    name = f"yuzuri_audit_{uuid.uuid4().hex}"
    server.create(name, template)

    async def write() -> Journal:
        async with as_admin(server.url(name)) as admin:
            return await write_journal(admin, request.param)

    yield Written(asyncio.run(write()), server.url(name))
    server.drop(name)


@pytest.fixture
def journal(written: Written) -> Journal:
    """The journal of this test, whose changes are undone after it."""
    return copy.copy(written.journal)


@pytest.fixture
async def admin(written: Written) -> AsyncIterator[AsyncConnection]:
    """A connection with all rights and in one transaction, which is undone."""
    async with as_admin(written.url) as admin, admin.transaction(force_rollback=True):
        yield admin
