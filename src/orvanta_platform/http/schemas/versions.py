"""Schemas of versions."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.items import VersionRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.catalog.versions import DRAFT, Compared


class Version(msgspec.Struct, kw_only=True):
    """A version in a history."""

    id: int
    number: int
    """Position in the history of the path, from 1."""

    hash: str
    author: str
    created_at: datetime
    current: bool
    """True if runs by path use this version."""

    archived: bool
    lock_state: str
    """`locking`, `locked` or `failed`."""

    message: str | UnsetType = UNSET


class Restore(msgspec.Struct, kw_only=True):
    """An old version to deploy again."""

    version: int
    message: str | None = None


class Restored(msgspec.Struct, kw_only=True):
    """The new version created from an old one."""

    version_id: int


def version(row: VersionRow) -> Version:
    """Convert a version in a history."""
    shown = {name: getattr(row, name) for name in Version.__struct_fields__ if name != "message"}
    return Version(**shown, message=row.message or UNSET)


def compared(key: str, text: str | None) -> Compared:
    """Parse the id of a version, or `draft`, in the query. Raises BadRequest."""
    if text == DRAFT:
        return DRAFT
    if text and text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    raise BadRequest(f"{key} must be the id of a version, or draft.")
