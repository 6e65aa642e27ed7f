"""Telling who has subscribed to a line's counters what has become of them (TS 29.594)."""

import asyncio

from yuzuri.charging.spending_limit_store import (
    CounterNotification,
    due_counter_notifications,
    note_told,
)
from yuzuri.jobs.sending import Message, Sender, Sent
from yuzuri.kernel.ids import HolderId
from yuzuri.runtime.counter_messages import counter_message
from yuzuri.runtime.running import Yuzuri


async def tell_counters(yuzuri: Yuzuri, sender: Sender, line: HolderId) -> bool:
    """Tell each subscription what it has not been told; says whether nothing is left to tell."""
    async with yuzuri.database.connection() as connection:
        due = await due_counter_notifications(connection, yuzuri.profiles, line, yuzuri.clock())
    return all(await asyncio.gather(*(_tell(yuzuri, sender, one) for one in due)))


async def _tell(yuzuri: Yuzuri, sender: Sender, notification: CounterNotification) -> bool:
    uri, body = counter_message(notification)
    to = notification.subscription.network_function
    if await sender.send(Message(to, uri, body)) is Sent.FAILED:
        return False
    # Who says that it knows nothing of it is not told the same again.
    async with yuzuri.database.connection() as connection:
        await note_told(connection, notification)
    return True
