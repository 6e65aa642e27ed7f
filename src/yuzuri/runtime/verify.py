"""All invariants of a running Yuzuri, in their order: what `yuzuri verify` prints."""

from collections.abc import Sequence
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.db.invariants import Finding, Invariant, check_invariants
from yuzuri.kernel.ids import Home
from yuzuri.ledger.invariants import LEDGER_INVARIANTS
from yuzuri.sharing.invariants import GIFT_INVARIANTS

# Replies are kept as [kind, outcome]; see replies.py.
_I4 = """
WITH answered AS (
    SELECT reply #>> '{0}' AS kind, reply #>> '{1,gift,id}' AS gift,
           reply #>> '{1,gift,state}' AS state, reply #>> '{1,purchase}' AS purchase
    FROM (SELECT convert_from(reply, 'UTF8')::jsonb AS reply
          FROM command WHERE home = %(home)s) AS kept
)
SELECT 'gift ' || gift, 'it was ' || state || ' by ' || count(*) || ' requests'
FROM answered WHERE kind = 'GiftDone' GROUP BY gift, state HAVING count(*) > 1
UNION ALL
SELECT 'gift ' || gift.id, 'no request made it what it is: ' || gift.state
FROM gift
WHERE gift.home = %(home)s AND NOT EXISTS (
    SELECT FROM answered WHERE answered.gift = gift.id::text AND answered.state = gift.state)
UNION ALL
SELECT 'purchase ' || purchase, 'it was made by ' || count(*) || ' requests'
FROM answered WHERE kind = 'Purchased' GROUP BY purchase HAVING count(*) > 1
UNION ALL
SELECT 'entry ' || transfer, 'no request made its purchase'
FROM entry
WHERE home = %(home)s AND kind = 'issue' AND NOT EXISTS (
    SELECT FROM answered WHERE answered.purchase = entry.cause::text)
"""

_I7 = "SELECT 'link', 'none is posted yet' WHERE false"

_REQUEST_INVARIANTS = (
    Invariant("I4", "one effect for each request, whatever the retries", _I4),
    Invariant("I7", "no link gives more shares than it has (none is posted yet)", _I7),
)


async def verify(connection: Connection, home: Home, at: datetime) -> Sequence[Finding]:
    """Check I1-I9 of a home as of an instant, on one snapshot; reads only."""
    invariants = sorted(
        (*LEDGER_INVARIANTS, *GIFT_INVARIANTS, *_REQUEST_INVARIANTS),
        key=lambda invariant: invariant.number,
    )
    return await check_invariants(connection, home, at, invariants)
