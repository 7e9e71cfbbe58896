"""Rows of data keys, which encrypt a workspace's secrets and are wrapped by the instance key."""

from __future__ import annotations

from dataclasses import dataclass, field

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("data_keys")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A wrapped key and the fingerprint of the instance key that unwraps it."""

    version: int
    wrapped: bytes = field(repr=False)
    wrapped_by: str


async def get_newest(conn: Connection, workspace: str) -> KeyRow | None:
    """Return the key for encryption; None if the workspace has none yet."""
    row = await conn.fetchrow(_SQL["get_newest"], workspace)
    return KeyRow(**row) if row else None


async def get(conn: Connection, workspace: str, version: int) -> KeyRow | None:
    """Return the key of this version."""
    row = await conn.fetchrow(_SQL["get"], workspace, version)
    return KeyRow(**row) if row else None


async def insert(conn: Connection, workspace: str, key: KeyRow) -> None:
    """Store a key; does nothing if this version is stored already."""
    await conn.execute(_SQL["insert"], workspace, key.version, key.wrapped, key.wrapped_by)
