"""The iterations of a loop, or the branches of a branch, as jobs in their order: also those that no status lists."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import job_views
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.services import inside, jobs
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.rowless import without_row


async def list_bodies(
    platform: Platform, actor: Actor, workspace: str, run: UUID, node: str, *, first: int, most: int
) -> list[JobRow] | None:
    """The bodies of a node at the top level of a run from the place `first` on, at most `most` places.

    A body of one node is that node's job. None where there is no such node of this run, or it holds no bodies. Raises
    NotFound.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.seen(platform, conn, actor, workspace, run)
        if not row.is_flow:
            return None
        plan = (await platform.blueprints.workflow(conn, row.document, None)).plan
        holder = next((each for each in (*plan.nodes, *filter(None, [plan.failure])) if each.id == node), None)
        if holder is None or not holder.kind.is_container or holder.kind is Kind.FLOW:
            return None
        steps = await job_views.top_steps_of(conn, row.run)
        failures = {step.node_index: step.failures for step in steps if step.ended_at is not None}
        state = RunState.decode(row.run_state or b"")
        found = await inside.look(conn, row.run, plan, state, failures, only=holder, first=first, most=most)
        ids = found[holder.index].jobs if holder.index in found else ()
        rows = await job_views.find_jobs(conn, workspace, ids)
    begun = RunState(bytes([Mark.RUNNING]) * (holder.number + 1))
    # What has no row is open: it has begun, and nothing of it that is a job of its own.
    made = without_row(row, row.id, holder.id, holder.number, begun)
    open_body = replace(made, kind=jobs.FRAME, state="running", started_at=row.started_at)
    return [rows[id] if id in rows else replace(open_body, id=id) for id in ids]
