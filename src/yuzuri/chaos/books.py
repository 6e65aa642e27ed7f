"""The database of a run: made with its homes, and looked into by its superuser."""

from collections.abc import Iterator, Sequence

import psycopg

from yuzuri.chaos.comparison import KeptGift
from yuzuri.db.connect import EMBEDDED_DATABASE, open_database
from yuzuri.db.embedded import SUPERUSER, start_embedded
from yuzuri.ledger.homes import choose_homes
from yuzuri.settings import Settings

_MESSAGE = "wish "

_KEPT = """
SELECT gift.id::text, substr(gift.message, %(prefix)s)::bigint, gift.state, gift.amount,
       coalesce(-sum(entry.amount) FILTER (WHERE entry.holder = gift.from_line), 0)::bigint,
       coalesce(sum(entry.amount) FILTER (WHERE entry.holder = gift.to_line), 0)::bigint
FROM yuzuri.gift LEFT JOIN yuzuri.entry ON entry.cause = gift.id
WHERE %(messages)s::text[] IS NULL OR gift.message = ANY(%(messages)s)
GROUP BY gift.id, gift.message, gift.state, gift.amount
"""


async def make_database(settings: Settings, homes: int) -> str:
    """Make the database with so many homes, and return the superuser's URL of it."""
    with start_embedded(settings.data) as server:
        url = server.url(EMBEDDED_DATABASE, SUPERUSER)
        async with open_database(settings):
            pass
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("SET search_path = yuzuri")
            await choose_homes(connection, homes)
    return url


def wish_message(wish: int) -> str:
    """Write the number of a wish where every gift carries it."""
    return f"{_MESSAGE}{wish}"


def kept_gifts(superuser_url: str, wishes: Sequence[int] | None = None) -> Iterator[KeptGift]:
    """Yield the gifts that were made of these wishes, or of all."""
    messages = None if wishes is None else [wish_message(wish) for wish in wishes]
    with psycopg.connect(superuser_url) as connection:
        rows = connection.execute(_KEPT, {"prefix": len(_MESSAGE) + 1, "messages": messages})
        for gift, wish, state, amount, given, received in rows:
            yield KeptGift(
                id=gift, wish=wish, state=state, amount=amount, given=given, received=received
            )
