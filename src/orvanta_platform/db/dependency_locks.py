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


class StoredLock(msgspec.Struct, frozen=True):
    """Text of a lock, and the language of its script."""

    language: str
    body: str


class VersionLock(msgspec.Struct, frozen=True):
    """Lock of a version."""

    state: str
    lock: str | None
    path: str


class LockingItem(msgspec.Struct, frozen=True):
    """An item with versions that wait for a lock."""

    workspace: str
    kind: str
    path: str
    language: str | None
    """None: it is a workflow."""


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


async def list_stored(
    connection: Connection, workspace: str, keys: Sequence[bytes], longest: int
) -> dict[bytes, StoredLock]:
    """Return the locks of these keys that a workspace uses, by key; of longer texts the first `longest` characters."""
    rows = await connection.fetch(_SQL["list_stored"], list(keys), workspace, longest)
    return {row["key"]: StoredLock(row["language"], row["body"]) for row in rows}


async def filter_made(connection: Connection, workspace: str, locks: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of these (language, text) that are locks which a workspace uses and the platform has made."""
    languages, bodies = [each[0] for each in locks], [each[1] for each in locks]
    rows = await connection.fetch(_SQL["filter_made"], languages, bodies, workspace)
    return {locks[row["position"] - 1] for row in rows}


async def get_lock_of_version(connection: Connection, version: int) -> VersionLock | None:
    """Return the lock of a version; None if the version does not exist."""
    row = await connection.fetchrow(_SQL["get_lock_of_version"], version)
    return None if row is None else VersionLock(row["lock_state"], row["lock"], row["path"])


async def find_locking_run(connection: Connection, version: int) -> UUID | None:
    """Return the run that creates the lock of a version; None if it exists or failed, or there is no such version."""
    run: UUID | None = await connection.fetchval(_SQL["find_locking_run"], version)
    return run


async def list_locking_items(connection: Connection, run: UUID) -> list[LockingItem]:
    """Return the items with versions that wait for `run`, which are locked until the transaction ends."""
    return [LockingItem(**dict(row)) for row in await connection.fetch(_SQL["list_locking_items"], run)]


async def store_outcome(
    connection: Connection, run: UUID, item: LockingItem, lock: str | None, error: str | None
) -> list[SettledVersion]:
    """Store the lock, or, if None, the error, in all versions of an item that wait for `run`. Idempotent."""
    where = (item.workspace, item.kind, item.path)
    rows = await connection.fetch(_SQL["store_outcome"], run, lock, error, *where)
    await connection.execute(_SQL["update_current_versions"], *where)
    return [SettledVersion(**row) for row in rows]


async def list_abandoned(connection: Connection) -> list[UUID]:
    """Return ended runs that versions still wait for, at most 200."""
    return [row["run"] for row in await connection.fetch(_SQL["list_abandoned"])]
