"""Who may call, as one process knows it: read every few seconds, so that asking costs nothing.

What holds: what is removed from the register is refused everywhere within `LIFETIME_S`; what is new
to it is known at most `PAUSE_S` after somebody asks for it.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from joserfc.jwk import ECKey

from yuzuri.db.connect import Database
from yuzuri.networks.functions import DEMO, DEMO_ID, NetworkFunction, list_functions
from yuzuri.networks.issuers import list_issuers, trust_issuer
from yuzuri.networks.keys import instance_id, load_signing_key
from yuzuri.networks.tokens import (
    AUDIENCE,
    Claims,
    TokenIssuer,
    TokenRefused,
    issue_token,
    verify_token,
)

LIFETIME_S = 2.0
PAUSE_S = 0.5

_TOKENS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class _Known:
    functions: Mapping[str, NetworkFunction]
    issuers: Mapping[str, TokenIssuer]
    audiences: frozenset[str]
    read_at_s: float


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was good; what can end it before its time is looked up anew each time."""

    claims: Claims
    issuer: TokenIssuer
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who carries a token: with which scopes, and for which line (id or number) if for one only."""

    function: NetworkFunction
    scopes: frozenset[str]
    line: str | None


class Networks:
    """The network functions and issuers that are registered, and the key that we sign with."""

    def __init__(self, database: Database, data: Path, *, is_open: bool) -> None:
        self._database = database
        self._data = data
        self._is_open = is_open
        self._known = _Known({}, {}, frozenset(), -LIFETIME_S)
        self._reading = asyncio.Lock()
        self._verified: dict[bytes, _Verified] = {}
        self._key: ECKey | None = None

    async def find_function(self, function: str) -> NetworkFunction | None:
        """Return a network function, if it is registered; in an open demo there is one more."""
        if self._is_open and function == DEMO_ID:
            return DEMO
        known = await self._read(LIFETIME_S)
        if function not in known.functions:
            known = await self._read(PAUSE_S)
        return known.functions.get(function)

    async def verify(self, token: str, at: datetime) -> Bearer:
        """Return who carries a token; raises `TokenRefused`.

        The signature is checked once; whether the token is still in force, its issuer trusted and
        its subject registered, each time.
        """
        digest = sha256(token.encode()).digest()
        known = await self._read(LIFETIME_S)
        verified = self._verified.get(digest)
        if verified is None or known.issuers.get(verified.claims.iss) != verified.issuer:
            verified = await self._verify(token, at)
            if len(self._verified) >= _TOKENS_MAX:
                self._verified.clear()
            self._verified[digest] = verified
        claims = verified.claims
        if claims.exp <= at.timestamp():
            del self._verified[digest]
            raise TokenRefused("its time is over")
        function = await self.find_function(claims.sub)
        if function is None or function.id == DEMO_ID:
            raise TokenRefused("its subject is not registered")
        if verified.issuer.is_own and (claims.iat or 0) < function.registered_at.timestamp():
            raise TokenRefused("it was made before its subject was registered")
        return Bearer(function, verified.scopes, claims.line)

    async def issue(
        self,
        subject: str,
        audience: str,
        scope: str,
        at: datetime,
        lifetime: timedelta,
        line: str | None = None,
    ) -> str:
        """Return a token that we sign; at first our key is made, and made known to our machines."""
        if self._key is None:
            key = load_signing_key(self._data)
            async with self._database.connection() as connection:
                await trust_issuer(connection, instance_id(key), key, at, is_own=True)
            self._key = key
        return issue_token(self._key, subject, audience, scope, at, lifetime, line)

    async def _verify(self, token: str, at: datetime) -> _Verified:
        known = await self._read(LIFETIME_S)
        try:
            claims = verify_token(token, known.issuers, known.audiences, at)
        except TokenRefused:
            # Its issuer may have been trusted, or given another key, since.
            newer = await self._read(PAUSE_S)
            if newer is known:
                raise
            known = newer
            claims = verify_token(token, known.issuers, known.audiences, at)
        return _Verified(claims, known.issuers[claims.iss], frozenset(claims.scope.split()))

    async def _read(self, age_max_s: float) -> _Known:
        if time.monotonic() - self._known.read_at_s <= age_max_s:
            return self._known
        async with self._reading:
            now_s = time.monotonic()
            if now_s - self._known.read_at_s > age_max_s:
                async with self._database.connection() as connection:
                    functions = await list_functions(connection)
                    issuers = await list_issuers(connection)
                own = (issuer.issuer for issuer in issuers if issuer.is_own)
                self._known = _Known(
                    {function.id: function for function in functions},
                    {issuer.issuer: issuer for issuer in issuers},
                    frozenset({AUDIENCE, *own}),
                    now_s,
                )
            return self._known
