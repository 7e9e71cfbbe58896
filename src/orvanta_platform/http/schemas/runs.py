"""Schemas of a run in the product's own format, and of the calls that start runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.http.schemas.flow_status import Wait, waits
from orvanta_platform.http.schemas.jobs import Repeats, duration_ms, repeats
from orvanta_platform.http.schemas.restarts import RestartedFrom
from orvanta_platform.http.schemas.waiting import Waiting, waiting
from orvanta_platform.services.run_views.detail import RunDetail
from orvanta_platform.services.run_views.flow_status import NodeProgress
from orvanta_platform.services.run_views.node_inputs import NodeInputs


class RunNode(msgspec.Struct, kw_only=True):
    """One node."""

    id: str
    kind: str
    status: str
    job: UUID
    """Id of the job with the node's log, arguments and result."""

    attempt: int
    """Number of starts."""

    started_at: datetime | UnsetType = UNSET
    ended_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    kept: bool | UnsetType = UNSET
    """True if the result comes from an earlier run, of which this run is a restart."""


class ReceivedInputs(msgspec.Struct, kw_only=True):
    """Inputs that a node of a run received."""

    inputs: Raw
    """Object of the inputs, with secrets masked."""

    unknown: list[str]
    """Names of inputs that cannot be computed again.

    They read the context, variables, resources, or values that are erased or large.
    """


class Run(msgspec.Struct, kw_only=True):
    """A run."""

    run_id: UUID
    workspace: str
    workflow: str | None
    """Path of the item."""

    status: str
    canceled: bool
    recovered: bool
    skipped: bool
    trigger: str
    created_by: str
    created_at: datetime
    nodes: list[RunNode]
    context: dict[str, Raw]
    waits: list[Wait]
    started_at: datetime | UnsetType = UNSET
    ended_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    wait_reason: str | UnsetType = UNSET
    """Reason for which the run as a whole waits, as a sentence."""

    wait: Waiting | UnsetType = UNSET
    """Reason for which the run as a whole waits, with details."""

    repeats: Repeats | UnsetType = UNSET


class ScriptPreviewBody(msgspec.Struct, kw_only=True):
    """Code to run without deploying it."""

    args: Raw | UnsetType = UNSET
    content: str | None = None
    path: str | None = None
    script_hash: str | None = None
    """Hash of the script version to run if there is no `content`; `path`, `tag`, `lock` and `flow_path` then have no
    effect."""

    language: str | None = None
    tag: str | None = None
    kind: str | None = None
    """`code` or `identity`."""

    lock: str | None = None
    """Lock of the packages, as in a deployment; otherwise they are resolved for the run."""

    flow_path: str | None = None
    """Path of the workflow of which the code is a part, for `OV_FLOW_PATH`."""


class FlowPreviewBody(msgspec.Struct, kw_only=True):
    """A workflow to run without deploying it."""

    value: Raw
    args: Raw | UnsetType = UNSET
    path: str | None = None
    tag: str | None = None
    restarted_from: RestartedFrom | None = None
    """Completed run that is continued."""


class RawScript(msgspec.Struct, kw_only=True):
    """Code whose packages are to be locked."""

    raw_code: str
    language: str
    path: str | None = None


class CodeFlowBody(msgspec.Struct, kw_only=True):
    """Arguments of a function of a workflow that is written as code."""

    args: Raw | UnsetType = UNSET


class DependenciesBody(msgspec.Struct, kw_only=True):
    """Scripts, one of which is to be locked."""

    raw_scripts: list[RawScript]
    entrypoint: str | None = None
    """Path of the script to lock. Defaults to the first script."""


class FlowDependenciesBody(msgspec.Struct, kw_only=True):
    """A workflow whose scripts are to be locked."""

    flow_value: Raw
    path: str | None = None


class CancelBody(msgspec.Struct, kw_only=True):
    """The reason for a cancel."""

    reason: str | None = None


def run(detail: RunDetail) -> Run:
    """Convert a run."""
    row = detail.row
    nodes = list(detail.progress.all) if detail.progress else []
    return Run(
        run_id=row.id,
        workspace=row.workspace,
        workflow=row.path,
        status=detail.status,
        canceled=row.cancelled,
        recovered=row.recovered,
        skipped=row.skipped,
        trigger=row.trigger,
        created_by=row.created_by,
        created_at=row.created_at,
        nodes=[_node(node, detail.errors.get(node.id)) for node in nodes],
        context={name: Raw(value) for name, value in detail.context.items()},
        waits=waits(detail.progress) if detail.progress else [],
        started_at=row.started_at or UNSET,
        ended_at=row.ended_at or UNSET,
        duration_ms=duration_ms(row.started_at, row.ended_at),
        result=UNSET if detail.result is None else Raw(detail.result),
        wait_reason=UNSET if detail.why is None else detail.why.text,
        wait=UNSET if detail.why is None else waiting(detail.why),
        repeats=repeats(detail.repeats),
    )


def _node(node: NodeProgress, error: bytes | None) -> RunNode:
    return RunNode(
        id=node.id,
        kind=node.kind,
        status="waiting" if node.state.startswith("waiting") else node.state,
        job=node.job,
        attempt=node.attempt,
        started_at=node.started_at or UNSET,
        ended_at=node.ended_at or UNSET,
        duration_ms=duration_ms(node.started_at, node.ended_at),
        error=UNSET if error is None else Raw(error),
        kept=True if node.reused else UNSET,
    )


def received_inputs(found: NodeInputs) -> ReceivedInputs:
    """Convert the inputs that a node received."""
    return ReceivedInputs(inputs=Raw(found.inputs), unknown=list(found.unknown))
