"""Schemas of settings of the published clients that workspaces do not have."""

from __future__ import annotations

from typing import Any

import msgspec


class EncryptionKey(msgspec.Struct):
    """Key of encrypted secrets in archives."""

    key: str


class SetEncryptionKey(msgspec.Struct):
    """New key of encrypted secrets in archives."""

    new_key: str
    skip_reencrypt: bool = False


class EditLargeFileStorage(msgspec.Struct):
    """Object storage of the workspace."""

    large_file_storage: dict[str, Any] | None = None
