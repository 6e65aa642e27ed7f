"""A person's own list of numbers on a real database: nobody is looked up."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from psycopg import AsyncConnection
from tests.conftest import Server

from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId, new_id
from yuzuri.subscribers.contacts import (
    CONTACTS_MAX,
    LABEL_LENGTH_MAX,
    Contact,
    add_contact,
    contact_numbers,
    load_contacts,
    remove_contact,
)

AT = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)
MAI, KEN = PersonId(new_id()), PersonId(new_id())
AYA, BEN = "+819012345678", "+819087654321"


@pytest.fixture(scope="module")
def database_url(server: Server, template: str) -> Iterator[str]:
    """One database for all tests here, each of which begins with none of its rows."""
    name = f"yuzuri_contacts_{uuid.uuid4().hex}"
    server.create(name, template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture(autouse=True)
async def no_rows(admin_connection: AsyncConnection) -> None:
    await admin_connection.execute("TRUNCATE contact")


async def test_a_list_is_its_persons_own(database: Database) -> None:
    async with database.connection() as connection:
        await add_contact(connection, MAI, BEN, "Ben", AT)
        await add_contact(connection, MAI, AYA, "Aya from work", AT)
        await add_contact(connection, KEN, AYA, "", AT)
        assert await load_contacts(connection, MAI) == [
            Contact(AYA, "Aya from work", AT),
            Contact(BEN, "Ben", AT),
        ]
        assert await contact_numbers(connection, MAI) == {AYA, BEN}
        await remove_contact(connection, MAI, AYA)
        await remove_contact(connection, MAI, AYA)
        assert await contact_numbers(connection, MAI) == {BEN}
        assert await contact_numbers(connection, KEN) == {AYA}


async def test_to_add_a_number_again_changes_what_it_is_called(database: Database) -> None:
    async with database.connection() as connection:
        await add_contact(connection, MAI, BEN, "Ben", AT)
        await add_contact(connection, MAI, BEN, "Benjamin", AT)
        assert [c.label for c in await load_contacts(connection, MAI)] == ["Benjamin"]


async def test_a_list_has_an_end(database: Database, admin_connection: AsyncConnection) -> None:
    await admin_connection.execute(
        "INSERT INTO contact SELECT 0, %s, '+8190' || n, '', %s FROM generate_series(1, %s) n",
        (MAI, AT, CONTACTS_MAX),
    )
    async with database.connection() as connection:
        with pytest.raises(DomainError, match=Code.CONTACTS_FULL):
            await add_contact(connection, MAI, BEN, "Ben", AT)
        await add_contact(connection, MAI, "+81901", "who is there already", AT)


@pytest.mark.parametrize("label", ["x" * (LABEL_LENGTH_MAX + 1), "a\0b"], ids=["long", "null"])
async def test_a_label_that_cannot_be_kept_is_told(database: Database, label: str) -> None:
    async with database.connection() as connection:
        with pytest.raises(DomainError, match=Code.REQUEST_INVALID):
            await add_contact(connection, MAI, BEN, label, AT)
