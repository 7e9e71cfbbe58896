"""Rows of captured requests of scripts and workflows, and of the paths whose requests are captured."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("captures")


class CaptureKey(msgspec.Struct, frozen=True):
    """A kind of trigger of a script or workflow whose requests are captured."""

    workspace: str
    kind: str
    path: str
    trigger_kind: str


class CaptureConfigRow(msgspec.Struct, frozen=True):
    """Config of the captures of a path."""

    trigger_kind: str
    settings: bytes | None
    """JSON text."""
    pinged_at: datetime


class CaptureRow(msgspec.Struct, frozen=True):
    """A captured request. `args` and `headers` are JSON text of objects."""

    id: int
    kind: str
    path: str
    trigger_kind: str
    args: bytes
    headers: bytes
    created_at: datetime


async def set_config(conn: Connection, key: CaptureKey, settings: bytes | None) -> None:
    """Create or replace a config, and set the time of its ping."""
    await conn.execute(_SQL["set_config"], *_named(key), settings)


async def ping(conn: Connection, key: CaptureKey) -> bool:
    """Set the time of the ping of a config; return False if there is none."""
    return await conn.fetchval(_SQL["ping"], *_named(key)) is not None


async def list_configs(conn: Connection, workspace: str, kind: str, path: str) -> list[CaptureConfigRow]:
    """Return the configs of a path."""
    return [CaptureConfigRow(**dict(row)) for row in await conn.fetch(_SQL["list_configs"], workspace, kind, path)]


async def lock_listening(conn: Connection, key: CaptureKey, within_s: float) -> bool:
    """Lock a config that was pinged within this number of seconds; return False if there is none."""
    return await conn.fetchval(_SQL["lock_listening"], *_named(key), within_s) is not None


async def insert(conn: Connection, key: CaptureKey, args: bytes, headers: bytes, most: int) -> int:
    """Add a captured request of a locked config, retain the newest `most`, and return its id."""
    return int(await conn.fetchval(_SQL["insert"], *_named(key), args, headers, most))


async def list_page(
    conn: Connection, workspace: str, kind: str, path: str, trigger_kind: str | None, *, limit: int, offset: int
) -> list[CaptureRow]:
    """Return a page of the captured requests of a path, newest first."""
    rows = await conn.fetch(_SQL["list"], workspace, kind, path, trigger_kind, limit, offset)
    return [CaptureRow(**dict(row)) for row in rows]


async def get(conn: Connection, workspace: str, id: int) -> CaptureRow | None:
    """Return a captured request."""
    row = await conn.fetchrow(_SQL["get"], workspace, id)
    return CaptureRow(**dict(row)) if row else None


async def delete(conn: Connection, workspace: str, id: int) -> None:
    """Delete a captured request."""
    await conn.execute(_SQL["delete"], workspace, id)


async def delete_old(conn: Connection) -> None:
    """Delete configs without a ping for a day, with their captured requests."""
    await conn.execute(_SQL["delete_old"])


async def delete_at(conn: Connection, workspace: str, kind: str, path: str) -> None:
    """Delete the configs of a path, with their captured requests."""
    await conn.execute(_SQL["delete_at"], workspace, kind, path)


async def delete_in_folder(conn: Connection, workspace: str, folder: str) -> None:
    """Delete the configs of the paths in a folder, with their captured requests."""
    await conn.execute(_SQL["delete_in_folder"], workspace, folder)


def _named(key: CaptureKey) -> tuple[str, str, str, str]:
    return key.workspace, key.kind, key.path, key.trigger_kind
