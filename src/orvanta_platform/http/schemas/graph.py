"""The graph of a run: small, for drawing it again and again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas.jobs import duration_ms
from orvanta_platform.http.schemas.waiting import Waiting, fields, waiting
from orvanta_platform.services.run_views.graph import GraphNode, GraphWait, RunGraph
from orvanta_platform.services.run_views.graph_counts import BodyCounts

T = TypeVar("T")


class NodeWaits(Waiting, kw_only=True):
    """What a node waits for. `approvers` may decide (none named: whoever may run the workflow), `left` of them must."""

    left: int | UnsetType = UNSET


class BodiesCounted(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Iterations or branches by how they stand; `total`: how many there will be. `branch`: which one a branchone took,
    or `default`. `run`: that of a sub-workflow.
    """

    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int | UnsetType = UNSET
    branch: int | str | UnsetType = UNSET
    run: UUID | UnsetType = UNSET


class NodeStands(msgspec.Struct, kw_only=True):
    """One node. `status`: pending, queued, waiting, paused, running, succeeded, failed, skipped, cancelled. `attempt`:
    where there was more than one. `inside`: the node that holds it; of such a one `counts`: how often it stands how.
    """

    status: str
    job: UUID | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    started_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    error: str | UnsetType = UNSET
    kept: bool | UnsetType = UNSET
    skipped: bool | UnsetType = UNSET
    waits: list[NodeWaits] | UnsetType = UNSET
    bodies: BodiesCounted | UnsetType = UNSET
    counts: dict[str, int] | UnsetType = UNSET
    inside: str | UnsetType = UNSET


class Graph(msgspec.Struct, kw_only=True):
    """A run and its nodes by id. `rev` changes with whatever else does. `taken` and `dead`: edges as [from, to, on].

    `part`: only nodes that changed and edges that were decided since `rev` was that. `breakpoints`: the nodes before
    which it pauses.
    """

    run_id: UUID
    rev: str
    status: str
    canceled: bool
    recovered: bool
    skipped: bool
    created_at: datetime
    nodes: dict[str, NodeStands]
    taken: list[tuple[str, str, str]]
    dead: list[tuple[str, str, str]]
    waits: Waiting | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    started_at: datetime | UnsetType = UNSET
    ended_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    part: str | UnsetType = UNSET
    breakpoints: list[str] | UnsetType = UNSET


def changes(before: RunGraph, found: RunGraph) -> Graph:
    """What is another one than before; the run itself is told whole."""
    known = {node.id: node for node in before.nodes}
    nodes = tuple(node for node in found.nodes if known.get(node.id) != node)
    decided = {*before.taken, *before.dead}
    taken = tuple(edge for edge in found.taken if edge not in decided)
    dead = tuple(edge for edge in found.dead if edge not in decided)
    made = graph(replace(found, nodes=nodes, taken=taken, dead=dead))
    made.part = before.rev
    return made


def graph(found: RunGraph) -> Graph:
    """The graph as the API shows it."""
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
        reason=_given(found.reason),
        error=_given(found.error_name),
        started_at=_given(found.started_at),
        ended_at=_given(found.ended_at),
        duration_ms=duration_ms(found.started_at, found.ended_at),
        breakpoints=list(found.breakpoints) or UNSET,
    )


def node(found: GraphNode) -> NodeStands:
    """One node as the API shows it."""
    begun = found.status != "pending"
    return NodeStands(
        status=found.status,
        job=_given(found.job) if begun else UNSET,
        attempt=found.attempt if found.attempt > 1 else UNSET,
        started_at=_given(found.started_at),
        duration_ms=duration_ms(found.started_at, found.ended_at),
        error=_given(found.error_name),
        kept=found.kept or UNSET,
        skipped=found.passed or UNSET,
        waits=[_wait(each) for each in found.waits] if found.waits else UNSET,
        bodies=UNSET if found.bodies is None else _bodies(found.bodies),
        counts=UNSET if found.counts is None else dict(found.counts),
        inside=_given(found.inside),
    )


def _wait(wait: GraphWait) -> NodeWaits:
    return NodeWaits(**fields(wait.why), left=_given(wait.left))  # type: ignore[arg-type]


def _bodies(counted: BodyCounts) -> BodiesCounted:
    return BodiesCounted(
        running=counted.running,
        succeeded=counted.succeeded,
        failed=counted.failed,
        cancelled=counted.cancelled,
        total=_given(counted.total),
        branch="default" if counted.branch == -1 else _given(counted.branch),
        run=_given(counted.child),
    )


def _given(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
