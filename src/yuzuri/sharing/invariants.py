"""What must always hold of gifts (I6), and of who draws on a pool (I11)."""

from yuzuri.db.invariants import Invariant
from yuzuri.ledger.changes import HOUSE_IDS

_I6 = """
WITH held AS (
    SELECT cause, sum(amount) FILTER (WHERE lapsed_at IS NULL AND expires_at > %(at)s) AS open,
           bool_or(lapsed_at IS NOT NULL) AS lapsed
    FROM hold GROUP BY cause
), moved AS (
    SELECT cause, holder, sum(amount) AS amount
    FROM entry WHERE kind = 'g' GROUP BY cause, holder
)
SELECT 'gift ' || g.id, 'it is ' || g.state || ' over ' || g.amount || ', holds '
       || coalesce(h.open, 0) || ', took ' || coalesce(-gave.amount, 0)
       || ' and brought ' || coalesce(got.amount, 0)
FROM gift g
LEFT JOIN held h ON h.cause = g.id
LEFT JOIN moved gave ON gave.cause = g.id AND gave.holder = g.from_line
LEFT JOIN moved got ON got.cause = g.id AND got.holder = g.to_line
WHERE (
    coalesce(h.open, 0)
        <> CASE WHEN g.state = 'open' AND g.deadline > %(at)s AND h.lapsed IS NOT TRUE
           THEN g.amount ELSE 0 END
    OR coalesce(-gave.amount, 0) <> CASE WHEN g.state = 'accepted' THEN g.amount ELSE 0 END
    OR coalesce(got.amount, 0) <> CASE WHEN g.state = 'accepted' THEN g.amount ELSE 0 END)
UNION ALL
SELECT 'hold ' || hold.id, 'it is open for a gift that is not'
FROM hold JOIN gift g ON g.home = hold.home AND g.id = hold.cause
WHERE hold.lapsed_at IS NULL AND g.state <> 'open'
UNION ALL
SELECT 'link ' || l.id, 'it is ' || l.state || ', ' || (l.amount - l.taken_amount)
       || ' of it is left, and it holds ' || coalesce(h.open, 0)
FROM link l LEFT JOIN held h ON h.cause = l.id
WHERE coalesce(h.open, 0)
    <> CASE WHEN l.state = 'open' AND l.deadline > %(at)s AND h.lapsed IS NOT TRUE
       THEN l.amount - l.taken_amount ELSE 0 END
UNION ALL
SELECT 'hold ' || hold.id, 'it is open for a link that is not'
FROM hold JOIN link l ON l.home = hold.home AND l.id = hold.cause
WHERE hold.lapsed_at IS NULL AND l.state <> 'open'
"""

GIFT_INVARIANTS = (
    Invariant("I6", "what open gifts and links hold is what they are; each ends exactly once", _I6),
)
"""The invariants of gifts."""

# Where a delegation lets a line draw on another person's, that line stands in the pool's place.
_I11 = """
SELECT 'member ' || m.line, 'what it draws on is not open, or of another operator'
FROM pool_member m
LEFT JOIN line l ON l.home = m.home AND l.id = m.line
LEFT JOIN pool p ON p.id = m.pool AND p.closed_at IS NULL AND m.delegation IS NULL
LEFT JOIN line other ON other.id = m.pool AND m.delegation IS NOT NULL
WHERE l.operator IS DISTINCT FROM coalesce(p.operator, other.operator)
    OR coalesce(p.id, other.id) IS NULL
UNION ALL
SELECT 'pool ' || p.id, 'it is a line too' FROM pool p JOIN line l ON l.id = p.id
"""

# Since contributions were last worked out, use may have taken from all of them; nothing adds to a
# pool without adding to one.
_CONTRIBUTIONS = """
WITH put_in AS (
    SELECT home, pool, allowance, sum(amount) AS amount
    FROM pool_contribution GROUP BY home, pool, allowance
)
SELECT 'pool ' || p.id, 'it has ' || b.balance || ' of allowance ' || b.allowance || ', of which '
       || coalesce(c.amount, 0) || ' is anybody''s'
FROM pool p
JOIN bucket b ON b.home = p.home AND b.holder = p.id
JOIN allowance a ON a.home = b.home AND a.id = b.allowance
LEFT JOIN put_in c ON c.home = p.home AND c.pool = p.id AND c.allowance = b.allowance
WHERE b.balance > coalesce(c.amount, 0)
    AND (a.expires_at IS NULL OR a.expires_at > %(at)s)
"""

POOL_INVARIANTS = (
    Invariant(
        "I11", "whoever draws on a pool is a line of its operator, and no pool is a line", _I11
    ),
    Invariant("I11", "all that is in a pool is somebody's who put it in", _CONTRIBUTIONS),
)
"""The invariants of pools."""

# What a line gives or draws names the tank as its cause, whatever home it passes.
_I10 = """
WITH moved AS (
    SELECT e.holder AS line, e.cause AS tank, sum(greatest(-e.amount, 0)) AS given,
           sum(greatest(e.amount, 0)) AS drawn
    FROM entry e JOIN tank t ON t.id = e.cause
    WHERE NOT e.holder = ANY(%(house)s) AND e.holder <> e.cause GROUP BY e.holder, e.cause
)
SELECT 'line ' || coalesce(m.line, a.line) || ' at tank ' || coalesce(m.tank, a.tank),
       'it gave ' || coalesce(m.given, 0) || ' and drew ' || coalesce(m.drawn, 0)
       || ', and is said to have given ' || coalesce(a.given, 0)
       || ' and drawn ' || coalesce(a.drawn, 0)
FROM moved m
FULL JOIN tank_account a ON a.line = m.line AND a.tank = m.tank
WHERE (coalesce(m.given, 0), coalesce(m.drawn, 0))
    <> (coalesce(a.given, 0), coalesce(a.drawn, 0))
UNION ALL
SELECT 'tank account ' || a.line, 'the line is not of the operator of the tank'
FROM tank_account a
LEFT JOIN tank t ON t.id = a.tank
LEFT JOIN line l ON l.home = a.home AND l.id = a.line
WHERE l.operator IS DISTINCT FROM t.operator
UNION ALL
SELECT 'tank ' || t.id, 'it is a line too' FROM tank t JOIN line l ON l.id = t.id
"""

TANK_INVARIANTS = (
    Invariant(
        "I10",
        "what a line gave to tanks and drew from them is counted to the byte",
        _I10,
        (("house", sorted(HOUSE_IDS)),),
    ),
)
"""The invariants of tanks."""

# A gift names on whose authority it was made, and what was done says who made it. Nobody gives more
# than they were let; a line that uses up another's does so while that stands.
_AUTHORITY = """
SELECT 'gift ' || g.id, 'nobody could make it on the authority that it names'
FROM gift g
LEFT JOIN delegation d ON d.home = g.home AND d.id = g.authority AND d.line = g.from_line
    AND d.answered_at <= g.offered_at AND g.offered_at >= d.since AND g.offered_at < d.until
    AND g.offered_at <= coalesce(d.ended_at, g.offered_at)
    AND d.scopes @> jsonb_build_array(jsonb_build_object('type', 'give', 'unit', g.unit))
LEFT JOIN delegation_action a ON a.home = d.home AND a.delegation = d.id AND a.gift = g.id
    AND a.what = 'give' AND a.person = d.delegate
WHERE g.authority IS NOT NULL AND a.id IS NULL
UNION ALL
SELECT 'delegation ' || d.id, 'more was given on it than its owner lets'
FROM delegation d JOIN gift g ON g.home = d.home AND g.authority = d.id
WHERE g.state = 'accepted' OR g.state = 'open' AND g.deadline > %(at)s
GROUP BY d.home, d.id, g.unit
HAVING sum(g.amount) > (
    SELECT sum((scope ->> 'in_all')::bigint) FROM jsonb_array_elements(d.scopes) AS scope
    WHERE scope ->> 'type' = 'give' AND scope ->> 'unit' = g.unit)
UNION ALL
SELECT 'member ' || m.line, 'no delegation lets it use up what is another person''s'
FROM pool_member m
LEFT JOIN delegation d ON d.id = m.delegation AND d.line = m.pool AND d.used_line = m.line
    AND d.state = 'active' AND d.until = m.until AND d.scopes @> '[{"type": "use"}]'
WHERE m.delegation IS NOT NULL AND d.id IS NULL
UNION ALL
SELECT 'delegation ' || d.id, 'the line that it lets use up another''s does not'
FROM delegation d LEFT JOIN pool_member m ON m.line = d.used_line AND m.delegation = d.id
WHERE d.state = 'active' AND d.used_line IS NOT NULL AND d.until > %(at)s AND m.line IS NULL
UNION ALL
SELECT 'delegation ' || d.id, 'not both sides have agreed to one version of its terms'
FROM delegation d
WHERE d.answered_at IS NOT NULL AND d.state <> 'declined' AND (
    SELECT count(DISTINCT a.person) FROM delegation_agreement a
    WHERE a.home = d.home AND a.delegation = d.id AND a.version = d.terms
        AND a.person IN (d.owner, d.delegate)) <> 2
"""

DELEGATION_INVARIANTS = (
    Invariant(
        "I11", "whoever acts on another person's line names a permission that stood", _AUTHORITY
    ),
)
"""The invariants of delegations."""
