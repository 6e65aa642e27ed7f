"""One run: people, load, kills, and what was acknowledged beside what is there."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from yuzuri.chaos.acknowledgements import AcknowledgementLog, read_log
from yuzuri.chaos.books import kept_gifts, make_database
from yuzuri.chaos.clients import Client, Load, start_clients
from yuzuri.chaos.comparison import Damage, DamageKind, compare
from yuzuri.chaos.kills import AFTER_S, Kill, plan_kills
from yuzuri.chaos.people import make_people
from yuzuri.chaos.reports import Killed, Report
from yuzuri.chaos.sabotage import Sabotage, stop_waiting_for_the_disk
from yuzuri.chaos.served import HOST, Served
from yuzuri.db.embedded import start_embedded
from yuzuri.settings import Settings

RECOVERY_TIMEOUT_S = 90.0
"""Longer than this, and it is said that the server does not come back."""

RECENT = 5_000
"""So many of the last acknowledgements are looked up after each kill; at the end, all."""

_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a run is to do."""

    kills: int
    clients: int
    workers: int
    homes: int
    seed: int
    sabotage: Sabotage | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    kills: int
    acknowledged: int
    damage: int


def run_chaos(choices: Choices, folder: Path, tell: Callable[[Progress], None]) -> Report:
    """Make everything in an empty folder, kill as planned, and compare; ends all it has started.

    Raises `DatabaseUnavailable` if the database cannot be made.
    """
    began_at = time.monotonic()
    settings = Settings(data=folder / "data")
    with start_embedded(settings.data):
        database_url = asyncio.run(make_database(settings, choices.homes))
        people = asyncio.run(make_people(settings, choices.clients))
        if choices.sabotage is Sabotage.SYNCHRONOUS_COMMIT:
            stop_waiting_for_the_disk(database_url)
    served = Served(settings.data, folder / "server.log", _free_port(), choices.workers)
    log_path = folder / "acknowledged.jsonl"
    with AcknowledgementLog(log_path) as log:
        load = Load(
            host=HOST,
            port=served.port,
            people=people,
            log=log,
            clients=choices.clients,
            new_key_at_retry=choices.sabotage is Sabotage.KEYS,
        )
        run = _Run(served, load, database_url, tell)
        try:
            served.start()
            clients = start_clients(load, choices.seed)
            run.kill_as_planned(plan_kills(choices.seed, choices.kills))
            run.let_finish(clients)
            run.compare_all(log_path)
            verified = served.run("verify")
        finally:
            load.last_wish.set()
            load.given_up.set()
            served.stop()
    return Report(
        seed=choices.seed,
        sabotage=choices.sabotage,
        kills_planned=choices.kills,
        killed=run.killed,
        acknowledged=len(log.kept),
        damage=list(run.damage),
        unanswered=run.unanswered,
        unexpected=load.unexpected,
        retries=load.retries,
        crash_loops=served.crash_loops(),
        ended_by_itself=served.ended_by_itself,
        verified=verified.returncode == 0,
        verify_says=verified.stdout + verified.stderr,
        took_s=time.monotonic() - began_at,
    )


class _Run:
    """The kills of one run, and what has been seen so far."""

    def __init__(
        self, served: Served, load: Load, database_url: str, tell: Callable[[Progress], None]
    ) -> None:
        self.killed: list[Killed] = []
        self.damage: dict[Damage, None] = {}
        self.unanswered = 0
        self._served = served
        self._load = load
        self._database_url = database_url
        self._tell = tell
        self._looked_at = 0
        """How many acknowledgements have been looked at for the first success after a kill."""

    def kill_as_planned(self, plan: Sequence[Kill]) -> None:
        """Kill, see that it comes back, compare, and so on, until it does not come back."""
        acknowledged = 0
        for kill in plan:
            if not kill.early and not self._comes_back():
                return
            self._look_on(kill.after_s)
            if not kill.early:
                self._compare_recent()
            try:
                at = self._served.kill(kill)
            except TimeoutError:
                return
            counted, acknowledged = acknowledged, len(self._load.log.kept)
            self.killed.append(
                Killed(victim=kill.victim, at=at, acknowledged=acknowledged - counted)
            )
        if self._comes_back():
            self._look_on(AFTER_S[1])
            self._compare_recent()

    def let_finish(self, clients: Sequence[Client]) -> None:
        """Let each client finish its wish."""
        self._load.last_wish.set()
        ends = time.monotonic() + RECOVERY_TIMEOUT_S
        while any(client.is_alive() for client in clients) and time.monotonic() < ends:
            self._look_on(_POLL_S)
        self.unanswered = sum(client.is_alive() for client in clients)
        self._load.given_up.set()
        for client in clients:
            client.join()

    def compare_all(self, log: Path) -> None:
        """Compare all that the log on the disk has with all that the database has."""
        self.damage |= dict.fromkeys(compare(read_log(log), kept_gifts(self._database_url)))

    def _compare_recent(self) -> None:
        """Look for damage that the last kill has done; what the end finds too is not counted twice.

        It is enough to look at what was acknowledged of late, and quick.
        """
        told = self._load.log.kept[-RECENT:]
        wishes = sorted({one.wish for one in told})
        try:
            kept = kept_gifts(self._database_url, wishes)
            found = [damage for damage in compare(told, kept) if damage not in self.damage]
        except psycopg.OperationalError:
            return  # the database has just ended for a reason of its own: the next time will do
        self.damage |= dict.fromkeys(found)
        if self.killed:
            lost = sum(damage.kind is DamageKind.LOST for damage in found)
            self.killed[-1].lost += lost
            self.killed[-1].twice += len(found) - lost

    def _comes_back(self) -> bool:
        """Wait until requests are answered again after every kill so far."""
        ends = time.monotonic() + RECOVERY_TIMEOUT_S
        while time.monotonic() < ends:
            self._look_on(_POLL_S)
            if self._looked_at and all(one.first_success_s is not None for one in self.killed):
                return True
        return False

    def _look_on(self, for_s: float) -> None:
        """Let time pass, note the first successes, and start a server that has ended by itself."""
        ends = time.monotonic() + for_s
        while True:
            self._served.start_if_ended()
            self._note_first_successes()
            self._tell(Progress(len(self.killed), len(self._load.log.kept), len(self.damage)))
            if time.monotonic() >= ends:
                return
            time.sleep(_POLL_S)

    def _note_first_successes(self) -> None:
        arrived = self._load.log.kept[self._looked_at :]
        self._looked_at += len(arrived)
        for killed in self.killed:
            if killed.first_success_s is None:
                after = [one.answered_at for one in arrived if one.sent_at > killed.at]
                if after:
                    killed.first_success_s = min(after) - killed.at


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
