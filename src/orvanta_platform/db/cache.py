"""Rows of the cache: whose result stands for which inputs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class CachedRow:
    """The run, and the job whose value is its result, None for null."""

    run: UUID
    job: UUID | None


@dataclass(frozen=True, slots=True)
class NewCached:
    """A result to use again for `ttl_s` seconds: that of `job` in `run`."""

    key: bytes
    run: UUID
    job: UUID | None
    ttl_s: float


async def find(connection: Connection, workspace: str, key: bytes, ttl_s: float) -> CachedRow | None:
    """What stands for this key and is not older than `ttl_s`."""
    row = await connection.fetchrow(load("cache")["find_cached"].text, key, workspace, ttl_s)
    return CachedRow(**dict(row)) if row else None


async def keep(connection: Connection, workspace: str, new: NewCached) -> None:
    """Let this result stand for its key."""
    await connection.execute(load("cache")["keep_cached"].text, new.key, workspace, new.run, new.job, new.ttl_s)


async def forget(connection: Connection) -> None:
    """Drop what is too old."""
    await connection.execute(load("cache")["forget_cached"].text)
