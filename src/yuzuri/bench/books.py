"""Books to measure on: so many buckets, written by the server itself as if they had always been.

They begin with balances that no transfer accounts for, which saves writing each bucket twice. So
`yuzuri verify` has nothing to say about them, and they are dropped with the run.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random
from typing import NamedTuple

from psycopg import AsyncConnection

from yuzuri.db.login import Login
from yuzuri.db.migrate import MIGRATING_ROLE, SCHEMA
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, Id

ALLOWANCES = 16
"""How many allowances the buckets of one home share."""

HOMES_MAX = 256
"""With more, 10,000 buckets would not give each allowance of each home two holders."""

BALANCE = 10**12

FIRST_EXPIRING = 10**9
"""Numbers of holders from here on have what ends at the end of the month."""

_CHUNK = 1_000_000

_FIRST_MS = 1_800_000_000_000
_MIDDLE = "7000800000000000"
_ALLOWANCES_BEFORE = 1_000
_EXPIRING_BEFORE = 2_000


def _id_sql(number: str, home: str) -> str:
    """As `made_up_id`, in SQL."""
    return (
        f"(lpad(to_hex({_FIRST_MS} + {number}), 12, '0') || '{_MIDDLE}'"
        f" || lpad(to_hex({home}), 4, '0'))::uuid"
    )


_ADD_ALLOWANCES = f"""
INSERT INTO allowance (home, id, unit, operator, plan, zone, source, paid, issued_at, expires_at,
                       purchase, hops)
SELECT home, {_id_sql("number - %(before)s::bigint", "home")}, 'data', 'bench', 'bench', 'JP',
       'bought', true, %(issued_at)s, %(expires_at)s, {_id_sql("number", "home")}, 0
FROM generate_series(0, %(homes)s - 1) AS home, generate_series(0, {ALLOWANCES - 1}) AS number
"""

_ADD_BUCKETS = f"""
INSERT INTO bucket (home, holder, allowance, balance, held, expires_at)
SELECT home, {_id_sql("number", "home")},
       {_id_sql(f"number / %(homes)s %% {ALLOWANCES} - %(before)s::bigint", "home")},
       {BALANCE}, 0, %(expires_at)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS number,
     LATERAL (SELECT (number %% %(homes)s)::integer) AS of (home)
ORDER BY home, number
"""


def made_up_id(number: int, home: Home) -> Id:
    """An id as `new_id` would have made it in the millisecond of this number."""
    return Id((_FIRST_MS + number).to_bytes(6) + _TAILS[home])


_TAILS = [bytes.fromhex(_MIDDLE) + home.to_bytes(2) for home in range(HOMES_MAX)]


class Pair(NamedTuple):
    """Two holders of one home, who both have some of one allowance."""

    allowance: AllowanceId
    source: HolderId
    target: HolderId


class Books:
    """Holders 0 to `buckets` - 1, each with one bucket; spread over homes and allowances."""

    def __init__(self, buckets: int, homes: int) -> None:
        self.buckets = buckets
        self.homes = homes
        # How many holders apart two neighbours of one home and one allowance are.
        self._step = homes * ALLOWANCES
        self._allowances = self._make_allowances(_ALLOWANCES_BEFORE)
        self._expiring = self._make_allowances(_EXPIRING_BEFORE)

    def holder(self, number: int) -> HolderId:
        """The holder of this number."""
        return HolderId(made_up_id(number, Home(number % self.homes)))

    def allowance(self, number: int) -> AllowanceId:
        """What the holder of this number has."""
        allowances = self._allowances if number < FIRST_EXPIRING else self._expiring
        return allowances[number % self._step]

    def pick(self, random: Random, home: Home | None = None) -> int:
        """A holder's number, each as likely as any other; of this home where one is named."""
        if home is None:
            return int(random.random() * self.buckets)
        here = (self.buckets - home - 1) // self.homes + 1
        return int(random.random() * here) * self.homes + home

    def pick_pair(self, random: Random, home: Home | None = None) -> Pair:
        """Two different holders who have the same allowance; of this home where one is named."""
        return self.pair(self.pick(random, home), random)

    def pair(self, source: int, random: Random) -> Pair:
        """This holder, and another one who has the same allowance."""
        place, like_it = divmod(source, self._step)
        others = (self.buckets - like_it - 1) // self._step
        other = int(random.random() * others)
        target = (other + (other >= place)) * self._step + like_it
        return Pair(self._allowances[like_it], self.holder(source), self.holder(target))

    def _make_allowances(self, before: int) -> list[AllowanceId]:
        return [
            AllowanceId(made_up_id(number // self.homes - before, Home(number % self.homes)))
            for number in range(self._step)
        ]


@asynccontextmanager
async def open_as_owner(login: Login) -> AsyncIterator[AsyncConnection]:
    """Connect in autocommit mode as the role that owns the tables."""
    async with await login.connect() as connection:
        await connection.execute(f"SET ROLE {MIGRATING_ROLE}")
        await connection.execute(f"SET search_path = {SCHEMA}")
        yield connection


async def fill_books(
    owner: Login, books: Books, at: datetime, expires_at: datetime | None = None
) -> None:
    """Write the buckets of these books, and let the server learn how many they are.

    With `expires_at` they are those that end then, numbered from `FIRST_EXPIRING`.
    """
    offset, before = (
        (0, _ALLOWANCES_BEFORE) if expires_at is None else (FIRST_EXPIRING, _EXPIRING_BEFORE)
    )
    given = {"homes": books.homes, "before": before, "issued_at": at, "expires_at": expires_at}
    async with open_as_owner(owner) as connection:
        await connection.execute(_ADD_ALLOWANCES, given)
        for first in range(offset, offset + books.buckets, _CHUNK):
            last = min(first + _CHUNK, offset + books.buckets) - 1
            await connection.execute(_ADD_BUCKETS, given | {"first": first, "last": last})
        # What the server would do by itself a little later, and in the way of a measurement.
        await connection.execute("VACUUM (ANALYZE) bucket, allowance")
