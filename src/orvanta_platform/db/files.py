"""Rows of the files of workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("files")


class FileRow(msgspec.Struct, frozen=True):
    """A file of a workspace."""

    key: str
    object: str
    """Key of the object with its content."""
    size: int
    """Bytes."""
    mime_type: str
    disposition: str | None
    """Content-Disposition header."""
    created_by: str
    created_at: datetime
    edited_by: str
    edited_at: datetime


class NewFile(msgspec.Struct, frozen=True):
    """A file to store, whose object has been uploaded."""

    key: str
    object: str
    size: int
    mime_type: str
    disposition: str | None


class FileFilter(msgspec.Struct, frozen=True):
    """Conditions of a list. The first three describe the caller (control.permissions.Readable).

    By default, only files outside all users and folders are listed.
    """

    everything: bool = False
    patterns: list[str] = msgspec.field(default_factory=list)
    scope: list[str] | None = None
    after: str = ""
    prefix: str = ""
    limit: int = 30


async def get(conn: Connection, workspace: str, key: str, *, lock: bool = False) -> FileRow | None:
    """Return the file of a name; `lock` locks it until the transaction ends."""
    row = await conn.fetchrow(_SQL["lock" if lock else "get"], workspace, key)
    return FileRow(**dict(row)) if row else None


async def list_page(conn: Connection, workspace: str, filter: FileFilter) -> list[FileRow]:
    """Return a page of the files selected by `filter`, by name."""
    arguments = [getattr(filter, name) for name in FileFilter.__struct_fields__]
    return [FileRow(**dict(row)) for row in await conn.fetch(_SQL["list"], workspace, *arguments)]


async def lock_total(conn: Connection, workspace: str) -> None:
    """Lock the total size of the files of a workspace until the transaction ends."""
    await conn.execute(_SQL["lock_total"], workspace)


async def sum_sizes(conn: Connection, workspace: str, *, without: str = "") -> int:
    """Return the total size of the files of a workspace, except the one of this name, in bytes."""
    return int(await conn.fetchval(_SQL["sum_sizes"], workspace, without))


async def put(conn: Connection, workspace: str, new: NewFile, username: str) -> str:
    """Point the name at this object, replacing an earlier one; return the creator of the file."""
    columns = [getattr(new, name) for name in NewFile.__struct_fields__]
    created_by: str = await conn.fetchval(_SQL["put"], workspace, *columns, username)
    return created_by


async def move(conn: Connection, workspace: str, key: str, target: str, username: str) -> bool:
    """Rename the file; return False if the name is taken."""
    return await conn.fetchval(_SQL["move"], workspace, key, target, username) is not None


async def delete(conn: Connection, workspace: str, key: str) -> str | None:
    """Delete the row; return its object, None if there was no such file."""
    found: str | None = await conn.fetchval(_SQL["delete"], workspace, key)
    return found


async def filter_unreferenced(conn: Connection, objects: Sequence[str]) -> list[str]:
    """Return those of these objects that belong to no file."""
    return [row["object"] for row in await conn.fetch(_SQL["filter_unreferenced"], list(objects))]
