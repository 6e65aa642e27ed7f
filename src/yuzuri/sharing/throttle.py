"""Wrong tries: counted in the database, so that every process of an installation knows them.

Who has failed too often is told to wait, whatever they try next, and right tries leave nothing
behind. Addresses are kept as digests under a key of the database, an IPv6 one as its /64, and
forgotten when their count ends.
"""

import contextlib
import hmac
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network, ip_address
from operator import itemgetter

from yuzuri.db import Connection
from yuzuri.db.connect import Database
from yuzuri.kernel.calendar import Clock
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Id, PersonId


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures count within how long."""

    failures: int
    within: timedelta


BY_ADDRESS = Limit(10, timedelta(minutes=1))
BY_ADDRESS_SIGNED_IN = Limit(100, timedelta(minutes=1))
"""Many people share the address of a mobile network: whoever is signed in has more room there."""
BY_ACCOUNT = Limit(20, timedelta(hours=1))
BY_TARGET = Limit(200, timedelta(hours=1))
"""Wrong passcodes of one link, whoever tries them."""

FAILURES = frozenset({Code.LINK_UNKNOWN, Code.PASSCODE_WRONG, Code.PASSCODE_CLOSED})
"""What a wrong try is answered with."""

_KEY = "SELECT key FROM throttle_key"
_COUNTED = "SELECT subject, failures, until FROM failed_try WHERE subject = ANY(%s) AND until > %s"
_COUNT = """
INSERT INTO failed_try AS known (subject, failures, until) VALUES (%s, 1, %s)
ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN known.until > %s THEN known.failures + 1 ELSE 1 END,
    until = CASE WHEN known.until > %s THEN known.until ELSE excluded.until END
"""
_FORGET = "DELETE FROM failed_try WHERE until <= %s"


@dataclass(frozen=True, slots=True)
class Trier:
    """Who tries: from which address, and who is signed in there."""

    address: str
    person: PersonId | None = None


@dataclass(slots=True)
class Attempt:
    """One try, while it lasts: what it has found, and whether it was wrong."""

    target: Id | None = None
    has_failed: bool = False

    def answered(self, code: Code) -> None:
        """Take in with what the try was refused."""
        self.has_failed |= code in FAILURES


@contextlib.asynccontextmanager
async def counting_failures(
    database: Database, trier: Trier, clock: Clock
) -> AsyncIterator[Attempt]:
    """Let somebody try, and count it where it was answered, or raises, one of `FAILURES`.

    Raises `TOO_MANY_TRIES` before anything is tried.
    """
    async with database.connection() as connection:
        await check_tries(connection, trier, clock())
    attempt = Attempt()
    try:
        yield attempt
    except DomainError as error:
        attempt.answered(error.refusal.code)
        raise
    finally:
        if attempt.has_failed:
            async with database.connection() as connection:
                await count_failure(connection, trier, clock(), attempt.target)


async def check_tries(connection: Connection, trier: Trier, at: datetime) -> None:
    """Raise `TOO_MANY_TRIES` where somebody has failed too often."""
    await _check(connection, _limits_of(await _key(connection), trier), at)


async def check_target(connection: Connection, target: Id, at: datetime) -> None:
    """Raise `TOO_MANY_TRIES` where people have failed too often at one target."""
    await _check(connection, [_limit_at(await _key(connection), target)], at)


async def _check(
    connection: Connection, subjects: Iterable[tuple[bytes, Limit]], at: datetime
) -> None:
    limits = dict(subjects)
    cursor = await connection.execute(_COUNTED, (list(limits), at), prepare=True)
    waits = [
        until - at async for subject, failures, until in cursor
        if failures >= limits[subject].failures
    ]  # fmt: skip
    if waits:
        seconds = -(-max(waits) // timedelta(seconds=1))
        raise DomainError(Code.TOO_MANY_TRIES, seconds=seconds)


async def count_failure(
    connection: Connection, trier: Trier, at: datetime, target: Id | None = None
) -> None:
    """Count a wrong try for the address, the account and the target."""
    # In one order, so that two who count at once never wait for each other.
    key = await _key(connection)
    subjects = [*_limits_of(key, trier), *([] if target is None else [_limit_at(key, target)])]
    for subject, limit in sorted(subjects, key=itemgetter(0)):
        await connection.execute(_COUNT, (subject, at + limit.within, at, at))


async def forget_failures(connection: Connection, at: datetime) -> None:
    """Forget the counts that have ended; nothing depends on it."""
    await connection.execute(_FORGET, (at,))


def _limits_of(key: bytes, trier: Trier) -> Iterator[tuple[bytes, Limit]]:
    by_address = BY_ADDRESS if trier.person is None else BY_ADDRESS_SIGNED_IN
    yield _digest(key, b"address", _network(trier.address)), by_address
    if trier.person is not None:
        yield _digest(key, b"account", trier.person), BY_ACCOUNT


def _limit_at(key: bytes, target: Id) -> tuple[bytes, Limit]:
    return _digest(key, b"target", target), BY_TARGET


def _network(address: str) -> bytes:
    """Return what an address is counted as: who has one of IPv6 has all of its /64."""
    try:
        known = ip_address(address)
    except ValueError:
        return address.encode(errors="replace")
    if not isinstance(known, IPv6Address):
        return known.packed
    if known.ipv4_mapped is not None:
        return known.ipv4_mapped.packed
    return IPv6Network((known, 64), strict=False).network_address.packed


def _digest(key: bytes, kind: bytes, subject: bytes) -> bytes:
    return hmac.digest(key, kind + b":" + subject, sha256)


async def _key(connection: Connection) -> bytes:
    row = await (await connection.execute(_KEY, prepare=True)).fetchone()
    assert row is not None
    return bytes(row[0])
