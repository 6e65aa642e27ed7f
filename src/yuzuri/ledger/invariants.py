"""What must always hold of balances, entries, holds and allowances (I1, I2, I3, I5, I8, I9)."""

from yuzuri.db.invariants import Invariant
from yuzuri.ledger.changes import HOUSE, HOUSE_IDS, House

_I1 = """
SELECT 'allowance ' || allowance, 'its entries sum to ' || sum(amount)
FROM entry WHERE home = %(home)s GROUP BY allowance HAVING sum(amount) <> 0
UNION ALL
SELECT 'transfer ' || transfer, 'it has ' || count(*) || ' entries that sum to ' || sum(amount)
FROM entry WHERE home = %(home)s GROUP BY transfer
HAVING count(*) <> 2 OR sum(amount) <> 0 OR min(allowance::text) <> max(allowance::text)
"""

_I2 = """
SELECT 'bucket ' || holder || ' ' || allowance, 'its balance is ' || balance
FROM bucket WHERE home = %(home)s AND balance < 0
UNION ALL
SELECT 'holder ' || holder || ' ' || allowance, 'its entries sum to ' || sum(amount)
FROM entry WHERE home = %(home)s AND NOT holder = ANY(%(house)s)
GROUP BY holder, allowance HAVING sum(amount) < 0
"""

_I3 = """
WITH open_hold AS (
    SELECT holder, allowance, sum(amount) AS amount
    FROM hold WHERE home = %(home)s AND state = 'open' GROUP BY holder, allowance
)
SELECT 'bucket ' || coalesce(b.holder, h.holder) || ' ' || coalesce(b.allowance, h.allowance),
       'it has ' || coalesce(b.balance, 0) || ', holds ' || coalesce(b.held, 0)
       || ', and its open holds sum to ' || coalesce(h.amount, 0)
FROM (SELECT * FROM bucket WHERE home = %(home)s) b
FULL JOIN open_hold h ON h.holder = b.holder AND h.allowance = b.allowance
WHERE coalesce(b.held, 0) <> coalesce(h.amount, 0) OR coalesce(b.held, 0) < 0
   OR coalesce(b.held, 0) > coalesce(b.balance, 0)
"""

# The digest is that of `entry_hash` in book.py, computed anew from the rows.
_I5 = """
WITH chained AS (
    SELECT *, row_number() OVER bucket_order AS position,
           lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER bucket_order AS previous
    FROM entry
    WHERE home = %(home)s AND NOT holder = ANY(%(house)s)
    WINDOW bucket_order AS (PARTITION BY holder, allowance ORDER BY number)
), folded AS (
    SELECT holder, allowance, sum(amount) AS balance, count(*) AS entries,
           (array_agg(hash ORDER BY number DESC))[1] AS head
    FROM entry
    WHERE home = %(home)s AND NOT holder = ANY(%(house)s)
    GROUP BY holder, allowance
)
SELECT 'entry ' || transfer || ' of ' || holder,
       'number ' || number || ' is not what was written after the entry before it'
FROM chained
WHERE number <> position OR hash <> sha256(
    previous || uuid_send(transfer) || uuid_send(holder) || uuid_send(allowance)
    || int8send(amount) || uuid_send(cause) || convert_to(kind, 'UTF8')
    || int8send((extract(epoch FROM at) * 1000000)::bigint))
UNION ALL
SELECT 'bucket ' || coalesce(b.holder, f.holder) || ' ' || coalesce(b.allowance, f.allowance),
       'it has ' || coalesce(b.balance, 0) || ' after ' || coalesce(b.entries, 0)
       || ' entries, but its entries are ' || coalesce(f.entries, 0)
       || ' and sum to ' || coalesce(f.balance, 0)
FROM (SELECT * FROM bucket WHERE home = %(home)s) b
FULL JOIN folded f ON f.holder = b.holder AND f.allowance = b.allowance
WHERE b.balance IS DISTINCT FROM f.balance OR b.entries IS DISTINCT FROM f.entries
   OR b.head IS DISTINCT FROM f.head
UNION ALL
SELECT 'role yuzuri_serve', 'it may ' || privilege || ' rows of entry'
FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE has_table_privilege('yuzuri_serve', 'entry', privilege)
"""

_I8 = """
SELECT 'allowance ' || child.id, 'it ends later than the one it comes from, and '
       || CASE WHEN child.paid THEN 'it is paid for' ELSE 'no rule is named' END
FROM allowance child
JOIN allowance parent ON parent.home = child.home AND parent.id = child.parent
WHERE child.home = %(home)s
  AND coalesce(child.expires_at, 'infinity') > coalesce(parent.expires_at, 'infinity')
  AND (child.paid OR child.expiry_rule IS NULL)
UNION ALL
SELECT 'entry ' || e.transfer || ' of ' || e.holder, 'it was spent after its expiry'
FROM entry e
JOIN allowance a ON a.home = e.home AND a.id = e.allowance
WHERE e.home = %(home)s AND e.amount < 0 AND e.kind <> 'expire'
  AND NOT e.holder = ANY(%(house)s) AND e.at >= a.expires_at
"""

_I9 = """
SELECT 'allowance ' || child.id, 'it does not follow from the one it names as its parent'
FROM allowance child
LEFT JOIN allowance parent ON parent.home = child.home AND parent.id = child.parent
WHERE child.home = %(home)s AND child.parent IS NOT NULL AND (
    parent.id IS NULL
    OR child.hops <> parent.hops + 1
    OR (child.unit, child.operator, child.plan, child.zone, child.source, child.paid,
        child.issued_at, child.purchase, child.hours_since, child.hours_until,
        child.hours_timezone)
    IS DISTINCT FROM
       (parent.unit, parent.operator, parent.plan, parent.zone, parent.source, parent.paid,
        parent.issued_at, parent.purchase, parent.hours_since, parent.hours_until,
        parent.hours_timezone))
UNION ALL
SELECT 'entry ' || e.transfer || ' of ' || e.holder, 'it was issued, but not by its purchase'
FROM entry e
LEFT JOIN allowance a ON a.home = e.home AND a.id = e.allowance
WHERE e.home = %(home)s AND e.holder = %(issued)s
  AND (a.id IS NULL OR a.hops > 0 OR e.cause <> a.purchase OR e.amount > 0)
UNION ALL
SELECT 'cause ' || cause, 'what it turned into another kind differs by ' || sum(amount)
FROM entry WHERE home = %(home)s AND holder = %(converted)s
GROUP BY cause HAVING sum(amount) <> 0
UNION ALL
SELECT 'cause ' || e.cause, 'it made ' || e.allowance || ' of something else than its parent'
FROM entry e
JOIN allowance a ON a.home = e.home AND a.id = e.allowance
WHERE e.home = %(home)s AND e.holder = %(converted)s AND e.amount < 0 AND NOT EXISTS (
    SELECT FROM entry given
    WHERE given.home = e.home AND given.holder = e.holder AND given.cause = e.cause
      AND given.allowance = a.parent AND given.amount > 0)
"""

_HOUSE = ("house", sorted(HOUSE_IDS))

LEDGER_INVARIANTS = (
    Invariant("I1", "per allowance, all entries sum to 0; a transfer is two of them", _I1),
    Invariant("I2", "no balance is below 0", _I2, (_HOUSE,)),
    Invariant("I3", "0 ≤ open holds ≤ balance, and held is their sum", _I3),
    Invariant("I5", "entries are append-only and chained; a balance is their sum", _I5, (_HOUSE,)),
    Invariant("I8", "no expiry is lengthened without a rule, none outlived", _I8, (_HOUSE,)),
    Invariant(
        "I9",
        "every unit traces to the purchase it came from",
        _I9,
        (("issued", HOUSE[House.ISSUED]), ("converted", HOUSE[House.CONVERTED])),
    ),
)
"""The invariants of this room."""
