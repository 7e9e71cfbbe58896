"""Rows of drafts: what people write before they deploy it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class DraftKey:
    """Whose draft of what. `kind`: script or flow; `owner`: a username."""

    workspace: str
    kind: str
    path: str
    owner: str


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft. `body` is JSON text, empty in lists; `hash` its SHA-256 in hex; versions are ids."""

    kind: str
    path: str
    base_version: int | None
    revision: int
    hash: str
    created_at: datetime
    edited_at: datetime
    base_hash: str | None
    newest_version: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class DraftBody:
    """What a save keeps."""

    base_version: int | None
    hash: str
    body: bytes


async def get(conn: Connection, key: DraftKey) -> DraftRow | None:
    """One draft."""
    row = await conn.fetchrow(load("drafts")["get"].text, *_named(key))
    return DraftRow(**row) if row else None


async def list_page(
    conn: Connection, workspace: str, kind: str, owner: str, who: Filter, *, limit: int, offset: int
) -> list[DraftRow]:
    """A page of the drafts of `owner` at paths that `who` lets read, the one edited last first."""
    readable = (who.everything, who.patterns, who.principals, who.scope)
    rows = await conn.fetch(load("drafts")["list"].text, workspace, kind, owner, *readable, limit, offset)
    return [DraftRow(**row) for row in rows]


async def begin(conn: Connection, key: DraftKey, new: DraftBody) -> int | None:
    """Keep a first draft and give its revision; None where there is one."""
    query = load("drafts")["begin"].text
    revision: int | None = await conn.fetchval(query, *_named(key), new.base_version, new.hash, new.body)
    return revision


async def replace(conn: Connection, key: DraftKey, new: DraftBody, revision: int) -> int | None:
    """Keep the next state of a draft and give its revision; None where it is not at `revision`."""
    query = load("drafts")["replace"].text
    kept: int | None = await conn.fetchval(query, *_named(key), new.base_version, new.hash, new.body, revision)
    return kept


async def overwrite(conn: Connection, key: DraftKey, new: DraftBody) -> int:
    """Keep a draft whatever is there; gives its revision."""
    query = load("drafts")["overwrite"].text
    revision: int = await conn.fetchval(query, *_named(key), new.base_version, new.hash, new.body)
    return revision


async def discard(conn: Connection, key: DraftKey, revision: int | None) -> bool:
    """Remove a draft, where `revision` is given only at it; False where nothing was removed."""
    return await conn.fetchval(load("drafts")["discard"].text, *_named(key), revision) is not None


async def end_deployed(conn: Connection, workspace: str, owner: str, revision: int) -> None:
    """Remove the draft that was deployed; one that was saved since stays."""
    await conn.execute(load("drafts")["end_deployed"].text, workspace, owner, revision)


async def is_version(conn: Connection, key: DraftKey, version: int) -> bool:
    """Whether the version belongs to the draft's path."""
    found: bool = await conn.fetchval(load("drafts")["is_version"].text, key.workspace, key.kind, key.path, version)
    return found


def _named(key: DraftKey) -> tuple[str, str, str, str]:
    return key.workspace, key.kind, key.path, key.owner
