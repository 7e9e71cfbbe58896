"""Jobs with an id but no row: open container nodes and their bodies, waiting nodes, and nodes that have not started."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace

from orvanta_platform import ids
from orvanta_platform.db import frames, gates, job_views, pauses, step_debounces
from orvanta_platform.db.frames import BodyStatus
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views.virtual_nodes import without_row

FRAME = "frame"
"""Kind of a loop or branch body with more than one node."""


async def plan_of(platform: Platform, conn: Connection, row: JobRow) -> Plan:
    """Return the plan of a workflow's run, or of the run that a job belongs to."""
    return (await platform.blueprints.workflow(conn, row.document, None)).plan


_PLACES = (
    (gates.find_queue_entry, Mark.WAITING_GATE),
    (step_debounces.find_place, Mark.DEBOUNCING),
    (pauses.find_place, Mark.PAUSED),
)


async def find(platform: Platform, conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """Return the job with this id that has no row of its own; None if there is none."""
    body = await frames.find_body(conn, id)
    if body is not None and body.state is not None:
        return await _open_body(platform, conn, workspace, id, body)
    holder = await frames.find_open_container(conn, id)
    if holder is not None:
        return await _open_holder(platform, conn, workspace, id, *holder)
    for find_place, mark in _PLACES:
        place = await find_place(conn, workspace, id)
        if place is not None and place[1] is not None:
            return await _waiting(platform, conn, workspace, id, place[1], mark)
    for run in await job_views.list_runs_of_millisecond(conn, workspace, id):
        row = await job_views.find(conn, workspace, run)
        if row is None:
            continue
        plan = await plan_of(platform, conn, row)
        nodes = (*plan.nodes, plan.failure) if plan.failure else plan.nodes
        for node in nodes:
            if ids.node_job_id(run, node.id) == id:
                return without_row(row, id, node.id, node.index, RunState.decode(row.run_state or b""))
    return None


async def _waiting(
    platform: Platform, conn: Connection, workspace: str, id: UUID, frame: UUID, mark: Mark
) -> JobRow | None:
    """Return a node inside a loop or branch that waits without a job, in the form of a job."""
    body = await frames.find_body(conn, frame)
    row = await job_views.find(conn, workspace, body.run) if body is not None else None
    if body is None or row is None:
        return None
    holder = (await plan_of(platform, conn, row)).node(body.node_index)
    nodes = holder.bodies[0 if holder.kind.is_loop else body.place].plan.nodes
    node = next((node for node in nodes if ids.inner_job_id(body.run, frame, node.id) == id), None)
    if node is None:
        return None
    return without_row(row, id, node.id, node.number, RunState(bytes([mark]) * (node.number + 1)))


async def _open_holder(
    platform: Platform, conn: Connection, workspace: str, id: UUID, run: UUID, number: int
) -> JobRow | None:
    """Return a live loop or branch node, at any depth, in the form of a job."""
    row = await job_views.find(conn, workspace, run)
    if row is None:
        return None
    node = (await plan_of(platform, conn, row)).node(number)
    made = without_row(row, id, node.id, number, RunState(bytes([Mark.RUNNING]) * (number + 1)))
    return replace(made, kind=node.kind.value, state="running", started_at=row.started_at)


async def _open_body(platform: Platform, conn: Connection, workspace: str, id: UUID, body: BodyStatus) -> JobRow | None:
    """Return a live body of a loop or branch, in the form of a job."""
    row = await job_views.find(conn, workspace, body.run)
    if row is None:
        return None
    holder = (await plan_of(platform, conn, row)).node(body.node_index)
    made = without_row(row, id, holder.id, body.node_index, RunState(bytes([Mark.RUNNING]) * (body.node_index + 1)))
    return replace(made, kind=FRAME, state="running", started_at=row.started_at)
