"""Rows of a run's context that are written from outside its steps."""

from __future__ import annotations

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load
from orvanta_platform.db.steps import NewValue


async def set_value(connection: Connection, value: NewValue, node: str | None, data: str) -> None:
    """Write a value of a run's context and the line of its history (`data`: JSON text), under the run's lock."""
    queries = load("context")
    await connection.execute(
        queries["set_context"].text, value.id, value.name, value.size, value.encoding, value.body, value.object
    )
    await connection.execute(queries["note_context"].text, value.id, node, data)
    await connection.execute(load("jobs")["bump_runs"].text, [value.id])
