"""Migrations: numbered SQL files, each applied once, in order, in a transaction of its own.

What holds: an applied file never changes; several processes may migrate at one time and each file
is applied once; the role that serves owns nothing and has only what a migration GRANTs it.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import psycopg
from psycopg import AsyncConnection, errors, sql

from yuzuri.db import DatabaseUnavailable, Reason

MIGRATING_ROLE = "yuzuri_migrate"
SERVING_ROLE = "yuzuri_serve"
SCHEMA = "yuzuri"

_ROLES_FILE = "0000_roles.sql"
_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK_KEY = 0x79757A757269  # "yuzuri"
_LOCK_TIMEOUT_S = 120
_TABLE_LOCK_TIMEOUT_S = 20
_ROLE_ATTEMPTS_MAX = 10


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `sha256` is that of its text with plain line ends."""

    version: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """By which a change of an applied file is noticed; in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """A step that a database has taken."""

    version: int
    name: str
    sha256: str


def load_migrations(folder: Traversable | Path | None = None) -> tuple[Migration, ...]:
    """Read the migrations of a folder in order; raises ValueError where two share a number."""
    place = files("yuzuri.db") / "migrations" if folder is None else folder
    found: dict[int, Migration] = {}
    for file in place.iterdir():
        name = _FILE_NAME.fullmatch(file.name)
        if name is None or file.name == _ROLES_FILE:
            continue
        migration = Migration(int(name[1]), name[2], _read(file))
        if migration.version in found:
            raise ValueError(f"two migrations have the number {name[1]}")
        found[migration.version] = migration
    return tuple(found[version] for version in sorted(found))


def find_pending(
    migrations: Sequence[Migration], applied: Iterable[AppliedMigration]
) -> tuple[Migration, ...]:
    """Return what a database has still to take.

    Raises `DatabaseUnavailable` if it has taken another text than ours, or a step we don't know.
    """
    known: Mapping[int, Migration] = {migration.version: migration for migration in migrations}
    newest = max(known, default=0)
    taken = set()
    for step in applied:
        taken.add(step.version)
        ours = known.get(step.version)
        if ours is not None and ours.sha256 == step.sha256:
            continue
        label = f"{step.version:04}_{step.name}"
        if step.version > newest:
            raise DatabaseUnavailable(
                Reason.NEWER_DATABASE,
                f"The database was made by a newer Yuzuri (it has migration {label}): update this"
                " program, or use another database.",
            )
        raise DatabaseUnavailable(
            Reason.MIGRATION_CHANGED,
            f"The database has applied migration {label} with another text than this program has:"
            " put the file back as it was and write the change as a new migration.",
        )
    return tuple(migration for migration in migrations if migration.version not in taken)


async def read_applied(connection: AsyncConnection) -> tuple[AppliedMigration, ...]:
    """Read which migrations a database has taken; none if this role may read no list of them."""
    cursor = await connection.execute(
        "SELECT has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'yuzuri' AND c.relname = 'migration'"
    )
    if await cursor.fetchone() != (True,):
        return ()
    cursor = await connection.execute(
        "SELECT version, name, sha256 FROM yuzuri.migration ORDER BY version"
    )
    return tuple([AppliedMigration(*row) async for row in cursor])


async def migrate(
    connection: AsyncConnection,
    migrations: Sequence[Migration] | None = None,
    *,
    serving_login: str | None = None,
) -> tuple[Migration, ...]:
    """Bring a database up to date and return what was applied; safe from many processes at once.

    `connection` is in autocommit mode and signed in as a role that may create roles and schemas, or
    as `yuzuri_migrate` itself where those exist. `serving_login` is let act as `yuzuri_serve`.
    Raises `DatabaseUnavailable`; a migration that fails leaves nothing of itself.
    """
    wanted = load_migrations() if migrations is None else migrations
    try:
        applied = await read_applied(connection)
        if applied and serving_login is None and not find_pending(wanted, applied):
            return ()  # nothing to do, which needs no privilege
        await _take_lock(connection)
        try:
            await _prepare_roles(connection, serving_login)
            pending = find_pending(wanted, await read_applied(connection))
            for migration in pending:
                await _apply(connection, migration)
        finally:
            if not connection.closed:
                await connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])
    except psycopg.Error as error:
        raise explain_migration(error, "preparing the database") from error
    return pending


def explain_migration(error: psycopg.Error, step: str) -> DatabaseUnavailable:
    """Turn what the server refused while migrating into a sentence that says what to do."""
    said = error.diag.message_primary or type(error).__name__
    reason, sentence = (
        Reason.MIGRATION_FAILED,
        f"The database refused {step} ({said}): nothing of it was kept; put that right and start"
        " again.",
    )
    match error:
        case errors.InsufficientPrivilege():
            reason, sentence = (
                Reason.PRIVILEGE_MISSING,
                f"The database role may not do what {step} needs ({said}): let an administrator"
                f" run src/yuzuri/db/migrations/{_ROLES_FILE} once, or set YUZURI_MIGRATION_URL to"
                " a role that may create roles and schemas.",
            )
        case errors.ReadOnlySqlTransaction():
            reason, sentence = (
                Reason.READ_ONLY,
                "The database is read-only, as a standby is: set YUZURI_DATABASE_URL to the server"
                " that takes changes.",
            )
        case errors.DiskFull():
            reason, sentence = (
                Reason.DISK_FULL,
                "The database's disk is full: free some space there and start again.",
            )
        case errors.LockNotAvailable():
            reason, sentence = (
                Reason.MIGRATION_BUSY,
                f"Something else has used the database's tables for too long for {step}: wait for"
                " other programs to finish and start again.",
            )
        case _:
            pass
    return DatabaseUnavailable(reason, sentence)


async def _take_lock(connection: AsyncConnection) -> None:
    deadline = asyncio.get_running_loop().time() + _LOCK_TIMEOUT_S
    while True:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK_KEY])
        if await cursor.fetchone() == (True,):
            return
        if asyncio.get_running_loop().time() > deadline:
            raise DatabaseUnavailable(
                Reason.MIGRATION_BUSY,
                f"Another Yuzuri has been migrating this database for {_LOCK_TIMEOUT_S} s: wait for"
                " it to finish and start again.",
            )
        await asyncio.sleep(0.05)


async def _prepare_roles(connection: AsyncConnection, serving_login: str | None) -> None:
    text = _read(files("yuzuri.db") / "migrations" / _ROLES_FILE)
    for attempt in range(1, _ROLE_ATTEMPTS_MAX + 1):
        try:
            async with connection.transaction():
                await _execute(connection, text)
            if serving_login is not None:
                await _allow_serving(connection, serving_login)
        except errors.InternalError_:
            # "tuple concurrently updated": roles belong to the server, our lock to one database.
            if attempt == _ROLE_ATTEMPTS_MAX:
                raise
            await asyncio.sleep(0.05 * attempt)
        else:
            return


async def _allow_serving(connection: AsyncConnection, login: str) -> None:
    cursor = await connection.execute(
        "SELECT pg_has_role(rolname, %s, 'MEMBER') FROM pg_roles WHERE rolname = %s",
        [SERVING_ROLE, login],
    )
    if await cursor.fetchone() == (False,):
        grant = sql.SQL("GRANT {} TO {}").format(
            sql.Identifier(SERVING_ROLE), sql.Identifier(login)
        )
        await connection.execute(grant)


async def _apply(connection: AsyncConnection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await _execute(
                connection,
                f"SET LOCAL ROLE {MIGRATING_ROLE};"
                f" SET LOCAL search_path = {SCHEMA};"
                f" SET LOCAL lock_timeout = '{_TABLE_LOCK_TIMEOUT_S}s'",
            )
            await _execute(connection, migration.text)
            await connection.execute(
                "INSERT INTO yuzuri.migration (version, name, sha256) VALUES (%s, %s, %s)",
                [migration.version, migration.name, migration.sha256],
            )
    except psycopg.Error as error:
        label = f"migration {migration.version:04}_{migration.name}"
        raise explain_migration(error, label) from error


async def _execute(connection: AsyncConnection, text: str) -> None:
    # Our own files, several statements in one: nothing in them comes from outside.
    await connection.execute(text.encode())


def _read(file: Traversable | Path) -> str:
    return file.read_text("utf-8").replace("\r\n", "\n")
