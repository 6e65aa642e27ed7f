"""The files of one server, and what is done to them: made, checked, started and stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.embedded import keeper
from yuzuri.db.embedded.account import ENVIRONMENT, Account, account_name
from yuzuri.db.embedded.binaries import find_binaries, major_version
from yuzuri.db.embedded.explanations import explain_server_words, tail
from yuzuri.db.embedded.folders import PORT, prepare_socket, socket_folder
from yuzuri.db.embedded.locks import START_LOCK, USERS_LOCK
from yuzuri.db.embedded.postmaster import (
    Postmaster,
    disarm_stale_pid,
    is_pid_running,
    read_lines,
)

SUPERUSER = "postgres"
"""The database role that owns the cluster; nothing but this machine's own account can use it."""

_LOG_BYTES_MAX = 8 * 1024 * 1024
_START_TIMEOUT_S = 150.0
_LEAVING_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 5.0
"""Short, as a fast stop never ends PostgreSQL 18 while it recovers from the crash of one of its
processes. Whatever is then stopped at once is recovered by the next start."""

_POLL_S = 0.02

_SERVER_OPTIONS = (
    "listen_addresses=",
    f"port={PORT}",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_connections=100",
    # Room for balances and their indexes, and full pages into the journal less often.
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "log_destination=stderr",
    "logging_collector=off",
    "unix_socket_permissions=0700",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The files of one server, and what is done to them; every method needs the start lock."""

    data: Path
    account: Account
    binaries: Path

    @classmethod
    def prepare(cls, data: Path, account: Account) -> Self:
        """Check the cluster of this folder, or make it."""
        cluster = cls(data, account, find_binaries(data, account))
        if cluster.folder.exists() and any(cluster.folder.iterdir()):
            cluster._check()
        else:
            cluster._make()
        return cluster

    @property
    def folder(self) -> Path:
        """Where PostgreSQL keeps its files."""
        return self.data / "postgresql"

    @property
    def log(self) -> Path:
        """What the server has said."""
        return self.data / "postgresql.log"

    def start(self) -> Postmaster:
        """Start the server, or join the one that an earlier process has left behind."""
        running = Postmaster.read(self.folder)
        if running is not None and running.can_be_reached:
            return self._wait_until_ready(running.pid, log_start=0)
        if running is not None:  # its socket was swept away
            self._wait_until_ready(running.pid, log_start=0)
            self.stop()
        disarm_stale_pid(self.folder)
        deadline = time.monotonic() + _LEAVING_TIMEOUT_S
        while True:
            try:
                return self._launch()
            except DatabaseUnavailable as error:
                # Processes of a killed server take a moment to notice it and to leave.
                leftover = "shared memory block" in error.log_tail
                if not leftover or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        """End the server: fast, or if it does not listen, at once (the next start recovers it)."""
        for kind, timeout_s in ((signal.SIGINT, _STOP_TIMEOUT_S), (signal.SIGQUIT, 10.0)):
            running = Postmaster.read(self.folder)
            if running is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, kind)
            deadline = time.monotonic() + timeout_s
            while running.is_alive() and time.monotonic() < deadline:
                time.sleep(_POLL_S)
            if running.socket.parent != self.data:  # a short folder elsewhere, of no other use
                with contextlib.suppress(OSError):
                    running.socket.rmdir()

    def _check(self) -> None:
        if not self.account.owns(self.folder):
            owner = account_name(self.folder.stat().st_uid)
            raise DatabaseUnavailable(
                Reason.NO_PERMISSION,
                f"The database in {self.folder} belongs to the account '{owner}', not to"
                f" '{self.account.name}': run Yuzuri as the one who made it, or set YUZURI_DATA to"
                " another folder.",
            )
        version = "".join(read_lines(self.folder / "PG_VERSION")).strip()
        if not version.isdigit():
            raise self._failure("PG_VERSION: is not a valid data directory")
        if version != (major := major_version()):
            raise DatabaseUnavailable(
                Reason.OTHER_VERSION,
                f"The database in {self.folder} was made by PostgreSQL {version} and this Yuzuri"
                f" brings {major}: start the Yuzuri that made it, or set YUZURI_DATA to another"
                " folder.",
            )

    def _make(self) -> None:
        for half in self.data.glob("postgresql.new*"):
            shutil.rmtree(half, ignore_errors=True)
        # Under its own name only once it is whole; anew, as what was interrupted may still write.
        fresh = Path(tempfile.mkdtemp(prefix="postgresql.new-", dir=self.data))
        self.account.give(fresh)
        result = self.account.run(
            [
                self.binaries / "initdb", "--pgdata", fresh, "--username", SUPERUSER,
                "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions",
                "--auth-local=trust", "--auth-host=reject",
            ]
        )  # fmt: skip
        if result.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise self._failure(result.stdout)
        fresh.rename(self.folder)

    def _launch(self) -> Postmaster:
        socket = prepare_socket(self.data, self.account)
        # A list of folders in PostgreSQL's own quoting, as the name may hold blanks.
        sockets = '"{}"'.format(str(socket).replace('"', '""'))
        options = [*_SERVER_OPTIONS, f"unix_socket_directories={sockets}"]
        command = [self.binaries / "postgres", "-D", self.folder]
        command += [part for option in options for part in ("-c", option)]
        with _open_log(self.log) as log:
            log_start = os.fstat(log).st_size
            program = [sys.executable, "-I", "-S", keeper.__file__]
            locks = [self.data / START_LOCK, self.data / USERS_LOCK]
            account = [self.account.uid, self.account.gid] if self.account.is_other else "--"
            launched = subprocess.run(
                [str(part) for part in (*program, *locks, *account, *command)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                check=False,
                start_new_session=True,
                cwd="/",
                env=ENVIRONMENT,
            )
        if not launched.stdout:
            raise self._failure(_read_from(self.log, log_start))
        return self._wait_until_ready(int(launched.stdout), log_start)

    def _wait_until_ready(self, pid: int, log_start: int) -> Postmaster:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            running = Postmaster.read(self.folder)
            if running is not None and running.pid == pid and running.ready:
                return running
            if not is_pid_running(pid):
                raise self._failure(_read_from(self.log, log_start))
            time.sleep(_POLL_S)
        raise DatabaseUnavailable(
            Reason.STARTING,
            f"The database in {self.data} is still setting itself right after a crash: wait a"
            " minute and start again.",
            log_tail=tail(_read_from(self.log, log_start)),
        )

    def _failure(self, output: str) -> DatabaseUnavailable:
        socket = socket_folder(self.data, self.account)
        return explain_server_words(output, self.data, socket)


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[int]:
    if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
        path.replace(path.with_name(path.name + ".1"))
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield log
    finally:
        os.close(log)


def _read_from(path: Path, start: int) -> str:
    with path.open("rb") as log:
        log.seek(start)
        return log.read(_LOG_BYTES_MAX).decode("utf-8", "replace")
