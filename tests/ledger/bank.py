"""Tellers of a bank: processes of their own, each with its own Yuzuri on one database."""

import asyncio
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.world import USED, asked, move

from yuzuri.db import Connection as Database
from yuzuri.db import committer as committers
from yuzuri.db.connect import open_database
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, home_of, new_id
from yuzuri.ledger import store
from yuzuri.ledger.book import Book
from yuzuri.ledger.commands import DONE, Capture, Release, Reserve
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime import road
from yuzuri.runtime.commands import Command
from yuzuri.runtime.running import Yuzuri, run_yuzuri
from yuzuri.settings import Settings


def lock_nothing(patch: pytest.MonkeyPatch) -> None:
    lock = " FOR NO KEY UPDATE"
    assert lock in store._LOCK_HOME
    patch.setattr(store, "_LOCK_HOME", store._LOCK_HOME.replace(lock, ""))


def believe_what_was_foreseen(patch: pytest.MonkeyPatch) -> None:
    """Whoever has written in between."""

    async def confirm(connection: Database, book: Book) -> bool:
        for home in book.locked:
            await store.lock_home(connection, home)
        return True

    patch.setattr(road, "confirm_book", confirm)


BUGS = {bug.__name__: bug for bug in (lock_nothing, believe_what_was_foreseen)}


@dataclass(frozen=True)
class Job:
    """What one process is to do for some seconds."""

    database_url: str
    data: Path
    holders: Sequence[HolderId]
    allowance: AllowanceId
    seed: int
    seconds: float
    callers: int
    bug: str = ""
    """One of `BUGS` that is planted."""


@dataclass
class Report:
    """What one process has seen."""

    done: int = 0
    refused: int = 0
    again: int = 0
    """Requests that were sent a second time."""
    wrong: list[str] = field(default_factory=list)
    """Answers that should not have been."""


@dataclass
class Teller:
    """One caller, who does one thing after another until the time is up."""

    yuzuri: Yuzuri
    job: Job
    report: Report
    random: random.Random
    holds: list[tuple[HoldId, HolderId]] = field(default_factory=list)

    async def work(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.job.seconds
        while loop.time() < end:
            request = asked(self.next_command())
            try:
                outcome = await self.yuzuri.submit(request.client, request.key, request.command)
                self.count(outcome)
                if self.random.random() < 0.2:
                    self.report.again += 1
                    again = await self.yuzuri.submit(request.client, request.key, request.command)
                    if again != outcome:
                        self.report.wrong.append(f"{outcome} at first, and then {again}")
            except Exception as error:  # noqa: BLE001 - reported, whatever it is
                self.report.wrong.append(repr(error))

    def count(self, outcome: object) -> None:
        if outcome is DONE:
            self.report.done += 1
        else:
            self.report.refused += 1

    def next_command(self) -> Command:
        amount = self.random.randint(1, 4)
        holder = self.random.choice(self.job.holders)
        kind = self.random.random()
        if kind < 0.5:
            target = self.random.choice(self.job.holders)
            return move(self.job.allowance, holder, target, amount)
        if kind < 0.75 or not self.holds:
            lasts = self.random.choice([timedelta(seconds=0.2), timedelta(minutes=1)])
            hold = HoldId(new_id())
            self.holds.append((hold, holder))
            return Reserve(
                id=hold,
                holder=holder,
                allowance=self.job.allowance,
                amount=amount,
                cause=hold,
                expires_at=utc_now() + lasts,
            )
        hold, holder = self.random.choice(self.holds[-4:])
        if kind < 0.85:
            return Release(hold=hold, holder=holder)
        neighbours = [one for one in self.job.holders if home_of(one) == home_of(holder)]
        # A little is used up; most goes round for ever.
        target = USED if self.random.random() < 0.02 else self.random.choice(neighbours)
        keep_rest = self.random.random() < 0.5
        return Capture(hold=hold, holder=holder, target=target, amount=1, keep_rest=keep_rest)


async def work(job: Job) -> Report:
    report = Report()
    settings = Settings(data=job.data, database_url=job.database_url)
    with pytest.MonkeyPatch.context() as patch:
        # A few that wait are a crowd, so that groups are decided while others are written.
        patch.setattr(committers, "_CROWD", 4)
        if job.bug:
            BUGS[job.bug](patch)
        async with (
            open_database(settings, migrating=False, connections_max=6) as database,
            run_yuzuri(settings, database, clock=utc_now, profiles=Profiles({})) as yuzuri,
            asyncio.TaskGroup() as tellers,
        ):
            for number in range(job.callers):
                seeded = random.Random(f"{job.seed} {number}")
                tellers.create_task(Teller(yuzuri, job, report, seeded).work())
    return report


def serve(pipe: Connection) -> None:
    """Do one job after another, until there is none."""
    with suppress(EOFError):
        while True:
            job: Job = pipe.recv()
            pipe.send(asyncio.run(work(job)))


class Processes:
    """Processes that are made once, as that takes longer than a job."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    async def work(self, jobs: Sequence[Job]) -> list[Report]:
        """Let each do a job of its own, all at once."""
        for pipe, job in zip(self._pipes, jobs, strict=True):
            pipe.send(job)
        return [await asyncio.to_thread(pipe.recv) for pipe in self._pipes]


@contextmanager
def processes(number: int) -> Iterator[Processes]:
    spawn = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    running: list[Any] = []
    try:
        for _ in range(number):
            here, there = spawn.Pipe()
            running.append(spawn.Process(target=serve, args=(there,), daemon=True))
            running[-1].start()
            there.close()
            pipes.append(here)
        yield Processes(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in running:
            process.join()
