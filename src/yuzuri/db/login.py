"""Signing in: what a URL says, and what a server that refuses it says, without the password."""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Self

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from yuzuri.db import DatabaseUnavailable, Reason

SERVER_VERSION_MIN = 15

_CONNECT_TIMEOUT_S = 10
_STARTING_TIMEOUT_S = 30.0
_STARTING_POLL_S = 0.1

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


@dataclass(frozen=True, slots=True)
class Login:
    """One way to sign in, and the name of the setting that it comes from."""

    conninfo: str
    setting: str

    @classmethod
    def read(cls, url: str, setting: str) -> Self:
        """Read a URL; raises `DatabaseUnavailable` (`URL_INVALID`), which never shows it."""
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
            ) from None
        return cls(conninfo, setting)

    @property
    def user(self) -> str:
        """The role that signs in; empty where the URL names none."""
        return str(conninfo_to_dict(self.conninfo).get("user") or "")

    @property
    def place(self) -> str:
        """Host and port, as a sentence names them."""
        given = conninfo_to_dict(self.conninfo)
        # An @ can only be the rest of a password that was not escaped.
        host = str(given.get("host") or given.get("hostaddr") or "the local socket")
        return f"{host.rpartition('@')[2]}:{given.get('port') or 5432}"

    async def connect(self) -> AsyncConnection:
        """Sign in, in autocommit mode, as soon as the server has started or recovered.

        Raises `DatabaseUnavailable`; `STARTING` after half a minute.
        """
        give_up_at = time.monotonic() + _STARTING_TIMEOUT_S
        while True:
            try:
                connection = await AsyncConnection.connect(self.conninfo, autocommit=True)
                break
            except psycopg.Error as error:
                explained = self.explain(error)
                is_starting = explained.reason is Reason.STARTING
                if not is_starting or time.monotonic() > give_up_at:
                    raise explained from error
            await asyncio.sleep(_STARTING_POLL_S)
        version = connection.info.server_version // 10000
        if version < SERVER_VERSION_MIN:
            await connection.close()
            raise DatabaseUnavailable(
                Reason.SERVER_TOO_OLD,
                f"The database at {self.place} is PostgreSQL {version} and Yuzuri needs"
                f" {SERVER_VERSION_MIN} or newer: upgrade it, or leave out {self.setting} to use"
                " the embedded one.",
            )
        return connection

    def explain(self, error: psycopg.Error) -> DatabaseUnavailable:
        """Turn what refused a connection into a sentence that says what to do."""
        said = str(error)
        for pattern, reason, sentence in _SIGN_IN_WORDS:
            if re.search(pattern, said):
                text = sentence.format(place=self.place, user=self.user, setting=self.setting)
                return DatabaseUnavailable(reason, text)
        return DatabaseUnavailable(
            Reason.UNREACHABLE,
            f"No database answers at {self.place}: start it, or correct {self.setting}.",
        )
