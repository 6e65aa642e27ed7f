"""Who is signed in. Secrets have 256 random bits and are kept as SHA-256 only."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId

SESSION_LIFETIME = timedelta(days=30)
SIGN_IN_CODE_LIFETIME = timedelta(minutes=15)

_ADD_CODE = "INSERT INTO sign_in_code (hash, person, expires_at) VALUES (%s, %s, %s)"
_USE_CODE = "DELETE FROM sign_in_code WHERE hash = %s RETURNING person, expires_at"
_ADD_SESSION = "INSERT INTO session (hash, person, expires_at) VALUES (%s, %s, %s)"
_SESSION = "SELECT person FROM session WHERE hash = %s AND expires_at > %s"
_END_SESSION = "DELETE FROM session WHERE hash = %s"


async def make_sign_in_code(connection: Connection, person: PersonId, at: datetime) -> str:
    """Return a code that signs this person in once, within `SIGN_IN_CODE_LIFETIME`."""
    code = secrets.token_urlsafe(32)
    expires_at = at + SIGN_IN_CODE_LIFETIME
    await connection.execute(_ADD_CODE, (_digest(code), person, expires_at))
    return code


async def use_sign_in_code(connection: Connection, code: str, at: datetime) -> PersonId:
    """Return whom a code signs in; it is used up. Raises `SIGN_IN_REFUSED`."""
    cursor = await connection.execute(_USE_CODE, (_digest(code),))
    row = await cursor.fetchone()
    if row is None or row[1] <= at:
        raise DomainError(Code.SIGN_IN_REFUSED)
    return PersonId(row[0])


async def open_session(connection: Connection, person: PersonId, at: datetime) -> str:
    """Sign a person in and return the secret that proves it for `SESSION_LIFETIME`."""
    secret = secrets.token_urlsafe(32)
    await connection.execute(_ADD_SESSION, (_digest(secret), person, at + SESSION_LIFETIME))
    return secret


async def session_person(connection: Connection, secret: str, at: datetime) -> PersonId:
    """Return who is signed in with a secret, or raise `SESSION_INVALID`."""
    cursor = await connection.execute(_SESSION, (_digest(secret), at))
    row = await cursor.fetchone()
    if row is None:
        raise DomainError(Code.SESSION_INVALID)
    return PersonId(row[0])


async def end_session(connection: Connection, secret: str) -> None:
    """Sign out; a secret that is not known is as good as ended."""
    await connection.execute(_END_SESSION, (_digest(secret),))


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
