"""Rows of dry runs."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("dry_runs")


class SimulatedRow(msgspec.Struct, frozen=True):
    """An execution that a dry run answered for."""

    seq: int
    """Position among the events."""
    run: UUID
    """The dry run, or the run of a sub-workflow inside it."""
    node: str
    data: str
    """JSON text."""
    path: str | None
    """Path of the workflow of `run`."""
    created_by: str


async def list_simulated(conn: Connection, run: UUID, kind: str, after: int, limit: int) -> list[SimulatedRow]:
    """Return the executions that a dry run and its sub-workflows answered for, after the event `after`, in order."""
    return [SimulatedRow(**dict(row)) for row in await conn.fetch(_SQL["list_simulated"], run, kind, after, limit)]
