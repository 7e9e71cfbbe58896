"""How far a run of a workflow is: made at reading from the plan, the run's state and the rows of its jobs.

The state knows what was decided, the rows what workers did since: a claim does not step the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from orvanta_platform import ids
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.db.job_views import StepRow
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.engine.states import NodeState
from orvanta_platform.services.inside import Inside

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
_REASONS: Mapping[int, str] = {
    Mark.WAITING_TIMER: "waiting for its time",
    Mark.SLEEPING: "has ended; what follows waits for its time",
    Mark.WAITING_APPROVAL: "awaiting approval",
    Mark.SUSPENDED: "has ended; what follows awaits approval",
}
_ASKING = (Mark.WAITING_APPROVAL, Mark.SUSPENDED)


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """One node of a run. `job` is its id whether or not there is a row for it.

    `attempt` counts starts, `failures` attempts that failed. `reason` says why it does not run yet, with the
    time it waits for in `until`. `passed`: skip_if was true. `asks`: people are asked before it
    begins, or by it: how many must still agree, and the id that links are signed for. `approvers`: (resume id, name) of
    those who agreed. `inside`: what it holds, where it holds others and has begun. `kept`: it is the node of an earlier
    run, which `job` is of.
    """

    id: str
    index: int
    kind: str
    state: NodeState
    job: UUID
    attempt: int = 0
    failures: int = 0
    enqueued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error_name: str | None = None
    reason: str | None = None
    until: datetime | None = None
    passed: bool = False
    asks: tuple[int, UUID] | None = None
    approvers: tuple[tuple[int, str], ...] = ()
    inside: Inside | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class FlowProgress:
    """All nodes in document order, the failure module apart; `failed_by`: the first node nobody's edge caught."""

    nodes: tuple[NodeProgress, ...]
    failure: NodeProgress | None
    failed_by: str | None

    @property
    def step(self) -> int:
        """The lowest index that has not ended; the number of nodes when all have."""
        return next((node.index for node in self.nodes if node.state not in ENDED), len(self.nodes))

    @property
    def all(self) -> Iterable[NodeProgress]:
        """Every node, the failure module last."""
        return (*self.nodes, self.failure) if self.failure else self.nodes

    @property
    def waits(self) -> list[NodeProgress]:
        """Nodes that wait for something that can be named."""
        return [node for node in self.all if node.reason is not None]


def build(
    run: UUID,
    plan: Plan,
    state: RunState,
    steps: Sequence[StepRow],
    due: Mapping[UUID, datetime] = _NO_TIMES,
    said: Sequence[DecisionRow] = (),
    *,
    frame: UUID | None = None,
    inside: Mapping[int, Inside] = _NOTHING_INSIDE,
) -> FlowProgress:
    """The progress of `run`. `state` and `steps` may be read a moment apart: what is further on counts.

    `due`: when nodes that wait without a job go on, by their ids; `said`: what people decided in it. `frame`: of a list
    inside a node, whose plan and state these are. `inside`: what nodes hold, by index.
    """
    rows = {row.node_index: row for row in steps}
    told = [_node(run, node, state, rows.get(node.number), due, frame) for node in plan.nodes]
    told = [replace(node, inside=inside.get(node.index)) for node in told] if inside else told
    nodes = _with_people(plan, state, told, said)
    failure = None
    if plan.failure is not None:
        index = len(plan.nodes)
        failure = _node(run, plan.failure, state, rows.get(index), due)
        failure = replace(failure, inside=inside.get(index))
    first = next(iter(state.unhandled()), None)
    return FlowProgress(nodes, failure, None if first is None else plan.node(first).id)


def _with_people(
    plan: Plan, state: RunState, nodes: list[NodeProgress], said: Sequence[DecisionRow]
) -> tuple[NodeProgress, ...]:
    """Who agreed stands at the node that asked; that a suspend asks, at the node that follows."""
    for index, mark in enumerate(state.nodes[: len(nodes)]):
        node = plan.nodes[index]
        consent = node.approval or node.suspend
        if consent is None:
            continue
        told = nodes[index]
        agreed = tuple((each.resume_id, each.approver) for each in said if each.job == told.job and each.approved)
        left = (consent.required - state.votes.get(index, 0), told.job)
        nodes[index] = replace(told, approvers=agreed, asks=left if mark == Mark.WAITING_APPROVAL else None)
        if mark == Mark.SUSPENDED:
            following = node.targets[0].index
            nodes[following] = replace(nodes[following], asks=left)
    return tuple(nodes)


def waiting_for(job_state: str | None, queue: str | None, served: bool, retry_at: datetime | None) -> str | None:
    """Why a job does not run: a sentence for people, None where it does not wait."""
    if job_state == "available":
        return "waiting for a free slot" if served else f"no worker for queue {queue}"
    if job_state == "scheduled":
        return "waiting for its next attempt" if retry_at else "waiting for its time"
    return None


def _node(
    run: UUID,
    node: Node,
    run_state: RunState,
    row: StepRow | None,
    due: Mapping[UUID, datetime],
    frame: UUID | None = None,
) -> NodeProgress:
    origin = run_state.kept.origin(node.index) if run_state.kept is not None else None
    if origin is not None and run_state.nodes[node.index] != Mark.SKIPPED:
        job = ids.inner_job_id(origin.run, origin.frame, node.id)
        return NodeProgress(node.id, node.index, node.kind, run_state.node_state(node.index), job, kept=True)
    job = ids.inner_job_id(run, frame, node.id)
    mark, decided = run_state.nodes[node.index], run_state.node_state(node.index)
    reason = _REASONS.get(mark) if job in due or mark in _ASKING else None
    if row is None:
        return NodeProgress(
            node.id, node.index, node.kind, decided, job, reason=reason, until=due.get(job), passed=mark == Mark.PASSED
        )
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
        reason=reason if state in ENDED else waiting_for(row.state, row.queue, row.served, row.retry_at),
        until=due.get(job) if reason else row.retry_at,
        passed=mark == Mark.PASSED,
    )
