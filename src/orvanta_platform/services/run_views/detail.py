"""Details of a run: its nodes with their times, its reason for waiting, its context."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.runs import RepeatedRun
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.states import NodeState
from orvanta_platform.orchestrator import values
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.flow_status import FlowProgress
from orvanta_platform.services.run_views.reasons import WaitReason

_NOTHING = b"null"


class RunDetail(msgspec.Struct, frozen=True):
    """A run."""

    row: JobRow
    status: str
    """queued, running, awaiting_approval, paused, succeeded, failed or cancelled."""
    result: bytes | None
    """JSON text; None while the run is live."""
    progress: FlowProgress | None
    errors: Mapping[str, bytes]
    """Error object of each failed node."""
    context: Mapping[str, bytes]
    why: WaitReason | None
    repeats: RepeatedRun | None = None


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RunDetail:
    """Return the run with this id, or the run of the job with this id. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if row.is_step:
            row = await jobs.get_readable(platform, conn, actor, workspace, row.run)
        progress = await jobs.progress_of(platform, conn, row) if row.is_flow else None
        (row,) = await jobs.add_details(conn, [row])
        why = await jobs.waiting_reason(conn, row)
        failed = [node for node in progress.all if node.state is NodeState.FAILED] if progress else []
        keys: list[ValueKey] = [(node.job, "result", "") for node in failed]
        keys += [(row.result_of, "result", "")] if row.result_of else []
        stored = await value_rows.get_values(conn, keys)
        repeats = await jobs.repeated(conn, row)
        context = await value_rows.get_context(conn, row.id) if row.is_flow else []
    opened = await values.open_rows(platform.storage, [*stored, *context])
    result = opened.get((row.result_of, "result", ""), _NOTHING) if row.result_of else _NOTHING
    if result == _NOTHING and row.cancelled:
        result = jobs.cancelled_error(row)
    return RunDetail(
        row=row,
        status=status_of(row),
        result=result if row.ended else None,
        progress=progress,
        errors={node.id: _error(opened.get((node.job, "result", ""), _NOTHING)) for node in failed},
        context={value.name: opened[value.key] for value in context},
        why=why,
        repeats=repeats,
    )


def status_of(row: JobRow) -> str:
    """Return a run's status for display. A run that is being cancelled still runs."""
    return "running" if row.state == "cancelling" else row.state


def _error(result: bytes) -> bytes:
    """Return the member `error` of a failed node's result."""
    try:
        return bytes(msgspec.json.decode(result, type=dict[str, msgspec.Raw])["error"])
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError):
        return result
