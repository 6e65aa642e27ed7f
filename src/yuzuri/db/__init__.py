"""The database: an embedded server or one that is given, its migrations, and connections to it."""

from enum import StrEnum

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from yuzuri.db.arrays import register_arrays
from yuzuri.db.ids import register_ids
from yuzuri.kernel.errors import Code

register_ids()
register_arrays()

Connection = AsyncConnection[TupleRow]
"""One session with the database, whose rows are tuples."""


class Reason(StrEnum):
    """Why there is no database to work with; stable names."""

    # The embedded server and its folder
    ACCOUNT_MISSING = "account_missing"
    BUSY = "busy"
    CORRUPT = "corrupt"
    DISK_FULL = "disk_full"
    FOLDER_CLOSED = "folder_closed"
    NO_PERMISSION = "no_permission"
    OTHER_VERSION = "other_version"
    OUT_OF_MEMORY = "out_of_memory"
    SOCKET = "socket"
    START_FAILED = "start_failed"
    STARTING = "starting"
    # A server that was given
    URL_INVALID = "url_invalid"
    UNREACHABLE = "unreachable"
    SIGN_IN_REFUSED = "sign_in_refused"
    DATABASE_MISSING = "database_missing"
    SERVER_TOO_OLD = "server_too_old"
    PRIVILEGE_MISSING = "privilege_missing"
    READ_ONLY = "read_only"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    # The tables in it
    MIGRATION_CHANGED = "migration_changed"
    MIGRATION_FAILED = "migration_failed"
    MIGRATION_PENDING = "migration_pending"
    MIGRATION_BUSY = "migration_busy"
    NEWER_DATABASE = "newer_database"


class DatabaseUnavailable(Exception):  # noqa: N818 - a state of the world, as callers name it
    """There is no database to work with; `str()` is a sentence that says what to do about it.

    `log_tail` holds the server's last words where it has any. Neither ever holds a password.
    """

    code = Code.DATABASE_UNAVAILABLE

    def __init__(self, reason: Reason, sentence: str, *, log_tail: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.log_tail = log_tail

    def __str__(self) -> str:
        return self.sentence
