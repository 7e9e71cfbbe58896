"""Rows of what is to be erased, and the erasing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

WHOLE_RUN = -1


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """What belongs to a node of a run (WHOLE_RUN: to all of it) is erased at `due_at`, or was at `erased_at`."""

    run: UUID
    node_index: int
    due_at: datetime
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Left:
    """A row of a node: `failures` are attempts before the last; `parent` and `place` as in the table job."""

    id: UUID
    kind: str
    failures: int
    parent: UUID | None
    place: int | None


async def plan(connection: Connection, run: UUID, erasures: Sequence[tuple[int, float]]) -> None:
    """The run has just ended: erase what belongs to these nodes in so many seconds."""
    nodes, seconds = [node for node, _ in erasures], [after for _, after in erasures]
    await connection.execute(_text("plan_erasures"), run, nodes, seconds)


async def take_due(connection: Connection, most: int) -> list[tuple[UUID, int]]:
    """(run, node) of what is due, locked until the transaction ends."""
    rows = await connection.fetch(_text("take_due_erasures"), most)
    return [(row["run"], row["node_index"]) for row in rows]


async def left_by(connection: Connection, run: UUID, node: int) -> list[Left]:
    """The rows of a node of a run that has ended."""
    return [Left(**dict(row)) for row in await connection.fetch(_text("left_by_node"), run, node)]


async def erase(connection: Connection, run: UUID, node: int, more: Collection[UUID] = ()) -> list[str]:
    """Delete values, logs and streams, those of `more` as well; gives the objects that are named no longer."""
    ids = [row["id"] for row in await connection.fetch(_text("erased_ids"), run, node)] + list(more)
    objects = await erase_ids(connection, ids)
    if node == WHOLE_RUN:
        for query in ("erase_events", "erase_decisions"):
            await connection.execute(_text(query), ids)
    await connection.execute(_text("erase_words"), run)
    await connection.execute(_text("note_erased"), run, node)
    return objects


async def erase_ids(connection: Connection, ids: Sequence[UUID]) -> list[str]:
    """Delete values, logs and streams of runs and jobs; gives the objects that are named no longer."""
    objects = []
    for query in ("erase_values", "erase_log_objects"):
        objects += [row["object"] for row in await connection.fetch(_text(query), ids) if row["object"]]
    for query in ("erase_log_chunks", "erase_streams"):
        await connection.execute(_text(query), ids)
    return objects


async def of_runs(connection: Connection, runs: Sequence[UUID]) -> list[ErasureRow]:
    """What of these runs is to be erased, or was."""
    return [ErasureRow(**dict(row)) for row in await connection.fetch(_text("erasures_of"), list(runs))]


async def forget(connection: Connection) -> None:
    """Drop rows of runs that are gone."""
    await connection.execute(_text("forget_erasures"))


def _text(name: str) -> str:
    return load("erasures")[name].text
