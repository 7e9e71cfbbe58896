"""Signatures of exported releases: Ed25519, with a key derived from the instance key."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orvanta_platform.control.keys import InstanceKeys

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


def _private(keys: InstanceKeys) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.key(_PURPOSE))
