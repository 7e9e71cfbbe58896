"""Rows of the files of workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file: `size` in bytes, `object` the key of what holds them, `disposition` the header of that name or None."""

    key: str
    object: str
    size: int
    mime_type: str
    disposition: str | None
    created_by: str
    created_at: datetime
    edited_by: str
    edited_at: datetime


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to keep; its object is uploaded."""

    key: str
    object: str
    size: int
    mime_type: str
    disposition: str | None


@dataclass(frozen=True, slots=True)
class FileFilter:
    """What a list shows. The first three say who asks (control.permissions.Readable); left out: what is everybody's."""

    everything: bool = False
    patterns: list[str] = field(default_factory=list)
    scope: list[str] | None = None
    after: str = ""
    prefix: str = ""
    limit: int = 30


async def get(conn: Connection, workspace: str, key: str, *, lock: bool = False) -> FileRow | None:
    """The file of a name; `lock` keeps it as it is until the transaction ends."""
    row = await conn.fetchrow(load("files")["lock" if lock else "get"].text, workspace, key)
    return FileRow(**dict(row)) if row else None


async def list_page(conn: Connection, workspace: str, what: FileFilter) -> list[FileRow]:
    """A page of the files that `what` lets through, by name."""
    arguments = [getattr(what, name) for name in FileFilter.__slots__]
    return [FileRow(**dict(row)) for row in await conn.fetch(load("files")["list"].text, workspace, *arguments)]


async def put(conn: Connection, workspace: str, new: NewFile, username: str) -> str:
    """Point the name at this object, replacing an earlier one; returns the creator of the file."""
    columns = [getattr(new, name) for name in NewFile.__slots__]
    created_by: str = await conn.fetchval(load("files")["put"].text, workspace, *columns, username)
    return created_by


async def move(conn: Connection, workspace: str, key: str, target: str, username: str) -> bool:
    """Give the file another name; False where that is taken."""
    return await conn.fetchval(load("files")["move"].text, workspace, key, target, username) is not None


async def delete(conn: Connection, workspace: str, key: str) -> str | None:
    """Delete the row; gives its object, None where there was no such file."""
    found: str | None = await conn.fetchval(load("files")["delete"].text, workspace, key)
    return found


async def unnamed(conn: Connection, objects: Sequence[str]) -> list[str]:
    """Which of these objects are no file's."""
    return [row["object"] for row in await conn.fetch(load("files")["unnamed"].text, list(objects))]
