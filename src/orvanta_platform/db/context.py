"""Rows of a run's context that are written from outside its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load
from orvanta_platform.db.steps import NewValue


@dataclass(frozen=True, slots=True)
class ContextBefore:
    """A value that a run's context had: `value` is its JSON text where it is short, `size` its bytes.

    `node` wrote it. `stands`: it is still the run's own.
    """

    name: str
    size: int
    value: str | None
    node: str | None
    stands: bool


async def before(
    connection: Connection, run: UUID, nodes: Sequence[str], partly: Sequence[str], at: datetime
) -> list[ContextBefore]:
    """The context of a run as `nodes` left it, with what others wrote before `at`: nodes of `partly`, or no node."""
    rows = await connection.fetch(load("context")["context_before"].text, run, list(nodes), list(partly), at)
    return [ContextBefore(**dict(row)) for row in rows]


async def set_value(connection: Connection, value: NewValue, node: str | None, data: str) -> None:
    """Write a value of a run's context and the line of its history (`data`: JSON text), under the run's lock."""
    queries = load("context")
    await connection.execute(
        queries["set_context"].text, value.id, value.name, value.size, value.encoding, value.body, value.object
    )
    await connection.execute(queries["note_context"].text, value.id, node, data)
    await connection.execute(load("jobs")["bump_runs"].text, [value.id])
