"""Identity tokens of jobs: JSON Web Tokens by which other systems recognise a job, and the keys that verify them.

The signing keys are derived from the instance key, so that all servers sign alike and nothing is stored. During a
rotation of the instance key, tokens of both keys are verified. The library of JSON Web Tokens is loaded by the first
call that needs it: it takes 3 MiB, and few servers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from orvanta_platform.control.keys import InstanceKeys

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"

_PURPOSE: Final = "identity tokens"
_CURVE: Final = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def sign(keys: InstanceKeys, claims: Mapping[str, Any]) -> str:
    """Return a signed token with these claims."""
    from joserfc import jwt

    key = _signing_key(keys.key(_PURPOSE))
    return jwt.encode({"alg": ALGORITHM, "kid": key.thumbprint(), "typ": "JWT"}, dict(claims), key)


def public_keys(keys: InstanceKeys) -> list[dict[str, Any]]:
    """Return the keys that verify tokens, as JSON Web Keys."""
    found = [_signing_key(secret) for secret in keys.candidates(_PURPOSE)]
    return [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM} for key in found]


def _signing_key(secret: bytes) -> ECKey:
    """Return the key of 32 secret bytes. Its number is in the range of the curve: 1 to its order less 1."""
    from joserfc.jwk import ECKey

    private = ec.derive_private_key(int.from_bytes(secret, "big") % (_ORDER - 1) + 1, _CURVE)
    return ECKey.import_key(private)
