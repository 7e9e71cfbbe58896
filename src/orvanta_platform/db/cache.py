"""Rows of the result cache."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("cache")


class CachedRow(msgspec.Struct, frozen=True):
    """A cached result: its run, and the job that holds the value, None for null."""

    run: UUID
    job: UUID | None


class NewCached(msgspec.Struct, frozen=True):
    """A result to cache for `ttl_s` seconds: that of `job` in `run`."""

    key: bytes
    run: UUID
    job: UUID | None
    ttl_s: float


async def find(connection: Connection, workspace: str, key: bytes, ttl_s: float) -> CachedRow | None:
    """Return the cached result of this key if it is not older than `ttl_s`."""
    row = await connection.fetchrow(_SQL["find_cached"], key, workspace, ttl_s)
    return CachedRow(**dict(row)) if row else None


async def store(connection: Connection, workspace: str, new: NewCached) -> None:
    """Cache a result under its key."""
    await connection.execute(_SQL["store_cached"], new.key, workspace, new.run, new.job, new.ttl_s)


async def delete_expired(connection: Connection) -> None:
    """Delete expired results."""
    await connection.execute(_SQL["delete_expired"])
