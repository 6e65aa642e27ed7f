"""The data folder and the socket's: made where missing, and checked to be the account's own."""

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.embedded.account import Account

PORT = 5432
"""Names the socket file only: nothing listens on a network."""

_SOCKET_PATH_BYTES_MAX = 107  # sun_path of sockaddr_un, less the closing zero


def prepare_data(data: Path, account: Account) -> Path:
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
        )
    return data


def socket_folder(data: Path, account: Account) -> Path:
    """Where the server listens: in the data folder, or elsewhere if that path is too long."""
    folder = data / "socket"
    if _fits_socket(folder):
        return folder
    name = "yuzuri-" + hashlib.sha256(os.fsencode(f"{account.uid}:{data}")).hexdigest()[:16]
    runtime = "" if account.is_other else os.environ.get("XDG_RUNTIME_DIR", "")
    for place in (runtime, tempfile.gettempdir()):
        if place and Path(place).is_dir() and _fits_socket(Path(place) / name):
            return Path(place) / name
    return Path("/tmp") / name  # noqa: S108 - made closed, and checked to be our own


def prepare_socket(data: Path, account: Account) -> Path:
    """Make the socket's folder, closed to others, without what a killed server left in it."""
    folder = socket_folder(data, account)
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
            ) from None
    # A killed server's socket, and the lock on it with a pid that something else may have by now.
    for file in (socket_file(folder), Path(f"{socket_file(folder)}.lock")):
        file.unlink(missing_ok=True)
    return folder


def socket_file(folder: Path) -> Path:
    """Return the socket in its folder, as PostgreSQL names it."""
    return folder / f".s.PGSQL.{PORT}"


def _fits_socket(folder: Path) -> bool:
    path = os.fsencode(f"{socket_file(folder)}.lock")
    # A comma parts the folders in a list, for the server and for its clients.
    return len(path) <= _SOCKET_PATH_BYTES_MAX and b"," not in path
