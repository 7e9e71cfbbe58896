"""Rows of what runs wait for without a job. Written under the run's lock, beside the write of its step."""

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
from orvanta_platform.db.queries import load
from orvanta_platform.db.step_debounces import PutOff


@dataclass(frozen=True, slots=True)
class NodeTimer:
    """When a node goes on: in so many seconds, or `at` a time. `job`: the node's id, `kind`: wait or deadline."""

    job: UUID
    kind: str
    seconds: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitWrite:
    """What a step changes of its run's waits. `dropped`: (job, kind) of timers that go.

    `opened` and `closed`: nodes that begin and cease to ask people; `taken`: the decision (job, resume id) it counts.
    `entered`, `left`: nodes, or the run itself, that stand in line for a permit, and that need none any more;
    `cached`: what results stand for; `put_off`, `put_off_no_more`: nodes that wait for later ones of their keys, and
    that do so no longer. These are written at the end of the transaction. `paused`, `unpaused`: nodes that wait before
    they begin until somebody lets them go on, and that do so no longer.
    """

    timers: Sequence[NodeTimer] = ()
    dropped: Sequence[tuple[UUID, str]] = ()
    opened: Sequence[NewApproval] = ()
    closed: Sequence[UUID] = ()
    taken: tuple[UUID, int] | None = None
    entered: Sequence[Entry] = ()
    left: Sequence[UUID] = ()
    cached: Sequence[NewCached] = ()
    put_off: Sequence[PutOff] = ()
    put_off_no_more: Sequence[UUID] = ()
    paused: Sequence[NewPause] = ()
    unpaused: Sequence[UUID] = ()

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
    """Write the waits of one step, in its transaction, after the step itself; one that `ends` took all timers."""
    queries = load("waits")
    if waits.unpaused:
        await pauses.close_pauses(connection, run, waits.unpaused)
    if waits.paused:
        await pauses.open_pauses(connection, run, waits.paused)
    if waits.dropped and not ends:
        jobs, kinds = [job for job, _ in waits.dropped], [kind for _, kind in waits.dropped]
        await connection.execute(queries["drop_node_timers"].text, run, jobs, kinds)
    if waits.timers:
        await connection.execute(
            queries["set_node_timers"].text,
            run,
            [timer.job for timer in waits.timers],
            [timer.kind for timer in waits.timers],
            [timer.seconds for timer in waits.timers],
            [timer.at for timer in waits.timers],
        )
    if waits.closed or waits.taken:
        await approvals.close_waits(connection, run, waits.closed, waits.taken)
    if waits.opened:
        await approvals.open_waits(connection, run, workspace, waits.opened)


async def node_timers(connection: Connection, run: UUID) -> dict[UUID, datetime]:
    """When the nodes of a run that wait without a job go on, by their ids."""
    return {row["job"]: row["due_at"] for row in await connection.fetch(load("waits")["node_timers"].text, run)}
