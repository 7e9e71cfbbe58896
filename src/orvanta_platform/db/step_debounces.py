"""Rows of step_debounce: the node that waits under a key for later ones, and its window."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("step_debounces")


class WaitingEntry(msgspec.Struct, frozen=True):
    """A node (`job`: its id) that starts to wait under `key`."""

    key: bytes
    run: UUID
    frame: UUID | None
    """Frame of the node."""
    job: UUID
    args: bytes
    """JSON object of the inputs named by `accumulate`."""
    delay_s: float
    accumulate: tuple[str, ...]
    longest_s: float | None
    """Maximum total delay; None: unlimited."""
    most: int | None
    """Maximum number of replaced nodes; None: unlimited."""


class LockedWindow(msgspec.Struct, frozen=True):
    """A locked key: its waiting node, the number of calls, the time of the first; `now` is the database's time."""

    key: bytes
    run: UUID
    frame: UUID | None
    job: UUID
    calls: int
    first_at: datetime
    now: datetime


class WindowRow(msgspec.Struct, frozen=True):
    """New state of a locked key: its waiting node, the number of calls, the time of the first, the window's end."""

    key: bytes
    run: UUID
    frame: UUID | None
    job: UUID
    calls: int
    first_at: datetime
    due_at: datetime


class EndedWait(msgspec.Struct, frozen=True):
    """A node that no longer waits; `by` is the run whose node replaced it, None if its window has passed."""

    run: UUID
    frame: UUID | None
    job: UUID
    by: UUID | None = None


async def lock(connection: Connection, entering: Sequence[WaitingEntry]) -> list[LockedWindow]:
    """Lock the keys of `entering`, in order; keys without a node take the first that enters."""
    first = {each.key: each for each in reversed(entering)}
    keys = sorted(first)
    rows = await connection.fetch(
        _SQL["lock_step_debounces"],
        keys,
        [first[key].run for key in keys],
        [first[key].frame for key in keys],
        [first[key].job for key in keys],
    )
    return [LockedWindow(**dict(row)) for row in rows]


async def delete_entries(connection: Connection, jobs: Collection[UUID], keys: Collection[bytes] = ()) -> None:
    """Delete the rows of these nodes; `keys`, to be locked next, are locked together with theirs in order."""
    await connection.execute(_SQL["lock_for_delete"], list(keys), list(jobs))
    await connection.execute(_SQL["delete_entries"], list(jobs))


async def delete_of_runs(connection: Connection, runs: Collection[UUID]) -> None:
    """Delete all rows of these runs."""
    await connection.execute(_SQL["delete_of_runs"], list(runs))


async def save(connection: Connection, standing: Sequence[WindowRow]) -> None:
    """Write the new states of locked keys."""
    await connection.execute(
        _SQL["save_step_debounces"],
        [each.key for each in standing],
        [each.run for each in standing],
        [each.frame for each in standing],
        [each.job for each in standing],
        [each.calls for each in standing],
        [each.first_at for each in standing],
        [each.due_at for each in standing],
    )


async def notify_runs(connection: Connection, over: Sequence[EndedWait]) -> None:
    """Send an event to the run of each node."""
    await connection.execute(
        _SQL["notify_runs"],
        [each.run for each in over],
        [each.frame for each in over],
        [each.job for each in over],
        [each.by for each in over],
    )


async def end_due(connection: Connection, past: datetime) -> list[UUID]:
    """End up to 200 waits whose windows have passed since `past`, each with an event for its run; return the runs."""
    return [row["run"] for row in await connection.fetch(_SQL["end_due"], past)]


async def find_place(connection: Connection, workspace: str, job: UUID) -> tuple[UUID, UUID | None] | None:
    """Return run and frame of the node with this id if it is debounced."""
    row = await connection.fetchrow(_SQL["find_place"], workspace, job)
    return (row["run"], row["frame"]) if row is not None else None
