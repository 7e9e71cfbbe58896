"""Rows of planned erasures, and their execution."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("erasures")

WHOLE_RUN = -1


class ErasureRow(msgspec.Struct, frozen=True):
    """The erasure of the data of one node of a run, or of the whole run (WHOLE_RUN)."""

    run: UUID
    node_index: int
    due_at: datetime
    erased_at: datetime | None


class NodeRow(msgspec.Struct, frozen=True):
    """A row of a node: `failures` counts attempts before the last; `parent` and `place` as in the table job."""

    id: UUID
    kind: str
    failures: int
    parent: UUID | None
    place: int | None


async def schedule(connection: Connection, run: UUID, erasures: Sequence[tuple[int, float]]) -> None:
    """Plan, for a run that has just ended, the erasure of the data of these nodes after these seconds."""
    nodes, seconds = [node for node, _ in erasures], [after for _, after in erasures]
    await connection.execute(_SQL["schedule_erasures"], run, nodes, seconds)


async def has_due(connection: Connection) -> bool:
    """Return whether erasures are due."""
    found: bool = await connection.fetchval(_SQL["has_due"])
    return found


async def lock_due(connection: Connection, limit: int) -> list[tuple[UUID, int]]:
    """Return (run, node) of due erasures, locked until the transaction ends."""
    rows = await connection.fetch(_SQL["lock_due"], limit)
    return [(row["run"], row["node_index"]) for row in rows]


async def list_rows_of_node(connection: Connection, run: UUID, node: int) -> list[NodeRow]:
    """Return the rows of a node of a run that has ended."""
    return [NodeRow(**dict(row)) for row in await connection.fetch(_SQL["list_rows_of_node"], run, node)]


async def erase(connection: Connection, run: UUID, node: int, more: Collection[UUID] = ()) -> list[str]:
    """Delete values, logs and streams, also those of `more`; return the objects no longer referenced."""
    ids = [row["id"] for row in await connection.fetch(_SQL["erased_ids"], run, node)] + list(more)
    objects = await erase_ids(connection, ids)
    if node == WHOLE_RUN:
        for query in ("erase_events", "erase_decisions"):
            await connection.execute(_SQL[query], ids)
    await connection.execute(_SQL["erase_words"], run)
    await connection.execute(_SQL["record_erased"], run, node)
    return objects


async def erase_ids(connection: Connection, ids: Sequence[UUID]) -> list[str]:
    """Delete values, logs and streams of runs and jobs; return the objects no longer referenced."""
    objects = []
    for query in ("erase_values", "erase_log_objects"):
        objects += [row["object"] for row in await connection.fetch(_SQL[query], ids) if row["object"]]
    for query in ("erase_log_chunks", "erase_streams"):
        await connection.execute(_SQL[query], ids)
    return objects


async def list_of_runs(connection: Connection, runs: Sequence[UUID]) -> list[ErasureRow]:
    """Return planned and completed erasures of these runs."""
    return [ErasureRow(**dict(row)) for row in await connection.fetch(_SQL["list_of_runs"], list(runs))]


async def delete_orphans(connection: Connection) -> None:
    """Delete rows of runs that are no longer stored."""
    await connection.execute(_SQL["delete_orphans"])


async def has_live_child(connection: Connection, run: UUID) -> bool:
    """Return whether a sub-workflow of a run has not ended."""
    found: bool = await connection.fetchval(_SQL["has_live_child"], run)
    return found
