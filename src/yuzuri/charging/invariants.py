"""What must always hold of sessions, in SQL."""

from yuzuri.db.invariants import Invariant

# A hold that ran out after the last report is still to be counted as returned. Its holder may be a
# pool of another home.
_I12 = """
WITH aside AS (
    SELECT hold.cause, sum(hold.amount) AS amount
    FROM hold JOIN charging_quota q ON q.id = hold.cause
    WHERE hold.lapsed_at IS NULL OR hold.lapsed_at > q.reported_at
    GROUP BY hold.cause
), moved AS (
    SELECT t.cause, sum(t.amount) AS amount
    FROM transfer t JOIN charging_quota q ON q.id = t.cause
    WHERE t.kind = 'u'
    GROUP BY t.cause
)
SELECT 'quota ' || q.rating_group || ' of session ' || q.session,
       'granted ' || q.granted || ', used ' || q.used || ', returned ' || q.returned
       || ', set aside ' || coalesce(aside.amount, 0)
FROM charging_quota q LEFT JOIN aside ON aside.cause = q.id
WHERE q.granted - q.used - q.returned <> coalesce(aside.amount, 0)
UNION ALL
SELECT 'quota ' || q.rating_group || ' of session ' || q.session,
       'it says used ' || q.used || ', and ' || coalesce(moved.amount, 0) || ' was paid'
FROM charging_quota q LEFT JOIN moved ON moved.cause = q.id
WHERE q.used <> coalesce(moved.amount, 0)
UNION ALL
SELECT 'quota ' || q.rating_group || ' of session ' || q.session,
       'its session has ended, and it holds something'
FROM charging_quota q JOIN charging_session s ON s.home = q.home AND s.id = q.session
WHERE s.ended_at IS NOT NULL AND q.granted <> q.used + q.returned
UNION ALL
SELECT 'quota ' || q.rating_group || ' of session ' || q.session, 'its session is not known'
FROM charging_quota q
WHERE NOT EXISTS (
    SELECT FROM charging_session s
    WHERE s.home = q.home AND s.id = q.session AND s.line = q.line)
"""

CHARGING_INVARIANTS = (
    Invariant("I12", "of each quota: granted = used + returned + set aside", _I12),
)
"""The invariants of this room."""
