"""Opening the database: where it is, who signs in, what each connection is set to.

What holds: whoever serves acts as `yuzuri_serve` and nothing more; times are UTC; a connection that
a restart has broken is never handed out; and no error shows a password.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, Protocol

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.embedded import SUPERUSER, EmbeddedServer, start_embedded
from yuzuri.db.migrate import (
    SCHEMA,
    SERVING_ROLE,
    explain_migration,
    find_pending,
    load_migrations,
    migrate,
    read_applied,
)

EMBEDDED_DATABASE = "yuzuri"
SERVER_VERSION_MIN = 15

_CONNECT_TIMEOUT_S = 10
_POOL_TIMEOUT_S = 10.0
_RECONNECT_TIMEOUT_S = 4.0
_WATCH_INTERVAL_S = 0.5

_log = logging.getLogger(__name__)

_SIGN_IN_WORDS: tuple[tuple[str, Reason, str], ...] = (
    (
        r"password authentication failed|no password supplied|authentication failed|pg_hba\.conf"
        r"|not permitted to log in|role \"[^\"]*\" does not exist",
        Reason.SIGN_IN_REFUSED,
        "The database at {place} refused to sign in '{user}': check the name and the password in"
        " {setting}.",
    ),
    (
        r"database subdirectory \"[^\"]*\" is missing",
        Reason.CORRUPT,
        "The database at {place} is damaged: put back a backup of it, or correct {setting}.",
    ),
    (
        r"database \"[^\"]*\" does not exist",
        Reason.DATABASE_MISSING,
        "The server at {place} has no database of the name in {setting}: create it there (CREATE"
        " DATABASE), or correct the name.",
    ),
    (
        r"too many (clients|connections)|remaining connection slots",
        Reason.TOO_MANY_CONNECTIONS,
        "The database at {place} takes no more connections: end other programs that use it, or"
        " raise its max_connections.",
    ),
    (
        r"(starting up|shutting down|in recovery mode|not yet accepting connections)",
        Reason.STARTING,
        "The database at {place} is starting or stopping: wait a minute and try again.",
    ),
    (
        r"invalid (port|integer|sslmode|connection option|channel_binding|.* value)",
        Reason.URL_INVALID,
        "{setting} holds an option that PostgreSQL does not know: write it as"
        " postgresql://user:password@host:5432/database.",
    ),
)


class DatabaseSettings(Protocol):
    """What opening needs to know; `yuzuri.settings.Settings` has it."""

    @property
    def data(self) -> Path: ...
    @property
    def database_url(self) -> str | None: ...
    @property
    def migration_url(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class _Login:
    """One way to sign in, and the name of the setting that it comes from."""

    conninfo: str
    setting: str

    @classmethod
    def read(cls, url: str, setting: str) -> "_Login":
        try:
            given = conninfo_to_dict(url, application_name="yuzuri")
            given.setdefault("connect_timeout", _CONNECT_TIMEOUT_S)
            conninfo = make_conninfo("", **given)
            # Where a sign in the password was not escaped, a part of it is taken for the port.
            ports = str(given.get("port") or 5432).split(",")
            if not all(port.isdigit() and 0 < int(port) < 65536 for port in ports):
                raise ValueError("port")  # noqa: TRY301
        except (psycopg.Error, ValueError, UnicodeError):
            raise DatabaseUnavailable(
                Reason.URL_INVALID,
                f"{setting} cannot be read: write it as"
                " postgresql://user:password@host:5432/database, with signs such as @ or / in the"
                " password written as %40 or %2F.",
                fields={"setting": setting},
            ) from None
        return cls(conninfo, setting)

    @property
    def user(self) -> str:
        return str(conninfo_to_dict(self.conninfo).get("user") or "")

    @property
    def place(self) -> str:
        given = conninfo_to_dict(self.conninfo)
        # An @ can only be the rest of a password that was not escaped.
        host = str(given.get("host") or given.get("hostaddr") or "the local socket")
        return f"{host.rpartition('@')[2]}:{given.get('port') or 5432}"

    async def connect(self) -> AsyncConnection:
        try:
            connection = await AsyncConnection.connect(self.conninfo, autocommit=True)
        except psycopg.Error as error:
            raise _explain_connection(error, self) from error
        version = connection.info.server_version // 10000
        if version < SERVER_VERSION_MIN:
            await connection.close()
            raise DatabaseUnavailable(
                Reason.SERVER_TOO_OLD,
                f"The database at {self.place} is PostgreSQL {version} and Yuzuri needs"
                f" {SERVER_VERSION_MIN} or newer: upgrade it, or leave out {self.setting} to use"
                " the embedded one.",
                fields={"version": version},
            )
        return connection


class Database:
    """A migrated database, open for serving: every connection acts as `yuzuri_serve`, in UTC."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection], login: _Login) -> None:
        self.pool = pool
        self._login = login

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
                    fields={"setting": self._login.setting, "place": self._login.place},
                ) from error
            except psycopg.OperationalError as error:
                raise _explain_connection(error, self._login) from error
            yield connection

    async def connect(self) -> AsyncConnection:
        """Open a connection of one's own, outside of the pool; the caller closes it."""
        connection = await self._login.connect()
        await connection.set_autocommit(False)
        await _configure(connection)
        return connection


@contextlib.asynccontextmanager
async def open_database(
    settings: DatabaseSettings, *, migrating: bool = True, connections_max: int = 10
) -> AsyncIterator[Database]:
    """Open the database that the settings name, starting and migrating it where that is needed.

    With `migrating=False` nothing is changed, and a database that is not up to date is refused.
    Raises `DatabaseUnavailable`.
    """
    async with contextlib.AsyncExitStack() as stack:
        if settings.database_url is None:
            # Not in a thread: an interrupt must not leave a server that nobody will close.
            server = stack.enter_context(start_embedded(settings.data))
            await stack.enter_async_context(_kept_running(server))
            if migrating:
                await _create_embedded(server)
            serving = _Login.read(server.url(EMBEDDED_DATABASE, SERVING_ROLE), "YUZURI_DATA")
            owner = _Login.read(server.url(EMBEDDED_DATABASE, SUPERUSER), "YUZURI_DATA")
        else:
            serving = owner = _Login.read(settings.database_url, "YUZURI_DATABASE_URL")
            if settings.migration_url is not None:
                owner = _Login.read(settings.migration_url, "YUZURI_MIGRATION_URL")
        if migrating:
            await _migrate(owner, serving)
        await _check(serving)
        yield Database(
            await stack.enter_async_context(_open_pool(serving, connections_max)), serving
        )


async def _create_embedded(server: EmbeddedServer) -> None:
    login = _Login.read(server.url("postgres", SUPERUSER), "YUZURI_DATA")
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


async def _migrate(owner: _Login, serving: _Login) -> None:
    async with await owner.connect() as connection:
        other = serving.user if serving.user != owner.user else None
        for migration in await migrate(connection, serving_login=other or None):
            _log.info("applied migration %04d_%s", migration.version, migration.name)


async def _check(serving: _Login) -> None:
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
                fields={"role": serving.user},
            ) from error
        if find_pending(load_migrations(), applied):
            raise pending


async def _configure(connection: AsyncConnection) -> None:
    await connection.execute(
        "SELECT set_config('role', %s, false), set_config('search_path', %s, false),"
        " set_config('timezone', 'UTC', false)",
        [SERVING_ROLE, SCHEMA],
    )
    await connection.commit()


@contextlib.asynccontextmanager
async def _open_pool(
    login: _Login, connections_max: int
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
            raise _explain_connection(error, login) from error
        yield pool
    finally:
        await pool.close()


@contextlib.asynccontextmanager
async def _kept_running(server: EmbeddedServer) -> AsyncIterator[None]:
    """Start the embedded server again whenever something kills it, as long as this lasts."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            if not server.is_running():
                try:
                    await asyncio.to_thread(server.ensure_running)
                    _log.warning("the database server had ended and was started again")
                except DatabaseUnavailable as error:
                    _log.error("%s", error)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _explain_connection(error: psycopg.Error, login: _Login) -> DatabaseUnavailable:
    said = str(error)
    fields = {"setting": login.setting, "place": login.place}
    for pattern, reason, sentence in _SIGN_IN_WORDS:
        if re.search(pattern, said):
            text = sentence.format(place=login.place, user=login.user, setting=login.setting)
            return DatabaseUnavailable(reason, text, fields=fields)
    return DatabaseUnavailable(
        Reason.UNREACHABLE,
        f"No database answers at {login.place}: start it, or correct {login.setting}.",
        fields=fields,
    )
