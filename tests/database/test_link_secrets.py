"""Secrets and wrong tries on a real database: what leads where, and who has to wait."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import AsyncConnection
from tests.conftest import Server

from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Home, Id, InvitationId, LinkId, PersonId, new_id
from yuzuri.sharing.link_secrets import (
    SECRETS_MAX,
    SecretKind,
    Target,
    find_secret,
    mint_secret,
    read_secret,
    secret_url,
)
from yuzuri.sharing.throttle import (
    BY_ACCOUNT,
    BY_ADDRESS,
    BY_ADDRESS_SIGNED_IN,
    BY_TARGET,
    Trier,
    check_target,
    check_tries,
    count_failure,
    counting_failures,
    forget_failures,
)

AT = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)
ORIGIN = "https://yuzuri.example"
STRANGER = Trier("203.0.113.9")


@pytest.fixture(scope="module")
def database_url(server: Server, template: str) -> Iterator[str]:
    """One database for all tests here, each of which begins with none of its rows."""
    name = f"yuzuri_secrets_{uuid.uuid4().hex}"
    server.create(name, template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture(autouse=True)
async def no_rows(admin_connection: AsyncConnection) -> None:
    await admin_connection.execute("TRUNCATE link_secret, failed_try")


# ---------------------------------------------------------------- secrets


async def test_a_secret_leads_to_what_it_was_made_for(database: Database) -> None:
    link, invitation = LinkId(new_id()), InvitationId(new_id(Home(7)))
    async with database.connection() as connection:
        to_link = await mint_secret(connection, SecretKind.LINK, link, AT)
        to_invitation = await mint_secret(connection, SecretKind.INVITATION, invitation, AT)
        assert await find_secret(connection, to_link) == Target(SecretKind.LINK, link)
        found = await find_secret(connection, to_invitation)
    assert found == Target(SecretKind.INVITATION, invitation)
    assert {len(to_link), len(to_invitation)} == {22}


NOT_SECRETS = ["", "a" * 22, "a" * 100_000, "\0", "\udcff", "譲り"]


@pytest.mark.parametrize("text", NOT_SECRETS, ids=range(len(NOT_SECRETS)))
async def test_anything_else_leads_nowhere(database: Database, text: str) -> None:
    async with database.connection() as connection:
        await mint_secret(connection, SecretKind.LINK, LinkId(new_id()), AT)
        assert await find_secret(connection, text) is None


async def test_only_the_newest_secrets_of_a_target_lead_to_it(database: Database) -> None:
    link, other = LinkId(new_id()), LinkId(new_id())
    async with database.connection() as connection:
        of_other = await mint_secret(connection, SecretKind.LINK, other, AT)
        made = [
            await mint_secret(connection, SecretKind.LINK, link, AT + timedelta(seconds=second))
            for second in range(SECRETS_MAX + 2)
        ]
        found = [await find_secret(connection, secret) for secret in made]
        assert await find_secret(connection, of_other) == Target(SecretKind.LINK, other)
    assert found == [None, None] + [Target(SecretKind.LINK, link)] * SECRETS_MAX


async def test_no_secret_stands_in_the_database(
    database: Database, admin_connection: AsyncConnection
) -> None:
    async with database.connection() as connection:
        secret = await mint_secret(connection, SecretKind.LINK, LinkId(new_id()), AT)
    cursor = await admin_connection.execute("SELECT link_secret::text FROM link_secret")
    rows = await cursor.fetchall()
    assert len(rows) == 1
    assert secret not in rows[0][0]
    assert secret.encode().hex() not in rows[0][0]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("abc", "abc"),
        ("  abc\n", "abc"),
        (secret_url(ORIGIN, "abc"), "abc"),
        ("https://yuzuri.example.evil/l#abc", "https://yuzuri.example.evil/l#abc"),
        ("https://evil.example/l#abc", "https://evil.example/l#abc"),
        ("//evil.example/l#abc", "//evil.example/l#abc"),
    ],
    ids=range(6),
)
def test_an_address_of_ours_is_read_and_no_other(text: str, secret: str) -> None:
    assert read_secret(text, ORIGIN) == secret


# ---------------------------------------------------------------- wrong tries


async def fail(database: Database, trier: Trier, times: int, target: Id | None = None) -> None:
    async with database.connection() as connection:
        for _ in range(times):
            await count_failure(connection, trier, AT, target)


async def wait_of(
    database: Database, trier: Trier, at: datetime = AT, target: Id | None = None
) -> object:
    """Return for how many seconds somebody has to wait, 0: not at all."""
    async with database.connection() as connection:
        try:
            await check_tries(connection, trier, at)
            if target is not None:
                await check_target(connection, target, at)
        except DomainError as error:
            return error.refusal.fields["seconds"]
    return 0


async def test_an_address_that_fails_ten_times_in_a_minute_waits_for_its_end(
    database: Database,
) -> None:
    await fail(database, STRANGER, BY_ADDRESS.failures - 1)
    assert await wait_of(database, STRANGER) == 0
    await fail(database, STRANGER, 1)
    assert await wait_of(database, STRANGER) == 60
    assert await wait_of(database, Trier("203.0.113.10")) == 0
    assert await wait_of(database, STRANGER, AT + timedelta(seconds=59, milliseconds=1)) == 1
    assert await wait_of(database, STRANGER, AT + BY_ADDRESS.within) == 0


async def test_a_count_begins_anew_when_it_has_ended(database: Database) -> None:
    await fail(database, STRANGER, BY_ADDRESS.failures)
    later = AT + BY_ADDRESS.within
    async with database.connection() as connection:
        await count_failure(connection, STRANGER, later)
    assert await wait_of(database, STRANGER, later) == 0


@pytest.mark.parametrize(
    ("address", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("a proxy's word", "a proxy's word", True),
        ("", "unix", False),
    ],
    ids=range(5),
)
async def test_who_has_an_address_of_ipv6_has_its_whole_network(
    database: Database, address: str, other: str, is_same: bool
) -> None:
    await fail(database, Trier(address), BY_ADDRESS.failures)
    assert await wait_of(database, Trier(other)) == (60 if is_same else 0)


async def test_an_account_waits_wherever_it_comes_from(database: Database) -> None:
    ken = PersonId(new_id())
    for number in range(BY_ACCOUNT.failures):
        await fail(database, Trier(f"203.0.113.{number}", ken), 1)
    assert await wait_of(database, Trier("198.51.100.1", ken)) == 3600
    assert await wait_of(database, Trier("198.51.100.1", PersonId(new_id()))) == 0


async def test_neighbours_who_are_signed_in_have_more_room_at_one_address(
    database: Database,
) -> None:
    await fail(database, STRANGER, BY_ADDRESS_SIGNED_IN.failures - 1)
    neighbour = Trier(STRANGER.address, PersonId(new_id()))
    assert await wait_of(database, STRANGER) == 60
    assert await wait_of(database, neighbour) == 0
    await fail(database, STRANGER, 1)
    assert await wait_of(database, neighbour) == 60


async def test_a_target_that_many_fail_at_is_closed_to_all_for_a_while(database: Database) -> None:
    link, other = new_id(), new_id()
    for number in range(BY_TARGET.failures):
        await fail(database, Trier(f"10.0.{number}.1"), 1, link)
    assert await wait_of(database, STRANGER, target=link) == 3600
    assert await wait_of(database, STRANGER, target=other) == 0
    assert await wait_of(database, STRANGER) == 0


async def test_what_fails_inside_is_counted_and_what_works_is_not(database: Database) -> None:
    for _ in range(BY_ADDRESS.failures):
        async with counting_failures(database, STRANGER, lambda: AT):
            pass
        with pytest.raises(DomainError, match=Code.GIFT_UNKNOWN):
            async with counting_failures(database, STRANGER, lambda: AT):
                raise DomainError(Code.GIFT_UNKNOWN)
    assert await wait_of(database, STRANGER) == 0
    for _ in range(BY_ADDRESS.failures - 1):
        with pytest.raises(DomainError, match=Code.LINK_UNKNOWN):
            async with counting_failures(database, STRANGER, lambda: AT):
                raise DomainError(Code.LINK_UNKNOWN)
    link = new_id()
    async with counting_failures(database, STRANGER, lambda: AT) as attempt:
        attempt.target = link
        attempt.answered(Code.PASSCODE_WRONG)
    with pytest.raises(DomainError, match=Code.TOO_MANY_TRIES):
        async with counting_failures(database, STRANGER, lambda: AT):
            raise AssertionError("nothing is tried any more")


async def test_no_address_can_be_read_from_a_row_and_none_stays(
    database: Database, admin_connection: AsyncConnection
) -> None:
    await fail(database, STRANGER, 1)
    rows = await (await admin_connection.execute("SELECT subject FROM failed_try")).fetchall()
    assert [len(row[0]) for row in rows] == [32]
    async with database.connection() as connection:
        await forget_failures(connection, AT + BY_ADDRESS.within)
    assert await (await admin_connection.execute("SELECT FROM failed_try")).fetchall() == []


async def test_every_database_has_a_key_of_its_own(admin_connection: AsyncConnection) -> None:
    row = await (await admin_connection.execute("SELECT key FROM throttle_key")).fetchone()
    assert row is not None
    assert len(set(row[0])) > 10
