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

    `node` wrote it in `run`, at `written_at`. `stands`: it is still that run's own.
    """

    run: UUID
    name: str
    size: int
    value: str | None
    node: str | None
    written_at: datetime
    stands: bool


async def before(
    connection: Connection,
    runs: Sequence[UUID],
    nodes: Sequence[str],
    partly: Sequence[str],
    until: datetime,
    at_once: Sequence[str] = (),
) -> list[ContextBefore]:
    """The context as `nodes` left it, with what others wrote `until` then: nodes of `partly`, or no node.

    `runs`: the run, and those that it goes on from, the newest first. `at_once`: of these nodes not what they wrote at
    that very time, when they began.
    """
    text = load("context")["context_before"].text
    rows = await connection.fetch(text, list(runs), list(nodes), list(partly), until, list(at_once))
    return [ContextBefore(**dict(row)) for row in rows]


async def has_any(connection: Connection, run: UUID) -> bool:
    """Whether a run has a context at all."""
    return bool(await connection.fetchval(load("context")["has_context"].text, run))


async def set_value(connection: Connection, value: NewValue, node: str | None, data: str) -> None:
    """Write a value of a run's context and the line of its history (`data`: JSON text), under the run's lock."""
    queries = load("context")
    await connection.execute(
        queries["set_context"].text, value.id, value.name, value.size, value.encoding, value.body, value.object
    )
    await connection.execute(queries["note_context"].text, value.id, node, data)
    await connection.execute(load("jobs")["bump_runs"].text, [value.id])
