"""Schemas of the graph of a run. It is small, as it is read repeatedly for display."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from orvanta_platform.http.schemas.jobs import duration_ms
from orvanta_platform.http.schemas.waiting import Waiting, fields, waiting
from orvanta_platform.services.run_views.graph import GraphNode, GraphWait, RunGraph
from orvanta_platform.services.run_views.graph_counts import BodyCounts

T = TypeVar("T")
_MILLISECOND = timedelta(milliseconds=1)


class NodeWait(Waiting, kw_only=True):
    """The reason for which a node waits. If `approvers` is empty, anyone who may run the workflow may decide."""

    left: int | UnsetType = UNSET
    """Number of approvers who must still decide."""


class BodySummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The number of iterations or branches by state."""

    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    kept: int = 0
    """Number of these iterations or branches that are reused from an earlier run."""

    total: int | UnsetType = UNSET
    """Final number of iterations or branches."""

    branch: int | str | UnsetType = UNSET
    """Index of the branch that a branchone took, or `default`."""

    run: UUID | UnsetType = UNSET
    """Run of a sub-workflow."""


class NodeSnapshot(msgspec.Struct, kw_only=True):
    """The state of one node."""

    status: str
    """pending, queued, waiting, paused, running, succeeded, failed, skipped or cancelled."""

    job: UUID | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    """Number of the attempt, if there was more than one."""

    started_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    """Time from start to end; for a node inside another one, the sum of the times that its jobs took."""

    error: str | UnsetType = UNSET
    kept: bool | UnsetType = UNSET
    skipped: bool | UnsetType = UNSET
    waits: list[NodeWait] | UnsetType = UNSET
    bodies: BodySummary | UnsetType = UNSET
    counts: dict[str, int] | UnsetType = UNSET
    """Number of occurrences by status, for a node inside another one."""

    inside: str | UnsetType = UNSET
    """Id of the node that contains this one."""


class Graph(msgspec.Struct, kw_only=True):
    """A run with the state of its nodes and edges."""

    run_id: UUID
    rev: str
    """Revision, which changes with any other field."""

    status: str
    canceled: bool
    recovered: bool
    skipped: bool
    created_at: datetime
    nodes: dict[str, NodeSnapshot]
    """Nodes by id."""

    taken: list[tuple[str, str, str]]
    """Edges that were taken, as [from, to, on]."""

    dead: list[tuple[str, str, str]]
    """Edges that will not be taken, as [from, to, on]."""

    waits: Waiting | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    started_at: datetime | UnsetType = UNSET
    ended_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    part: str | UnsetType = UNSET
    """Base revision. If it is set, only the nodes and edges that have changed since that revision are included."""

    breakpoints: list[str] | UnsetType = UNSET
    """Nodes before which the run pauses."""


def changes(before: RunGraph, found: RunGraph) -> Graph:
    """Return the nodes and edges that have changed since `before`. The run's own fields are complete."""
    known = {node.id: node for node in before.nodes}
    nodes = tuple(node for node in found.nodes if known.get(node.id) != node)
    decided = {*before.taken, *before.dead}
    taken = tuple(edge for edge in found.taken if edge not in decided)
    dead = tuple(edge for edge in found.dead if edge not in decided)
    made = graph(replace(found, nodes=nodes, taken=taken, dead=dead))
    made.part = before.rev
    return made


def graph(found: RunGraph) -> Graph:
    """Convert a graph."""
    return Graph(
        run_id=found.run,
        rev=found.rev,
        status=found.status,
        canceled=found.canceled,
        recovered=found.recovered,
        skipped=found.skipped,
        created_at=found.created_at,
        nodes={each.id: node(each) for each in found.nodes},
        taken=list(found.taken),
        dead=list(found.dead),
        waits=UNSET if found.why is None else waiting(found.why),
        reason=_optional(found.reason),
        error=_optional(found.error_name),
        started_at=_optional(found.started_at),
        ended_at=_optional(found.ended_at),
        duration_ms=duration_ms(found.started_at, found.ended_at),
        breakpoints=list(found.breakpoints) or UNSET,
    )


def node(found: GraphNode) -> NodeSnapshot:
    """Convert one node."""
    started = found.status != "pending"
    return NodeSnapshot(
        status=found.status,
        job=_optional(found.job) if started else UNSET,
        attempt=found.attempt if found.attempt > 1 else UNSET,
        started_at=_optional(found.started_at),
        duration_ms=duration_ms(found.started_at, found.ended_at) if found.took is None else found.took // _MILLISECOND,
        error=_optional(found.error_name),
        kept=found.reused or UNSET,
        skipped=found.passed or UNSET,
        waits=[_wait(each) for each in found.waits] if found.waits else UNSET,
        bodies=UNSET if found.bodies is None else _bodies(found.bodies),
        counts=UNSET if found.counts is None else dict(found.counts),
        inside=_optional(found.inside),
    )


def _wait(wait: GraphWait) -> NodeWait:
    return NodeWait(**fields(wait.why), left=_optional(wait.left))  # type: ignore[arg-type]


def _bodies(counted: BodyCounts) -> BodySummary:
    return BodySummary(
        running=counted.running,
        succeeded=counted.succeeded,
        failed=counted.failed,
        cancelled=counted.cancelled,
        kept=counted.reused,
        total=_optional(counted.total),
        branch="default" if counted.branch == -1 else _optional(counted.branch),
        run=_optional(counted.child),
    )


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
