"""Tidying what time has ended: open gifts past their deadline, balances past their expiry.

Nothing depends on it: a gift past its deadline cannot be accepted, what it held is free, and what
has expired cannot be spent, swept or not.
"""

import asyncio
import logging

from psycopg import Error

from yuzuri.kernel.errors import DomainError
from yuzuri.kernel.ids import HOME
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.ledger.store import holders_with_expired
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.sharing.gift_store import due_gifts
from yuzuri.sharing.gifts import ExpireGift

INTERVAL_S = 30.0

_log = logging.getLogger(__name__)


async def keep_sweeping(yuzuri: Yuzuri, interval_s: float = INTERVAL_S) -> None:
    """Sweep again and again until cancelled; what fails is tried again the next time."""
    while True:
        try:
            await sweep(yuzuri)
        except (DomainError, Error) as error:
            _log.warning("the sweep will try again: %s", error)
        await asyncio.sleep(interval_s)


async def sweep(yuzuri: Yuzuri) -> int:
    """End what is due, each by a command on the one road; returns how many commands it took.

    Several processes may sweep at once: a command's key says what it ends, so it happens once.
    """
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        gifts = await due_gifts(connection, HOME, at)
        holders = await holders_with_expired(connection, HOME, at)
    commands = [(f"expire gift {gift}", ExpireGift(gift=gift)) for gift in gifts] + [
        (f"expire buckets {holder} until {latest.isoformat()}", ExpireBuckets(holder))
        for holder, latest in holders
    ]
    await asyncio.gather(*(yuzuri.submit(HOUSE_CLIENT, key, command) for key, command in commands))
    return len(commands)
