"""Rows of pause: which nodes wait before they begin, until somebody lets them go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewPause:
    """A node (`job`: its id, `frame`: where it stands) that is paused, since `by` had set a breakpoint.

    `threw`: what its condition threw.
    """

    job: UUID
    frame: UUID | None
    node: str
    by: str
    threw: str | None = None


@dataclass(frozen=True, slots=True)
class PauseRow:
    """A paused node; `place`: the number of the body that it stands in, None at the run's top level."""

    job: UUID
    frame: UUID | None
    node: str
    paused_by: str
    paused_at: datetime
    threw: str | None
    place: int | None


async def open_pauses(connection: Connection, run: UUID, paused: Sequence[NewPause]) -> None:
    """These nodes are paused from now on."""
    await connection.execute(
        _text("open_pauses"),
        run,
        [each.job for each in paused],
        [each.frame for each in paused],
        [each.node for each in paused],
        [each.by for each in paused],
        [each.threw for each in paused],
    )


async def close_pauses(connection: Connection, run: UUID, jobs: Sequence[UUID]) -> None:
    """These nodes are paused no longer."""
    await connection.execute(_text("close_pauses"), run, list(jobs))


async def take(connection: Connection, run: UUID, job: UUID) -> bool:
    """Let a node go on; False: somebody else has, or it is not paused any more."""
    return await connection.fetchval(_text("take_pause"), run, job) is not None


async def close_all(connection: Connection, run: UUID) -> None:
    """Nothing of the run is paused any longer."""
    await connection.execute(_text("close_all_pauses"), run)


async def of_run(connection: Connection, run: UUID, most: int) -> list[PauseRow]:
    """What is paused in a run, the longest first, at most so many."""
    return [PauseRow(**dict(row)) for row in await connection.fetch(_text("pauses_of_run"), run, most)]


async def find(connection: Connection, run: UUID, job: UUID) -> PauseRow | None:
    """The node with this id, where it is paused."""
    row = await connection.fetchrow(_text("pause_of"), run, job)
    return PauseRow(**dict(row)) if row is not None else None


async def place_of(connection: Connection, workspace: str, job: UUID) -> tuple[UUID, UUID | None] | None:
    """The run and the frame of the node with this id, where it is paused."""
    row = await connection.fetchrow(_text("pause_place"), workspace, job)
    return (row["run"], row["frame"]) if row is not None else None


def _text(name: str) -> str:
    return load("pauses")[name].text
