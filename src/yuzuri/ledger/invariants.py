"""What must always hold of balances, transfers, holds and allowances (I1, I2, I3, I5, I8, I9)."""

from yuzuri.db.invariants import Invariant
from yuzuri.ledger.changes import HOUSE, HOUSE_IDS, USE_SETTLEMENT, House
from yuzuri.ledger.proof import find_breaches

# A transfer is one row, so its two entries cannot differ; what can is what is between two homes.
_I1 = """
SELECT 'transfer ' || page || '/' || position || ' of home ' || home,
       'one of its holders lives in another home'
FROM transfer
WHERE NOT source = ANY(%(house)s) AND home <> get_byte(uuid_send(source), 14) * 256
                                              + get_byte(uuid_send(source), 15)
   OR NOT target = ANY(%(house)s) AND home <> get_byte(uuid_send(target), 14) * 256
                                              + get_byte(uuid_send(target), 15)
UNION ALL
SELECT 'move ' || coalesce(moved.cause, listed.id),
       coalesce(moved.amount, 0) || ' is between two homes, and listed are '
       || coalesce(listed.amount, 0) || ' until ' || coalesce(listed.deadline, %(at)s)
FROM (SELECT cause, sum(amount) AS amount FROM entry WHERE holder = %(transit)s GROUP BY cause)
    AS moved
FULL JOIN in_transit AS listed ON listed.id = moved.cause
WHERE coalesce(moved.amount, 0) < 0
   OR moved.amount > 0 AND listed.amount IS DISTINCT FROM moved.amount
   OR moved.amount > 0 AND listed.deadline <= %(at)s
   OR moved.cause IS NULL
"""

_I2 = """
SELECT 'bucket ' || holder || ' ' || allowance, 'its balance is ' || balance
FROM bucket WHERE balance < 0
UNION ALL
SELECT 'holder ' || holder || ' ' || allowance, 'its entries sum to ' || sum(amount)
FROM entry WHERE NOT holder = ANY(%(house)s)
GROUP BY holder, allowance HAVING sum(amount) < 0
"""

_I3 = """
WITH open_hold AS (
    SELECT holder, allowance, sum(amount) AS amount
    FROM hold WHERE lapsed_at IS NULL GROUP BY holder, allowance
)
SELECT 'bucket ' || coalesce(b.holder, h.holder) || ' ' || coalesce(b.allowance, h.allowance),
       'it has ' || coalesce(b.balance, 0) || ', holds ' || coalesce(b.held, 0)
       || ', and its open holds sum to ' || coalesce(h.amount, 0)
FROM bucket b
FULL JOIN open_hold h ON h.holder = b.holder AND h.allowance = b.allowance
WHERE coalesce(b.held, 0) <> coalesce(h.amount, 0) OR coalesce(b.held, 0) < 0
   OR coalesce(b.held, 0) > coalesce(b.balance, 0)
"""

# The chain itself is checked by `find_breaches`.
_I5 = """
WITH folded AS (
    SELECT holder, allowance, sum(amount) AS balance
    FROM entry WHERE NOT holder = ANY(%(house)s) GROUP BY holder, allowance
)
SELECT 'bucket ' || coalesce(b.holder, f.holder) || ' ' || coalesce(b.allowance, f.allowance),
       'it has ' || coalesce(b.balance, 0) || ', but its entries sum to ' || coalesce(f.balance, 0)
FROM bucket b
FULL JOIN folded f ON f.holder = b.holder AND f.allowance = b.allowance
WHERE coalesce(b.balance, 0) <> coalesce(f.balance, 0)
UNION ALL
SELECT 'role yuzuri_serve', 'it may ' || privilege || ' rows of ' || relation
FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege,
     unnest(ARRAY['transfer', 'journal_page']) AS relation
WHERE has_table_privilege('yuzuri_serve', relation, privilege)
"""

_I8 = """
SELECT 'allowance ' || child.id, 'it ends later than the one it comes from, and '
       || CASE WHEN child.paid THEN 'it is paid for' ELSE 'no rule is named' END
FROM allowance child
JOIN allowance parent ON parent.id = child.parent
WHERE coalesce(child.expires_at, 'infinity') > coalesce(parent.expires_at, 'infinity')
  AND (child.paid OR child.expiry_rule IS NULL)
UNION ALL
SELECT 'transfer ' || t.page || '/' || t.position || ' of home ' || t.home,
       'it was spent after its expiry'
FROM transfer t
JOIN journal_page p ON p.home = t.home AND p.number = t.page
JOIN allowance a ON a.home = t.home AND a.id = t.allowance
WHERE t.kind <> 'e' AND NOT t.source = ANY(%(house)s) AND p.at >= a.expires_at
  AND (t.kind <> 'u' OR p.at > a.expires_at + %(settlement)s)
UNION ALL
SELECT 'bucket ' || b.holder || ' ' || b.allowance, 'it says another expiry than its allowance'
FROM bucket b
JOIN allowance a ON a.home = b.home AND a.id = b.allowance
WHERE b.expires_at IS DISTINCT FROM a.expires_at
"""

_I9 = """
SELECT 'allowance ' || child.id, 'it does not follow from the one it names as its parent'
FROM allowance child
LEFT JOIN allowance parent ON parent.id = child.parent
WHERE child.parent IS NOT NULL AND (
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
SELECT 'allowance ' || one.id, 'it has other terms in home ' || other.home
FROM allowance one JOIN allowance other ON other.id = one.id AND other.home > one.home
WHERE to_jsonb(one) - 'home' <> to_jsonb(other) - 'home'
UNION ALL
SELECT 'allowance ' || allowance || ' of home ' || home, 'its terms are not written down there'
FROM (SELECT home, allowance FROM bucket UNION SELECT home, allowance FROM transfer
      EXCEPT SELECT home, id FROM allowance) AS without_terms
UNION ALL
SELECT 'transfer ' || t.page || '/' || t.position || ' of home ' || t.home,
       'it was issued, but not by its purchase'
FROM transfer t
LEFT JOIN allowance a ON a.home = t.home AND a.id = t.allowance
WHERE t.source = %(issued)s AND (a.id IS NULL OR a.hops > 0 OR t.cause <> a.purchase)
UNION ALL
SELECT 'transfer ' || page || '/' || position || ' of home ' || home,
       'it gives back what the house has issued'
FROM transfer WHERE target = %(issued)s
UNION ALL
SELECT 'cause ' || cause, 'what it turned into another kind differs by ' || sum(amount)
FROM entry WHERE holder = %(converted)s
GROUP BY cause HAVING sum(amount) <> 0
UNION ALL
SELECT 'cause ' || cause, 'it made something of ' || coalesce(parent::text, 'nothing')
       || ' that was not given for it'
FROM (
    SELECT t.cause, a.parent
    FROM transfer t JOIN allowance a ON a.home = t.home AND a.id = t.allowance
    WHERE t.source = %(converted)s
    EXCEPT SELECT cause, allowance FROM transfer WHERE target = %(converted)s
) AS made
"""

_HOUSE = ("house", sorted(HOUSE_IDS))

LEDGER_INVARIANTS = (
    Invariant(
        "I1",
        "per allowance, all entries sum to 0, with what is between two homes",
        _I1,
        (_HOUSE, ("transit", HOUSE[House.TRANSIT])),
    ),
    Invariant("I2", "no balance is below 0", _I2, (_HOUSE,)),
    Invariant("I3", "0 ≤ open holds ≤ balance, and held is their sum", _I3),
    Invariant(
        "I5",
        "entries are append-only and chained; a balance is their sum",
        _I5,
        (_HOUSE,),
        find_breaches,
    ),
    Invariant(
        "I8",
        "no expiry is lengthened without a rule, none outlived",
        _I8,
        (_HOUSE, ("settlement", USE_SETTLEMENT)),
    ),
    Invariant(
        "I9",
        "every unit traces to the purchase it came from",
        _I9,
        (("issued", HOUSE[House.ISSUED]), ("converted", HOUSE[House.CONVERTED])),
    ),
)
"""The invariants of this room."""
