"""What a server or the system says when it refuses, turned into a sentence that says what to do."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from yuzuri.db import DatabaseUnavailable, Reason

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


def explain_server_words(output: str, data: Path, socket: Path) -> DatabaseUnavailable:
    """Turn the last words of a server that did not start into a sentence that says what to do."""
    lines = [line for line in output.splitlines() if not re.search(r"\b(LOG|WARNING): ", line)]
    words = "\n".join(lines)
    for pattern, reason, sentence in _SERVER_WORDS:
        if re.search(pattern, words):
            text = sentence.format(data=data, socket=socket)
            return DatabaseUnavailable(reason, text, log_tail=tail(output))
    return DatabaseUnavailable(
        Reason.START_FAILED,
        f"The database in {data} did not start: read the end of {data / 'postgresql.log'}, put"
        " right what it says and start again.",
        log_tail=tail(output),
    )


@contextlib.contextmanager
def refusals_explained(data: Path) -> Iterator[None]:
    """Turn what the system refuses into a `DatabaseUnavailable` with a sentence."""
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
    return DatabaseUnavailable(reason, sentence)


def tail(text: str) -> str:
    """The last 20 lines of a text."""
    return "\n".join(text.strip().splitlines()[-20:])
