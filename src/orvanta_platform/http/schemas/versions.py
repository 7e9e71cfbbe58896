"""Wire shapes of versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.items import VersionRow
from orvanta_platform.db.uses import UserRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.catalog.versions import DRAFT, Compared


class Version(msgspec.Struct, kw_only=True):
    """A version in a history.

    `number` counts at the path from 1; `current`: runs by path take it; `lock_state`: `locking`, `locked` or
    `failed`.
    """

    id: int
    number: int
    hash: str
    author: str
    created_at: datetime
    current: bool
    archived: bool
    lock_state: str
    message: str | UnsetType = UNSET


class Restore(msgspec.Struct, kw_only=True):
    """An old version to deploy again."""

    version: int
    message: str | None = None


class Restored(msgspec.Struct, kw_only=True):
    """The new version that an old one was deployed as."""

    version_id: int


class UsedBy(msgspec.Struct, kw_only=True):
    """What runs an item. A workflow's `node` follows the newest version, or is `pinned` to that hash."""

    kind: Literal["flow", "schedule", "http_trigger"]
    path: str
    node: str | UnsetType = UNSET
    pinned: str | UnsetType = UNSET


def user(row: UserRow) -> UsedBy:
    """What runs an item."""
    kind: Any = row.kind
    return UsedBy(kind=kind, path=row.path, node=row.node or UNSET, pinned=row.pinned or UNSET)


def version(row: VersionRow) -> Version:
    """A line of a history."""
    shown = {name: getattr(row, name) for name in Version.__struct_fields__ if name != "message"}
    return Version(**shown, message=row.message or UNSET)


def compared(key: str, text: str | None) -> Compared:
    """A version's id or `draft`, of the query. Raises BadRequest."""
    if text == DRAFT:
        return DRAFT
    if text and text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    raise BadRequest(f"{key} must be the id of a version, or draft.")
