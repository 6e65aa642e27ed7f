"""Token issuers as they are kept: those that an operator trusts, and the machines of our own."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.networks.keys import PublicKey, import_public_key
from yuzuri.networks.tokens import TokenIssuer

_TRUST = """
INSERT INTO token_issuer (issuer, public_key, is_own, trusted_at) VALUES (%s, %s, false, %s)
ON CONFLICT (issuer) DO UPDATE
SET public_key = excluded.public_key, trusted_at = excluded.trusted_at
WHERE NOT token_issuer.is_own
"""
_OWN = """
INSERT INTO token_issuer (issuer, public_key, is_own, trusted_at) VALUES (%s, %s, true, %s)
ON CONFLICT DO NOTHING
"""
_DISTRUST = "DELETE FROM token_issuer WHERE issuer = %s"
_ALL = "SELECT issuer, public_key, is_own, trusted_at FROM token_issuer ORDER BY trusted_at, issuer"


async def trust_issuer(
    connection: Connection, issuer: str, key: PublicKey, at: datetime, *, is_own: bool = False
) -> None:
    """Believe what an issuer signs with this key, and no longer what another key has signed."""
    row = (issuer, Jsonb(key.as_dict(private=False)), at)
    await connection.execute(_OWN if is_own else _TRUST, row)


async def distrust_issuer(connection: Connection, issuer: str) -> None:
    """Believe an issuer no more; raises `TOKEN_ISSUER_UNKNOWN`."""
    cursor = await connection.execute(_DISTRUST, (issuer,))
    if not cursor.rowcount:
        raise DomainError(Code.TOKEN_ISSUER_UNKNOWN, issuer=issuer)


async def list_issuers(connection: Connection) -> Sequence[TokenIssuer]:
    """Return all issuers that are believed."""
    return [
        TokenIssuer(row[0], import_public_key(row[1]), row[2], row[3])
        async for row in await connection.execute(_ALL)
    ]
