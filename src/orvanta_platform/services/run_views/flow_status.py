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
from orvanta_platform.db.gates import LimitRow
from orvanta_platform.db.job_views import StepRow
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.engine.states import NodeState
from orvanta_platform.services.run_views.nested_bodies import Inside
from orvanta_platform.services.run_views.reasons import Reason, of_job, of_node

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


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """One node of a run. `job` is its id whether or not there is a row for it.

    `attempt` counts starts, `failures` attempts that failed. `why` it waits. `passed`: skip_if was
    true. `asks`: people are asked before it begins, or by it: how many must still agree, and the id that links are
    signed for. `approvers`: (resume id, name) of
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
    why: Reason | None = None
    passed: bool = False
    asks: tuple[int, UUID] | None = None
    approvers: tuple[tuple[int, str], ...] = ()
    inside: Inside | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class FlowProgress:
    """All nodes in document order, the failure module apart; `failed_by`: the first node nobody's edge caught.

    `preprocessor`: of a run that begins with it.
    """

    nodes: tuple[NodeProgress, ...]
    failure: NodeProgress | None
    failed_by: str | None
    preprocessor: NodeProgress | None = None

    @property
    def step(self) -> int:
        """The lowest index that has not ended; the number of nodes when all have."""
        return next((node.index for node in self.nodes if node.state not in ENDED), len(self.nodes))

    @property
    def all(self) -> Iterable[NodeProgress]:
        """Every node, the preprocessor first, the failure module last."""
        return filter(None, (self.preprocessor, *self.nodes, self.failure))

    @property
    def waits(self) -> list[NodeProgress]:
        """Nodes that wait for something that can be named."""
        return [node for node in self.all if node.why is not None]


@dataclass(frozen=True, slots=True)
class Look:
    """What is read of a list beside its state and its jobs: see `build`."""

    due: Mapping[UUID, datetime]
    limits: Mapping[UUID, LimitRow]
    inside: Mapping[int, Inside]


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
    limits: Mapping[UUID, LimitRow] = _NO_LIMITS,
) -> FlowProgress:
    """The progress of `run`. `state` and `steps` may be read a moment apart: what is further on counts.

    `due`: when nodes that wait without a job go on, by their ids; `said`: what people decided in it. `frame`: of a list
    inside a node, whose plan and state these are. `inside`: what nodes hold, by index. `limits`: at which limits nodes
    stand in line, by their ids.
    """
    rows = {row.node_index: row for row in steps}
    look = Look(due, limits, inside)
    nodes = _with_people(
        plan, state, [_node(run, node, state, rows.get(node.number), look, frame) for node in plan.nodes], said
    )
    failure = None
    if plan.failure is not None:
        index = len(plan.nodes)
        failure = _node(run, plan.failure, state, rows.get(index), look)
    first = next(iter(state.unhandled()), None)
    before = plan.preprocessor
    if before is not None and before.index >= len(state.nodes):
        before = None
    begun = _node(run, before, state, rows.get(before.number), look) if before is not None else None
    return FlowProgress(nodes, failure, None if first is None else plan.node(first).id, begun)


def _with_people(
    plan: Plan, state: RunState, nodes: list[NodeProgress], said: Sequence[DecisionRow]
) -> tuple[NodeProgress, ...]:
    """Who agreed stands at the node that asked; that a suspend asks, at the node that follows."""
    for index, mark in enumerate(state.nodes[: len(nodes)]):
        node = plan.nodes[index]
        consent = node.approval or node.suspend
        if consent is None:
            continue
        progress = nodes[index]
        agreed = tuple((each.resume_id, each.approver) for each in said if each.job == progress.job and each.approved)
        left = (consent.required - state.votes.get(index, 0), progress.job)
        # A suspended node before this one may already have set `asks` to its own question.
        asks = left if mark == Mark.WAITING_APPROVAL else progress.asks
        nodes[index] = replace(progress, approvers=agreed, asks=asks)
        if mark == Mark.SUSPENDED:
            following = node.targets[0].index
            nodes[following] = replace(nodes[following], asks=left)
    return tuple(nodes)


def _of_row(row: StepRow) -> Reason | None:
    return of_job(row.state, row.queue, row.served, row.retry_at, untaken_at=row.untaken_at)


def _node(
    run: UUID,
    node: Node,
    run_state: RunState,
    row: StepRow | None,
    look: Look,
    frame: UUID | None = None,
) -> NodeProgress:
    origin = run_state.kept.origin(node.index) if run_state.kept is not None else None
    if origin is not None and run_state.nodes[node.index] != Mark.SKIPPED:
        job = ids.inner_job_id(origin.run, origin.frame, node.id)
        return NodeProgress(node.id, node.index, node.kind, run_state.node_state(node.index), job, kept=True)
    job = ids.inner_job_id(run, frame, node.id)
    mark, decided = run_state.nodes[node.index], run_state.node_state(node.index)
    held = look.inside.get(node.index)
    at = run_state.breakpoints.get(node.number)
    child, by = held.child if held is not None else None, at.by if at is not None else None
    why = of_node(node, mark, look.due.get(job), look.limits.get(job), child, by)
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
