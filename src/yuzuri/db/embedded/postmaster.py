"""The server's process, told from anything else that has its pid, and the file it leaves behind."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from yuzuri.db.embedded.folders import socket_file

_PID_FILE = "postmaster.pid"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server process that is known to be this cluster's own."""

    pid: int
    created: float
    socket: Path
    ready: bool

    @classmethod
    def read(cls, cluster: Path) -> Self | None:
        """The live server of this cluster; None for no file, a dead pid or one that was reused."""
        lines = read_lines(cluster / _PID_FILE)
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
        """Tell whether this very process still runs, and not another with its pid."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and _is_running(process)
        except psutil.Error:
            return False

    @property
    def can_be_reached(self) -> bool:
        """Its socket is there."""
        return socket_file(self.socket).exists()


def disarm_stale_pid(cluster: Path) -> None:
    """Let the server see that the pid in a left-behind file is not one of its own.

    PostgreSQL believes in any live process of its account, also one that has only got the pid
    again. The rest of the file stays: by it the server finds processes that are still left.
    """
    path = cluster / _PID_FILE
    lines = read_lines(path)
    if not path.exists():
        return
    pid = lines[0].strip() if lines else ""
    if len(lines) < 7 or not pid.isdigit():
        path.unlink()  # torn by a crash while it was written
    elif psutil.pid_exists(int(pid)):
        with subprocess.Popen(["/bin/sh", "-c", ":"], cwd="/") as ended:
            ended.wait()
        path.write_text("".join([f"{ended.pid}\n", *lines[1:]]), "utf-8", "surrogateescape")


def is_pid_running(pid: int) -> bool:
    """Tell whether a process has this pid and has not ended."""
    try:
        return _is_running(psutil.Process(pid))
    except psutil.Error:
        return False


def read_lines(path: Path) -> list[str]:
    """The lines of a file with their ends; none of a file that is missing."""
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines(keepends=True)
    except FileNotFoundError:
        return []


def _is_running(process: psutil.Process) -> bool:
    return bool(process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})
