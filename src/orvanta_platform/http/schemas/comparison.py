"""Two runs side by side."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas import graph as graph_schemas
from orvanta_platform.http.schemas.graph import NodeStands
from orvanta_platform.http.schemas.jobs import duration_ms
from orvanta_platform.services.run_views.comparison import ComparedNode, ComparedRun, ComparedValue, RunComparison
from orvanta_platform.workflow.diff import Difference

T = TypeVar("T")

Same = Literal["same", "differs", "unknown"]


class Glimpse(msgspec.Struct, kw_only=True):
    """A value: the bytes of its JSON text, and, of a short one, how it begins."""

    size: int
    begins: str | UnsetType = UNSET


class SideOfNode(NodeStands, kw_only=True):
    """A node in one of the two runs. `output`: what it gave, where it gave something."""

    output: Glimpse | UnsetType = UNSET


class NodeOfBoth(msgspec.Struct, kw_only=True):
    """A node by the id it has in `after`. A side is absent where that run has no such node.

    `output`: same, differs, or unknown (both are long and of one length, or erased). `parts`: in what the node is not
    the same: missing, definition, status, output. `renamed`: the id it has in `before`.
    """

    id: str
    output: Same
    parts: list[str]
    before: SideOfNode | UnsetType = UNSET
    after: SideOfNode | UnsetType = UNSET
    inside: str | UnsetType = UNSET
    renamed: str | UnsetType = UNSET


class RunOfBoth(msgspec.Struct, kw_only=True):
    """One of the two runs. `version`: of the workflow, where that was deployed."""

    run_id: UUID
    kind: str
    status: str
    trigger: str
    created_by: str
    created_at: datetime
    workflow: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    started_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    error: str | UnsetType = UNSET
    input: Glimpse | UnsetType = UNSET
    result: Glimpse | UnsetType = UNSET


class ComparedRuns(msgspec.Struct, kw_only=True):
    """Two runs. `nodes`: those that come first first. `difference`: of what they ran, where that is not the same.

    `parts_at`: the first node outside loops and branches that has `parts`.
    """

    before: RunOfBoth
    after: RunOfBoth
    input: Same
    result: Same
    nodes: list[NodeOfBoth]
    parts_at: str | UnsetType = UNSET
    difference: Difference | UnsetType = UNSET


def compared(found: RunComparison) -> ComparedRuns:
    """The comparison as the API shows it."""
    return ComparedRuns(
        before=_run(found.before),
        after=_run(found.after),
        input=found.input,
        result=found.result,
        nodes=[_node(node) for node in found.nodes],
        parts_at=_given(found.parts_at),
        difference=_given(found.difference),
    )


def _run(found: ComparedRun) -> RunOfBoth:
    row = found.row
    return RunOfBoth(
        run_id=row.id,
        kind=row.kind,
        status=found.graph.status,
        trigger=row.trigger,
        created_by=row.created_by,
        created_at=row.created_at,
        workflow=_given(row.path),
        version=_given(row.version),
        started_at=_given(row.started_at),
        duration_ms=duration_ms(row.started_at, row.ended_at),
        error=_given(row.error_name),
        input=_glimpse(found.input),
        result=_glimpse(found.result),
    )


def _node(node: ComparedNode) -> NodeOfBoth:
    before, after = (
        UNSET
        if side is None
        else SideOfNode(**msgspec.structs.asdict(graph_schemas.node(side)), output=_glimpse(output))
        for side, output in zip((node.before, node.after), node.outputs, strict=True)
    )
    return NodeOfBoth(
        id=node.id,
        output=node.output,
        parts=list(node.parts),
        before=before,
        after=after,
        inside=_given(node.inside),
        renamed=_given(node.renamed),
    )


def _glimpse(value: ComparedValue | None) -> Glimpse | UnsetType:
    if value is None:
        return UNSET
    begins = UNSET if value.beginning is None else value.beginning.decode("utf-8", "ignore")
    return Glimpse(size=value.size, begins=begins)


def _given(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
