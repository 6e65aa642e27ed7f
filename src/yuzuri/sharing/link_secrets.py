"""Secrets behind addresses: 128 random bits that open what was posted, asked or offered.

A secret stands in the fragment of an address, which no browser sends to a server, and is kept as
SHA-256 only. To find one takes the same work whether it leads anywhere or not.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from yuzuri.db import Connection
from yuzuri.kernel.ids import DelegationId, Id, InvitationId, LinkId, RequestId, home_of

SECRET_BYTES = 16

SECRETS_MAX = 200
"""How many secrets lead to one target; another one takes the place of the oldest."""

LANDING_PATH = "/l"

_ADD = "INSERT INTO link_secret (hash, kind, home, target, made_at) VALUES (%s, %s, %s, %s, %s)"
_FORGET_OLDEST = """
DELETE FROM link_secret WHERE home = %s AND target = %s AND hash NOT IN (
    SELECT hash FROM link_secret WHERE home = %s AND target = %s
    ORDER BY made_at DESC, hash LIMIT %s
)
"""
_FIND = "SELECT kind, target FROM link_secret WHERE hash = %s"


class SecretKind(StrEnum):
    """What a secret opens."""

    LINK = "link"
    REQUEST = "request"
    INVITATION = "invitation"
    DELEGATION = "delegation"


@dataclass(frozen=True, slots=True)
class Target:
    """What a secret leads to."""

    kind: SecretKind
    id: Id


async def mint_secret(
    connection: Connection,
    kind: SecretKind,
    target: LinkId | RequestId | InvitationId | DelegationId,
    at: datetime,
) -> str:
    """Make another secret that leads to a target, and return it: 22 letters of base64url."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    home = home_of(target)
    await connection.execute(_ADD, (_digest(secret), kind, home, target, at))
    await connection.execute(_FORGET_OLDEST, (home, target, home, target, SECRETS_MAX))
    return secret


async def find_secret(connection: Connection, text: str) -> Target | None:
    """Return what a secret leads to; None: nothing. What has ended is for the target to say."""
    cursor = await connection.execute(_FIND, (_digest(text),), prepare=True)
    row = await cursor.fetchone()
    return None if row is None else Target(SecretKind(row[0]), Id(row[1]))


def secret_url(origin: str, secret: str) -> str:
    """Return the address that a secret is passed on as; `origin` is that of the settings."""
    return f"{origin}{LANDING_PATH}#{secret}"


def read_secret(text: str, origin: str) -> str:
    """Return the secret in what somebody has typed or pasted: itself, or one of our addresses.

    An address of another origin opens nothing here, whatever stands in it.
    """
    typed = text.strip()
    return typed.removeprefix(secret_url(origin, ""))


def _digest(secret: str) -> bytes:
    return sha256(secret.encode(errors="replace")).digest()
