"""Rows of bindings to Git repositories: their state, items at the last synchronisation, and commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.tree import VersionContent

_SQL = query_texts("git")


@dataclass(frozen=True, slots=True)
class NewBinding:
    """Binding to store."""

    url: str
    branch: str
    folder: str
    username: str | None
    sealed: bytes | None = field(repr=False)
    key_version: int | None
    edited_by: str


@dataclass(frozen=True, slots=True)
class BindingRow:
    """Stored binding with its state."""

    workspace: str
    url: str
    branch: str
    folder: str
    username: str | None
    sealed: bytes | None = field(repr=False)
    edited_by: str
    edited_email: str
    """Address of the member; empty if it left the workspace."""
    edited_at: datetime
    head: str | None
    pushing: bytes | None = field(repr=False)
    position: int
    sync: int
    fetch_at: datetime
    fetched_at: datetime | None
    tries: int
    retry_at: datetime
    error_code: str | None
    error: str | None
    findings: str
    """JSON text."""
    is_due: bool
    """The branch is to be fetched."""
    key: KeyRow | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """Item at the last synchronisation; see the comments of the table."""

    kind: str
    path: str
    digest: str | None
    files: bytes | None = field(repr=False)
    incoming: bytes | None = field(repr=False, default=None)
    is_incoming: bool = False


class CommitRow(msgspec.Struct, frozen=True):
    """Commit of the history. `direction` is in or out; `n` is its position, 0 for one to store."""

    id: str
    direction: str
    author: str
    email: str
    message: str
    at: datetime
    items: str | None = None
    """JSON text: kinds and paths of the items that the message may name; None: they are not known."""
    n: int = 0


async def bind(conn: Connection, workspace: str, new: NewBinding) -> None:
    """Bind a workspace. Another repository, branch or folder resets its state; other credentials do not."""
    await conn.execute(_SQL["delete_other"], workspace, new.url, new.branch, new.folder)
    values = (new.url, new.branch, new.folder, new.username, new.sealed, new.key_version, new.edited_by)
    await conn.execute(_SQL["bind"], workspace, *values)


async def delete(conn: Connection, workspace: str) -> str | None:
    """Delete a binding with its state; return its URL, None if there is none."""
    url: str | None = await conn.fetchval(_SQL["delete"], workspace)
    return url


async def get(conn: Connection, workspace: str) -> BindingRow | None:
    """Return the binding of a workspace."""
    row = await conn.fetchrow(_SQL["get"], workspace)
    if row is None:
        return None
    values = dict(row)
    version, wrapped, by = (values.pop(name) for name in ("key_version", "wrapped", "wrapped_by"))
    return BindingRow(**values, key=None if version is None else KeyRow(version, wrapped, by))


async def begin_sync(conn: Connection, workspace: str) -> int | None:
    """Start a synchronisation; return its number, None if there is no binding."""
    number: int | None = await conn.fetchval(_SQL["begin_sync"], workspace)
    return number


async def request_fetch(conn: Connection, workspace: str) -> datetime | None:
    """Request a fetch in the next synchronisation; return the time, None if there is no binding."""
    at: datetime | None = await conn.fetchval(_SQL["request_fetch"], workspace)
    return at


async def list_due(conn: Connection, nouns: Sequence[str]) -> list[tuple[str, bool]]:
    """Return the workspaces to synchronise, and whether the last one failed; those that wait longest first.

    `nouns`: first parts of the operations that change items.
    """
    return [(row["workspace"], row["is_failing"]) for row in await conn.fetch(_SQL["list_due"], list(nouns))]


async def list_versions(conn: Connection, workspace: str, ids: Sequence[int]) -> list[tuple[str, VersionContent, bool]]:
    """Return these versions with their kinds, and whether their dependencies are still being locked."""
    found = []
    for row in await conn.fetch(_SQL["list_versions"], workspace, list(ids)):
        values = dict(row)
        kind, is_locking = values.pop("kind"), values.pop("is_locking")
        found.append((kind, VersionContent(**values), is_locking))
    return found


async def list_items(conn: Connection, workspace: str, *, incoming: bool = False) -> list[ItemRow]:
    """Return items at the last synchronisation. `incoming`: those that changed in the repository only."""
    return [ItemRow(**dict(row)) for row in await conn.fetch(_SQL["list_items"], workspace, incoming)]


async def get_incoming_item(conn: Connection, workspace: str, kind: str, path: str) -> ItemRow | None:
    """Return an item that changed in the repository only."""
    row = await conn.fetchrow(_SQL["get_incoming_item"], workspace, kind, path)
    return None if row is None else ItemRow(**dict(row))


async def store_items(conn: Connection, workspace: str, rows: Sequence[ItemRow]) -> None:
    """Add or replace items."""
    names = ("kind", "path", "digest", "files", "incoming", "is_incoming")
    await conn.execute(_SQL["store_items"], workspace, *([getattr(row, name) for row in rows] for name in names))


async def delete_items(conn: Connection, workspace: str, keys: Sequence[tuple[str, str]]) -> None:
    """Delete items."""
    await conn.execute(_SQL["delete_items"], workspace, [key[0] for key in keys], [key[1] for key in keys])


async def accept_items(conn: Connection, workspace: str, rows: Sequence[ItemRow]) -> int:
    """Mark incoming items as applied if they are as they were reviewed; return their number."""
    names = ("kind", "path", "digest", "incoming")
    columns = ([getattr(row, name) for row in rows] for name in names)
    return len(await conn.fetch(_SQL["accept_items"], workspace, *columns))


async def store_pushing(conn: Connection, workspace: str, sync: int, pushing: bytes) -> bool:
    """Record commits before they are pushed; return False if another synchronisation began."""
    return await conn.fetchval(_SQL["store_pushing"], workspace, sync, pushing) is not None


async def finish_sync(
    conn: Connection,
    workspace: str,
    sync: int,
    *,
    head: str | None,
    position: int,
    findings: str | None,
    fetched: bool,
    interval_s: float,
) -> bool:
    """Store the outcome; return False if another synchronisation began. `findings`: None leaves them unchanged."""
    values = (head, position, findings, fetched, interval_s)
    return await conn.fetchval(_SQL["finish_sync"], workspace, sync, *values) is not None


async def fail_sync(
    conn: Connection, workspace: str, sync: int, code: str, error: str, *, retry_s: float, drop: bool
) -> None:
    """Store the error of a synchronisation. `drop`: its commits were certainly not pushed."""
    await conn.execute(_SQL["fail_sync"], workspace, sync, code, error, retry_s, drop)


async def insert_commits(conn: Connection, workspace: str, rows: Sequence[CommitRow]) -> None:
    """Add commits to the history, the oldest first."""
    names = ("id", "direction", "author", "email", "message", "at", "items")
    await conn.execute(_SQL["insert_commits"], workspace, *([getattr(row, name) for row in rows] for name in names))


async def list_commits(conn: Connection, workspace: str, before: int, limit: int) -> list[CommitRow]:
    """Return a page of the history, the newest first. `before`: position that ends it, 0 for the first page."""
    rows: Sequence[Mapping[str, object]] = await conn.fetch(_SQL["list_commits"], workspace, before, limit)
    return [CommitRow(**dict(row)) for row in rows]  # type: ignore[arg-type]
