"""Figures of the queue, the workers and the database for metrics. No query reads the history."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("metrics")


class EndedCount(msgspec.Struct, frozen=True):
    """Number of ended runs of one trigger and outcome."""

    trigger: str
    outcome: str
    runs: int


class JobCount(msgspec.Struct, frozen=True):
    """Number of live jobs of one queue in one state."""

    queue: str
    state: str
    jobs: int
    oldest_s: float | None
    """Age in seconds of the oldest job that may start; None in other states."""


class WorkerCount(msgspec.Struct, frozen=True):
    """Number of live workers of one group."""

    worker_group: str
    drained: bool
    workers: int


class DatabaseFigures(msgspec.Struct, frozen=True):
    """Figures of the database; `size` in bytes."""

    size: int
    connections: int
    oldest_xmin_s: float


async def count_ended_runs(conn: Connection, runs: Sequence[UUID]) -> list[EndedCount]:
    """Return the numbers of these ended runs by trigger and outcome."""
    return [EndedCount(**dict(row)) for row in await conn.fetch(_SQL["count_ended_runs"], runs)]


async def count_jobs(conn: Connection, queues: int) -> list[JobCount]:
    """Return the numbers of live jobs by queue and state. Queues beyond the limit `queues` are `other`."""
    return [JobCount(**dict(row)) for row in await conn.fetch(_SQL["count_jobs"], queues)]


async def count_workers(conn: Connection) -> list[WorkerCount]:
    """Return the numbers of live workers by group and whether they are drained."""
    return [WorkerCount(**dict(row)) for row in await conn.fetch(_SQL["count_workers"])]


async def count_live_runs(conn: Connection) -> dict[str, int]:
    """Return the numbers of runs that have not ended by status."""
    return {row["status"]: row["runs"] for row in await conn.fetch(_SQL["count_live_runs"])}


async def get_database_figures(conn: Connection) -> DatabaseFigures:
    """Return the figures of the database."""
    return DatabaseFigures(**dict(await conn.fetchrow(_SQL["get_database_figures"])))


async def count_dead_rows(conn: Connection) -> dict[str, int]:
    """Return the estimated dead rows of the tables that change most."""
    return {row["table"]: row["rows"] for row in await conn.fetch(_SQL["count_dead_rows"])}
