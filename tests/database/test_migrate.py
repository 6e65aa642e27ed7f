"""Migrations: once each, in order, by one process at a time, and never changed afterwards."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from psycopg import AsyncConnection, errors, sql
from psycopg.conninfo import conninfo_to_dict

from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.connect import Database, open_database
from yuzuri.db.migrate import (
    AppliedMigration,
    Migration,
    find_pending,
    load_migrations,
    migrate,
    read_applied,
)
from yuzuri.settings import Settings

FIRST = Migration(
    1, "first", "CREATE TABLE first (n bigint); GRANT SELECT ON first TO yuzuri_serve"
)
SECOND = Migration(2, "second", "INSERT INTO first VALUES (2)")


async def connect(url: str) -> AsyncConnection:
    return await AsyncConnection.connect(url, autocommit=True)


async def apply(url: str, *migrations: Migration) -> list[int]:
    async with await connect(url) as connection:
        return [step.version for step in await migrate(connection, migrations)]


def applied(*migrations: Migration) -> list[AppliedMigration]:
    return [AppliedMigration(step.version, step.name, step.sha256) for step in migrations]


async def test_each_migration_is_applied_once_and_in_order(empty_database: str) -> None:
    assert await apply(empty_database, FIRST) == [1]
    assert await apply(empty_database, FIRST, SECOND) == [2]
    assert await apply(empty_database, FIRST, SECOND) == []
    async with await connect(empty_database) as connection:
        assert await read_applied(connection) == tuple(applied(FIRST, SECOND))
        cursor = await connection.execute("SELECT n FROM yuzuri.first")
        assert await cursor.fetchall() == [(2,)]


async def test_many_processes_may_migrate_at_once(empty_database: str) -> None:
    results = await asyncio.gather(*[apply(empty_database, FIRST, SECOND) for _ in range(8)])
    assert sorted(results) == [[]] * 7 + [[1, 2]]


async def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(
    empty_database: str,
) -> None:
    broken = Migration(2, "broken", "CREATE TABLE half (n bigint); SELECT no_such_function()")
    with pytest.raises(DatabaseUnavailable, match="0002_broken") as caught:
        await apply(empty_database, FIRST, broken)
    assert caught.value.reason is Reason.MIGRATION_FAILED
    async with await connect(empty_database) as connection:
        assert await read_applied(connection) == tuple(applied(FIRST))
        cursor = await connection.execute("SELECT to_regclass('yuzuri.half')")
        assert await cursor.fetchone() == (None,)
    assert await apply(empty_database, FIRST, SECOND) == [2]


async def test_a_migration_that_was_changed_is_refused(empty_database: str) -> None:
    await apply(empty_database, FIRST)
    changed = Migration(1, "first", FIRST.text + " -- better")
    with pytest.raises(DatabaseUnavailable, match="0001_first with another text") as caught:
        await apply(empty_database, changed, SECOND)
    assert caught.value.reason is Reason.MIGRATION_CHANGED


async def test_a_database_of_a_newer_program_is_refused(empty_database: str) -> None:
    await apply(empty_database, FIRST, SECOND)
    with pytest.raises(DatabaseUnavailable, match=r"newer Yuzuri \(it has migration 0002_second\)"):
        await apply(empty_database, FIRST)


@pytest.mark.parametrize(
    ("ours", "theirs", "pending"),
    [
        ([], [], []),
        ([FIRST, SECOND], [], [FIRST, SECOND]),
        ([FIRST, SECOND], [FIRST], [SECOND]),
        ([FIRST, SECOND], [SECOND], [FIRST]),
        ([FIRST, SECOND], [FIRST, SECOND], []),
    ],
)
def test_pending_is_what_has_not_been_applied(
    ours: list[Migration], theirs: list[Migration], pending: list[Migration]
) -> None:
    assert find_pending(ours, applied(*theirs)) == tuple(pending)


def test_a_migration_that_has_gone_is_refused() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        find_pending([SECOND], applied(FIRST, SECOND))
    assert caught.value.reason is Reason.MIGRATION_CHANGED


def test_files_are_read_in_order_with_plain_line_ends(tmp_path: Path) -> None:
    (tmp_path / "0010_later.sql").write_bytes(b"SELECT 10;\r\n")
    (tmp_path / "0002_sooner.sql").write_text("SELECT 2;\n")
    (tmp_path / "0000_roles.sql").write_text("not a migration")
    (tmp_path / "README.md").write_text("not a migration")
    assert load_migrations(tmp_path) == (
        Migration(2, "sooner", "SELECT 2;\n"),
        Migration(10, "later", "SELECT 10;\n"),
    )
    (tmp_path / "0002_other.sql").write_text("")
    with pytest.raises(ValueError, match="0002"):
        load_migrations(tmp_path)


def test_our_own_migrations_are_numbered_without_a_gap() -> None:
    versions = [step.version for step in load_migrations()]
    assert versions == list(range(1, len(versions) + 1))


async def test_the_serving_role_cannot_change_the_schema(database_url: str) -> None:
    for command in (
        "CREATE TABLE yuzuri.mine (n bigint)",
        "CREATE TABLE public.mine (n bigint)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SET ROLE yuzuri_migrate",
        "DROP TABLE yuzuri.migration",
        "DELETE FROM yuzuri.migration",
        "INSERT INTO yuzuri.migration (version, name, sha256) VALUES (9999, 'x', 'x')",
    ):
        async with await connect(database_url) as connection:
            await connection.execute("SET SESSION AUTHORIZATION yuzuri_serve")
            with pytest.raises(errors.InsufficientPrivilege):
                await connection.execute(command.encode())


async def test_a_table_is_closed_to_the_serving_role_until_a_migration_grants_it(
    empty_database: str,
) -> None:
    secret = Migration(2, "secret", "CREATE TABLE secret (n bigint)")
    await apply(empty_database, FIRST, secret)
    async with await connect(empty_database) as connection:
        await connection.execute("SET ROLE yuzuri_serve")
        await connection.execute("SELECT * FROM yuzuri.first")
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute("SELECT * FROM yuzuri.secret")
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute("INSERT INTO yuzuri.first VALUES (1)")


async def test_a_connection_serves_in_utc_as_the_serving_role(database: Database) -> None:
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT current_user::text, current_setting('timezone'),"
            " current_setting('search_path'), current_setting('application_name')"
        )
        assert await cursor.fetchone() == ("yuzuri_serve", "UTC", "yuzuri", "yuzuri")


async def test_the_pool_outlives_connections_that_were_cut(
    database: Database, admin_connection: AsyncConnection
) -> None:
    async with database.connection() as connection:
        await connection.execute("SELECT 1")
    cursor = await admin_connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert await cursor.fetchall()
    async with database.connection() as connection:
        await connection.execute("SELECT 1")


async def test_opening_without_migrating_refuses_a_database_that_is_not_up_to_date(
    empty_database: str, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, database_url=empty_database)
    with pytest.raises(DatabaseUnavailable) as caught:
        async with open_database(settings, migrating=False):
            pass
    assert caught.value.reason is Reason.MIGRATION_PENDING
    async with open_database(settings):
        pass
    async with open_database(settings, migrating=False):
        pass


@dataclass(frozen=True)
class Login:
    name: str
    url: str


@pytest.fixture
async def plain_login(empty_database: str, template: str) -> AsyncIterator[Login]:
    """Someone who may sign in to the empty database of a server that has our roles, and no more."""
    name = f"yuzuri_test_{uuid.uuid4().hex}"
    async with await connect(empty_database) as connection:
        role = sql.Identifier(name)
        await connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'p'").format(role))
        given = conninfo_to_dict(empty_database)
        yield Login(name, as_url(given | {"user": name, "password": "p"}))
        await connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


def as_url(given: Mapping[str, object]) -> str:
    return "postgresql://?" + urlencode({key: str(value) for key, value in given.items()})


async def test_migrating_and_serving_can_be_two_logins(
    empty_database: str, tmp_path: Path, plain_login: Login
) -> None:
    settings = Settings(data=tmp_path, database_url=plain_login.url, migration_url=empty_database)
    async with open_database(settings) as database, database.connection() as connection:
        cursor = await connection.execute("SELECT session_user::text, current_user::text")
        assert await cursor.fetchone() == (plain_login.name, "yuzuri_serve")
    # Up to date needs no privilege; what is out of date needs one, and says so.
    alone = Settings(data=tmp_path, database_url=plain_login.url)
    async with open_database(alone):
        pass


async def test_a_role_that_may_not_migrate_is_told_what_to_do(
    plain_login: Login, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, database_url=plain_login.url)
    with pytest.raises(DatabaseUnavailable, match="YUZURI_MIGRATION_URL") as caught:
        async with open_database(settings):
            pass
    assert caught.value.reason is Reason.PRIVILEGE_MISSING


async def test_a_role_that_may_create_roles_needs_not_be_a_superuser(
    empty_database: str, plain_login: Login, tmp_path: Path
) -> None:
    given = conninfo_to_dict(empty_database)
    async with await connect(empty_database) as connection:
        name = sql.Identifier(plain_login.name)
        await connection.execute(
            sql.SQL("ALTER ROLE {} CREATEROLE; GRANT CREATE ON DATABASE {} TO {}").format(
                name, sql.Identifier(str(given["dbname"])), name
            )
        )
        await connection.execute(
            sql.SQL("GRANT yuzuri_migrate, yuzuri_serve TO {} WITH ADMIN OPTION").format(name)
        )
    async with open_database(Settings(data=tmp_path, database_url=plain_login.url)):
        pass
