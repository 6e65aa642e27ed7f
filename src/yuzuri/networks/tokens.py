"""Access tokens by which network functions call (OAuth 2.0; TS 29.510 AccessTokenClaims): pure."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from yuzuri.networks.keys import PublicKey, instance_id

AUDIENCE = "CHF"
"""The type of network function that Yuzuri is; tokens may name our instance id instead."""

TOKEN_BYTES_MAX = 8_192

_SIGNING = "ES256"
_ALGORITHMS: Mapping[str, tuple[str, ...]] = {"EC": ("ES256",), "RSA": ("RS256", "RS512")}
"""What a key may sign with follows from the key and never from the token (RFC 8725, 3.1)."""

_CLOCKS_APART_S = 5
"""How far the clock of an issuer may be ahead of ours."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says; `exp`, `iat` and `nbf` are in seconds since 1970.

    `line` (our own claim) is the id or the number of the one line that it is good for.
    """

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    scope: str
    exp: int
    iat: float | None = None
    nbf: float | None = None
    line: str | None = None
    cnf: dict[str, Any] | None = None


class TokenRefused(Exception):  # noqa: N818 - what a stranger sent is no error of ours
    """A token proves nothing; `str()` says why, for the log only."""


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Whose signature is believed; `is_own`: a machine of ours. A new key: a new `trusted_at`."""

    issuer: str
    key: PublicKey = field(compare=False)
    is_own: bool
    trusted_at: datetime


def issue_token(
    key: ECKey,
    subject: str,
    audience: str,
    scope: str,
    at: datetime,
    lifetime: timedelta,
    line: str | None = None,
) -> str:
    """Return a token that our key signs: whoever carries it is `subject`, for so long.

    With `line` it is good for one line only.
    """
    issued_at = at.timestamp()
    claims = {
        "iss": instance_id(key),
        "sub": subject,
        "aud": audience,
        "scope": scope,
        "iat": issued_at,
        "exp": int(issued_at + lifetime.total_seconds()),
        "jti": secrets.token_urlsafe(12),
    }
    if line is not None:
        claims["line"] = line
    header = {"alg": _SIGNING, "typ": "JWT"}
    return jws.serialize_compact(header, msgspec.json.encode(claims), key, [_SIGNING])


def verify_token(
    token: str,
    issuers: Mapping[str, TokenIssuer],
    audiences: Collection[str],
    at: datetime,
) -> Claims:
    """Return what a token says, if a trusted issuer has signed it for us and it is in force.

    Raises `TokenRefused`.
    """
    if len(token) > TOKEN_BYTES_MAX:
        raise TokenRefused("too long")
    issuer = issuers.get(_read(token.split(".")[1] if token.count(".") == 2 else "").iss)
    if issuer is None:
        raise TokenRefused("its issuer is not trusted")
    algorithms = _ALGORITHMS[issuer.key.key_type]
    registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        signed = jws.deserialize_compact(token, issuer.key, registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused("its signature is not good") from error
    claims = _decode(signed.payload)
    _check(claims, audiences, at.timestamp())
    return claims


def _check(claims: Claims, audiences: Collection[str], now_s: float) -> None:
    named = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    if not any(audience in audiences for audience in named):
        raise TokenRefused("it is for somebody else")
    if claims.exp <= now_s:
        raise TokenRefused("its time is over")
    if max(claims.nbf or 0, claims.iat or 0) > now_s + _CLOCKS_APART_S:
        raise TokenRefused("its time has not come")
    if claims.cnf is not None:
        raise TokenRefused("it is bound to a certificate, which we cannot see")


def _read(segment: str) -> Claims:
    try:
        return _decode(urlsafe_b64decode(segment.encode("ascii")))
    except (ValueError, TypeError) as error:
        raise TokenRefused("it is no token") from error


def _decode(payload: bytes) -> Claims:
    try:
        return msgspec.json.decode(payload, type=Claims)
    except msgspec.MsgspecError as error:
        raise TokenRefused("its claims are not those of an access token") from error
