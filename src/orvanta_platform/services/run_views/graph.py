"""Graph of a whole run: status of each node and edge. It has no values and needs no query per node."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import approvals as approval_rows
from orvanta_platform.db import gates, job_views, pauses
from orvanta_platform.db import waits as wait_rows
from orvanta_platform.db.approvals import OpenApproval
from orvanta_platform.db.job_views import JobRow, NodeJobRow
from orvanta_platform.db.pauses import PauseRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine import display_status
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import OUTCOMES, Mark, RunState
from orvanta_platform.engine.states import NodeState
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import flow_status, graph_counts, jobs
from orvanta_platform.services.run_views.detail import status_of
from orvanta_platform.services.run_views.flow_status import NodeProgress
from orvanta_platform.services.run_views.graph_counts import BodyCounts, Counts, InnerCounts
from orvanta_platform.services.run_views.reasons import ReasonKind, WaitReason

_PAUSES_READ = 100
WAITS_SHOWN = 10
"""Maximum number of listed waits of one node."""

_TIMED = (Mark.WAITING_TIMER, Mark.SLEEPING, Mark.DEBOUNCING, Mark.WAITING_APPROVAL, Mark.SUSPENDED)
_ASKING = (Mark.WAITING_APPROVAL, Mark.SUSPENDED)
_WHY = {"approval": ReasonKind.APPROVAL, "suspend": ReasonKind.SUSPENDED}


class GraphWait(msgspec.Struct, frozen=True):
    """A reason why a node waits; `left`: number of missing votes."""

    why: WaitReason
    left: int | None = None


class GraphNode(msgspec.Struct, frozen=True):
    """A node of the graph."""

    id: str
    status: str
    job: UUID | None = None
    """None for a node inside others, which has many jobs."""
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    took: timedelta | None = None
    """Only for a node inside others: sum of the times that its jobs took."""
    error_name: str | None = None
    reused: bool = False
    passed: bool = False
    waits: tuple[GraphWait, ...] = ()
    bodies: BodyCounts | None = None
    """Bodies of a container node that has started."""
    counts: Mapping[str, int] | None = None
    """Only for a node inside others: number of its jobs by status."""
    inside: str | None = None
    """Id of the node that contains it."""


class RunGraph(msgspec.Struct, frozen=True):
    """Current state of a run."""

    run: UUID
    status: str
    why: WaitReason | None
    """Reason why the run as a whole waits."""
    reason: str | None
    """Reason why the run or its nodes wait, as a sentence."""
    canceled: bool
    recovered: bool
    skipped: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error_name: str | None
    nodes: tuple[GraphNode, ...] = ()
    """Empty for a run of one script."""
    breakpoints: tuple[str, ...] = ()
    """Ids of the nodes that the run pauses before."""
    taken: tuple[tuple[str, str, str], ...] = ()
    """Edges at the top level that were taken, as (from, to, on)."""
    dead: tuple[tuple[str, str, str], ...] = ()
    """Edges at the top level that will not be taken. Other edges are still open."""
    rev: str = ""
    """Changes whenever anything in the graph changes."""

    @property
    def ended(self) -> bool:
        """The run will not change any more."""
        return self.ended_at is not None


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RunGraph:
    """Return the graph of the run with this id, or of the run of the job with this id. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if row.is_step:
            row = await jobs.get_readable(platform, conn, actor, workspace, row.run)
        return await of_row(platform, conn, row)


async def of_row(platform: Platform, conn: Connection, row: JobRow) -> RunGraph:
    """Return the graph of a run, for callers that have checked permissions."""
    limits = await gates.list_limits_of_runs(conn, [row.id]) if row.state == "queued" and row.job_state is None else {}
    why = await jobs.waiting_reason(conn, replace(row, limit=limits.get(row.id)))
    graph = RunGraph(
        run=row.id,
        status=status_of(row),
        why=why,
        reason=why.text if why is not None else None,
        canceled=row.cancelled,
        recovered=row.recovered,
        skipped=row.skipped,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        error_name=row.error_name,
    )
    if row.is_flow:
        graph = await _with_nodes(platform, conn, row, graph)
    return replace(graph, rev=hashlib.sha256(msgspec.json.encode(graph)).hexdigest()[:16])


async def _with_nodes(platform: Platform, conn: Connection, row: JobRow, graph: RunGraph) -> RunGraph:
    plan = (await platform.blueprints.workflow(conn, row.document, None)).plan
    state = RunState.decode(row.run_state or b"")
    node_jobs = await job_views.list_top_node_jobs(conn, row.run)
    timed = not row.ended and any(mark in state.nodes for mark in _TIMED)
    due = await wait_rows.get_node_timers(conn, row.run) if timed else {}
    limited = Mark.WAITING_GATE in state.nodes
    limits = await gates.list_limits(conn, row.workspace, row.run, None) if limited else {}
    progress = flow_status.build(row.run, plan, state, node_jobs, due, limits=limits)
    counts = await _counts(conn, row, plan, state, node_jobs) if plan.nests else Counts()
    paused = await pauses.list_of_run(conn, row.run, _PAUSES_READ) if plan.nests and state.breakpoints else []
    waits = {} if row.ended else await _waits(conn, row, plan, state, progress.all, paused)
    nodes = [_node(node, waits.get(node.job, []), counts.bodies.get(node.index), row) for node in progress.all]
    holders = _holders(plan)
    deep = (node for node in plan.deep if node is not plan.preprocessor)
    nodes += [_inside(node, counts.inner.get(node.number), waits, holders.get(node.number)) for node in deep]
    taken, dead = _edges(plan, state)
    reason = (
        None
        if row.ended
        else display_status.status(plan, state, row.running).reason or _of_pause(paused) or graph.reason
    )
    before = () if row.ended else tuple(plan.node(at).id for at, set_ in state.breakpoints.items() if set_.on)
    return replace(graph, nodes=_with_reused_contents(nodes), breakpoints=before, taken=taken, dead=dead, reason=reason)


async def _counts(
    conn: Connection, row: JobRow, plan: Plan, state: RunState, node_jobs: Sequence[NodeJobRow]
) -> Counts:
    failures = {each.node_index: each.failures for each in node_jobs if each.ended_at is not None}
    return await graph_counts.count(conn, row, plan, state, failures)


def _node(node: NodeProgress, waits: Sequence[GraphWait], bodies: BodyCounts | None, run: JobRow) -> GraphNode:
    if node.why is not None and node.why.why is ReasonKind.CHILDREN and bodies is not None and bodies.child is not None:
        waits = [GraphWait(WaitReason(ReasonKind.RUN, run=bodies.child))]
    return GraphNode(
        id=node.id,
        status=_status(node),
        job=node.job,
        attempt=node.attempt,
        started_at=node.started_at if bodies is None else _start_of_loop(node, run),
        ended_at=node.ended_at,
        error_name=node.error_name,
        reused=node.reused,
        passed=node.passed,
        waits=tuple(waits),
        bodies=bodies,
    )


def _start_of_loop(node: NodeProgress, run: JobRow) -> datetime | None:
    """Return the start of a node with bodies. It opens before the first job of the run starts, and waits with it."""
    if node.started_at is None or run.started_at is None or node.ended_at is None:
        return node.started_at
    return min(max(node.started_at, run.started_at), node.ended_at)


def _status(node: NodeProgress) -> str:
    """Return the display status of a node. A node that waits for its bodies is shown as running."""
    if node.state is NodeState.WAITING_CHILDREN:
        return "running"
    return "waiting" if node.state.startswith("waiting") else node.state


def _holders(plan: Plan) -> dict[int, str]:
    """Map the number of each nested node to the id of the node that contains it."""
    return {node.number: holder.id for holder in plan.all_nodes for body in holder.bodies for node in body.plan.nodes}


def _inside(
    node: Node, counted: InnerCounts | None, waits: Mapping[UUID | str, list[GraphWait]], holder: str | None
) -> GraphNode:
    if counted is None:
        return GraphNode(id=node.id, status="pending", counts={}, inside=holder)
    return GraphNode(
        id=node.id,
        status=counted.status,
        started_at=counted.started_at,
        took=None if counted.status in ("running", "waiting", "queued", "paused") else counted.took,
        waits=tuple(waits.get(node.id, [])[:WAITS_SHOWN]),
        counts=dict(sorted(counted.counts.items())),
        inside=holder,
    )


def _with_reused_contents(nodes: Sequence[GraphNode]) -> tuple[GraphNode, ...]:
    """Mark the nodes inside a container with a reused result as reused: this run has no jobs of them."""
    found = {node.id: node for node in nodes}
    for id, node in found.items():
        holder = found.get(node.inside or "")
        if holder is not None and holder.reused and not node.counts:
            found[id] = replace(node, reused=True)
    return tuple(found.values())


def _of_pause(paused: Sequence[PauseRow]) -> str | None:
    first = next(iter(paused), None)
    return f"paused before node {first.node} by {first.paused_by}" if first is not None else None


async def _waits(
    conn: Connection,
    row: JobRow,
    plan: Plan,
    state: RunState,
    nodes: Iterable[NodeProgress],
    paused: Sequence[PauseRow],
) -> dict[UUID | str, list[GraphWait]]:
    """Return the reasons why nodes wait: by id at the top level, by name for nested nodes."""
    grouped = any(mark in _ASKING and _has_groups(plan, index) for index, mark in enumerate(state.nodes))
    opened = await approval_rows.list_open_of_run(conn, row.run) if plan.nests or grouped else []
    asked = {each.job: each for each in opened}
    found: dict[UUID | str, list[GraphWait]] = {}
    for node in nodes:
        asks = asked.pop(node.job, None)
        if node.why is not None and node.why.why is not ReasonKind.CHILDREN:
            why = replace(node.why, approvers=node.why.approvers + _groups(asks)) if asks else node.why
            left = node.asks[0] if node.asks is not None and why.why is ReasonKind.APPROVAL else None
            found[node.job] = [GraphWait(why, left)]
    deep = {node.id: node for node in plan.deep}
    for pause in paused:
        waits = found.setdefault(pause.node, [])
        if pause.frame is not None and len(waits) < WAITS_SHOWN:
            waits.append(GraphWait(WaitReason(ReasonKind.PAUSED, by=pause.paused_by)))
    for asks in asked.values():
        consent = deep[asks.node].approval or deep[asks.node].suspend if asks.node in deep else None
        approvers = (consent.approvers if consent is not None else ()) + _groups(asks)
        waits = found.setdefault(asks.node, [])
        waits.append(GraphWait(WaitReason(ReasonKind(_WHY[asks.kind]), until=asks.due_at, approvers=approvers)))
    return found


def _has_groups(plan: Plan, index: int) -> bool:
    consent = plan.node(index).approval or plan.node(index).suspend
    return consent is not None and consent.groups is not None


def _groups(asks: OpenApproval | None) -> tuple[str, ...]:
    named = msgspec.json.decode(asks.groups) if asks is not None and asks.groups is not None else []
    return tuple(f"g/{str(name).removeprefix('g/')}" for name in named) if isinstance(named, list) else ()


def _edges(plan: Plan, state: RunState) -> tuple[_Edges, _Edges]:
    taken: list[tuple[str, str, str]] = []
    dead: list[tuple[str, str, str]] = []
    for node in plan.nodes:
        for edge in node.edges:
            outcomes = OUTCOMES.get(state.nodes[edge.source])
            if outcomes is not None:
                edge_key = (plan.nodes[edge.source].id, node.id, edge.on)
                (taken if edge.on in outcomes else dead).append(edge_key)
    return tuple(taken), tuple(dead)


_Edges = tuple[tuple[str, str, str], ...]
