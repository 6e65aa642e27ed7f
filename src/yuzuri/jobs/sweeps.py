"""Tidying what time has ended: gifts past their deadline, holds that ran out, expired balances.

Nothing depends on it: a gift past its deadline cannot be accepted, what it held is free, and what
has expired cannot be spent, swept or not. It also brings home what a crash has left between homes.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from yuzuri.charging.spending_limit_store import look_at_counters
from yuzuri.kernel.ids import Home, new_id
from yuzuri.ledger.due import holders_with_expired, holders_with_lapsed, travellers
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.sharing.delegation_store import due_delegations
from yuzuri.sharing.delegations import ExpireDelegation
from yuzuri.sharing.gift_store import due_gifts
from yuzuri.sharing.gifts import ExpireGift
from yuzuri.sharing.link_rows import due_links
from yuzuri.sharing.links import ExpireLink
from yuzuri.sharing.pool_store import pools_to_settle
from yuzuri.sharing.pools import SettlePool
from yuzuri.sharing.throttle import forget_failures

INTERVAL_S = 30.0

TRAVEL_TIME = timedelta(seconds=2)
"""How long whoever sent something to another home is left to bring it there."""

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

    Counters that time alone has changed are told to whoever has subscribed to them.

    Several processes may sweep at once: what has been ended once is only refused or empty then.
    """
    answered = 0
    async with yuzuri.database.connection() as connection:
        await look_at_counters(connection, yuzuri.clock())
        await forget_failures(connection, yuzuri.clock())
    for home in map(Home, range(yuzuri.homes)):
        answered += await _bring_over(yuzuri, home)
        answered += await _expire_gifts(yuzuri, home)
        answered += await _expire_links(yuzuri, home)
        answered += await _expire_delegations(yuzuri, home)
        # After the gifts, so that what they held is seen to be free.
        answered += await _expire_buckets(yuzuri, home)
        answered += await _settle_pools(yuzuri, home)
    return answered


async def _bring_over(yuzuri: Yuzuri, home: Home) -> int:
    async with yuzuri.database.connection() as connection:
        waiting = await travellers(connection, home, yuzuri.clock() - TRAVEL_TIME)
    steps = (yuzuri.bring_over(traveller, home) for traveller in waiting)
    return _count_answered(await asyncio.gather(*steps, return_exceptions=True))


async def _expire_gifts(yuzuri: Yuzuri, home: Home) -> int:
    async with yuzuri.database.connection() as connection:
        gifts = await due_gifts(connection, home, yuzuri.clock())
    return await _submit_all(
        yuzuri, {f"expire gift {gift}": ExpireGift(gift=gift) for gift in gifts}
    )


async def _expire_delegations(yuzuri: Yuzuri, home: Home) -> int:
    async with yuzuri.database.connection() as connection:
        due = await due_delegations(connection, home, yuzuri.clock())
    return await _submit_all(
        yuzuri, {f"expire delegation {one}": ExpireDelegation(delegation=one) for one in due}
    )


async def _expire_links(yuzuri: Yuzuri, home: Home) -> int:
    async with yuzuri.database.connection() as connection:
        links = await due_links(connection, home, yuzuri.clock())
    return await _submit_all(
        yuzuri, {f"expire link {link}": ExpireLink(link=link) for link in links}
    )


async def _expire_buckets(yuzuri: Yuzuri, home: Home) -> int:
    """Book what is over, a few hundred holders at a time, so that others are never kept waiting."""
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        lapsed = await holders_with_lapsed(connection, home, at)
    answered = 0
    if lapsed:
        answered += await _submit_all(yuzuri, {"lapsed": ExpireBuckets(tuple(lapsed))})
    last = None
    while True:
        async with yuzuri.database.connection() as connection:
            found = await holders_with_expired(connection, home, at, last)
        if not found:
            return answered
        last = found[-1]
        holders = tuple(dict.fromkeys(holder for _, holder in found))
        answered += await _submit_all(yuzuri, {"expired": ExpireBuckets(holders)})


async def _settle_pools(yuzuri: Yuzuri, home: Home) -> int:
    """Return what pools owe, as far as nothing holds it any more."""
    async with yuzuri.database.connection() as connection:
        pools = await pools_to_settle(connection, home)
    return await _submit_all(
        yuzuri, {f"settle pool {pool}": SettlePool(pool=pool) for pool in pools}
    )


async def _submit_all(
    yuzuri: Yuzuri,
    commands: Mapping[str, ExpireGift | ExpireBuckets | SettlePool | ExpireDelegation | ExpireLink],
) -> int:
    """Send commands under new keys, so that an answer of today never stands in tomorrow's way."""
    sweep_name = new_id()
    answers = await asyncio.gather(
        *(
            yuzuri.submit(HOUSE_CLIENT, f"{sweep_name} {key}", command)
            for key, command in commands.items()
        ),
        return_exceptions=True,
    )
    return _count_answered(answers)


def _count_answered(answers: Sequence[object]) -> int:
    """Log what failed: it is tried again by the next sweep, and ends none of the others."""
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    for failure in failures:
        _log.warning("the next sweep will try again what failed", exc_info=failure)
    return len(answers) - len(failures)
