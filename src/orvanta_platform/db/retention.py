"""Removal of old history: whole partitions, and single rows of those that must remain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from orvanta_platform.db.erasures import erase_ids
from orvanta_platform.db.pool import CANNOT_CONNECT, Connection, unavailable_error
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("retention")

_PAGE = 500


class Partition(msgspec.Struct, frozen=True):
    """A week of one history table: ids from `lower` to below `upper`. `pending`: its detachment was interrupted."""

    parent: str
    child: str
    pending: bool
    bytes: int
    lower: UUID
    upper: UUID


class TableSize(msgspec.Struct, frozen=True):
    """Disk usage of a table in bytes, `index_bytes` of them in indexes; `rows` is the planner's estimate."""

    name: str
    bytes: int
    index_bytes: int
    rows: int


class WorkspaceSize(msgspec.Struct, frozen=True):
    """Storage of a workspace's ended runs: bytes of values in the database and in objects, characters of logs."""

    id: str
    retention_days: int | None
    history_from: datetime
    runs: int
    oldest_at: datetime | None
    value_bytes: int
    object_bytes: int
    log_chars: int


@asynccontextmanager
async def connect_as_owner(url: str, lock_timeout_ms: int) -> AsyncIterator[Connection]:
    """Open a connection as the owner of the tables, with this lock timeout. Raises DatabaseUnavailable."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except CANNOT_CONNECT as error:
        raise unavailable_error(error) from error
    try:
        await connection.fetchval(_SQL["set_lock_timeout"], f"{lock_timeout_ms}ms")
        yield connection
    finally:
        await connection.close()


async def list_partitions(connection: Connection) -> list[Partition]:
    """Return all partitions of history, the oldest first."""
    return [Partition(**row) for row in await connection.fetch(_SQL["list_partitions"])]


async def can_drop_partitions(connection: Connection) -> bool:
    """Return whether the role of this connection may drop partitions."""
    return bool(await connection.fetchval(_SQL["can_drop_partitions"]))


async def change_partition(
    connection: Connection, what: Literal["detach", "finish", "drop"], parent: str, child: str
) -> None:
    """Detach a partition, finish an interrupted detachment, or drop a detached one; outside any transaction."""
    await connection.execute(await connection.fetchval(_SQL["partition_statement"], what, parent, child))


async def list_detached(connection: Connection) -> list[str]:
    """Return partitions that were detached and not dropped."""
    return [row["child"] for row in await connection.fetch(_SQL["list_detached"])]


async def get_oldest_live(connection: Connection) -> UUID | None:
    """Return the oldest live run."""
    found: UUID | None = await connection.fetchval(_SQL["get_oldest_live"])
    return found


async def list_needed_runs(connection: Connection, before: UUID) -> list[UUID]:
    """Return ended runs before `before` whose results a live run uses."""
    return [row["run"] for row in await connection.fetch(_SQL["list_needed_runs"], before)]


async def record_history_start(connection: Connection, workspace: str | None, start: datetime) -> None:
    """Record that runs of a workspace (None: of all) before `start` may have been deleted."""
    await connection.execute(_SQL["record_history_start"], workspace, start)


async def take_objects(
    connection: Connection, kind: Literal["values", "logs"], lower: UUID, upper: UUID
) -> tuple[list[str], UUID]:
    """Delete the next rows of a range that reference objects; return the objects and the start of the next rows."""
    rows = await connection.fetch(_SQL[f"purge_{kind}"], lower, upper, _PAGE)
    return [row["object"] for row in rows], max((row["id"] for row in rows), default=upper)


async def delete_decisions(connection: Connection, lower: UUID, upper: UUID) -> None:
    """Delete the decisions of runs of a range."""
    await connection.execute(_SQL["delete_decisions"], lower, upper)


async def get_own_retentions(connection: Connection) -> dict[str, int]:
    """Return the retention in days of each workspace that sets its own."""
    return {row["id"]: row["retention_days"] for row in await connection.fetch(_SQL["get_own_retentions"])}


async def list_old_runs(
    connection: Connection, workspace: str | None, before: UUID, past: UUID, needed: Sequence[UUID]
) -> list[UUID]:
    """Return the next ended runs of a workspace (None: of all), at most 500, by id."""
    return [row["id"] for row in await connection.fetch(_SQL["list_old_runs"], workspace, before, past, needed, _PAGE)]


async def delete_runs(connection: Connection, runs: Sequence[UUID]) -> list[str]:
    """Delete runs and all their rows; return the objects no longer referenced."""
    ids = [row["id"] for row in await connection.fetch(_SQL["list_ids_of_runs"], list(runs))]
    objects = await erase_ids(connection, ids)
    await connection.execute(_SQL["delete_runs"], list(runs))
    return objects


async def get_table_sizes(connection: Connection) -> list[TableSize]:
    """Return the sizes of all tables, the largest first; partitions count towards their table."""
    return [TableSize(**row) for row in await connection.fetch(_SQL["get_table_sizes"])]


async def get_workspace_sizes(connection: Connection) -> list[WorkspaceSize]:
    """Return the storage of all workspaces, the largest values first. Reads all of the history."""
    return [WorkspaceSize(**row) for row in await connection.fetch(_SQL["get_workspace_sizes"])]
