"""Who may start and stop a server, and who uses it: locks on files of the data folder.

The system lets go of them when their process ends in any way, so that none can be stale.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from yuzuri.db import DatabaseUnavailable, Reason

_TIMEOUT_S = 180.0
_POLL_S = 0.02

START_LOCK = "start.lock"
USERS_LOCK = "users.lock"


@contextlib.contextmanager
def start_lock(data: Path) -> Iterator[None]:
    """Be the only one that starts or stops the server of this folder, as long as this lasts."""
    file = _open_locked(data / START_LOCK, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(file)


class UsersLock:
    """Be one of those who use the server; taken and left under the start lock."""

    def __init__(self, data: Path) -> None:
        self._file = _open_locked(data / USERS_LOCK, fcntl.LOCK_SH)

    def became_exclusive(self) -> bool:
        """Whether nobody else uses the server; if so, nobody can begin to until this is closed."""
        return _try(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        """Use the server no longer."""
        os.close(self._file)


def _open_locked(path: Path, kind: int) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(os.close, file)
        deadline = time.monotonic() + _TIMEOUT_S
        while not _try(file, kind):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    Reason.BUSY,
                    f"Another Yuzuri has been starting or stopping the database in {path.parent}"
                    f" for {_TIMEOUT_S:.0f} s: wait for it or end it, then start again.",
                )
            time.sleep(_POLL_S)
        on_failure.pop_all()
    return file


def _try(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
