"""Yardsticks beside pgbench: what the same rows cost one transaction at a time.

They work in a schema of their own, on tables that are made like the product's, index by index, so
that they can neither help nor spoil what is measured. They chain and hash nothing.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from time import perf_counter

import psycopg
from psycopg import Connection

from yuzuri.bench import BenchFailed
from yuzuri.bench.books import FIRST_EXPIRING, Books, open_as_owner
from yuzuri.bench.pgbench import run_own_script
from yuzuri.db.login import Login
from yuzuri.db.migrate import MIGRATING_ROLE
from yuzuri.kernel.ids import HolderId, new_id
from yuzuri.ledger.changes import HOUSE, House

ROW_LOCK_CLIENTS = (1, 8, 32)

_MAKE = f"""
CREATE SCHEMA peer;
GRANT ALL ON SCHEMA peer TO {MIGRATING_ROLE};
GRANT ALL ON SCHEMA peer TO CURRENT_USER;
SET ROLE {MIGRATING_ROLE};
CREATE TABLE peer.bucket (LIKE yuzuri.bucket INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE peer.transfer (LIKE yuzuri.transfer INCLUDING ALL);
CREATE TABLE peer.command (LIKE yuzuri.command INCLUDING ALL);
INSERT INTO peer.bucket SELECT * FROM yuzuri.bucket;
ANALYZE peer.bucket;
GRANT ALL ON ALL TABLES IN SCHEMA peer TO SESSION_USER;
"""

_COPY_EXPIRING = """
INSERT INTO peer.bucket
SELECT * FROM yuzuri.bucket WHERE expires_at IS NOT NULL ORDER BY holder LIMIT %s
"""

_ADD_COMMAND = """
INSERT INTO peer.command (home, name, fingerprint, reply)
VALUES (%(home)s, %(name)s, 1, '\\x90') ON CONFLICT DO NOTHING
"""

_LOCK_BOTH = """
SELECT holder, balance, held FROM peer.bucket
WHERE home = %(home)s AND holder IN (%(source)s, %(target)s) AND allowance = %(allowance)s
ORDER BY holder FOR UPDATE
"""

_CHANGE = """
UPDATE peer.bucket SET balance = balance + %(amount)s
WHERE home = %(home)s AND holder = %(holder)s AND allowance = %(allowance)s
"""

_ADD_TRANSFER = """
INSERT INTO peer.transfer
    (page, amount, checksum, allowance, source, target, cause, position, home, kind)
VALUES (1, %(amount)s, 1, %(allowance)s, %(source)s, %(target)s, %(name)s, 1, %(home)s, %(kind)s)
"""

_LOCK_ONE = """
SELECT balance FROM peer.bucket
WHERE home = %(home)s AND holder = %(source)s AND allowance = %(allowance)s AND expires_at <= %(at)s
FOR UPDATE
"""

_REMOVE = """
DELETE FROM peer.bucket
WHERE home = %(home)s AND holder = %(source)s AND allowance = %(allowance)s
"""

_ROW_LOCK_SCRIPT = """
\\set amount random(1, 1000)
BEGIN;
SELECT balance, held FROM peer.bucket
WHERE home = {home} AND holder = '{source}' AND allowance = '{allowance}' FOR UPDATE;
UPDATE peer.bucket SET balance = balance - :amount
WHERE home = {home} AND holder = '{source}' AND allowance = '{allowance}';
INSERT INTO peer.transfer
    (page, amount, checksum, allowance, source, target, cause, position, home, kind)
VALUES (1, :amount, 1, '{allowance}', '{source}', '{target}', gen_random_uuid(), 1, {home}, 'm');
COMMIT;
"""


async def make_peer_tables(owner: Login) -> None:
    """Copy the buckets into tables of the yardsticks' own."""
    async with await owner.connect() as connection:
        await connection.execute(_MAKE)


async def copy_expiring(owner: Login, count: int) -> None:
    """Give the yardsticks the first so many buckets that end."""
    async with open_as_owner(owner) as connection:
        await connection.execute(_COPY_EXPIRING, (count,))


async def move_one_by_one(conninfo: str, books: Books, seconds: float) -> float:
    """Move with one transaction each, over one connection; transfers per second."""
    return await asyncio.to_thread(_count, conninfo, seconds, lambda c: _moves(c, books))


async def expire_one_by_one(conninfo: str, books: Books, at: datetime, seconds: float) -> float:
    """Book what has expired with one transaction for each bucket; buckets per second."""
    return await asyncio.to_thread(_count, conninfo, seconds, lambda c: _expiries(c, books, at))


async def lock_one_row(conninfo: str, books: Books, clients: int, seconds: int) -> float:
    """Let so many connections take from one bucket, each under its row lock; per second."""
    script = _ROW_LOCK_SCRIPT.format(
        home=0, source=books.holder(0), target=books.holder(books.homes),
        allowance=books.allowance(0),
    )  # fmt: skip
    return await run_own_script(conninfo, script, clients, seconds)


def _count(conninfo: str, seconds: float, work: Callable[[Connection], Iterator[None]]) -> float:
    """How often per second a transaction was committed, after a few that warm up."""
    with psycopg.connect(conninfo, prepare_threshold=0) as connection:
        steps = work(connection)
        for _ in range(20):
            next(steps)
        started = perf_counter()
        done = 0
        while (now := perf_counter()) < started + seconds:
            next(steps)
            done += 1
        return done / (now - started)


def _moves(connection: Connection, books: Books) -> Iterator[None]:
    random = Random(1)  # noqa: S311 - a load, the same in each run
    while True:
        pair = books.pick_pair(random)
        given = {
            "home": int.from_bytes(pair.source[14:]),
            "name": new_id(),
            "allowance": pair.allowance,
            "source": pair.source,
            "target": pair.target,
            "amount": 1,
            "kind": "m",
        }
        if connection.execute(_ADD_COMMAND, given).rowcount != 1:
            raise BenchFailed("a new request was taken for one that had been answered")
        if len(connection.execute(_LOCK_BOTH, given).fetchall()) != 2:
            raise BenchFailed("a bucket of the yardstick is missing")
        for holder, amount in ((pair.source, -1), (pair.target, 1)):
            connection.execute(_CHANGE, given | {"holder": holder, "amount": amount})
        connection.execute(_ADD_TRANSFER, given)
        connection.commit()
        yield


def _expiries(connection: Connection, books: Books, at: datetime) -> Iterator[None]:
    for number in range(FIRST_EXPIRING, FIRST_EXPIRING + books.buckets):
        source: HolderId = books.holder(number)
        given = {
            "home": int.from_bytes(source[14:]),
            "name": new_id(),
            "allowance": books.allowance(number),
            "source": source,
            "target": HOUSE[House.EXPIRED],
            "kind": "e",
            "at": at,
        }
        locked = connection.execute(_LOCK_ONE, given).fetchone()
        if locked is None:
            raise BenchFailed("a bucket of the yardstick is missing")
        connection.execute(_ADD_TRANSFER, given | {"amount": locked[0]})
        connection.execute(_REMOVE, given)
        connection.commit()
        yield
    raise BenchFailed("the yardstick has ended all buckets before its time was up")
