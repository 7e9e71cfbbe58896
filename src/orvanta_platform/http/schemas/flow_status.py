"""Schema of a workflow's FlowStatus: its nodes as `modules`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.engine.states import NodeState
from orvanta_platform.http.schemas.bodies import Bodies, bodies
from orvanta_platform.http.schemas.waiting import Waiting, fields
from orvanta_platform.services.run_views.flow_status import ENDED, FlowProgress, NodeProgress

ModuleType = Literal[
    "WaitingForPriorSteps", "WaitingForEvents", "WaitingForExecutor", "InProgress", "Success", "Failure"
]

_TYPES: Mapping[NodeState, ModuleType] = {
    NodeState.PENDING: "WaitingForPriorSteps",
    NodeState.QUEUED: "WaitingForExecutor",
    NodeState.WAITING_TIMER: "WaitingForExecutor",
    NodeState.WAITING_GATE: "WaitingForExecutor",
    NodeState.WAITING_APPROVAL: "WaitingForEvents",
    NodeState.PAUSED: "WaitingForEvents",
    NodeState.WAITING_CHILDREN: "InProgress",
    NodeState.RUNNING: "InProgress",
    NodeState.SUCCEEDED: "Success",
    NodeState.SKIPPED: "Success",
    NodeState.FAILED: "Failure",
    NodeState.CANCELLED: "Failure",
}


class NodeApprover(msgspec.Struct, kw_only=True):
    """A person who approved, with the resume id used."""

    resume_id: int
    approver: str


class Module(Bodies, kw_only=True):
    """One node."""

    type: ModuleType
    id: str
    job: UUID | UnsetType = UNSET
    failed_retries: list[UUID] | UnsetType = UNSET
    """Job of each failed attempt. All attempts share one job, so its id is repeated."""

    skipped: bool | UnsetType = UNSET
    count: int | UnsetType = UNSET
    """Number of people who must still approve."""

    approvers: list[NodeApprover] | UnsetType = UNSET
    parent_module: str | UnsetType = UNSET


class Wait(Waiting, kw_only=True):
    """A node that waits, with the reason."""

    id: str
    job: UUID


class RetryStatus(msgspec.Struct, kw_only=True):
    """Failed attempts of the node that will be retried."""

    fail_count: int
    failed_jobs: list[UUID]


class FlowStatus(msgspec.Struct, kw_only=True):
    """The status of a workflow's nodes."""

    step: int
    """Lowest index in `modules` that has not completed."""

    modules: list[Module]
    """Nodes in document order."""

    failure_module: Module
    preprocessor_module: Module | UnsetType = UNSET
    waits: list[Wait]
    retry: RetryStatus | UnsetType = UNSET


def flow_status(progress: FlowProgress) -> FlowStatus:
    """Convert the progress of a run."""
    retried = next((node for node in progress.nodes if node.failures and node.ended_at is None), None)
    return FlowStatus(
        step=progress.step,
        modules=[_module(node) for node in progress.nodes],
        failure_module=_failure_module(progress),
        preprocessor_module=_module(progress.preprocessor) if progress.preprocessor else UNSET,
        waits=waits(progress),
        retry=RetryStatus(fail_count=retried.failures, failed_jobs=[retried.job] * retried.failures)
        if retried
        else UNSET,
    )


def waits(progress: FlowProgress) -> list[Wait]:
    """Return all waits in the run."""
    return [
        Wait(id=node.id, job=node.job, **fields(node.why))  # type: ignore[arg-type]
        for node in progress.waits
        if node.why is not None
    ]


def _module(node: NodeProgress) -> Module:
    # A node that was cancelled before it was queued is reported as still waiting.
    started = node.state is not NodeState.CANCELLED or node.enqueued_at is not None
    kind = _TYPES[node.state] if started else "WaitingForPriorSteps"
    if node.asks is not None and kind in ("WaitingForPriorSteps", "WaitingForEvents"):
        count, job = node.asks
        return Module(type="WaitingForEvents", id=node.id, job=job, count=count)
    found = bodies(node.inside, ended=node.state in ENDED) if kind != "WaitingForPriorSteps" else Bodies()
    child = node.inside.child if node.inside is not None else None
    return Module(
        **{name: getattr(found, name) for name in Bodies.__struct_fields__},
        type=kind,
        id=node.id,
        approvers=[NodeApprover(resume_id=number, approver=name) for number, name in node.approvers]
        if node.approvers and kind == "Success"
        else UNSET,
        job=UNSET if kind == "WaitingForPriorSteps" else child or node.job,
        failed_retries=[node.job] * node.failures if node.failures else UNSET,
        skipped=True if node.state is NodeState.SKIPPED or node.passed else UNSET,
    )


def _failure_module(progress: FlowProgress) -> Module:
    if progress.failure is None:
        return Module(type="WaitingForPriorSteps", id="failure")
    module = _module(progress.failure)
    if progress.failed_by is not None:
        module.parent_module = progress.failed_by
    return module
