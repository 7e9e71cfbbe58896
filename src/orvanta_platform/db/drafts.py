"""Rows of drafts: edits of scripts and workflows that a user has not deployed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("drafts")


class DraftKey(msgspec.Struct, frozen=True):
    """Identity of a draft."""

    workspace: str
    kind: str
    """`script` or `flow`."""
    path: str
    owner: str
    """A username."""


class DraftRow(msgspec.Struct, frozen=True):
    """A draft. Versions are ids."""

    kind: str
    path: str
    base_version: int | None
    revision: int
    hash: str
    """SHA-256 of the body, in hex."""
    created_at: datetime
    edited_at: datetime
    base_hash: str | None
    newest_version: int | None
    body: bytes
    """JSON text; empty in lists."""


class OthersDraftRow(msgspec.Struct, frozen=True):
    """A draft of another member, without its content."""

    owner: str
    base_version: int | None
    edited_at: datetime


class UndeployedRow(msgspec.Struct, frozen=True):
    """A draft at a path where nothing is deployed."""

    path: str
    hash: str
    created_at: datetime
    edited_at: datetime
    body: bytes | None
    """JSON text; None if it is too large to be shown in a list."""


class DraftBody(msgspec.Struct, frozen=True):
    """Content of a saved draft."""

    base_version: int | None
    hash: str
    body: bytes


async def get(conn: Connection, key: DraftKey) -> DraftRow | None:
    """Return one draft."""
    row = await conn.fetchrow(_SQL["get"], *_named(key))
    return DraftRow(**row) if row else None


async def list_others(conn: Connection, key: DraftKey) -> list[OthersDraftRow]:
    """Return the drafts of other members at the path, the last edited first, at most 100."""
    return [OthersDraftRow(**row) for row in await conn.fetch(_SQL["list_others"], *_named(key))]


async def list_page(
    conn: Connection, workspace: str, kind: str, owner: str, who: Filter, *, limit: int, offset: int
) -> list[DraftRow]:
    """Return a page of the drafts of `owner` at paths readable by `who`, the latest edited first."""
    readable = (who.everything, who.patterns, who.principals, who.scope)
    rows = await conn.fetch(_SQL["list"], workspace, kind, owner, *readable, limit, offset)
    return [DraftRow(**row) for row in rows]


async def list_undeployed(
    conn: Connection, workspace: str, kind: str, owner: str, who: Filter, *, max_bytes: int
) -> list[UndeployedRow]:
    """Return up to `who.limit` drafts of `owner` without a deployed item, at paths selected by `who`, by path.

    The body of a draft of more than `max_bytes` bytes is None.
    """
    readable = (who.everything, who.patterns, who.scope)
    selected = (who.path_start, who.path, who.limit, max_bytes)
    rows = await conn.fetch(_SQL["list_undeployed"], workspace, kind, owner, *readable, *selected)
    return [UndeployedRow(**row) for row in rows]


async def insert(conn: Connection, key: DraftKey, new: DraftBody) -> int | None:
    """Store a first draft and return its revision; None if there is one already."""
    query = _SQL["insert"]
    revision: int | None = await conn.fetchval(query, *_named(key), new.base_version, new.hash, new.body)
    return revision


async def replace(conn: Connection, key: DraftKey, new: DraftBody, revision: int) -> int | None:
    """Store the next state of a draft and return its revision; None if its revision is not `revision`."""
    query = _SQL["replace"]
    stored: int | None = await conn.fetchval(query, *_named(key), new.base_version, new.hash, new.body, revision)
    return stored


async def overwrite(conn: Connection, key: DraftKey, new: DraftBody) -> int:
    """Store a draft, replacing any other; return its revision."""
    query = _SQL["overwrite"]
    revision: int = await conn.fetchval(query, *_named(key), new.base_version, new.hash, new.body)
    return revision


async def discard(conn: Connection, key: DraftKey, revision: int | None) -> bool:
    """Delete a draft, if `revision` is set only at that revision; return False if nothing was deleted."""
    return await conn.fetchval(_SQL["discard"], *_named(key), revision) is not None


async def delete_deployed(conn: Connection, workspace: str, owner: str, revision: int) -> None:
    """Delete the draft that was deployed; a draft saved since then remains."""
    await conn.execute(_SQL["delete_deployed"], workspace, owner, revision)


async def is_version(conn: Connection, key: DraftKey, version: int) -> bool:
    """Return whether the version belongs to the draft's path."""
    found: bool = await conn.fetchval(_SQL["is_version"], key.workspace, key.kind, key.path, version)
    return found


async def list_with_passwords(
    conn: Connection, workspace: str, kind: str, path: str, *, max_bytes: int, limit: int
) -> list[bytes | None]:
    """Return the bodies of the drafts of all users at a path that may declare a password; None for a larger one."""
    rows = await conn.fetch(_SQL["list_with_passwords"], workspace, kind, path, max_bytes, limit)
    return [row["body"] for row in rows]


def _named(key: DraftKey) -> tuple[str, str, str, str]:
    return key.workspace, key.kind, key.path, key.owner
