"""The iterations of a loop, or the branches of a branch, as jobs in their order: also those that no status lists."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import job_views
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.errors import NotFound
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, nested_bodies
from orvanta_platform.services.run_views.nested_bodies import Inside
from orvanta_platform.services.run_views.virtual_jobs import FRAME
from orvanta_platform.services.run_views.virtual_nodes import without_row


async def list_bodies(
    platform: Platform, actor: Actor, workspace: str, parent: UUID, node: str | None, *, first: int, most: int
) -> list[JobRow] | None:
    """The bodies of a node from the place `first` on, at most `most` places.

    `parent`: the run, or the body of another node, in which `node` stands; or the node itself. A body of one node is
    that node's job. None where there is no such node there, or it holds no bodies. Raises NotFound for a parent that
    is not there, where a node is named.
    """
    async with platform.db.acquire() as conn:
        try:
            row = await jobs.seen(platform, conn, actor, workspace, parent)
        except NotFound:
            if node is None:
                return None
            raise
        if not (row.is_flow or row.kind == FRAME or row.kind in _HOLDERS):
            return None
        plan = (await platform.blueprints.workflow(conn, row.document, None)).plan
        found = await _found(conn, row, plan, node, first, most)
        if found is None:
            return None
        holder, held = found
        rows = await job_views.find_jobs(conn, workspace, held.jobs)
    begun = RunState(bytes([Mark.RUNNING]) * (holder.number + 1))
    # What has no row is open: it has begun, and nothing of it that is a job of its own.
    made = without_row(row, row.id, holder.id, holder.number, begun)
    open_body = replace(made, kind=FRAME, state="running", started_at=row.started_at)
    return [
        rows[id] if id in rows else replace(open_body, id=id, created_at=at or row.created_at, started_at=at)
        for id, (at, _) in zip(held.jobs, held.times, strict=True)
    ]


_HOLDERS = frozenset(kind.value for kind in Kind if kind.is_container and kind is not Kind.FLOW)


async def _found(
    conn: Connection, row: JobRow, plan: Plan, node: str | None, first: int, most: int
) -> tuple[Node, Inside] | None:
    """The node and its bodies."""
    if row.kind in _HOLDERS:
        holder = plan.node(row.node_index or 0)
        bodies = await nested_bodies.bodies_of(conn, row.run, row.id, holder, row.failures, first, most)
        return (holder, bodies) if node in (None, holder.id) else None
    if row.is_flow:
        here, frame = plan, None
        steps = await job_views.top_steps_of(conn, row.run)
        failures = {step.node_index: step.failures for step in steps if step.ended_at is not None}
        state = RunState.decode(row.run_state or b"")
    else:
        here, state, _, failures = await jobs.body_of(conn, row, plan)
        frame = row.id
    named = next((each for each in (*here.nodes, *filter(None, [here.failure])) if each.id == node), None)
    if named is None or named.kind.value not in _HOLDERS:
        return None
    found = await nested_bodies.look(conn, row.run, here, state, failures, frame, only=named, first=first, most=most)
    return named, found.get(named.index, Inside(named.kind))
