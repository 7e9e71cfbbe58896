"""Iterations of a loop and branches of a branch node as ordered jobs, including those without a row."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import approvals, frames, job_views
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.errors import NotFound
from orvanta_platform.ids import inner_job_id
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, nested_bodies
from orvanta_platform.services.run_views.nested_bodies import Inside
from orvanta_platform.services.run_views.virtual_jobs import FRAME
from orvanta_platform.services.run_views.virtual_nodes import without_row


async def list_bodies(
    platform: Platform, actor: Actor, workspace: str, parent: UUID, node: str | None, *, first: int, limit: int
) -> list[JobRow] | None:
    """Return at most `limit` bodies of a node, starting with number `first`.

    `parent`: the run, or the body of another node, that contains `node`; or the node itself. If a body has one node, it
    is represented by that node's job. Returns None if there is no such node, or if it has no bodies. Raises NotFound
    for a parent that does not exist, if a node is named.
    """
    async with platform.db.acquire() as conn:
        try:
            row = await jobs.get_readable(platform, conn, actor, workspace, parent)
        except NotFound:
            if node is None:
                return None
            raise
        if not (row.is_flow or row.kind == FRAME or row.kind in _HOLDERS):
            return None
        plan = (await platform.blueprints.workflow(conn, row.document, None)).plan
        found = await _found(conn, row, plan, node, first, limit)
        if found is None:
            return None
        holder, held = found
        rows = await job_views.find_jobs(conn, workspace, held.jobs)
    begun = RunState(bytes([Mark.RUNNING]) * (holder.number + 1))
    # A body without a row is open: it has started, but none of its nodes with a job has.
    made = without_row(row, row.id, holder.id, holder.number, begun)
    open_body = replace(made, kind=_kind_of_open(holder), state="running", started_at=row.started_at)
    return [
        rows[id] if id in rows else replace(open_body, id=id, created_at=at or row.created_at, started_at=at)
        for id, (at, _) in zip(held.jobs, held.times, strict=True)
    ]


def _kind_of_open(holder: Node) -> str:
    """Return the kind of an open body without a row: that of its only node, if that is an approval."""
    nodes = holder.bodies[0].plan.nodes if holder.kind.is_loop else ()
    return Kind.APPROVAL.value if len(nodes) == 1 and nodes[0].kind is Kind.APPROVAL else FRAME


async def list_open_approvals(platform: Platform, actor: Actor, workspace: str, parent: UUID) -> list[JobRow]:
    """Return the approval nodes that wait in a body of a loop or branch, in the form of jobs; [] for other parents.

    They have no rows of jobs before their end.
    """
    async with platform.db.acquire() as conn:
        body = await frames.find_body(conn, parent)
        if body is None or body.state is None:
            return []
        opened = {
            each.job: each for each in await approvals.list_open_of_run(conn, body.run) if each.kind == "approval"
        }
        if not opened:
            return []
        try:
            row = await jobs.get_readable(platform, conn, actor, workspace, parent)
        except NotFound:
            return []
        plan = (await platform.blueprints.workflow(conn, row.document, None)).plan
        here = (await jobs.body_of(conn, row, plan))[0]
    found = []
    for node in here.nodes:
        id = inner_job_id(row.run, parent, node.id)
        if id in opened:
            made = without_row(row, id, node.id, node.number, RunState(bytes([Mark.RUNNING]) * (node.number + 1)))
            at = opened[id].opened_at
            found.append(
                replace(made, kind=node.kind.value, state="running", parent=parent, created_at=at, started_at=at)
            )
    return found


_HOLDERS = frozenset(kind.value for kind in Kind if kind.is_container and kind is not Kind.FLOW)


async def _found(
    conn: Connection, row: JobRow, plan: Plan, node: str | None, first: int, limit: int
) -> tuple[Node, Inside] | None:
    """Return the node and its bodies."""
    if row.kind in _HOLDERS:
        holder = plan.node(row.node_index or 0)
        bodies = await nested_bodies.bodies_of(conn, row.run, row.id, holder, row.failures, first, limit)
        return (holder, bodies) if node in (None, holder.id) else None
    if row.is_flow:
        here, frame = plan, None
        node_jobs = await job_views.list_top_node_jobs(conn, row.run)
        failures = {each.node_index: each.failures for each in node_jobs if each.ended_at is not None}
        state = RunState.decode(row.run_state or b"")
    else:
        here, state, _, failures = await jobs.body_of(conn, row, plan)
        frame = row.id
    named = next((each for each in (*here.nodes, *filter(None, [here.failure])) if each.id == node), None)
    if named is None or named.kind.value not in _HOLDERS:
        return None
    found = await nested_bodies.bodies_inside(
        conn, row.run, here, state, failures, frame, only=named, first=first, limit=limit
    )
    return named, found.get(named.index, Inside(named.kind))
