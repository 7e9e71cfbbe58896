"""Schemas of the key that encrypts the secrets in archives of a workspace."""

from __future__ import annotations

import msgspec


class EncryptionKey(msgspec.Struct):
    """Key of encrypted secrets in archives."""

    key: str


class SetEncryptionKey(msgspec.Struct):
    """New key of encrypted secrets in archives: 32 to 256 printable ASCII characters."""

    new_key: str
    skip_reencrypt: bool = False
