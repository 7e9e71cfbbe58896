"""Schemas of dry runs."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.services.catalog.dry_runs import DryRunOptions, ReportEntry, ReportPage


class DryRunBody(msgspec.Struct, kw_only=True):
    """Input and options of a dry run."""

    args: Raw | UnsetType = UNSET
    """Input of the workflow."""

    reads: bool = False
    """Execute nodes that declare `reads`. Nodes that declare `none` are always executed, others never."""

    run: UUID | None = None
    """Earlier run whose answers are played for nodes that are not executed."""

    test: str | None = None
    """Test of the workflow whose answers are played for nodes that are not executed."""


class DryRunPreviewBody(DryRunBody, kw_only=True):
    """A workflow that is not deployed, with input and options of its dry run."""

    value: Raw
    path: str | None = None
    """Path of the workflow, for permissions and its tests."""


class SimulatedExecution(msgspec.Struct, kw_only=True):
    """An execution of a node that the dry run answered for."""

    run: UUID
    """The dry run, or the run of a sub-workflow inside it."""

    workflow: str | None
    """Path of the workflow of `run`."""

    node: str
    execution: str
    """Node with the iterations of the loops around it, as in `fetch[0]`."""

    job: UUID
    kind: str
    """Kind of the node."""

    effects: Literal["none", "reads", "writes", "sends"]
    """Declared effects; `sends` also if the node declares none."""

    script: str | None
    """Path of the script; null for inline code and other kinds of nodes."""

    language: str | None
    method: str | None
    """HTTP method of a webhook."""

    attempt: int
    """Attempt, counted from 0."""

    answer: Literal["recorded", "sample", "none"]
    """Origin of the answer; none: it was null."""

    error: str | None
    """Name of the error with which the attempt failed."""

    inputs: Raw | None
    """Inputs that the node would have received, with secrets masked; null if they are larger than 64 KiB or erased."""


class DryRunReport(msgspec.Struct, kw_only=True):
    """A page of the report on a dry run."""

    run: UUID
    status: str
    executes: list[str]
    """Effects of the nodes that are executed."""

    executions: list[SimulatedExecution]
    """In order. Those with the effects `writes` and `sends` would have changed something."""

    last: int
    """Send it as `after` for the next page."""

    more: bool


def options(body: DryRunBody) -> DryRunOptions:
    """Convert the options of a dry run."""
    return DryRunOptions(body.reads, body.run, body.test)


def report(found: ReportPage) -> DryRunReport:
    """Convert a page of a report."""
    return DryRunReport(
        run=found.run,
        status=found.status,
        executes=list(found.executes),
        executions=[_execution(each) for each in found.entries],
        last=found.last,
        more=found.more,
    )


def _execution(entry: ReportEntry) -> SimulatedExecution:
    data = entry.data
    return SimulatedExecution(
        run=entry.run,
        workflow=entry.workflow,
        node=entry.node,
        execution=data.execution,
        job=data.job,
        kind=data.kind,
        effects=data.effects,
        script=data.path,
        language=data.language,
        method=data.method,
        attempt=data.attempt,
        answer=data.answer,
        error=data.error,
        inputs=None if entry.inputs is None else Raw(entry.inputs),
    )
