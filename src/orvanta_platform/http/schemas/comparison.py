"""Schemas of the comparison of two runs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas import graph as graph_schemas
from orvanta_platform.http.schemas.graph import NodeSnapshot
from orvanta_platform.http.schemas.jobs import duration_ms
from orvanta_platform.services.run_views.comparison import ComparedNode, ComparedRun, ComparedValue, RunComparison
from orvanta_platform.workflow.diff import Difference

T = TypeVar("T")

Same = Literal["same", "differs", "unknown"]


class ValueSummary(msgspec.Struct, kw_only=True):
    """A summary of a value."""

    size: int
    """Length of its JSON text in bytes."""

    begins: str | UnsetType = UNSET
    """Start of the JSON text, for a short value."""


class NodeInRun(NodeSnapshot, kw_only=True):
    """A node in one of the two runs."""

    output: ValueSummary | UnsetType = UNSET
    """The node's result, if it has one."""


class NodeComparison(msgspec.Struct, kw_only=True):
    """A node in both runs."""

    id: str
    """Id of the node in `after`."""

    output: Same
    """`same`, `differs`, or `unknown` (both are long and of equal length, or erased)."""

    parts: list[str]
    """Aspects in which the node differs: missing, definition, status, output."""

    before: NodeInRun | UnsetType = UNSET
    """The node in the run before; absent if that run has no such node."""

    after: NodeInRun | UnsetType = UNSET
    """The node in the run after; absent if that run has no such node."""

    inside: str | UnsetType = UNSET
    renamed: str | UnsetType = UNSET
    """Id of the node in `before`, if it differs."""


class RunSummary(msgspec.Struct, kw_only=True):
    """One of the two runs."""

    run_id: UUID
    kind: str
    status: str
    trigger: str
    created_by: str
    created_at: datetime
    workflow: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    """Version of the workflow, if it was deployed."""

    started_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    error: str | UnsetType = UNSET
    input: ValueSummary | UnsetType = UNSET
    result: ValueSummary | UnsetType = UNSET


class ComparedRuns(msgspec.Struct, kw_only=True):
    """The comparison of two runs."""

    before: RunSummary
    after: RunSummary
    input: Same
    result: Same
    nodes: list[NodeComparison]
    """Nodes, predecessors first."""

    parts_at: str | UnsetType = UNSET
    """The first node outside loops and branches with `parts`."""

    difference: Difference | UnsetType = UNSET
    """Difference of the documents that the runs executed, if there is any."""


def compared(found: RunComparison) -> ComparedRuns:
    """Convert a comparison."""
    return ComparedRuns(
        before=_run(found.before),
        after=_run(found.after),
        input=found.input,
        result=found.result,
        nodes=[_node(node) for node in found.nodes],
        parts_at=_optional(found.parts_at),
        difference=_optional(found.difference),
    )


def _run(found: ComparedRun) -> RunSummary:
    row = found.row
    return RunSummary(
        run_id=row.id,
        kind=row.kind,
        status=found.graph.status,
        trigger=row.trigger,
        created_by=row.created_by,
        created_at=row.created_at,
        workflow=_optional(row.path),
        version=_optional(row.version),
        started_at=_optional(row.started_at),
        duration_ms=duration_ms(row.started_at, row.ended_at),
        error=_optional(row.error_name),
        input=_summary(found.input),
        result=_summary(found.result),
    )


def _node(node: ComparedNode) -> NodeComparison:
    before, after = (
        UNSET
        if side is None
        else NodeInRun(**msgspec.structs.asdict(graph_schemas.node(side)), output=_summary(output))
        for side, output in zip((node.before, node.after), node.outputs, strict=True)
    )
    return NodeComparison(
        id=node.id,
        output=node.output,
        parts=list(node.parts),
        before=before,
        after=after,
        inside=_optional(node.inside),
        renamed=_optional(node.renamed),
    )


def _summary(value: ComparedValue | None) -> ValueSummary | UnsetType:
    if value is None:
        return UNSET
    begins = UNSET if value.beginning is None else value.beginning.decode("utf-8", "ignore")
    return ValueSummary(size=value.size, begins=begins)


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
