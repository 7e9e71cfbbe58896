"""Rows of waits without a job, written under the run's lock in addition to the write of its step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db import approvals, pauses
from orvanta_platform.db.approvals import NewApproval
from orvanta_platform.db.cache import NewCached
from orvanta_platform.db.gates import Entry
from orvanta_platform.db.pauses import NewPause
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.step_debounces import WaitingEntry

_SQL = query_texts("waits")


@dataclass(frozen=True, slots=True)
class NodeTimer:
    """Timer of a node: after some seconds, or `at` a time. `job` is the node's id, `kind` wait or deadline."""

    job: UUID
    kind: str
    seconds: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitWrite:
    """Changes that a step makes to the waits of its run."""

    timers: Sequence[NodeTimer] = ()
    dropped: Sequence[tuple[UUID, str]] = ()
    """Timers to delete, as (job, kind)."""
    opened: Sequence[NewApproval] = ()
    """Nodes that start to wait for decisions."""
    closed: Sequence[UUID] = ()
    """Nodes that stop waiting for decisions."""
    taken: tuple[UUID, int] | None = None
    """The decision (job, resume id) that the step counts."""
    entered: Sequence[Entry] = ()
    """Nodes, or the run itself, that queue for a permit; written at the end of the transaction, as the next four."""
    left: Sequence[UUID] = ()
    """Nodes that no longer need a permit."""
    cached: Sequence[NewCached] = ()
    """Results to cache."""
    put_off: Sequence[WaitingEntry] = ()
    """Nodes that start to be debounced."""
    put_off_no_more: Sequence[UUID] = ()
    """Nodes that are no longer debounced."""
    paused: Sequence[NewPause] = ()
    """Nodes that pause at a breakpoint."""
    unpaused: Sequence[UUID] = ()
    """Nodes that are resumed."""

    def __bool__(self) -> bool:
        return bool(
            self.timers
            or self.dropped
            or self.opened
            or self.closed
            or self.taken
            or self.entered
            or self.left
            or self.cached
            or self.put_off
            or self.put_off_no_more
            or self.paused
            or self.unpaused
        )


async def write(connection: Connection, run: UUID, workspace: str, waits: WaitWrite, *, ends: bool = False) -> None:
    """Write the waits of one step, in its transaction, after the step itself; one that `ends` deleted all timers."""
    if waits.unpaused:
        await pauses.delete_pauses(connection, run, waits.unpaused)
    if waits.paused:
        await pauses.insert_pauses(connection, run, waits.paused)
    if waits.dropped and not ends:
        jobs, kinds = [job for job, _ in waits.dropped], [kind for _, kind in waits.dropped]
        await connection.execute(_SQL["delete_node_timers"], run, jobs, kinds)
    if waits.timers:
        await connection.execute(
            _SQL["set_node_timers"],
            run,
            [timer.job for timer in waits.timers],
            [timer.kind for timer in waits.timers],
            [timer.seconds for timer in waits.timers],
            [timer.at for timer in waits.timers],
        )
    if waits.closed or waits.taken:
        await approvals.delete_open(connection, run, waits.closed, waits.taken)
    if waits.opened:
        await approvals.insert_open(connection, run, workspace, waits.opened)


async def get_node_timers(connection: Connection, run: UUID) -> dict[UUID, datetime]:
    """Return the due times of a run's nodes that wait without a job, by id."""
    return {row["job"]: row["due_at"] for row in await connection.fetch(_SQL["get_node_timers"], run)}
