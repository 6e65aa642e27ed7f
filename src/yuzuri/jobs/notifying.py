"""Telling networks what matters to them at once: that a session may ask again.

Nothing depends on it but time: a network that is not told asks again by itself when its quota's
validity is over. What could not be told is tried again, twice as late each time.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from psycopg import OperationalError

from yuzuri.charging.outbox import (
    REAUTHORIZATIONS,
    Due,
    Reauthorization,
    due_homes,
    load_reauthorizations,
    note_done,
    put_off,
    take_due,
)
from yuzuri.db import DatabaseUnavailable
from yuzuri.db.connect import Database
from yuzuri.jobs.sending import SEND_TIMEOUT_S, Message, Sender, Sent, open_client
from yuzuri.kernel.ids import Home
from yuzuri.runtime.running import Yuzuri

INTERVAL_S = 0.2
AT_ONCE_MAX = 64
ATTEMPTS_MAX = 20

_LEASE = timedelta(seconds=SEND_TIMEOUT_S + 6)
"""For how long what a process is telling is left to it: longer than that can take."""

_BACKOFF_S = 0.5
_BACKOFF_MAX_S = 30.0
_FAILURE_PAUSE_S = 2.0

_log = logging.getLogger(__name__)


async def keep_notifying(yuzuri: Yuzuri, interval_s: float = INTERVAL_S) -> None:
    """Tell what is due again and again until cancelled; what fails is tried again later."""
    while True:
        try:
            async with open_client(yuzuri.settings) as client:
                await _Notifier(yuzuri, Sender(yuzuri, client)).run(interval_s)
        except Exception:  # noqa: BLE001 - whatever it is, telling must go on
            _log.exception("networks will be told again in a moment")
        await asyncio.sleep(_FAILURE_PAUSE_S)


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts that failed: from 0.5 s to 30 s."""
    return timedelta(seconds=min(_BACKOFF_S * 2 ** (attempts - 1), _BACKOFF_MAX_S))


def reauthorization_message(told: Reauthorization) -> Message:
    """Return what TS 32.291 (ChargingNotifyRequest) has a network told, so that it asks again."""
    details = [{"ratingGroup": group} for group in told.rating_groups]
    body: dict[str, object] = {"notificationType": "REAUTHORIZATION"}
    if details:
        body["reauthorizationDetails"] = details
    return Message(told.network_function, told.notify_uri, msgspec.json.encode(body))


class _Notifier:
    """Tells several things at once, but never more than `AT_ONCE_MAX`."""

    def __init__(self, yuzuri: Yuzuri, sender: Sender) -> None:
        self._yuzuri = yuzuri
        self._sender = sender
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, interval_s: float) -> None:
        """Tell what is due until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._start_due(group)
                except (DatabaseUnavailable, OperationalError) as error:
                    _log.warning("networks will be told again in a moment: %s", error)
                    await asyncio.sleep(_FAILURE_PAUSE_S)
                await asyncio.sleep(interval_s)

    @property
    def _free(self) -> int:
        return AT_ONCE_MAX - len(self._running)

    async def _start_due(self, group: asyncio.TaskGroup) -> None:
        if self._free <= 0:
            return
        async with self._database.connection() as connection:
            homes = await due_homes(connection, REAUTHORIZATIONS, self._yuzuri.clock(), self._free)
        for home in homes:
            for due, told in await self._take_reauthorizations(home):
                self._start(group, due, self._tell_session(told))

    async def _take_reauthorizations(
        self, home: Home
    ) -> Sequence[tuple[Due, Reauthorization | None]]:
        at = self._yuzuri.clock()
        async with self._database.connection() as connection:
            taken = await take_due(
                connection, REAUTHORIZATIONS, home, at, at + _LEASE, max(self._free, 0)
            )
            told = await load_reauthorizations(connection, home, [due.key for due in taken])
        return [(due, told.get(due.key)) for due in taken]

    async def _tell_session(self, told: Reauthorization | None) -> bool:
        """Say whether there is nothing more to tell: an ended session's network knows enough."""
        if told is None:
            return True
        return await self._sender.send(reauthorization_message(told)) is not Sent.FAILED

    def _start(self, group: asyncio.TaskGroup, due: Due, work: Coroutine[Any, Any, bool]) -> None:
        task = group.create_task(self._finish(due, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _finish(self, due: Due, work: Coroutine[Any, Any, bool]) -> None:
        """Do the work, and note what became of it; whatever fails leaves it to a later attempt."""
        try:
            is_done = await work
            async with self._database.connection() as connection:
                if is_done or due.attempts >= ATTEMPTS_MAX:
                    await note_done(connection, due)
                else:
                    await put_off(connection, due, self._yuzuri.clock() + backoff(due.attempts))
        except Exception:  # noqa: BLE001 - nothing may end those beside it
            _log.exception("%s of %s will be told again", due.outbox.table, due.key)
        else:
            if not is_done and due.attempts >= ATTEMPTS_MAX:
                _log.warning("%s of %s could not be told", due.outbox.table, due.key)

    @property
    def _database(self) -> Database:
        return self._yuzuri.database
