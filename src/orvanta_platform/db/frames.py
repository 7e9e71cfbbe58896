"""Rows of frames and counters, the open parts of a run, and their timers and events. The run is locked before use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from orvanta_platform.db import pauses
from orvanta_platform.db.jobs import LiveJob
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("frames")


class FrameRow(msgspec.Struct, frozen=True):
    """An open body: `body` is the index of its list in the node, `place` the iteration or branch."""

    id: UUID
    parent: UUID | None
    holder: UUID
    body: int
    place: int
    state: bytes
    begun_at: datetime | None = None


class CounterRow(msgspec.Struct, frozen=True):
    """A container whose bodies are open, under the id of the node."""

    id: UUID
    frame: UUID | None
    """Frame of the node; None at the top level."""
    node_index: int
    attempt: int
    state: bytes
    child: UUID | None = None
    """The run of a sub-workflow."""
    begun_at: datetime | None = None


class EnclosingFrame(msgspec.Struct, frozen=True):
    """A frame with `node_index` (the number in the document) and `attempt` of its node."""

    id: UUID
    parent: UUID | None
    holder: UUID
    body: int
    place: int
    state: bytes
    node_index: int
    attempt: int
    begun_at: datetime


class BodyResult(msgspec.Struct, frozen=True):
    """The result of an ended body, as a row of value."""

    place: int
    state: str
    size: int
    encoding: int
    body: bytes | None
    object: str | None


class BodyRow(msgspec.Struct, frozen=True):
    """A body for display; `is_frame`: the row is the body's own, not that of its only node."""

    place: int
    id: UUID
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    is_frame: bool


class BodyStatus(msgspec.Struct, frozen=True):
    """A body of the node with the number `node_index`; `state` None: it has ended."""

    run: UUID
    node_index: int
    place: int
    state: bytes | None


class EndedNode(msgspec.Struct, frozen=True):
    """Outcome of a node, by its own id; `failures` counts failed attempts."""

    id: UUID
    state: str
    failures: int
    began_at: datetime


class FailedBody(msgspec.Struct, frozen=True):
    """A failed body: its frame (`kind` frame), or the job of its only node, which had failed `failures` times."""

    id: UUID
    place: int
    kind: str
    node: str
    failures: int
    ended_at: datetime


class EndedBodyRange(msgspec.Struct, frozen=True):
    """Consecutive bodies of an opening, from `first` to before `stop`, with the same outcome."""

    first: int
    stop: int
    state: str


class ChildOutcome(msgspec.Struct, frozen=True):
    """Outcome of the run of a sub-workflow."""

    id: UUID
    status: str
    error_name: str | None
    result_of: UUID | None
    skipped: bool


async def get_enclosing(connection: Connection, frame: UUID) -> list[EnclosingFrame]:
    """Return a frame and those around it, innermost first; empty if it has ended."""
    return [EnclosingFrame(**dict(row)) for row in await connection.fetch(_SQL["get_enclosing"], frame)]


async def list_of_holder(connection: Connection, holder: UUID) -> list[FrameRow]:
    """Return the open bodies of a node, by place."""
    return [FrameRow(**dict(row)) for row in await connection.fetch(_SQL["list_of_holder"], holder)]


async def list_of_run(connection: Connection, run: UUID) -> list[UUID]:
    """Return the frames of a run."""
    return [row["id"] for row in await connection.fetch(_SQL["list_of_run"], run)]


async def get_frames(connection: Connection, ids: Sequence[UUID]) -> list[FrameRow]:
    """Return these frames; ended ones are left out."""
    return [FrameRow(**dict(row)) for row in await connection.fetch(_SQL["get_frames"], list(ids))]


async def get_counters(connection: Connection, ids: Sequence[UUID]) -> list[CounterRow]:
    """Return these counters; those of ended nodes are left out."""
    return [CounterRow(**dict(row)) for row in await connection.fetch(_SQL["get_counters"], list(ids))]


async def find_counter_of_child(connection: Connection, run: UUID, child: UUID) -> UUID | None:
    """Return the node of `run` that waits for the run `child`."""
    found: UUID | None = await connection.fetchval(_SQL["find_counter_of_child"], child, run)
    return found


async def save_frames(connection: Connection, run: UUID, rows: Sequence[FrameRow]) -> None:
    """Insert or update frames. Raises asyncpg.UniqueViolationError if the id of one belongs to another run."""
    await _save(connection, "save_frames", run, rows, ("id", "parent", "holder", "body", "place", "state"))


async def save_counters(connection: Connection, run: UUID, rows: Sequence[CounterRow]) -> None:
    """Insert or update counters. Raises asyncpg.UniqueViolationError if the id of one belongs to another run."""
    await _save(connection, "save_counters", run, rows, ("id", "frame", "node_index", "attempt", "state", "child"))


async def _save(connection: Connection, query: str, run: UUID, rows: Sequence[Any], names: Sequence[str]) -> None:
    if rows:
        columns = ([getattr(row, name) for row in rows] for name in names)
        written = await connection.fetch(_SQL[query], run, *columns)
        if len(written) != len(rows):
            raise asyncpg.UniqueViolationError(f"a frame or counter of run {run} has the id of another run's")


async def delete(connection: Connection, frames: Sequence[UUID], counters: Sequence[UUID]) -> None:
    """Delete ended frames and counters."""
    if frames:
        await connection.execute(_SQL["delete_frames"], list(frames))
    if counters:
        await connection.execute(_SQL["delete_counters"], list(counters))


async def delete_all(connection: Connection, run: UUID) -> None:
    """Delete all frames, counters and pauses of a run."""
    await connection.execute(_SQL["delete_all_frames"], run)
    await connection.execute(_SQL["delete_all_counters"], run)
    await pauses.delete_all(connection, run)


async def lock_job(connection: Connection, run: UUID, job: UUID) -> LiveJob | None:
    """Return a live job of a locked run, itself locked until the transaction ends."""
    row = await connection.fetchrow(_SQL["lock_job"], job, run)
    return LiveJob(**dict(row)) if row else None


async def lock_jobs_of_frame(connection: Connection, run: UUID, frame: UUID | None) -> list[LiveJob]:
    """Return the live jobs in one frame of a locked run, locked until the transaction ends."""
    return [LiveJob(**dict(row)) for row in await connection.fetch(_SQL["lock_jobs_of_frame"], run, frame)]


async def list_body_results(connection: Connection, opening: UUID, first: int, limit: int) -> list[BodyResult]:
    """Return results of ended bodies by place, from `first` on; cancelled bodies may have none."""
    rows = await connection.fetch(_SQL["list_body_results"], opening, first, limit)
    return [BodyResult(**dict(row)) for row in rows]


async def list_bodies(connection: Connection, holder: UUID, opening: UUID, stop: int, first: int = 0) -> list[BodyRow]:
    """Return the bodies of a node at places from `first` to before `stop`: those of its last opening and open ones."""
    return [BodyRow(**dict(row)) for row in await connection.fetch(_SQL["list_bodies"], holder, opening, first, stop)]


async def find_first_failed_body(connection: Connection, opening: UUID) -> FailedBody | None:
    """Return the body of an opening that failed first; None if none did."""
    row = await connection.fetchrow(_SQL["find_first_failed_body"], opening)
    return FailedBody(**dict(row)) if row else None


async def get_last_place(connection: Connection, opening: UUID) -> int:
    """Return the place of the last ended body of an opening; -1 if none has ended."""
    found: int | None = await connection.fetchval(_SQL["get_last_place"], opening)
    return -1 if found is None else found


async def get_ended_nodes(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, EndedNode]:
    """Return those of these nodes that have ended."""
    rows = await connection.fetch(_SQL["get_ended_nodes"], list(ids)) if ids else []
    return {row["id"]: EndedNode(**dict(row)) for row in rows}


async def list_ended_bodies(connection: Connection, opening: UUID, *, skips: bool = False) -> list[EndedBodyRange]:
    """Return the ended bodies of an opening by place, consecutive ones with the same outcome combined.

    With `skips`, failed bodies count as succeeded.
    """
    return [EndedBodyRange(**dict(row)) for row in await connection.fetch(_SQL["list_ended_bodies"], opening, skips)]


async def count_resumes(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the number of stored resumes of each of these nodes; those without any are left out."""
    rows = await connection.fetch(_SQL["count_resumes"], list(ids)) if ids else []
    return {row["id"]: row["count"] for row in rows}


async def find_open_container(connection: Connection, id: UUID) -> tuple[UUID, int] | None:
    """Return the run and the number of the open container with this id."""
    row = await connection.fetchrow(_SQL["find_open_container"], id)
    return (row["run"], row["node_index"]) if row is not None else None


async def find_body(connection: Connection, id: UUID) -> BodyStatus | None:
    """Return the body with this id, open or ended."""
    row = await connection.fetchrow(_SQL["find_body"], id)
    return BodyStatus(**dict(row)) if row else None


async def find_enclosing_run(connection: Connection, id: UUID) -> UUID | None:
    """Return the run in which the body or container with this id is open."""
    found: UUID | None = await connection.fetchval(_SQL["find_enclosing_run"], id)
    return found


async def insert_events(connection: Connection, run: UUID, events: Sequence[str]) -> None:
    """Insert events (JSON text) into the inbox of a run, in this order."""
    if events:
        await connection.execute(_SQL["insert_events"], run, list(events))


async def delete_events(connection: Connection, run: UUID, seqs: Sequence[int]) -> None:
    """Delete processed events."""
    if seqs:
        await connection.execute(_SQL["delete_events"], run, list(seqs))


async def set_timer(connection: Connection, run: UUID, node: UUID, kind: str, seconds: float) -> None:
    """Set a timer of a node (`kind` of the table timer)."""
    await connection.execute(_SQL["set_timer"], run, node, kind, seconds)


async def delete_timers(connection: Connection, run: UUID, nodes: Sequence[UUID]) -> None:
    """Delete the timers of these nodes."""
    if nodes:
        await connection.execute(_SQL["delete_timers"], run, list(nodes))


async def list_children(connection: Connection, run: UUID) -> list[UUID]:
    """Return the live runs of sub-workflows of a run."""
    return [row["id"] for row in await connection.fetch(_SQL["list_children"], run)]


async def get_child_outcome(connection: Connection, run: UUID) -> ChildOutcome | None:
    """Return the outcome of the run of a sub-workflow; None while it is live."""
    row = await connection.fetchrow(_SQL["get_child_outcome"], run)
    return ChildOutcome(**dict(row)) if row else None


async def any_succeeded_in_failed_bodies(
    connection: Connection, openings: Sequence[UUID], kinds: Sequence[str]
) -> bool:
    """Return whether any node succeeded in failed bodies of these openings. Nodes of `kinds` count as succeeded."""
    query = _SQL["any_succeeded_in_failed_bodies"]
    return bool(await connection.fetchval(query, list(openings), list(kinds)))


async def any_succeeded_inside(
    connection: Connection, runs: Sequence[UUID], numbers: Sequence[int], paths: Sequence[str]
) -> bool:
    """Return whether a node of these numbers succeeded in these runs, or any in the sub-workflows called at `paths`."""
    query = _SQL["any_succeeded_inside"]
    return bool(await connection.fetchval(query, list(runs), list(numbers), list(paths)))
