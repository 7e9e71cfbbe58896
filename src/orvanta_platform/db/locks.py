"""Rows of locks: resolved requirements, and the versions that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewLock:
    """A lock to store: `key` is the SHA-256 of its input, `run` the run whose job created it."""

    key: bytes
    language: str
    requirements: str
    body: str
    run: UUID | None


@dataclass(frozen=True, slots=True)
class Settled:
    """A version whose locking has completed."""

    workspace: str
    kind: str
    path: str
    hash: str


async def get(connection: Connection, key: bytes) -> str | None:
    """Return the lock of this key; None if there is none."""
    found: str | None = await connection.fetchval(load("locks")["get_lock"].text, key)
    return found


async def known(connection: Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Return those of these keys that have a lock."""
    return {row["key"] for row in await connection.fetch(load("locks")["known_keys"].text, list(keys))}


async def keep(connection: Connection, lock: NewLock) -> str:
    """Store a lock; return the stored one: of two created concurrently, the first counts."""
    values = (lock.key, lock.language, lock.requirements, lock.body, lock.run)
    await connection.execute(load("locks")["keep_lock"].text, *values)
    return await get(connection, lock.key) or lock.body


async def of_version(connection: Connection, version: int) -> tuple[str, str | None] | None:
    """Return (state, lock) of a version; None if the version does not exist."""
    row = await connection.fetchrow(load("locks")["lock_of_version"].text, version)
    return None if row is None else (row["lock_state"], row["lock"])


async def locking_run(connection: Connection, version: int) -> UUID | None:
    """Return the run that creates the lock of a version; None if it exists or failed, or there is no such version."""
    run: UUID | None = await connection.fetchval(load("locks")["locking_run"].text, version)
    return run


async def settle(connection: Connection, run: UUID, lock: str | None, error: str | None) -> list[Settled]:
    """Store the lock, or, if None, the error, in all versions that wait for `run`. Idempotent."""
    queries = load("locks")
    items = await connection.fetch(queries["items_of_locking"].text, run)
    rows = await connection.fetch(queries["settle_versions"].text, run, lock, error)
    for item in items:
        await connection.execute(queries["repoint_locked"].text, item["workspace"], item["kind"], item["path"])
    return [Settled(**row) for row in rows]


async def abandoned(connection: Connection) -> list[UUID]:
    """Return ended runs that versions still wait for, at most 200."""
    return [row["run"] for row in await connection.fetch(load("locks")["abandoned"].text)]
