"""Timers of nodes that wait without a job, written under the run's lock in addition to the write of its step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("waits")


class NodeTimer(msgspec.Struct, frozen=True):
    """Timer of a node: after some seconds, or `at` a time. `job` is the node's id, `kind` wait or deadline."""

    job: UUID
    kind: str
    seconds: float | None = None
    at: datetime | None = None


async def drop_timers(connection: Connection, run: UUID, timers: Sequence[tuple[UUID, str]]) -> None:
    """Delete timers of a run's nodes, as (job, kind)."""
    await connection.execute(_SQL["delete_node_timers"], run, [job for job, _ in timers], [kind for _, kind in timers])


async def set_timers(connection: Connection, run: UUID, timers: Sequence[NodeTimer]) -> None:
    """Set timers of a run's nodes."""
    await connection.execute(
        _SQL["set_node_timers"],
        run,
        [timer.job for timer in timers],
        [timer.kind for timer in timers],
        [timer.seconds for timer in timers],
        [timer.at for timer in timers],
    )


async def get_node_timers(connection: Connection, run: UUID) -> dict[UUID, datetime]:
    """Return the due times of a run's nodes that wait without a job, by id."""
    return {row["job"]: row["due_at"] for row in await connection.fetch(_SQL["get_node_timers"], run)}
