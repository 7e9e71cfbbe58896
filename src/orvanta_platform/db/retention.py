"""History that is old enough to go: whole partitions, and rows of those that must stay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from orvanta_platform.db.erasures import erase_ids
from orvanta_platform.db.pool import CANNOT_CONNECT, Connection, unavailable
from orvanta_platform.db.queries import load

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Partition:
    """A week of one table of history: ids from `lower` to below `upper`. `pending`: left half detached."""

    parent: str
    child: str
    pending: bool
    bytes: int
    lower: UUID
    upper: UUID


@dataclass(frozen=True, slots=True)
class TableSize:
    """What a table takes on disk, in bytes, `index_bytes` of it indexes; `rows` is the planner's guess."""

    name: str
    bytes: int
    index_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class WorkspaceSize:
    """What a workspace's ended runs hold. Bytes of values in the database and in objects; characters of logs."""

    id: str
    retention_days: int | None
    history_from: datetime
    runs: int
    oldest_at: datetime | None
    value_bytes: int
    object_bytes: int
    log_chars: int


@asynccontextmanager
async def owner(url: str, patience_ms: int) -> AsyncIterator[Connection]:
    """A connection as the role that owns the tables; no lock is waited for longer. Raises DatabaseUnavailable."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except CANNOT_CONNECT as error:
        raise unavailable(error) from error
    try:
        await connection.fetchval(_text("set_patience"), f"{patience_ms}ms")
        yield connection
    finally:
        await connection.close()


async def partitions(connection: Connection) -> list[Partition]:
    """All partitions of history, the oldest first."""
    return [Partition(**row) for row in await connection.fetch(_text("partitions"))]


async def owns_history(connection: Connection) -> bool:
    """Whether the role of this connection may drop partitions."""
    return bool(await connection.fetchval(_text("owns_history")))


async def change(connection: Connection, what: Literal["detach", "finish", "drop"], parent: str, child: str) -> None:
    """Detach a partition, finish a detaching that was broken off, or drop what is detached; in no transaction."""
    await connection.execute(await connection.fetchval(_text("statement"), what, parent, child))


async def detached(connection: Connection) -> list[str]:
    """Partitions that were detached and not dropped."""
    return [row["child"] for row in await connection.fetch(_text("detached"))]


async def oldest_live(connection: Connection) -> UUID | None:
    """The oldest run that is under way."""
    found: UUID | None = await connection.fetchval(_text("oldest_live"))
    return found


async def needed_runs(connection: Connection, before: UUID) -> list[UUID]:
    """Ended runs before `before` whose results a run under way uses."""
    return [row["run"] for row in await connection.fetch(_text("needed_runs"), before)]


async def note_history(connection: Connection, workspace: str | None, start: datetime) -> None:
    """Runs of a workspace (None: of all) begun before `start` may be gone."""
    await connection.execute(_text("note_history"), workspace, start)


async def take_objects(
    connection: Connection, kind: Literal["values", "logs"], lower: UUID, upper: UUID
) -> tuple[list[str], UUID]:
    """Delete the next rows of a range that name objects; gives the objects, and where the next ones begin."""
    rows = await connection.fetch(_text(f"take_{kind}"), lower, upper, _PAGE)
    return [row["object"] for row in rows], max((row["id"] for row in rows), default=upper)


async def drop_decisions(connection: Connection, lower: UUID, upper: UUID) -> None:
    """Delete what people decided in runs of a range."""
    await connection.execute(_text("drop_decisions"), lower, upper)


async def own_days(connection: Connection) -> dict[str, int]:
    """By workspace the days that it keeps its runs for, where it says so itself."""
    return {row["id"]: row["retention_days"] for row in await connection.fetch(_text("own_days"))}


async def old_runs(
    connection: Connection, workspace: str | None, before: UUID, past: UUID, needed: Sequence[UUID]
) -> list[UUID]:
    """The next ended runs of a workspace (None: of all), at most 500, in the order of their ids."""
    return [row["id"] for row in await connection.fetch(_text("old_runs"), workspace, before, past, needed, _PAGE)]


async def drop_runs(connection: Connection, runs: Sequence[UUID]) -> list[str]:
    """Delete runs and all that belongs to them; gives the objects that are named no longer."""
    ids = [row["id"] for row in await connection.fetch(_text("ids_of_runs"), list(runs))]
    objects = await erase_ids(connection, ids)
    await connection.execute(_text("drop_runs"), list(runs))
    return objects


async def table_sizes(connection: Connection) -> list[TableSize]:
    """Every table, the largest first; partitions count for their table."""
    return [TableSize(**row) for row in await connection.fetch(_text("table_sizes"))]


async def workspace_sizes(connection: Connection) -> list[WorkspaceSize]:
    """Every workspace, the one whose values take most first. Reads all of the history."""
    return [WorkspaceSize(**row) for row in await connection.fetch(_text("workspace_sizes"))]


def _text(name: str) -> str:
    return load("retention")[name].text
