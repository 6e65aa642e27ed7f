"""The server of a run, and the databases of its own that it makes there and drops at the end."""

import contextlib
import os
import platform
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from yuzuri.bench.report import DURABILITY, Machine
from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.connect import Database
from yuzuri.db.embedded import SUPERUSER, start_embedded
from yuzuri.db.login import Login
from yuzuri.db.migrate import MIGRATING_ROLE, SERVING_ROLE

_SHOWN_SETTINGS = (*DURABILITY, "shared_buffers", "max_wal_size", "wal_compression")


@dataclass(frozen=True, slots=True)
class BenchServer:
    """A PostgreSQL to measure on; nothing that was there before is looked at or changed."""

    login: Login
    folder: Path | None
    """Where an embedded server keeps its files."""
    prefix: str
    """What the name of every database of this run begins with."""
    _made: list[str] = field(default_factory=list)

    async def create_database(self, purpose: str) -> str:
        """Make an empty database; returns the conninfo that leads to it."""
        name = f"{self.prefix}_{purpose}"
        async with await self.login.connect() as connection:
            try:
                # Of a name that nobody else has: one that is there already is an error.
                await connection.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
                )
            except errors.InsufficientPrivilege as error:
                raise DatabaseUnavailable(
                    Reason.PRIVILEGE_MISSING,
                    f"The role '{self.login.user}' at {self.login.place} may not make a database"
                    " for the benchmark: name one that may, or leave out --url.",
                ) from error
        self._made.append(name)
        return make_conninfo(self.login.conninfo, dbname=name)

    async def drop_databases(self) -> None:
        """Drop every database that this run made, with whatever is still connected to it."""
        async with await self.login.connect() as connection:
            while self._made:
                name = sql.Identifier(self._made[-1])
                await connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
                )
                self._made.pop()

    async def checkpoint(self) -> None:
        """Let the next measurement begin with nothing left to write, where we may."""
        async with await self.login.connect() as connection:
            with contextlib.suppress(errors.InsufficientPrivilege):
                await connection.execute("CHECKPOINT")


@contextlib.asynccontextmanager
async def open_bench_server(
    url: str | None, tell: Callable[[str], None]
) -> AsyncIterator[BenchServer]:
    """Start an embedded server in a temporary folder, or use the one behind the URL.

    At the end nothing is left of either: no folder, no server, no database, and no role that was
    not there before. Raises `DatabaseUnavailable`.
    """
    prefix = f"yuzuri_bench_{uuid4().hex[:12]}"
    if url is not None:
        server = BenchServer(Login.read(url, "--url"), None, prefix)
        new_roles = {SERVING_ROLE, MIGRATING_ROLE} - await _read_roles(server.login)
        tell(f"Measuring in databases {prefix}_…, which are dropped at the end.")
        try:
            yield server
        finally:
            await server.drop_databases()
            await _drop_roles(server.login, new_roles)
        return
    with _temporary_folder() as folder, start_embedded(folder / "data") as embedded:
        login = Login.read(embedded.url("postgres", SUPERUSER), "--url")
        yield BenchServer(login, folder, prefix)


async def read_machine(server: BenchServer, database: Database) -> Machine:
    """Describe the machine; settings are read as the product's own sessions have them."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name",
            (list(_SHOWN_SETTINGS),),
        )
        settings = {name: value async for name, value in cursor}
        version = connection.info.server_version
    return Machine(
        cpus=_count_cpus(),
        memory_bytes=psutil.virtual_memory().total,
        python=platform.python_version(),
        postgresql=f"{version // 10_000}.{version % 10_000}",
        filesystem=_find_filesystem(server.folder) if server.folder is not None else "",
        server_settings=settings,
    )


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="yuzuri-bench-", ignore_cleanup_errors=True) as folder:
        # The server's own account must be able to enter when root measures.
        Path(folder).chmod(0o711)
        yield Path(folder)


def _count_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _find_filesystem(folder: Path) -> str:
    """The kind of file system that a folder is on: on one in memory nothing is durable."""
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    return next((mounts[place] for place in (folder, *folder.parents) if place in mounts), "")


async def _read_roles(login: Login) -> set[str]:
    async with await login.connect() as connection:
        cursor = await connection.execute("SELECT rolname FROM pg_roles")
        return {str(row[0]) async for row in cursor}


async def _drop_roles(login: Login, roles: Iterable[str]) -> None:
    async with await login.connect() as connection:
        for role in roles:
            # A Yuzuri that has begun to use this server meanwhile keeps them.
            with contextlib.suppress(psycopg.Error):
                await connection.execute(
                    sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role))
                )
