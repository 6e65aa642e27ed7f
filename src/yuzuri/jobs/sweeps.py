"""Tidying what time has ended: open gifts past their deadline, balances past their expiry.

Nothing depends on it: a gift past its deadline cannot be accepted, what it held is free, and what
has expired cannot be spent, swept or not.
"""

import asyncio
import logging
from collections.abc import Mapping

from yuzuri.kernel.ids import HOME, new_id
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
        except Exception:  # noqa: BLE001 - whatever it is, the next sweep must come
            _log.exception("the sweep will try again")
        await asyncio.sleep(interval_s)


async def sweep(yuzuri: Yuzuri) -> int:
    """End what is due, each by a command on the one road; returns how many of them were answered.

    Several processes may sweep at once: what has been ended once is only refused or empty then.
    The key is new at each sweep, so that an answer of today never stands in the way of tomorrow.
    """
    at, name = yuzuri.clock(), str(new_id())
    async with yuzuri.database.connection() as connection:
        gifts = await due_gifts(connection, HOME, at)
    answered = await _submit_all(
        yuzuri, {f"{name} expire gift {gift}": ExpireGift(gift=gift) for gift in gifts}
    )
    # After the gifts, so that what they held is seen to be free.
    async with yuzuri.database.connection() as connection:
        holders = await holders_with_expired(connection, HOME, at)
    return answered + await _submit_all(
        yuzuri, {f"{name} expire buckets {holder}": ExpireBuckets(holder) for holder in holders}
    )


async def _submit_all(yuzuri: Yuzuri, commands: Mapping[str, ExpireGift | ExpireBuckets]) -> int:
    """Send commands by their keys; what fails is logged, and ends none of the others."""
    answers = await asyncio.gather(
        *(yuzuri.submit(HOUSE_CLIENT, key, command) for key, command in commands.items()),
        return_exceptions=True,
    )
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    for failure in failures:
        _log.warning("the next sweep will try again what failed", exc_info=failure)
    return len(answers) - len(failures)
