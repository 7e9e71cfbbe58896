"""Versions of runs under way."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("run_versions")


class MovedRun(msgspec.Struct, frozen=True):
    """A run that moves to another version."""

    id: UUID
    rev: int
    """The rev that it must still have."""
    version: int
    document: bytes
    pin_set: bytes | None
    engine_version: int
    state: bytes


async def count_earlier(conn: Connection, workspace: str, path: str, version: int) -> int:
    """Return the number of live runs at a path that run another version."""
    return int(await conn.fetchval(_SQL["count_earlier"], workspace, path, version))


async def list_earlier(
    conn: Connection, workspace: str, path: str, version: int, after: UUID | None, limit: int
) -> list[UUID]:
    """Return live runs at a path that run another version, oldest first, after the run `after`."""
    rows = await conn.fetch(_SQL["list_earlier"], workspace, path, version, after, limit)
    return [row["id"] for row in rows]


async def list_executed(conn: Connection, run: UUID) -> list[int]:
    """Return the numbers of the nodes that a run has a job of."""
    return [row["node_index"] for row in await conn.fetch(_SQL["list_executed"], run)]


async def move_run(conn: Connection, run: MovedRun, numbers: Mapping[int, int], data: str) -> bool:
    """Move a run, with the new numbers of its nodes, and record it (`data`: JSON text). False: it was stepped."""
    row = await conn.fetchrow(
        _SQL["move_run"],
        *(run.id, run.rev, run.version, run.document, run.pin_set, run.engine_version, run.state),
    )
    if row is None:
        return False
    changed = {before: after for before, after in numbers.items() if before != after}
    if changed:
        await conn.execute(_SQL["renumber_ended_jobs"], run.id, list(changed), list(changed.values()))
        await conn.execute(_SQL["renumber_live_jobs"], run.id, list(changed), list(changed.values()))
    await conn.execute(_SQL["record_move"], run.id, data)
    return True
