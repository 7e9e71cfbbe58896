"""Rows of locks: resolved requirements, and the versions that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("dependency_locks")


class NewLock(msgspec.Struct, frozen=True):
    """A lock to store: `key` is the SHA-256 of its input, `run` the run whose job created it."""

    key: bytes
    language: str
    requirements: str
    body: str
    run: UUID | None
    workspace: str | None
    """The only workspace that may use it; None: all of them."""


class SettledVersion(msgspec.Struct, frozen=True):
    """A version whose locking has completed."""

    workspace: str
    kind: str
    path: str
    hash: str


async def get(connection: Connection, workspace: str, key: bytes) -> str | None:
    """Return the lock of this key that a workspace uses; None if there is none."""
    found: str | None = await connection.fetchval(_SQL["get_lock"], key, workspace)
    return found


async def filter_known(connection: Connection, workspace: str, keys: Sequence[bytes]) -> set[bytes]:
    """Return those of these keys that have a lock which a workspace uses."""
    return {row["key"] for row in await connection.fetch(_SQL["filter_known"], list(keys), workspace)}


async def store(connection: Connection, workspace: str, lock: NewLock) -> str:
    """Store a lock; return the one that a workspace uses: of two created concurrently, the first counts."""
    values = (lock.key, lock.language, lock.requirements, lock.body, lock.run, lock.workspace)
    await connection.execute(_SQL["store"], *values)
    return await get(connection, workspace, lock.key) or lock.body


async def get_lock_of_version(connection: Connection, version: int) -> tuple[str, str | None] | None:
    """Return (state, lock) of a version; None if the version does not exist."""
    row = await connection.fetchrow(_SQL["get_lock_of_version"], version)
    return None if row is None else (row["lock_state"], row["lock"])


async def find_locking_run(connection: Connection, version: int) -> UUID | None:
    """Return the run that creates the lock of a version; None if it exists or failed, or there is no such version."""
    run: UUID | None = await connection.fetchval(_SQL["find_locking_run"], version)
    return run


async def store_outcome(connection: Connection, run: UUID, lock: str | None, error: str | None) -> list[SettledVersion]:
    """Store the lock, or, if None, the error, in all versions that wait for `run`. Idempotent."""
    items = await connection.fetch(_SQL["list_locking_items"], run)
    rows = await connection.fetch(_SQL["store_outcome"], run, lock, error)
    for item in items:
        await connection.execute(_SQL["update_current_versions"], item["workspace"], item["kind"], item["path"])
    return [SettledVersion(**row) for row in rows]


async def list_abandoned(connection: Connection) -> list[UUID]:
    """Return ended runs that versions still wait for, at most 200."""
    return [row["run"] for row in await connection.fetch(_SQL["list_abandoned"])]
