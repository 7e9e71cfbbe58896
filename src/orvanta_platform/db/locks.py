"""Rows of locks: what requirements were resolved to, and the versions that wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewLock:
    """A lock to keep: `key` is the SHA-256 of what it is of, `run` the run whose job made it."""

    key: bytes
    language: str
    requirements: str
    body: str
    run: UUID | None


@dataclass(frozen=True, slots=True)
class Settled:
    """A version whose lock has come to an end."""

    workspace: str
    kind: str
    path: str
    hash: str


async def get(connection: Connection, key: bytes) -> str | None:
    """The lock of this key; None where nobody has made it."""
    found: str | None = await connection.fetchval(load("locks")["get_lock"].text, key)
    return found


async def known(connection: Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Those of these keys that have a lock."""
    return {row["key"] for row in await connection.fetch(load("locks")["known_keys"].text, list(keys))}


async def keep(connection: Connection, lock: NewLock) -> str:
    """Keep a lock; gives the one that stands: of two made at once the first counts."""
    values = (lock.key, lock.language, lock.requirements, lock.body, lock.run)
    await connection.execute(load("locks")["keep_lock"].text, *values)
    return await get(connection, lock.key) or lock.body


async def of_version(connection: Connection, version: int) -> tuple[str, str | None] | None:
    """(state, lock) of a version; None where there is no such version."""
    row = await connection.fetchrow(load("locks")["lock_of_version"].text, version)
    return None if row is None else (row["lock_state"], row["lock"])


async def locking_run(connection: Connection, version: int) -> UUID | None:
    """The run that makes the lock of a version; None where the lock is there, has failed, or there is no version."""
    run: UUID | None = await connection.fetchval(load("locks")["locking_run"].text, version)
    return run


async def settle(connection: Connection, run: UUID, lock: str | None, error: str | None) -> list[Settled]:
    """End the wait of the versions that `run` was to lock: with the lock, or, None, with the error.

    Nothing happens the second time.
    """
    queries = load("locks")
    items = await connection.fetch(queries["items_of_locking"].text, run)
    rows = await connection.fetch(queries["settle_versions"].text, run, lock, error)
    for item in items:
        await connection.execute(queries["repoint_locked"].text, item["workspace"], item["kind"], item["path"])
    return [Settled(**row) for row in rows]


async def abandoned(connection: Connection) -> list[UUID]:
    """Runs that versions wait for and that have ended without settling them, at most 200."""
    return [row["run"] for row in await connection.fetch(load("locks")["abandoned"].text)]
