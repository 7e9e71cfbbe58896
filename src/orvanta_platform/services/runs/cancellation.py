"""Cancellation of runs and of parts of them."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.control import audit, limits
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import frames as frame_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunTarget
from orvanta_platform.errors import NotFound
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.services.approvals.lookup import find_job
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import run_access
from orvanta_platform.workflow.diagnostics import Diagnostic


async def cancel(
    platform: Platform, actor: Actor, workspace: str, id: UUID, reason: str | None, *, force: bool = False
) -> bool:
    """Cancel a run, or, by the id of a node or loop body, only that part (it fails with the error name Canceled).

    `force` does not wait for workers to respond. A repeated call has no effect. Returns False if the run or part had
    already ended. Raises NotFound, Forbidden, LimitExceeded.
    """
    limits.check_text("A reason", reason)
    target = await platform.db.retrying(
        lambda connection: _request_cancel(platform, actor, workspace, id, reason, force, connection)
    )
    if target is not None:
        platform.notify.cancelled(target)
        await advance(platform.tools, target)
    return target is not None


def already_ended(id: UUID) -> Diagnostic:
    """Return the warning about a call that cancels nothing."""
    return Diagnostic("already_ended", "warning", None, "", f"The run {id} has already ended; nothing was cancelled.")


async def _request_cancel(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    reason: str | None,
    force: bool,
    connection: Connection,
) -> UUID | None:
    """Store the request to cancel. Returns the run to advance, or None if it has ended."""
    target = await run_rows.find_run(connection, workspace, id)
    if target is None and (enclosing := await frame_rows.find_enclosing_run(connection, id)) is not None:
        target = await run_rows.find_run(connection, workspace, enclosing)
    if target is None:
        approval = await find_job(platform, connection, workspace, id)
        run = approval.run if approval is not None and not approval.ended else None
        target = await run_rows.find_run(connection, workspace, run) if run is not None else None
    if target is None:
        await _require_ended(actor, workspace, id, connection)
        return None
    run_access.require(actor, "cancel", workspace, target, missing=_missing(id))
    if id != target.id:
        event: inbox.InboxEvent = inbox.CancelJob(id, reason or f"Canceled by {actor.username}")
        await run_rows.insert_event(connection, target.id, inbox.write(event))
    elif not await _cancel_run(platform, actor, target, reason, force, connection):
        return target.id
    await audit.record(
        connection,
        actor,
        "jobs.cancel",
        "Delete",
        target.path,
        {"run": str(target.id), "job": str(id), "reason": reason, "force": force},
        workspace=workspace,
    )
    return target.id


async def _cancel_run(
    platform: Platform, actor: Actor, target: RunTarget, reason: str | None, force: bool, connection: Connection
) -> bool:
    """Request the cancellation of a run. False: it was already requested, and `force` changes nothing."""
    first = await run_rows.request_cancel(connection, target.id, actor.username, reason)
    if not (first or force):
        return False
    await run_rows.insert_event(connection, target.id, inbox.write(inbox.CancelRun(force)))
    await run_rows.set_cancel_timer(connection, target.id, platform.settings.cancel_grace_ms / 1000)
    return True


async def _require_ended(actor: Actor, workspace: str, id: UUID, connection: Connection) -> None:
    """Raise NotFound unless `id` is a run that has ended and that the actor may cancel."""
    ended = await run_rows.get_ended_run(connection, id)
    if ended is None or ended.workspace != workspace:
        raise _missing(id)
    run_access.require(actor, "cancel", workspace, ended, missing=_missing(id))


def _missing(id: UUID) -> NotFound:
    return NotFound(f"The job {id} does not exist.")
