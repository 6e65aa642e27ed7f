"""Breaking on purpose what the run is there to see; a test that cannot fail proves nothing.

Neither can be reached from a server's settings: one is done to the database of this run by its
superuser, the other is what these clients do by themselves.
"""

from enum import StrEnum

import psycopg

from yuzuri.chaos.comparison import DamageKind


class Sabotage(StrEnum):
    """What is broken."""

    SYNCHRONOUS_COMMIT = "synchronous-commit"
    """PostgreSQL says that a commit is done before it is on the disk."""
    KEYS = "keys"
    """Clients take a new key at each retry."""

    @property
    def damage(self) -> DamageKind:
        """What must be found then."""
        return DamageKind.LOST if self is Sabotage.SYNCHRONOUS_COMMIT else DamageKind.TWICE


_UNSAFE = (
    "ALTER DATABASE {} SET synchronous_commit = off",
    # The rest keeps what was not flushed in memory for longer, so that a kill finds some.
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "ALTER SYSTEM SET wal_writer_flush_after = '1GB'",
    "ALTER SYSTEM SET wal_buffers = '64MB'",
    "ALTER SYSTEM SET bgwriter_lru_maxpages = 0",
)
"""Take effect when the server of the database is started the next time."""


def stop_waiting_for_the_disk(superuser_url: str) -> None:
    """Let a database acknowledge what a crash takes back."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        database = psycopg.sql.Identifier(connection.info.dbname)
        for command in _UNSAFE:
            connection.execute(psycopg.sql.SQL(command).format(database))
