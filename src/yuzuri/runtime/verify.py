"""All invariants of a running Yuzuri, in their order: what `yuzuri verify` prints."""

from collections.abc import Sequence
from datetime import datetime

from yuzuri.charging.invariants import CHARGING_INVARIANTS
from yuzuri.db import Connection
from yuzuri.db.invariants import (
    Finding,
    Invariant,
    Progress,
    check_invariants,
    ignore_progress,
)
from yuzuri.ledger.invariants import LEDGER_INVARIANTS
from yuzuri.sharing.invariants import (
    DELEGATION_INVARIANTS,
    GIFT_INVARIANTS,
    POOL_INVARIANTS,
    TANK_INVARIANTS,
)
from yuzuri.sharing.link_invariants import LINK_INVARIANTS

# Replies are kept as [kind, outcome]; see replies.py.
_I4 = """
WITH answered AS (
    SELECT reply #>> '{0}' AS kind, reply #>> '{1,gift,id}' AS gift,
           reply #>> '{1,gift,state}' AS state, reply #>> '{1,purchase}' AS purchase,
           reply #> '{1,issued}' AS issued, reply #>> '{1,link,id}' AS link,
           reply #>> '{1,link,state}' AS link_state
    FROM (SELECT convert_from(reply, 'UTF8')::jsonb AS reply
          FROM command WHERE reply <> '1') AS kept
)
SELECT 'gift ' || gift, 'it was ' || state || ' by ' || count(*) || ' requests'
FROM answered WHERE kind = 'GiftDone' GROUP BY gift, state HAVING count(*) > 1
UNION ALL
SELECT 'gift ' || gift.id, 'no request made it what it is: ' || gift.state
FROM gift
WHERE NOT EXISTS (
    SELECT FROM answered WHERE answered.gift = gift.id::text AND answered.state = gift.state)
UNION ALL
SELECT 'gift ' || gift, 'it was ' || state || ' by a request, and is not there'
FROM answered
WHERE kind = 'GiftDone' AND NOT EXISTS (SELECT FROM gift WHERE gift.id::text = answered.gift)
UNION ALL
SELECT 'link ' || link, 'it was ' || link_state || ' by ' || count(*) || ' requests'
FROM answered WHERE kind = 'LinkDone' GROUP BY link, link_state HAVING count(*) > 1
UNION ALL
SELECT 'link ' || link.id, 'no request made it what it is: ' || link.state
FROM link
WHERE state <> 'spent' AND NOT EXISTS (
    SELECT FROM answered
    WHERE answered.link = link.id::text AND answered.link_state = link.state)
UNION ALL
SELECT 'purchase ' || purchase, 'it was made by ' || count(*) || ' requests'
FROM answered WHERE kind = 'Purchased' GROUP BY purchase HAVING count(*) > 1
UNION ALL
SELECT 'purchase ' || told.purchase,
       'it has issued ' || coalesce(moved.amount, 0) || ', and was answered with ' || told.amount
FROM (
    SELECT purchase, sum((part ->> 1)::numeric) AS amount
    FROM answered, jsonb_array_elements(issued) AS part WHERE kind = 'Purchased' GROUP BY purchase
) AS told
LEFT JOIN (SELECT cause::text, sum(amount) AS amount FROM transfer WHERE kind = 'i' GROUP BY cause)
    AS moved ON moved.cause = told.purchase
WHERE moved.amount IS DISTINCT FROM told.amount
UNION ALL
SELECT 'transfer ' || page || '/' || position || ' of home ' || home,
       'no request made its purchase'
FROM transfer
WHERE kind = 'i' AND NOT EXISTS (
    SELECT FROM answered WHERE answered.purchase = transfer.cause::text)
"""

_REQUEST_INVARIANTS = (Invariant("I4", "one effect for each request, whatever the retries", _I4),)


async def verify(
    connection: Connection, at: datetime, progress: Progress = ignore_progress
) -> Sequence[Finding]:
    """Check I1 to I12 as of an instant, on one snapshot; reads only.

    The connection must stand at the beginning of a transaction.
    """
    invariants = sorted(
        (
            *LEDGER_INVARIANTS,
            *GIFT_INVARIANTS,
            *LINK_INVARIANTS,
            *POOL_INVARIANTS,
            *TANK_INVARIANTS,
            *DELEGATION_INVARIANTS,
            *_REQUEST_INVARIANTS,
            *CHARGING_INVARIANTS,
        ),
        key=lambda invariant: int(invariant.number[1:]),
    )
    return await check_invariants(connection, at, invariants, progress)
