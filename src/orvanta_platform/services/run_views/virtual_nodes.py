"""Nodes without a row of their own in the form of a job: not started, skipped, or reused from an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from orvanta_platform.db.job_views import JobRow
from orvanta_platform.engine.state import RunState
from orvanta_platform.engine.states import NodeState
from orvanta_platform.ids import inner_job_id
from orvanta_platform.services.run_views.flow_status import ENDED

_STATES: Mapping[NodeState, str] = {
    NodeState.SUCCEEDED: "succeeded",
    NodeState.SKIPPED: "succeeded",
    NodeState.FAILED: "failed",
}


def without_row(run: JobRow, id: UUID, node: str, index: int, state: RunState) -> JobRow:
    """Return a node that has not started, or never will; a reused one has the result of the earlier run."""
    decided = state.node_state(index)
    origin = state.reused.origin(index) if state.reused is not None else None
    ended = run.ended or decided in ENDED
    known = decided is NodeState.SKIPPED or origin is not None
    ended_as = _STATES.get(decided, "cancelled") if known else "cancelled"
    is_reused = origin is not None and decided is not NodeState.SKIPPED
    fields: dict[str, Any] = {
        "id": id,
        "is_step": True,
        "ended": ended,
        "node": node,
        "node_index": index,
        "kind": "flownode",
        "state": ended_as if ended else "scheduled",
        "own_path": None,
        "path": f"{run.run_path}/{node}" if run.run_path else None,
        "version": None,
        "script_hash": None,
        "queue": None,
        "parent": run.run,
        "started_at": None,
        "ended_at": (run.ended_at or run.started_at or run.created_at) if ended else None,
        "cancelled": ended and ended_as == "cancelled",
        "skipped": decided is NodeState.SKIPPED,
        "recovered": False,
        "error_name": None,
        "result_of": inner_job_id(origin.run, origin.frame, node) if is_reused and origin is not None else None,
        "run_state": None,
        "job_state": None,
    }
    return replace(run, **fields)
