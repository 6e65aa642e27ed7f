"""What must always hold of posted links and requests (I7)."""

from collections.abc import AsyncGenerator

from yuzuri.db import Connection
from yuzuri.db.invariants import Breach, Invariant, Progress
from yuzuri.kernel.ids import LinkId, home_of
from yuzuri.sharing.link_draws import share_sizes
from yuzuri.sharing.link_rows import load_links

_WITH_SHARES = "SELECT id FROM link WHERE taken > 0 ORDER BY home, id"

_SIZES_TAKEN = """
SELECT coalesce(array_agg(gift.amount ORDER BY taker.number), '{}')
FROM link_taker AS taker JOIN gift ON gift.id = taker.gift
WHERE taker.home = %(home)s AND taker.link = %(link)s
    AND gift.home = %(home)s AND gift.via = %(link)s
"""


async def find_wrong_sizes(
    connection: Connection, progress: Progress
) -> AsyncGenerator[Breach, None]:
    """Yield each link of which a share was not what its seed makes it."""
    cursor = await connection.execute(_WITH_SHARES)
    links = [LinkId(row[0]) for row in await cursor.fetchall()]
    for done, link_id in enumerate(links):
        progress(done, len(links))
        of_link = {"home": home_of(link_id), "link": link_id}
        cursor = await connection.execute(_SIZES_TAKEN, of_link)
        row = await cursor.fetchone()
        assert row is not None
        for link in await load_links(connection, [link_id]):
            if list(share_sizes(link)[: len(row[0])]) != row[0]:
                yield f"link {link_id}", "its shares are not those of its draw"


_I7 = """
WITH shared AS (
    SELECT gift.via, count(*) AS shares, sum(amount) AS amount,
           count(DISTINCT line.person) AS people
    FROM gift LEFT JOIN line ON line.id = gift.to_line
    WHERE is_share GROUP BY gift.via
)
SELECT 'link ' || coalesce(link.id, via),
       'of its ' || coalesce(link.shares, 0) || ' shares ' || coalesce(link.taken, 0)
       || ' are taken with ' || coalesce(link.taken_amount, 0) || ', and given are '
       || coalesce(shared.shares, 0) || ' with ' || coalesce(shared.amount, 0) || ' to '
       || coalesce(shared.people, 0) || ' people'
FROM link FULL JOIN shared ON shared.via = link.id
WHERE link.id IS NULL OR link.taken > link.shares
   OR coalesce(shared.shares, 0) <> link.taken OR coalesce(shared.people, 0) <> link.taken
   OR coalesce(shared.amount, 0) <> link.taken_amount
UNION ALL
SELECT 'gift ' || gift.id, 'it is a share that nobody has taken'
FROM gift LEFT JOIN link_taker AS taker ON taker.home = gift.home AND taker.link = gift.via
    AND taker.gift = gift.id
WHERE gift.is_share AND taker.gift IS NULL
UNION ALL
SELECT 'share ' || taker.number || ' of link ' || taker.link,
       'it is not a gift to a line of ' || taker.person
FROM link_taker AS taker
LEFT JOIN gift ON gift.home = taker.home AND gift.id = taker.gift AND gift.via = taker.link
LEFT JOIN line ON line.id = gift.to_line
WHERE taker.gift IS NOT NULL AND line.person IS DISTINCT FROM taker.person
UNION ALL
SELECT 'link ' || link, 'its shares were not taken one after another'
FROM link_taker WHERE gift IS NOT NULL
GROUP BY link HAVING count(DISTINCT number) <> count(*) OR max(number) <> count(*) - 1
UNION ALL
SELECT 'request ' || asked.id,
       'it has ' || filled || ' of ' || asked.amount || ', and given are '
       || coalesce(given.amount, 0)
FROM gift_request AS asked
LEFT JOIN (SELECT via, sum(amount) AS amount FROM gift WHERE state = 'accepted' GROUP BY via)
    AS given ON given.via = asked.id
WHERE filled <> coalesce(given.amount, 0) OR filled > asked.amount
"""

LINK_INVARIANTS = (
    Invariant(
        "I7",
        "no link gives more shares than it has, nobody gets two, and each is as it was drawn",
        _I7,
        check=find_wrong_sizes,
    ),
)
"""The invariants of posted links and requests."""
