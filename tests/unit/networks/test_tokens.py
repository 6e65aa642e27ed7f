"""Tokens: only what a trusted issuer has signed, for us and for now, is believed (threat 21)."""

import base64
import hashlib
import hmac
import json
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.networks.keys import PublicKey, instance_id, parse_public_key
from yuzuri.networks.tokens import AUDIENCE, TokenIssuer, TokenRefused, issue_token, verify_token

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
OURS = ECKey.generate_key("P-256")
NRF = ECKey.generate_key("P-256")
NRF_WITH_RSA = RSAKey.generate_key(2048)
STRANGER = ECKey.generate_key("P-256")
SMF = "b4d3a9a6-3c55-4a0f-8a68-6f0f34f5d1f0"
CHARGING = "nchf-convergedcharging"


def public(key: ECKey | RSAKey) -> PublicKey:
    return parse_public_key(json.dumps(key.as_dict(private=False)).encode())


ISSUERS = {
    instance_id(OURS): TokenIssuer(instance_id(OURS), public(OURS), True, NOW),
    "nrf": TokenIssuer("nrf", public(NRF), False, NOW),
    "nrf-rsa": TokenIssuer("nrf-rsa", public(NRF_WITH_RSA), False, NOW),
}
CLAIMS: Mapping[str, Any] = {
    "iss": "nrf",
    "sub": SMF,
    "aud": "CHF",
    "scope": CHARGING,
    "exp": int(NOW.timestamp()) + 3_600,
}


def signed(
    key: ECKey | RSAKey | OctKey = NRF,
    alg: str = "ES256",
    header: Mapping[str, Any] = {},
    **more: Any,
) -> str:
    """A token as an NRF makes it; a claim of `...` is left out."""
    claims = {name: value for name, value in {**CLAIMS, **more}.items() if value is not ...}
    return jws.serialize_compact({"alg": alg, **header}, json.dumps(claims), key, [alg])


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def verify(token: str, at: datetime = NOW) -> Any:
    return verify_token(token, ISSUERS, {AUDIENCE, instance_id(OURS)}, at)


@pytest.mark.parametrize(
    "token",
    [
        signed(),
        signed(aud=[instance_id(OURS)]),
        signed(aud=["somebody-else", instance_id(OURS)]),
        signed(header={"kid": "1", "typ": "JWT"}),
        signed(iat=int(NOW.timestamp()), nbf=int(NOW.timestamp()), consumerPlmnId={"mcc": "440"}),
        signed(NRF_WITH_RSA, "RS256", iss="nrf-rsa"),
        signed(NRF_WITH_RSA, "RS512", iss="nrf-rsa"),
    ],
)
def test_a_token_of_a_trusted_issuer_says_who_carries_it(token: str) -> None:
    assert (verify(token).sub, verify(token).scope) == (SMF, CHARGING)


def test_our_own_token_is_one_of_them() -> None:
    token = issue_token(OURS, SMF, AUDIENCE, CHARGING, NOW, timedelta(hours=1))
    assert verify(token).sub == SMF
    assert verify(token, NOW + timedelta(minutes=59)).sub == SMF
    with pytest.raises(TokenRefused, match="its time is over"):
        verify(token, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (signed(exp=int(NOW.timestamp())), "its time is over"),
        (signed(nbf=int(NOW.timestamp()) + 60), "its time has not come"),
        (signed(iat=int(NOW.timestamp()) + 60), "its time has not come"),
        (signed(aud="SMF"), "it is for somebody else"),
        (signed(aud=["2f0c1d4e-0000-4000-8000-000000000000"]), "it is for somebody else"),
        (signed(aud=[]), "it is for somebody else"),
        (signed(iss="nobody"), "its issuer is not trusted"),
        (signed(STRANGER), "its signature is not good"),
        (signed(STRANGER, iss=instance_id(OURS)), "its signature is not good"),
        (signed(OURS), "its signature is not good"),
        (signed(cnf={"x5t#S256": "abc"}), "it is bound to a certificate"),
        (signed(iss=...), "its claims"),
        (signed(sub=...), "its claims"),
        (signed(aud=...), "its claims"),
        (signed(scope=...), "its claims"),
        (signed(exp=...), "its claims"),
        (signed(exp="9999999999"), "its claims"),
        (signed(exp=True), "its claims"),
        (signed(scope=[CHARGING]), "its claims"),
        (signed(sub=None), "its claims"),
    ],
)
def test_threat_21_a_wrong_token_is_refused(token: str, why: str) -> None:
    with pytest.raises(TokenRefused, match=why):
        verify(token)


def test_threat_21_one_that_somebody_has_changed_is_refused() -> None:
    header, _, signature = signed().split(".")
    changed = f"{header}.{encoded({**CLAIMS, 'sub': 'somebody-else'})}.{signature}"
    for token in (changed, f"{header}.{encoded(CLAIMS)}.", f"{header}.{encoded(CLAIMS)}.AAAA"):
        with pytest.raises(TokenRefused, match="its signature is not good"):
            verify(token)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_threat_21_one_without_a_signature_is_refused(alg: str) -> None:
    with pytest.raises(TokenRefused, match="its signature is not good"):
        verify(f"{encoded({'alg': alg})}.{encoded(CLAIMS)}.")


@pytest.mark.parametrize("issuer", ["nrf", "nrf-rsa"])
def test_threat_21_a_public_key_is_no_secret_to_sign_with(issuer: str) -> None:
    pem = ISSUERS[issuer].key.as_pem(private=False)
    said = f"{encoded({'alg': 'HS256'})}.{encoded({**CLAIMS, 'iss': issuer})}"
    digest = hmac.new(pem, said.encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    with pytest.raises(TokenRefused, match="its signature is not good"):
        verify(f"{said}.{signature}")


def test_threat_21_an_algorithm_that_is_not_that_of_the_key_is_refused() -> None:
    with pytest.raises(TokenRefused, match="its signature is not good"):
        verify(signed(NRF_WITH_RSA, "PS256", iss="nrf-rsa"))
    with pytest.raises(TokenRefused, match="its signature is not good"):
        verify(signed(NRF_WITH_RSA, "RS256", iss="nrf"))


def test_threat_21_a_key_that_comes_with_the_token_is_not_believed() -> None:
    own = {"jwk": STRANGER.as_dict(private=False)}
    with pytest.raises(TokenRefused, match="its signature is not good"):
        verify(signed(STRANGER, header=own))


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "....", "é.é.é", "a" * 9_000, f"{'A' * 8_000}.e30.A",
     f"{encoded({'alg': 'ES256'})}.{encoded([1])}.AAAA",
     f"{encoded({'alg': 'ES256', 'crit': ['x'], 'x': 1})}.{encoded(CLAIMS)}.AAAA"],
)  # fmt: skip
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        verify(text)


def test_a_key_can_be_given_as_pem_jwk_or_private_and_only_its_public_part_is_kept() -> None:
    given = (NRF.as_pem(private=False), NRF.as_pem(private=True),
             json.dumps(NRF.as_dict(private=True)).encode())  # fmt: skip
    for text in given:
        key = parse_public_key(text)
        assert not key.is_private
        assert key.as_dict() == NRF.as_dict(private=False)


def test_weak_keys_and_secrets_are_not_taken() -> None:
    with warnings.catch_warnings(action="ignore"):
        weak = (
            RSAKey.generate_key(1024).as_pem(private=False),
            ECKey.generate_key("P-384").as_pem(private=False),
            json.dumps(OctKey.generate_key(256).as_dict()).encode(),
            b"",
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            b'{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}',
        )
        for text in weak:
            with pytest.raises(DomainError) as caught:
                parse_public_key(text)
            assert caught.value.refusal.code is Code.TOKEN_ISSUER_KEY_UNREADABLE
