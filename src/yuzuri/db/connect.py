"""Opening the database: started, made and migrated where needed; what a connection is set to.

What holds: whoever serves acts as `yuzuri_serve` and nothing more; times are UTC; and a connection
that a restart has broken is never handed out.
"""

import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import LiteralString, Protocol

import psycopg
from psycopg import AsyncConnection, errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.embedded import SUPERUSER, EmbeddedServer, keep_running, start_embedded
from yuzuri.db.login import Login
from yuzuri.db.migrate import (
    MIGRATING_ROLE,
    SCHEMA,
    SERVING_ROLE,
    explain_migration,
    find_pending,
    load_migrations,
    migrate,
    read_applied,
)

EMBEDDED_DATABASE = "yuzuri"

_POOL_TIMEOUT_S = 10.0
_RECONNECT_TIMEOUT_S = 4.0

_log = logging.getLogger(__name__)


class DatabaseSettings(Protocol):
    """What opening needs to know; `yuzuri.settings.Settings` has it."""

    @property
    def data(self) -> Path:
        """The data folder of the embedded server."""

    @property
    def database_url(self) -> str | None:
        """A server to use instead."""

    @property
    def migration_url(self) -> str | None:
        """The same database for a role that may change its tables."""


class Database:
    """A migrated database, open for serving: every connection acts as `yuzuri_serve`, in UTC."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection], login: Login, owner: Login
    ) -> None:
        self.pool = pool
        self._login = login
        self._owner = owner

    @contextlib.asynccontextmanager
    async def as_owner(self) -> AsyncIterator[AsyncConnection]:
        """One transaction as the role that owns the tables: what serving may not do, once.

        Raises `DatabaseUnavailable` where no such role can be signed in.
        """
        async with await self._owner.connect() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {MIGRATING_ROLE}")
            await connection.execute(f"SET LOCAL search_path = {SCHEMA}")
            yield connection

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """One transaction on a connection of the pool: committed at the end, undone by an error.

        Raises `DatabaseUnavailable` if no connection can be had within 10 s.
        """
        async with contextlib.AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self.pool.connection())
            except PoolTimeout as error:
                raise DatabaseUnavailable(
                    Reason.UNREACHABLE,
                    f"No connection to the database at {self._login.place} could be had within"
                    f" {_POOL_TIMEOUT_S:.0f} s: see whether it runs and is not overloaded, and try"
                    " again.",
                ) from error
            except psycopg.OperationalError as error:
                raise self._login.explain(error) from error
            yield connection


@contextlib.asynccontextmanager
async def open_database(
    settings: DatabaseSettings, *, migrating: bool = True, connections_max: int = 16
) -> AsyncIterator[Database]:
    """Open the database that the settings name, starting and migrating it where that is needed.

    With `migrating=False` nothing is changed, and a database that is not up to date is refused.
    Raises `DatabaseUnavailable`.
    """
    async with contextlib.AsyncExitStack() as stack:
        if settings.database_url is None:
            # Not in a thread: an interrupt must not leave a server that nobody will close.
            server = stack.enter_context(start_embedded(settings.data))
            await stack.enter_async_context(keep_running(server))
            if migrating:
                await _create_embedded(server)
            serving = Login.read(server.url(EMBEDDED_DATABASE, SERVING_ROLE), "YUZURI_DATA")
            owner = Login.read(server.url(EMBEDDED_DATABASE, SUPERUSER), "YUZURI_DATA")
        else:
            serving = owner = Login.read(settings.database_url, "YUZURI_DATABASE_URL")
            if settings.migration_url is not None:
                owner = Login.read(settings.migration_url, "YUZURI_MIGRATION_URL")
        if migrating:
            await _migrate(owner, serving)
        await _check(serving)
        yield Database(
            await stack.enter_async_context(_open_pool(serving, connections_max)), serving, owner
        )


async def _create_embedded(server: EmbeddedServer) -> None:
    login = Login.read(server.url("postgres", SUPERUSER), "YUZURI_DATA")
    async with await login.connect() as connection:
        try:
            await _make_where_missing(
                connection,
                f"SELECT FROM pg_roles WHERE rolname = '{SERVING_ROLE}' AND rolcanlogin",
                f"CREATE ROLE {SERVING_ROLE} LOGIN NOINHERIT",
            )
            await _make_where_missing(
                connection,
                f"SELECT FROM pg_database WHERE datname = '{EMBEDDED_DATABASE}'",
                f"CREATE DATABASE {EMBEDDED_DATABASE}",
            )
        except psycopg.Error as error:
            raise explain_migration(error, "making the database") from error


async def _make_where_missing(
    connection: AsyncConnection, query: LiteralString, command: LiteralString
) -> None:
    if await (await connection.execute(query)).fetchone() is None:
        # Another process may be making it at the same moment.
        with contextlib.suppress(
            errors.DuplicateObject, errors.DuplicateDatabase, errors.UniqueViolation
        ):
            await connection.execute(command)


async def _migrate(owner: Login, serving: Login) -> None:
    async with await owner.connect() as connection:
        other = serving.user if serving.user != owner.user else None
        for migration in await migrate(connection, serving_login=other or None):
            _log.info("applied migration %04d_%s", migration.version, migration.name)


async def _check(serving: Login) -> None:
    """See that one can serve, so that what is wrong is said at the start and in a sentence."""
    pending = DatabaseUnavailable(
        Reason.MIGRATION_PENDING,
        f"The database at {serving.place} is not up to date with this program: start Yuzuri once"
        " with a role that may change it.",
    )
    try:
        connection = await serving.connect()
    except DatabaseUnavailable as error:
        is_new = error.reason in {Reason.SIGN_IN_REFUSED, Reason.DATABASE_MISSING}
        if serving.setting == "YUZURI_DATA" and is_new:
            raise pending from error
        raise
    async with connection:
        try:
            await _configure(connection)
            applied = await read_applied(connection)
        except errors.InvalidParameterValue as error:  # the role does not exist
            raise pending from error
        except errors.InsufficientPrivilege as error:
            raise DatabaseUnavailable(
                Reason.PRIVILEGE_MISSING,
                f"The role '{serving.user}' in {serving.setting} may not act as {SERVING_ROLE}: let"
                f" an administrator run GRANT {SERVING_ROLE} TO it.",
            ) from error
        if find_pending(load_migrations(), applied):
            raise pending


async def _configure(connection: AsyncConnection) -> None:
    await connection.execute(
        "SELECT set_config('role', %s, false), set_config('search_path', %s, false),"
        " set_config('timezone', 'UTC', false),"
        # Rows are named by their keys, whatever their number: a plan made for one array of
        # thousands of ids would rather read the whole table.
        " set_config('plan_cache_mode', 'force_generic_plan', false)",
        [SERVING_ROLE, SCHEMA],
    )
    await connection.commit()


@contextlib.asynccontextmanager
async def _open_pool(
    login: Login, connections_max: int
) -> AsyncIterator[AsyncConnectionPool[AsyncConnection]]:
    pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
        login.conninfo,
        min_size=1,
        max_size=connections_max,
        open=False,
        configure=_configure,
        check=AsyncConnectionPool.check_connection,
        timeout=_POOL_TIMEOUT_S,
        # Short, so that after an outage the next request tries anew instead of a distant retry.
        reconnect_timeout=_RECONNECT_TIMEOUT_S,
    )
    try:
        try:
            await pool.open(wait=True, timeout=_POOL_TIMEOUT_S)
        except PoolTimeout as error:
            raise login.explain(error) from error
        yield pool
    finally:
        await pool.close()
