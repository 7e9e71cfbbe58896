"""Rows of pause: nodes that wait at a breakpoint before they start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("pauses")


class NewPause(msgspec.Struct, frozen=True):
    """A node (`job`: its id) that is paused."""

    job: UUID
    frame: UUID | None
    """Frame of the node."""
    node: str
    by: str
    """The user who set the breakpoint."""
    threw: str | None = None
    """Error of the breakpoint's condition, if it threw."""


class PauseRow(msgspec.Struct, frozen=True):
    """A paused node; `place` is the number of its body, None at the run's top level."""

    job: UUID
    frame: UUID | None
    node: str
    paused_by: str
    paused_at: datetime
    threw: str | None
    place: int | None


async def insert_pauses(connection: Connection, run: UUID, paused: Sequence[NewPause]) -> None:
    """Insert pauses of these nodes."""
    await connection.execute(
        _SQL["insert_pauses"],
        run,
        [each.job for each in paused],
        [each.frame for each in paused],
        [each.node for each in paused],
        [each.by for each in paused],
        [each.threw for each in paused],
    )


async def delete_pauses(connection: Connection, run: UUID, jobs: Sequence[UUID]) -> None:
    """Delete the pauses of these nodes."""
    await connection.execute(_SQL["delete_pauses"], run, list(jobs))


async def delete_pause(connection: Connection, run: UUID, job: UUID) -> bool:
    """Delete the pause of a node to resume it; return False if it is not paused any more."""
    return await connection.fetchval(_SQL["delete_pause"], run, job) is not None


async def delete_all(connection: Connection, run: UUID) -> None:
    """Delete all pauses of a run."""
    await connection.execute(_SQL["delete_all"], run)


async def list_of_run(connection: Connection, run: UUID, limit: int) -> list[PauseRow]:
    """Return the paused nodes of a run, the longest paused first, at most `limit`."""
    return [PauseRow(**dict(row)) for row in await connection.fetch(_SQL["list_of_run"], run, limit)]


async def find(connection: Connection, run: UUID, job: UUID) -> PauseRow | None:
    """Return the pause of the node with this id; None if it is not paused."""
    row = await connection.fetchrow(_SQL["find"], run, job)
    return PauseRow(**dict(row)) if row is not None else None


async def find_place(connection: Connection, workspace: str, job: UUID) -> tuple[UUID, UUID | None] | None:
    """Return run and frame of the node with this id if it is paused."""
    row = await connection.fetchrow(_SQL["find_place"], workspace, job)
    return (row["run"], row["frame"]) if row is not None else None
