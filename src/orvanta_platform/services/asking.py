"""What a run asks of people: found by the run, the node, or the id of a link."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import msgspec

from orvanta_platform.db import approvals as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.approvals import OpenApproval
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Consent, Kind, Node, Plan
from orvanta_platform.engine.state import OUTCOMES, Mark, RunState
from orvanta_platform.errors import Conflict
from orvanta_platform.services import jobs
from orvanta_platform.services.approvers import Asked
from orvanta_platform.services.blueprints import is_workflow
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.steps.scope import job_id


async def open_in(conn: Connection, row: JobRow, id: UUID, node: str | None = None) -> OpenApproval:
    """What the run or node `id`, found as `row`, asks now.

    Raises Conflict where that is nothing, or several things and `node` (the id of one, or of its job) names none.
    """
    found = await rows.open_of_run(conn, row.run)
    if row.is_step or id != row.id:
        found = [each for each in found if each.job == id]
    if node is not None:
        found = [each for each in found if node in (each.node, str(each.job))]
    if not found:
        raise Conflict("Nothing is asked of anybody here.", hint="It may have been decided, or have timed out.")
    if len(found) > 1:
        nodes = [each.node for each in found]
        raise Conflict(
            f"The run asks several things: {', '.join(nodes)}.",
            hint="Name one of them as `node`; inside a loop, where several have one name, by its job.",
            details={"nodes": nodes, "jobs": [str(each.job) for each in found]},
        )
    return found[0]


async def asked_of(platform: Platform, conn: Connection, run: UUID, job: UUID) -> Asked | None:
    """What the node with this id asks or will ask; None where it asks nobody, or nobody any more."""
    live = await run_rows.get_live_run(conn, run)
    if live is None or not is_workflow(live.kind):
        return None
    plan = (await platform.blueprints.of(conn, live)).plan
    opened = next((each for each in await rows.open_of_run(conn, run) if each.job == job), None)
    if opened is not None:
        return _asked(_by_id(plan, opened.node), opened, live)
    state = RunState.decode(live.state)
    for index in range(len(plan.nodes) + (plan.failure is not None)):
        if job_id(plan, run, index) == job:
            return None if _is_over(state, index) else _asked(plan.node(index), None, live)
    inside = await run_rows.run_of(conn, live.workspace, job)
    if inside is None or inside.job != job or inside.node is None:
        return None
    return _asked(_by_id(plan, inside.node), None, live)


async def place_of(platform: Platform, conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """The run or job with this id; of a node inside others, which has no row while it asks, its run."""
    row = await jobs.known(platform, conn, workspace, id)
    if row is not None:
        return row
    run = await rows.run_that_asks(conn, workspace, id)
    return await jobs.known(platform, conn, workspace, run) if run is not None else None


def _asked(node: Node | None, opened: OpenApproval | None, live: RunRow) -> Asked | None:
    consent = consent_of(node) if node is not None else None
    if node is None or consent is None:
        return None
    if opened is not None and opened.form is not None:
        consent = replace(consent, form=msgspec.json.decode(opened.form))
    return Asked(node, consent, opened, live.created_by, live.permissioned_as)


def _by_id(plan: Plan, id: str) -> Node | None:
    """The node with this id, wherever it stands."""
    every = (*plan.nodes, *plan.deep, *((plan.failure,) if plan.failure else ()))
    return next((node for node in every if node.id == id), None)


def consent_of(node: Node) -> Consent | None:
    """What the node asks of people."""
    return node.approval if node.kind is Kind.APPROVAL else node.suspend if node.targets else None


def _is_over(state: RunState, index: int) -> bool:
    mark = state.nodes[index]
    return mark in OUTCOMES or mark == Mark.SLEEPING
