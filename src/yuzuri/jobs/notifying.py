"""Telling networks at once what matters to them: a session may ask again, a counter has changed.

Nothing depends on it but time: a network that is not told asks again by itself when its quota's
validity is over. What could not be told is tried again, twice as late each time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial

import msgspec
from psycopg import OperationalError

from yuzuri.charging.outbox import (
    COUNTER_CHANGES,
    REAUTHORIZATIONS,
    Due,
    Outbox,
    Reauthorization,
    due_homes,
    load_reauthorizations,
    note_done,
    put_off,
    take_due,
)
from yuzuri.db import DatabaseUnavailable
from yuzuri.db.connect import Database
from yuzuri.jobs.counters import tell_counters
from yuzuri.jobs.sending import SEND_TIMEOUT_S, Message, Sender, Sent, open_client
from yuzuri.kernel.ids import HolderId, Home
from yuzuri.runtime.running import Yuzuri

INTERVAL_S = 0.2
AT_ONCE_MAX = 64
ATTEMPTS_MAX = 20

_LEASE = timedelta(seconds=SEND_TIMEOUT_S + 6)
"""For how long what a process is telling is left to it: longer than that can take."""

_BACKOFF_S = 0.5
_BACKOFF_MAX_S = 30.0
_FAILURE_PAUSE_S = 2.0

_Work = Callable[[], Awaitable[bool]]
"""Tells something, and says whether nothing is left to tell."""

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
        return max(AT_ONCE_MAX - len(self._running), 0)

    async def _start_due(self, group: asyncio.TaskGroup) -> None:
        for outbox in (REAUTHORIZATIONS, COUNTER_CHANGES):
            async with self._database.connection() as connection:
                homes = await due_homes(connection, outbox, self._yuzuri.clock(), self._free)
            for home in homes:
                for due, work in await self._take(outbox, home):
                    self._start(group, due, work)

    async def _take(self, outbox: Outbox, home: Home) -> Sequence[tuple[Due, _Work]]:
        at = self._yuzuri.clock()
        async with self._database.connection() as connection:
            taken = await take_due(connection, outbox, home, at, at + _LEASE, self._free)
            if outbox is COUNTER_CHANGES:
                return [(due, partial(self._tell_counters, HolderId(due.key))) for due in taken]
            told = await load_reauthorizations(connection, home, [due.key for due in taken])
            return [(due, partial(self._tell_session, told.get(due.key))) for due in taken]

    async def _tell_session(self, told: Reauthorization | None) -> bool:
        """Say whether there is nothing more to tell: an ended session's network knows enough."""
        if told is None:
            return True
        return await self._sender.send(reauthorization_message(told)) is not Sent.FAILED

    async def _tell_counters(self, line: HolderId) -> bool:
        return await tell_counters(self._yuzuri, self._sender, line)

    def _start(self, group: asyncio.TaskGroup, due: Due, work: _Work) -> None:
        task = group.create_task(self._finish(due, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _finish(self, due: Due, work: _Work) -> None:
        """Do the work, and note what became of it; whatever fails leaves it to a later attempt."""
        try:
            is_done = await work()
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
