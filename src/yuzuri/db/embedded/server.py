"""A server as one process sees it: started or joined, seen to be alive, left."""

import contextlib
from pathlib import Path
from urllib.parse import quote

from yuzuri.db.embedded.account import Account
from yuzuri.db.embedded.cluster import Cluster
from yuzuri.db.embedded.explanations import refusals_explained
from yuzuri.db.embedded.folders import PORT, prepare_data
from yuzuri.db.embedded.locks import UsersLock, start_lock
from yuzuri.db.embedded.postmaster import Postmaster


def start_embedded(data: Path) -> "EmbeddedServer":
    """Start the server of this data folder, or join the one that runs; takes 1 to 2 s at first.

    Close what is returned (it is a context manager): whoever closes last stops the server.
    Raises `DatabaseUnavailable`.
    """
    data = data.expanduser().absolute()
    with refusals_explained(data):
        account = Account.of_this_process()
        data = prepare_data(data, account)
        with start_lock(data):
            cluster = Cluster.prepare(data, account)
            return EmbeddedServer(cluster, cluster.start(), UsersLock(data))


class EmbeddedServer(contextlib.AbstractContextManager["EmbeddedServer"]):
    """A server that this process uses; any number of processes may use one at the same time."""

    def __init__(self, cluster: Cluster, postmaster: Postmaster, users: UsersLock) -> None:
        self._cluster = cluster
        self._postmaster = postmaster
        self._users: UsersLock | None = users

    @property
    def pid(self) -> int:
        """The process id of the server as it was last seen."""
        return self._postmaster.pid

    def url(self, dbname: str, role: str) -> str:
        """The libpq URL of a database for a role, through the local socket."""
        folder, role, dbname = (
            quote(part, safe="") for part in (str(self._postmaster.socket), role, dbname)
        )
        return f"postgresql://{role}@/{dbname}?host={folder}&port={PORT}"

    def is_running(self) -> bool:
        """Whether the server that this process uses is alive; asks the system, not the server."""
        return self._postmaster.is_alive()

    def ensure_running(self) -> None:
        """Start the server again if something has killed it; raises `DatabaseUnavailable`."""
        if self.is_running():
            return
        with refusals_explained(self._cluster.data), start_lock(self._cluster.data):
            if self._users is not None:  # it may have been closed while this waited
                self._postmaster = self._cluster.start()

    def close(self) -> None:
        """Leave the server, and stop it if nobody else uses it; can be called again."""
        users, self._users = self._users, None
        if users is None:
            return
        data = self._cluster.data
        with refusals_explained(data), contextlib.closing(users), start_lock(data):
            if users.became_exclusive():
                self._cluster.stop()

    def __exit__(self, *_: object) -> None:
        self.close()
