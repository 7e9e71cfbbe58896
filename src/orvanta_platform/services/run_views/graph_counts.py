"""Counts of the bodies of container nodes and of the jobs of nested nodes, computed without a query per body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.db import graph as rows
from orvanta_platform.db.frames import CounterRow
from orvanta_platform.db.graph import BodyCount, InnerJobCount, OpenBodyCount
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.loop import Loop
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.ids import node_job_id, opening_id
from orvanta_platform.orchestrator.nested_rows import child_id
from orvanta_platform.services.run_views import nested_bodies

_NOT_STARTED = (Mark.PENDING, Mark.SKIPPED, Mark.PASSED)
_OF_MARK: Mapping[int, str] = {
    Mark.WAITING_TIMER: "waiting",
    Mark.WAITING_APPROVAL: "waiting",
    Mark.WAITING_GATE: "waiting",
    Mark.DEBOUNCING: "waiting",
    Mark.PAUSED: "paused",
    Mark.WAITING_CHILDREN: "running",
}
_OF_JOB = {"available": "queued", "running": "running"}
_STATUS_PRECEDENCE = ("running", "paused", "waiting", "queued", "failed", "cancelled", "succeeded")


class BodyCounts(msgspec.Struct, frozen=True):
    """Number of bodies that a node has opened in its last attempt, and of the reused ones, by status."""

    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    reused: int = 0
    """Number of the counted bodies that an earlier run executed."""
    total: int | None = None
    """Final number of bodies, if it is known."""
    branch: int | None = None
    """Selected branch; -1: the default branch."""
    child: UUID | None = None
    """Run of a sub-workflow."""


@dataclass(slots=True)
class InnerCounts:
    """Number of starts of a nested node by status, over all bodies and attempts of the nodes that contain it."""

    counts: dict[str, int] = field(default_factory=dict)
    started_at: datetime | None = None
    took: timedelta | None = None
    """Sum of the times that the ended jobs took."""

    @property
    def status(self) -> str:
        """Overall status: live states take precedence over ended ones, failures over successes."""
        return next((status for status in _STATUS_PRECEDENCE if self.counts.get(status)), "pending")

    def add(self, status: str, count: int) -> None:
        """Add to the count of a status."""
        self.counts[status] = self.counts.get(status, 0) + count


class Counts(msgspec.Struct, frozen=True):
    """Counts of top-level nodes by index, and of nested nodes by number."""

    bodies: Mapping[int, BodyCounts] = msgspec.field(default_factory=dict)
    inner: Mapping[int, InnerCounts] = msgspec.field(default_factory=dict)


async def count(conn: Connection, row: JobRow, plan: Plan, state: RunState, failures: Mapping[int, int]) -> Counts:
    """Count the bodies and nested jobs of a run's started nodes. `failures`: of ended nodes, by index."""
    nodes = (*plan.nodes, *filter(None, [plan.failure]))
    holders = [node for node in nodes if node.kind.is_container and _is_counted(state, node.index)]
    if not holders:
        return Counts()
    under_way = {} if row.ended else {each.id: each for each in await rows.list_open_containers(conn, row.run)}
    open_states = [] if row.ended else await rows.count_open_bodies(conn, row.run)
    openings = {
        node.index: _opening(row.run, node, under_way.get(node_job_id(row.run, node.id)), failures) for node in holders
    }
    tallies = await rows.count_bodies(conn, row.run, [*openings.values()])
    bodies = {}
    for node in holders:
        counter = under_way.get(node_job_id(row.run, node.id))
        ended = [each for each in tallies if each.opening == openings[node.index]]
        reused = await _reused(conn, state, node, counter, failures)
        found = _bodies(row.run, node, counter, openings[node.index], [*ended, *reused], open_states)
        bodies[node.index] = replace(found, reused=sum(each.count for each in reused))
    return Counts(bodies, _inner(plan, await rows.count_inner_jobs(conn, row.run), open_states))


def _is_counted(state: RunState, index: int) -> bool:
    of_another_run = state.reused is not None and state.reused.origin(index) is not None
    return state.nodes[index] not in _NOT_STARTED and not of_another_run


def _opening(run: UUID, node: Node, counter: CounterRow | None, failures: Mapping[int, int]) -> UUID:
    attempt = counter.attempt if counter is not None else failures.get(node.index, 0)
    return opening_id(run, node_job_id(run, node.id), attempt)


async def _reused(
    conn: Connection, state: RunState, node: Node, counter: CounterRow | None, failures: Mapping[int, int]
) -> list[BodyCount]:
    """Return the reused bodies of earlier runs. A retry of the whole node reuses none."""
    again = state.reused.inside.get(node.index) if state.reused is not None else None
    if again is None or (counter.attempt if counter is not None else failures.get(node.index, 0)):
        return []
    reused = await nested_bodies.reused_bodies_of(conn, again)
    return [BodyCount(body.id, body.state, 1, body.place) for body in reused]


def _bodies(
    run: UUID,
    node: Node,
    counter: CounterRow | None,
    opening: UUID,
    ended: Sequence[BodyCount],
    open_states: Sequence[OpenBodyCount],
) -> BodyCounts:
    if node.kind is Kind.FLOW:
        return BodyCounts(child=child_id(run, opening))
    loop = Loop.decode(counter.state) if counter is not None else None
    firsts = [each.first for each in ended]
    firsts += [each.first for each in open_states if each.at_top and each.node_index == node.number]
    chosen = min(firsts) if node.kind is Kind.BRANCHONE and firsts else None
    return BodyCounts(
        running=loop.open if loop is not None else 0,
        succeeded=_sum(ended, "succeeded"),
        failed=_sum(ended, "failed"),
        cancelled=_sum(ended, "cancelled"),
        total=_total(node, loop),
        branch=-1 if chosen is not None and chosen == len(node.bodies) - 1 else chosen,
    )


def _total(node: Node, loop: Loop | None) -> int | None:
    if node.kind is Kind.BRANCHALL:
        return len(node.bodies)
    return loop.length if loop is not None and node.kind is Kind.FORLOOP else None


def _sum(ended: Iterable[BodyCount], state: str) -> int:
    return sum(each.count for each in ended if each.state == state)


def _inner(
    plan: Plan, tallies: Sequence[InnerJobCount], open_states: Sequence[OpenBodyCount]
) -> dict[int, InnerCounts]:
    """Count nodes with a job by their jobs, and nodes that wait without one by the states of open bodies."""
    found = {node.number: InnerCounts() for node in plan.deep}
    for tally in tallies:
        counted = found.get(tally.node_index)
        if counted is None or tally.state == "scheduled":
            continue
        counted.add(_OF_JOB.get(tally.state, tally.state), tally.count)
        counted.started_at = min(filter(None, [counted.started_at, tally.started_at]), default=None)
        if tally.took is not None:
            counted.took = (counted.took or timedelta()) + tally.took
    for each in open_states:
        body = plan.node(each.node_index).bodies[each.body].plan
        for index, mark in enumerate(RunState.decode(each.state).nodes):
            if mark in _OF_MARK:
                found[body.nodes[index].number].add(_OF_MARK[mark], each.count)
    return found
