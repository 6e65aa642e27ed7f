"""pgbench, the yardstick that everyone knows; and our own scripts run by it, in its C."""

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from yuzuri.bench import BenchFailed
from yuzuri.bench.report import PGBENCH_CLIENTS, PGBENCH_SCRIPTS, Yardstick, best_of
from yuzuri.db.embedded import find_client_program

_THREADS_MAX = 2
_TPS = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)$", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+) ", re.MULTILINE)


@dataclass(slots=True)
class Pgbench:
    """A database of pgbench's own, and what its scripts have done there."""

    conninfo: str
    best: dict[str, dict[str, float]] = field(
        default_factory=lambda: {script: {} for script in PGBENCH_SCRIPTS}
    )
    """Transactions per second by script and clients: the best of all runs so far."""
    _last: dict[str, Yardstick] = field(default_factory=dict)

    async def initialise(self, scale: int) -> None:
        """Make its tables: 100,000 accounts and one branch for each unit of scale."""
        await run_pgbench(self.conninfo, "--initialize", "--quiet", f"--scale={scale}")

    async def measure_all(self, seconds: int, scripts: Sequence[str] = PGBENCH_SCRIPTS) -> None:
        """Run these scripts with each number of clients."""
        for script in scripts:
            runs = {
                str(clients): await self._measure(script, clients, seconds)
                for clients in PGBENCH_CLIENTS
            }
            self._last[script] = best_of(runs, f"pgbench {script}")

    async def measure_best(self, script: str, seconds: int) -> None:
        """Run a script once more with the number of clients that has done best."""
        runs = self.best[script]
        clients = max(runs, key=lambda clients: runs[clients])
        tps = await self._measure(script, int(clients), seconds)
        self._last[script] = best_of({clients: tps}, f"pgbench {script}")

    def last(self, script: str) -> Yardstick:
        """The last run of a script; of several numbers of clients the best."""
        return self._last[script]

    async def _measure(self, script: str, clients: int, seconds: int) -> float:
        options = (f"--builtin={script}", *timing_options(clients, seconds))
        tps = read_tps(await run_pgbench(self.conninfo, *options))
        runs = self.best[script]
        runs[str(clients)] = max(tps, runs.get(str(clients), 0.0))
        return tps


async def run_own_script(conninfo: str, script: str, clients: int, seconds: int) -> float:
    """Run a script of ours as pgbench runs its own; transactions per second."""
    with tempfile.TemporaryDirectory(prefix="yuzuri-bench-") as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script, "utf-8")
        return read_tps(
            await run_pgbench(conninfo, f"--file={file}", *timing_options(clients, seconds))
        )


def timing_options(clients: int, seconds: int) -> Sequence[str]:
    """What lets pgbench be at its best: prepared statements, and a thread for each processor."""
    return (
        "--no-vacuum", "--protocol=prepared", f"--client={clients}",
        f"--jobs={min(clients, _THREADS_MAX)}", f"--time={seconds}",
    )  # fmt: skip


def read_tps(output: str) -> float:
    """Read the transactions per second of a run; raises `BenchFailed` where some have failed."""
    found, failed = _TPS.search(output), _FAILED.search(output)
    if found is None or (failed is not None and int(failed[1]) > 0):
        raise BenchFailed(f"pgbench did not do what it was asked to:\n{output}")
    return float(found[1])


async def run_pgbench(conninfo: str, *options: str) -> str:
    """Run pgbench against a database; returns what it printed. Raises `BenchFailed`."""
    process = await asyncio.create_subprocess_exec(
        find_client_program("pgbench"), *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=libpq_environment(conninfo) | {"PATH": os.defpath, "LC_ALL": "C"},
    )  # fmt: skip
    try:
        output, said = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    if process.returncode != 0:
        raise BenchFailed(f"pgbench ended with {process.returncode}: {said.decode().strip()}")
    return output.decode()


def libpq_environment(conninfo: str) -> dict[str, str]:
    """A conninfo as the variables that libpq reads, so that no password is on a command line."""
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar
    }
    given = conninfo_to_dict(conninfo)
    return {names[key]: str(value) for key, value in given.items() if key in names}
