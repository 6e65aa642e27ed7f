"""The server under test, in processes and a folder of its own; and how each part is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import assert_never

import psutil

from yuzuri.chaos.kills import Kill, Victim

HOST = "127.0.0.1"

_YUZURI = (sys.executable, "-c", "from yuzuri.cli import command_line; command_line()")
_POLL_S = 0.02
_STOP_TIMEOUT_S = 30.0
_VICTIM_TIMEOUT_S = 60.0
_CRASH_LOOP = "Worker crash loop detected"


class Served:
    """`yuzuri serve` on the embedded database of a folder."""

    def __init__(self, data: Path, log: Path, port: int, workers: int) -> None:
        self.port = port
        self.ended_by_itself = 0
        """How often the server was not killed and ended."""
        self._data = data
        self._log = log
        self._command = (
            *(*_YUZURI, "serve", "--host", HOST),
            *("--port", str(port), "--workers", str(workers)),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run another command of Yuzuri on the same data."""
        return subprocess.run(
            [*_YUZURI, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self) -> None:
        """Start the server, without waiting for it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that it is killed with its workers, and without us
            )

    def start_if_ended(self) -> None:
        """Do what a supervisor does: start the server again if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            self.ended_by_itself += 1
            self._kill_session()
            self.start()

    def crash_loops(self) -> int:
        """How often the server has ended because two workers in a row were killed."""
        return self._log.read_text("utf-8", "replace").count(_CRASH_LOOP)

    def kill(self, kill: Kill) -> float:
        """Kill what the plan says, or as soon as it is there; returns when that was (monotonic).

        A server that was killed is started again; everything else has to come back by itself.
        """
        match kill.victim:
            case Victim.SERVER:
                at = time.monotonic()
                self._kill_session()
                self.start()
            case Victim.WORKER | Victim.BACKEND:
                one_of = self._workers if kill.victim is Victim.WORKER else self._backends
                found = self._wait_for(one_of)
                at = _kill_all([found[int(kill.which * len(found))]])
            case Victim.POSTGRESQL:
                at = _kill_all(self._wait_for(self._database))
            case _:
                assert_never(kill.victim)
        return at

    def stop(self) -> None:
        """End the server and the database, and return when nothing of them is left."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)
            self._kill_session()
        ends = time.monotonic() + _STOP_TIMEOUT_S
        while (left := self._database()) and time.monotonic() < ends:
            time.sleep(_POLL_S)
        _kill_all(left)

    @property
    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        return ours | {"YUZURI_DATA": str(self._data)}

    def _kill_session(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _wait_for(self, find: Callable[[], Sequence[psutil.Process]]) -> Sequence[psutil.Process]:
        ends = time.monotonic() + _VICTIM_TIMEOUT_S
        while not (found := find()) and time.monotonic() < ends:
            self.start_if_ended()
            time.sleep(_POLL_S)
        if not found:
            raise TimeoutError("there is nothing to kill: the server does not come back")
        return found

    def _workers(self) -> Sequence[psutil.Process]:
        """They are forked from the server, or (by a newer Python) spawned."""
        assert self._process is not None
        return [
            child
            for child in _children(self._process.pid)
            if (line := _command_line(child)) == [*self._command] or "spawn_main" in "".join(line)
        ]

    def _database(self) -> Sequence[psutil.Process]:
        """The keeper, the postmaster and its processes; the first two name the folder."""
        folder = str(self._data / "postgresql")
        named = [p for p in psutil.process_iter() if folder in _command_line(p)]
        return [*named, *(child for process in named for child in _children(process.pid))]

    def _backends(self) -> Sequence[psutil.Process]:
        return [p for p in self._database() if "".join(_command_line(p)).startswith("postgres: ")]


def _is_setting(name: str) -> bool:
    return name.startswith("YUZURI_")


def _kill_all(processes: Sequence[psutil.Process]) -> float:
    at = time.monotonic()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return at


def _children(pid: int) -> Sequence[psutil.Process]:
    """The children of a process that have not ended."""
    try:
        children = psutil.Process(pid).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


def _command_line(process: psutil.Process) -> Sequence[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
