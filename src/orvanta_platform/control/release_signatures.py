"""Signatures of exported releases: Ed25519, with a key derived from the instance key."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.errors import BadRequest

_MAX_KEYS: Final = 100
_PURPOSE = "release.signature"


def public_key(keys: InstanceKeys) -> str:
    """Return the public key of this instance as Base64 text. It changes when the instance key is rotated."""
    return base64.b64encode(_private(keys).public_key().public_bytes_raw()).decode()


def sign(keys: InstanceKeys, text: str) -> str:
    """Return the signature of a text as Base64 text."""
    return base64.b64encode(_private(keys).sign(text.encode())).decode()


def verifies(key: str, text: str, signature: str) -> bool:
    """Return whether a signature of a text was made with the private key that belongs to a public key."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def check_trusted(new: Mapping[str, str], before: Mapping[str, str]) -> None:
    """Check the public keys of trusted instances by name. Raises BadRequest."""
    if len(new) > _MAX_KEYS:
        raise BadRequest(f"There are at most {_MAX_KEYS} trusted instances.")
    for name, key in new.items():
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
            raise BadRequest(
                f"The name {name[:100]!r} of an instance is not valid.",
                hint="Use up to 100 letters, digits, hyphens and underscores.",
            )
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        except ValueError:
            raise BadRequest(
                f"The key of {name} is not valid.", hint="`orvanta release key` on that instance prints it."
            ) from None


def _private(keys: InstanceKeys) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.key(_PURPOSE))
