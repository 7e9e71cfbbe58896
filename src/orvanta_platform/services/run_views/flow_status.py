"""Progress of a workflow's run, derived from its plan, its state and the rows of its jobs.

The state contains decisions, and the rows what workers have done since: claiming a job does not change the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform import ids
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.db.gates import LimitRow
from orvanta_platform.db.job_views import NodeJobRow
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.engine.states import NodeState
from orvanta_platform.services.run_views.nested_bodies import Inside
from orvanta_platform.services.run_views.reasons import WaitReason, of_job, of_node

ENDED = frozenset({NodeState.SUCCEEDED, NodeState.FAILED, NodeState.SKIPPED, NodeState.CANCELLED})
_OF_JOB: Mapping[str, NodeState] = {
    "scheduled": NodeState.WAITING_TIMER,
    "available": NodeState.QUEUED,
    "running": NodeState.RUNNING,
    "succeeded": NodeState.SUCCEEDED,
    "failed": NodeState.FAILED,
    "cancelled": NodeState.CANCELLED,
}


_NO_TIMES: Mapping[UUID, datetime] = {}
_NOTHING_INSIDE: Mapping[int, Inside] = {}
_NO_LIMITS: Mapping[UUID, LimitRow] = {}


class NodeProgress(msgspec.Struct, frozen=True):
    """Progress of a node."""

    id: str
    index: int
    kind: str
    state: NodeState
    job: UUID
    """Id of its job, whether or not that has a row."""
    attempt: int = 0
    """Number of starts."""
    failures: int = 0
    """Number of failed attempts."""
    enqueued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error_name: str | None = None
    why: WaitReason | None = None
    """Reason for waiting."""
    passed: bool = False
    """skip_if was true."""
    asks: tuple[int, UUID] | None = None
    """Open approval before or by the node: the number of missing votes, and the id that links are signed for."""
    approvers: tuple[tuple[int, str], ...] = ()
    """(resume id, name) of the members who approved."""
    inside: Inside | None = None
    """Bodies of a container node that has started."""
    reused: bool = False
    """The result is reused from an earlier run, which `job` belongs to."""


class FlowProgress(msgspec.Struct, frozen=True):
    """Progress of a run."""

    nodes: tuple[NodeProgress, ...]
    """Nodes in document order, without the failure module."""
    failure: NodeProgress | None
    failed_by: str | None
    """The first node whose failure no edge handled."""
    preprocessor: NodeProgress | None = None
    """Present if the run starts with it."""

    @property
    def step(self) -> int:
        """The lowest index of a node that has not ended, or the number of nodes if all have."""
        return next((node.index for node in self.nodes if node.state not in ENDED), len(self.nodes))

    @property
    def all(self) -> Iterable[NodeProgress]:
        """All nodes, the preprocessor first, the failure module last."""
        return filter(None, (self.preprocessor, *self.nodes, self.failure))

    @property
    def waits(self) -> list[NodeProgress]:
        """Nodes with a known reason for waiting."""
        return [node for node in self.all if node.why is not None]


class NodeContext(msgspec.Struct, frozen=True):
    """Data of a list of nodes besides its state and jobs: see `build`."""

    due: Mapping[UUID, datetime]
    limits: Mapping[UUID, LimitRow]
    inside: Mapping[int, Inside]


def build(
    run: UUID,
    plan: Plan,
    state: RunState,
    node_jobs: Sequence[NodeJobRow],
    due: Mapping[UUID, datetime] = _NO_TIMES,
    decisions: Sequence[DecisionRow] = (),
    *,
    frame: UUID | None = None,
    inside: Mapping[int, Inside] = _NOTHING_INSIDE,
    limits: Mapping[UUID, LimitRow] = _NO_LIMITS,
) -> FlowProgress:
    """Compute the progress of `run`.

    `state` and `node_jobs` may be read at slightly different times: the more advanced one counts.

    `due`: times at which nodes that wait without a job continue, by their ids. `frame`:
    body that the plan and state belong to, if it is not the run. `inside`: bodies of nodes, by index. `limits`:
    concurrency limits that nodes wait for, by their ids.
    """
    rows = {row.node_index: row for row in node_jobs}
    context = NodeContext(due, limits, inside)
    nodes = _with_people(
        plan, state, [_node(run, node, state, rows.get(node.number), context, frame) for node in plan.nodes], decisions
    )
    failure = None
    if plan.failure is not None:
        index = len(plan.nodes)
        failure = _node(run, plan.failure, state, rows.get(index), context)
    first = next(iter(state.unhandled()), None)
    before = plan.preprocessor
    if before is not None and before.index >= len(state.nodes):
        before = None
    begun = _node(run, before, state, rows.get(before.number), context) if before is not None else None
    return FlowProgress(nodes, failure, None if first is None else plan.node(first).id, begun)


def _with_people(
    plan: Plan, state: RunState, nodes: list[NodeProgress], decisions: Sequence[DecisionRow]
) -> tuple[NodeProgress, ...]:
    """Add approvers to the node that requested approval, and a suspend's open approval to the node after it."""
    for index, mark in enumerate(state.nodes[: len(nodes)]):
        node = plan.nodes[index]
        consent = node.approval or node.suspend
        if consent is None:
            continue
        progress = nodes[index]
        agreed = tuple(
            (each.resume_id, each.approver) for each in decisions if each.job == progress.job and each.approved
        )
        left = (consent.required - state.votes.get(index, 0), progress.job)
        # A suspended node before this one may already have set `asks` to its own question.
        asks = left if mark == Mark.WAITING_APPROVAL else progress.asks
        nodes[index] = replace(progress, approvers=agreed, asks=asks)
        if mark == Mark.SUSPENDED:
            following = node.targets[0].index
            nodes[following] = replace(nodes[following], asks=left)
    return tuple(nodes)


def _of_row(row: NodeJobRow) -> WaitReason | None:
    return of_job(row.state, row.queue, row.served, row.retry_at, untaken_at=row.untaken_at)


def _node(
    run: UUID,
    node: Node,
    run_state: RunState,
    row: NodeJobRow | None,
    context: NodeContext,
    frame: UUID | None = None,
) -> NodeProgress:
    origin = run_state.reused.origin(node.index) if run_state.reused is not None else None
    if origin is not None and run_state.nodes[node.index] != Mark.SKIPPED:
        job = ids.inner_job_id(origin.run, origin.frame, node.id)
        return NodeProgress(node.id, node.index, node.kind, run_state.node_state(node.index), job, reused=True)
    job = ids.inner_job_id(run, frame, node.id)
    mark, decided = run_state.nodes[node.index], run_state.node_state(node.index)
    held = context.inside.get(node.index)
    at = run_state.breakpoints.get(node.number)
    child, by = held.child if held is not None else None, at.by if at is not None else None
    why = of_node(node, mark, context.due.get(job), context.limits.get(job), child, by)
    if row is None:
        passed = mark == Mark.PASSED
        return NodeProgress(node.id, node.index, node.kind, decided, job, why=why, passed=passed, inside=held)
    state = decided if decided in ENDED else _OF_JOB[row.state]
    return NodeProgress(
        id=node.id,
        index=node.index,
        kind=node.kind,
        state=state,
        job=job,
        attempt=row.attempt,
        failures=row.failures,
        enqueued_at=row.enqueued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        error_name=row.error_name,
        why=why if state in ENDED or mark == Mark.WAITING_GATE else _of_row(row),
        passed=mark == Mark.PASSED,
        inside=held,
    )
