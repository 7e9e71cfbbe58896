"""Rows of a run's context that are written outside its steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.steps import NewValue

_SQL = query_texts("context")
_JOBS = query_texts("jobs")


class EarlierContext(msgspec.Struct, frozen=True):
    """A value in the context of an earlier run."""

    run: UUID
    name: str
    size: int
    """Bytes of the JSON text."""
    value: str | None
    """JSON text if it is short."""
    node: str | None
    """The node that exported it."""
    written_at: datetime
    stands: bool
    """True if it is still the value in `run`."""


async def get_context_before(
    connection: Connection,
    runs: Sequence[UUID],
    nodes: Sequence[str],
    partly: Sequence[str],
    until: datetime,
    at_once: Sequence[str] = (),
) -> list[EarlierContext]:
    """Return the values exported by `nodes`, and those written up to `until` by nodes of `partly` or by no node.

    `runs` holds the run and those that it was restarted from, the newest first. Values that nodes of `at_once` exported
    at exactly `until`, the time of their start, do not count.
    """
    text = _SQL["get_context_before"]
    rows = await connection.fetch(text, list(runs), list(nodes), list(partly), until, list(at_once))
    return [EarlierContext(**dict(row)) for row in rows]


async def has_any(connection: Connection, run: UUID) -> bool:
    """Return whether a run has a context."""
    return bool(await connection.fetchval(_SQL["has_context"], run))


async def set_value(connection: Connection, value: NewValue, node: str | None, data: str) -> None:
    """Write a value of a run's context and its history event (`data`: JSON text), under the run's lock."""
    await connection.execute(
        _SQL["set_context"], value.id, value.name, value.size, value.encoding, value.body, value.object
    )
    await connection.execute(_SQL["insert_context_event"], value.id, node, data)
    await connection.execute(_JOBS["advance_revs"], [value.id])
