"""Lookup of approvals by run, node, or the id in a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.names import is_service_email
from orvanta_platform.db import approvals as rows
from orvanta_platform.db import job_views, service_accounts
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.approvals import OpenApproval
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Consent, Kind, Node, Plan
from orvanta_platform.engine.state import OUTCOMES, Mark, RunState
from orvanta_platform.errors import Conflict, NotFound
from orvanta_platform.orchestrator.blueprints import is_workflow
from orvanta_platform.orchestrator.view import job_id
from orvanta_platform.services.approvals.approvers import ApprovalRequest, admits
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, results

_MAX_HINTS_BYTES = 256 << 10


def open_in(opened: Sequence[OpenApproval], row: JobRow, id: UUID, node: str | None = None) -> OpenApproval:
    """Return the open approval of the run or node `id`, found as `row`, among the open approvals of its run.

    Raises Conflict if there is none, or if there are several and `node` (the id of one, or of its job) selects none.
    """
    found = list(opened)
    if row.is_step or id != row.id:
        found = [each for each in found if each.job == id]
    if node is not None:
        found = [each for each in found if node in (each.node, str(each.job))]
    if not found:
        raise no_open_approval()
    if len(found) > 1:
        nodes = [each.node for each in found]
        raise Conflict(
            f"The run requests several approvals: {', '.join(nodes)}.",
            hint="Name one of them as `node`; inside a loop, where several have the same name, by its job.",
            details={"nodes": nodes, "jobs": [str(each.job) for each in found]},
        )
    return found[0]


async def visible_requests(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    row: JobRow,
    live: RunRow | None,
    opened: Sequence[OpenApproval],
) -> Sequence[OpenApproval]:
    """Return the open approvals that the actor may see: all of the run, or those that name the actor.

    Raises NotFound.
    """
    target = jobs.target_of(row)
    if permissions.can(actor, "decide", target) or permissions.can(actor, "read", target):
        return opened
    found = []
    for each in opened if live is not None else ():
        request = await find_request(platform, conn, live, each.job, opened) if live is not None else None
        if request is not None and request.consent.approvers and admits(actor, target, request.consent):
            found.append(each)
    if not found:
        raise NotFound(f"The job {row.id} does not exist.")
    return found


def no_open_approval() -> Conflict:
    """Create the error for a decision where no approval is open."""
    return Conflict("No approval is open here.", hint="It may have been decided, or have timed out.")


async def get_request(platform: Platform, conn: Connection, run: UUID, job: UUID) -> ApprovalRequest | None:
    """Return the approval that the node with this id requests or will request; None: there is none, or it is closed."""
    live = await run_rows.get_live_run(conn, run)
    return await find_request(platform, conn, live, job) if live is not None else None


async def find_request(
    platform: Platform, conn: Connection, live: RunRow, job: UUID, opened: Sequence[OpenApproval] | None = None
) -> ApprovalRequest | None:
    """Return the approval of a node like `get_request`, for a run that has been read.

    `opened`: its open approvals, if known.
    """
    found = await _find_request(platform, conn, live, job, opened)
    if found is None or found.consent.self_approval:
        return found
    found = replace(found, accounts=found.accounts | await _list_responsible(conn, live.email))
    if live.parent is None:
        return found
    # A run of an on-behalf sub-workflow belongs to the member it acts for, but the starter of the root run must not
    # decide there either.
    root = await run_rows.get_live_run(conn, live.root)
    if root is None:
        return found
    return replace(
        found, created_by=root.created_by, accounts=found.accounts | await _list_responsible(conn, root.email)
    )


async def _list_responsible(conn: Connection, email: str) -> frozenset[str]:
    """Return the account of a run, and for a service account those that answer for it."""
    if not is_service_email(email):
        return frozenset([email])
    return frozenset(await service_accounts.list_responsible(conn, email, None))


async def _find_request(
    platform: Platform, conn: Connection, live: RunRow, job: UUID, opened: Sequence[OpenApproval] | None
) -> ApprovalRequest | None:
    if not is_workflow(live.kind):
        return None
    plan = (await platform.blueprints.of(conn, live, is_call=True)).plan
    if opened is None:
        opened = await rows.list_open_of_run(conn, live.id)
    asks = next((each for each in opened if each.job == job), None)
    if asks is not None:
        return request_of(plan, asks, live)
    state = RunState.decode(live.state)
    for index in range(len(plan.nodes) + (plan.failure is not None)):
        if job_id(plan, live.id, index) == job:
            return None if _is_over(state, index) else _find_waiting_node(plan.node(index), None, live)
    inside = await run_rows.find_run(conn, live.workspace, job)
    if inside is None or inside.job != job or inside.node is None:
        return None
    return _find_waiting_node(_by_id(plan, inside.node), None, live)


async def find_requesting_run(platform: Platform, conn: Connection, run: JobRow) -> JobRow:
    """Return the run, or, if it requests no approval, its one sub-workflow that does. Raises Conflict for several."""
    if not run.is_flow or await rows.list_open_of_run(conn, run.run):
        return run
    below = await rows.list_waiting_sub_workflows(conn, run.run)
    if len(below) > 1:
        raise Conflict(
            "Several sub-workflows of the run request approvals.",
            hint="Decide in one of them, by its id.",
            details={"jobs": [str(each) for each in below]},
        )
    found = await jobs.find(platform, conn, run.workspace, below[0]) if below else None
    return found or run


async def find_job(platform: Platform, conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """Return the run or job with this id.

    For a node that requests an approval it returns the run, because nodes inside others have no row.
    """
    row = await job_views.find_live_run(conn, workspace, id)
    if row is not None:
        return row
    run = await rows.find_waiting_run(conn, workspace, id)
    asks = await job_views.find_live_run(conn, workspace, run) if run is not None else None
    return asks or await jobs.find(platform, conn, workspace, id)


def request_of(plan: Plan, opened: OpenApproval, live: RunRow) -> ApprovalRequest | None:
    """Return the request of an open approval, as far as the run itself determines it."""
    return _find_waiting_node(_by_id(plan, opened.node), opened, live)


def _find_waiting_node(node: Node | None, opened: OpenApproval | None, live: RunRow) -> ApprovalRequest | None:
    consent = consent_of(node) if node is not None else None
    if node is None or consent is None:
        return None
    if opened is not None and opened.form is not None:
        consent = replace(consent, form=msgspec.json.decode(opened.form))
    accounts = frozenset([live.email])
    return ApprovalRequest(node, consent, opened, live.created_by, live.permissioned_as, live.scopes, accounts)


def _by_id(plan: Plan, id: str) -> Node | None:
    """Return the node with this id, at any depth."""
    every = (*plan.nodes, *plan.deep, *((plan.failure,) if plan.failure else ()))
    return next((node for node in every if node.id == id), None)


def consent_of(node: Node) -> Consent | None:
    """Return the approval settings of a node."""
    return node.approval if node.kind is Kind.APPROVAL else node.suspend if node.targets else None


def _is_over(state: RunState, index: int) -> bool:
    mark = state.nodes[index]
    return mark in OUTCOMES or mark == Mark.SLEEPING


async def hints_of(platform: Platform, request: Sequence[ApprovalRequest]) -> list[dict[str, Any]]:
    """Return the default_args and enums that each suspended node returned for its form."""
    opened = [each.opened for each in request]
    keys = [(each.job, "result", "") if each is not None and each.kind == "suspend" else None for each in opened]
    found = await results.load_values(platform, [key for key in keys if key]) if any(keys) else {}
    return [_hints_in(found.get(key, b"{}")) if key else {} for key in keys]


def _hints_in(raw: bytes) -> dict[str, Any]:
    value = msgspec.json.decode(raw) if len(raw) <= _MAX_HINTS_BYTES else {}
    return {name: value[name] for name in ("default_args", "enums") if name in value} if isinstance(value, dict) else {}
