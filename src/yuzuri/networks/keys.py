"""Keys: the one that this machine signs with, and the public ones of those whom we trust."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from yuzuri.kernel.errors import Code, DomainError

PublicKey = ECKey | RSAKey

_FOLDER = "keys"
_FILE = "network.pem"
_CURVE = "P-256"
_RSA_BITS_MIN = 2_048
_OWN = UUID("7b0f6a5e-6f0b-4c58-9d4e-6e2f3a1c8d27")


def load_signing_key(data: Path) -> ECKey:
    """Return the key that this machine signs with; at first use it is made, in its data folder.

    Only the account that runs Yuzuri can read it. Raises `SETTING_INVALID` where the folder cannot
    be used.
    """
    file = data / _FOLDER / _FILE
    try:
        if not file.exists():
            _make(file)
        return ECKey.import_key(file.read_bytes())
    except (OSError, JoseError, ValueError) as error:
        expected = f"a folder whose {_FOLDER}/{_FILE} can be written and read"
        raise DomainError(Code.SETTING_INVALID, setting="YUZURI_DATA", expected=expected) from error


def _make(file: Path) -> None:
    """Write a new key, whole from the start; of several processes that do so, the first decides."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent) as new:  # for its owner only
        new.write(ECKey.generate_key(_CURVE).as_pem(private=True))
        new.flush()
        os.fsync(new.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(new.name, file)


def instance_id(key: PublicKey) -> str:
    """Return the NF instance id of whoever signs with a key of ours: it follows from the key."""
    return str(uuid5(_OWN, key.thumbprint()))


def parse_public_key(text: bytes) -> PublicKey:
    """Read a PEM (public key or certificate) or a JWK: P-256, or RSA of at least 2048 bits.

    Of a private key only the public part is taken. Raises `TOKEN_ISSUER_KEY_UNREADABLE`.
    """
    jwk = _read_jwk(text)
    for kind in (ECKey, RSAKey):
        with contextlib.suppress(JoseError, ValueError, TypeError):
            key = kind.import_key(text if jwk is None else jwk)
            return import_public_key(key.as_dict(private=False))
    raise DomainError(Code.TOKEN_ISSUER_KEY_UNREADABLE)


def import_public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """Return a public key from its JWK; raises ValueError for one that tokens may not be of."""
    key: PublicKey = (ECKey if jwk.get("kty") == "EC" else RSAKey).import_key(dict(jwk))
    if isinstance(key, ECKey):
        is_right = key.curve_name == _CURVE
    else:
        is_right = key.public_key.key_size >= _RSA_BITS_MIN
    if not is_right or key.is_private:
        raise ValueError("a public key of P-256, or of RSA with 2048 bits or more, is needed")
    return key


def _read_jwk(text: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
