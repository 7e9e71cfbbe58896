"""Encryption of the secrets in archives, under the export key of a workspace.

The same text at the same path yields the same ciphertext, so that archives of the same items have the same bytes. A
ciphertext is bound to the path of its variable: a member who can read one cannot import it as another variable.
"""

from __future__ import annotations

import base64
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from orvanta_platform.workflow.tree.item import ENCRYPTED

_KEY_SIZE: Final = 64


def seal(key: str, path: str, text: bytes) -> str:
    """Return the ciphertext of the secret variable at a path."""
    return ENCRYPTED + base64.b64encode(_cipher(key).encrypt(text, [path.encode()])).decode()


def unseal(key: str, path: str, value: str) -> bytes | None:
    """Return the text of a ciphertext; None if it was made with another key or for another path."""
    try:
        sealed = base64.b64decode(value.removeprefix(ENCRYPTED), validate=True)
        return _cipher(key).decrypt(sealed, [path.encode()])
    except (InvalidTag, ValueError):
        return None


def _cipher(key: str) -> AESSIV:
    return AESSIV(HKDF(SHA256(), _KEY_SIZE, salt=b"orvanta", info=b"export").derive(key.encode()))
