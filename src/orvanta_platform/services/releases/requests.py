"""Requests to deploy a release to an environment: plans, assignees, approvals and rejections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.identity import actor_of
from orvanta_platform.control.permissions import Target, refuse_job, require, require_workspace
from orvanta_platform.db import deployment_mails, environments, service_accounts, tokens
from orvanta_platform.db import deployments as rows
from orvanta_platform.db.deployment_checks import CheckRow
from orvanta_platform.db.deployments import DecisionRow, OutcomeRow, RequestRow
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, Conflict, Forbidden, NotFound, StalePlan
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.platform import Platform, RequestKind
from orvanta_platform.services.releases import (
    approver_access,
    check_views,
    deployment_notices,
    environment_rules,
    plans,
    release_tests,
    releases,
)
from orvanta_platform.services.releases.approver_access import RequestAccess
from orvanta_platform.services.releases.decided_items import decode_items, encode_items
from orvanta_platform.services.releases.deployment_notices import Subject
from orvanta_platform.services.releases.plans import DeploymentPlan
from orvanta_platform.services.releases.preflight import Blocker
from orvanta_platform.services.releases.releases import Release, page_filter

RequestState: TypeAlias = Literal["open", "applied", "rejected", "withdrawn"]

MAX_ASSIGNEES: Final = 20
MAX_OPEN: Final = 20
"""Maximum number of open requests of a member to an environment. Rollbacks count, but are never refused."""

MAX_NOTIFIED: Final = 20
"""Maximum number of requests of a member to an environment in an hour of which others are notified."""


class PlannedRequest(msgspec.Struct, frozen=True):
    """A request with its current plan."""

    request: RequestRow
    plan: DeploymentPlan
    decisions: list[DecisionRow]
    unfulfilled: list[Blocker]
    """Rules of the environment that it does not fulfil yet."""
    check: CheckRow | None
    """Checks after its deployment; None: there are none."""
    access: RequestAccess
    outcome: OutcomeRow

    @property
    def is_stale(self) -> bool:
        """Return whether the environment or a required test has changed since the plan was made."""
        return self.request.state == "open" and self.plan.hash != self.request.plan_hash


async def environment_of(platform: Platform, actor: Actor, workspace: str) -> EnvironmentRow:
    """Return the environment whose workspace this is. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "deployment"))
    async with platform.db.acquire() as conn:
        found = await environments.get(conn, workspace)
    if found is None:
        raise NotFound(
            f"The workspace {workspace} is not an environment.",
            hint="A superadmin can create one (orvanta env create).",
        )
    return found


async def plan(
    platform: Platform, actor: Actor, workspace: str, source: str, number: int, *, overwrite: bool = False
) -> tuple[DeploymentPlan, list[Blocker]]:
    """Return the effect of a release on the environment, and the rules that a request would not fulfil yet.

    `source`: workspace of the release, which the actor must be able to read. Raises NotFound, Forbidden.
    """
    environment = await environment_of(platform, actor, workspace)
    release = await _get_release(platform, actor, source, number)
    made = await plans.make(platform, actor, environment, release, "promotion", overwrite=overwrite)
    async with platform.db.acquire() as conn:
        unfulfilled = await environment_rules.list_unfulfilled_time_rules(
            conn, environment, release.row.digest, "promotion"
        )
    return made, [*unfulfilled, *await release_tests.list_unfulfilled(platform, actor, release, made, "promotion")]


async def create(
    platform: Platform,
    actor: Actor,
    workspace: str,
    source: str,
    number: int,
    *,
    overwrite: bool = False,
    assignees: Sequence[str] = (),
) -> PlannedRequest:
    """Request the deployment of a release to the environment.

    `assignees`: usernames of approvers who are asked for their approval; none: all approvers are asked. Raises
    NotFound, Forbidden, BadRequest, Conflict if a request for the release is open, LimitExceeded.
    """
    require(actor, "write", Target(workspace, "deployment"))
    refuse_job(actor, "request deployments")
    environment = await environment_of(platform, actor, workspace)
    release = await _get_release(platform, actor, source, number)
    return await open_request(
        platform, actor, environment, release, "promotion", overwrite=overwrite, assignees=assignees
    )


async def open_request(
    platform: Platform,
    actor: Actor,
    environment: EnvironmentRow,
    release: Release,
    kind: RequestKind,
    *,
    overwrite: bool,
    reason: str | None = None,
    holds: bool = False,
    assignees: Sequence[str] = (),
) -> PlannedRequest:
    """Store a request for a release that the actor may read.

    `reason`: that of a rollback. `holds`: it holds further promotions, as long as it is open or once it was applied.
    """
    workspace = environment.workspace
    require(actor, "write", Target(workspace, "deployment"))
    made = await plans.make(platform, actor, environment, release, kind, overwrite=overwrite)
    notices = await deployment_notices.prepare(platform)
    async with platform.db.transaction() as conn:
        await _check_open(conn, actor, environment, release, kind)
        request = await _insert(conn, actor, release, kind, made, reason)
        await _ask_approvers(conn, actor, environment, request, assignees)
        named = (workspace, release.row.workspace, release.row.number, request, actor.username)
        subject = Subject(environment.name, *named, is_rollback=kind == "rollback")
        reports = await _may_notify(conn, environment, actor.email)
        if reports:
            await notices.queue(conn, "requested", subject)
        if holds and await rows.set_hold(conn, environment.name, actor.username, reason or "", request):
            about = {"request": request, "reason": reason}
            await audit.record(conn, actor, "deployments.hold", "Updated", environment.name, about)
            if reports:
                await notices.queue(conn, "held", subject)
    return await get(platform, actor, workspace, request)


async def _insert(
    conn: Connection, actor: Actor, release: Release, kind: RequestKind, made: DeploymentPlan, reason: str | None
) -> int:
    """Store a request with its plan; return its id."""
    environment, overwrite = made.environment.name, made.change.force
    authors = await service_accounts.list_responsible(conn, actor.email, actor.token)
    request = await rows.insert_request(
        conn,
        environment,
        release.row.id,
        kind,
        made.hash,
        actor.username,
        actor.email,
        authors,
        overwrite=overwrite,
        reason=reason,
    )
    parameters = {
        "request": request,
        "kind": kind,
        "release": f"{release.row.workspace}/{release.row.number}",
        "digest": release.row.digest,
        "plan": made.hash,
        "overwrite": overwrite,
    }
    await audit.record(conn, actor, "deployments.request", "Created", environment, parameters)
    return request


async def _ask_approvers(
    conn: Connection, actor: Actor, environment: EnvironmentRow, request: int, assignees: Sequence[str]
) -> None:
    """Ask the assignees of a new request, or without any all approvers, for their approval."""
    rules = rules_of(environment)
    if assignees:
        await store_assignees(conn, actor, environment, request, actor.email, assignees)
    elif rules.approvals and await _may_notify(conn, environment, actor.email):
        authors = [] if rules.author_may_approve else await rows.list_authors(conn, request)
        await deployment_mails.queue_for_approvers(conn, request, environment.workspace, rules.approvers, authors)


async def _may_notify(conn: Connection, environment: EnvironmentRow, author: str) -> bool:
    """Return whether others are notified of the requests of an author, who has not made too many in the last hour."""
    return await rows.count_recent(conn, environment.name, author) <= MAX_NOTIFIED


async def list_page(
    platform: Platform,
    actor: Actor,
    workspace: str,
    *,
    before: int | None = None,
    state: RequestState | None = None,
    limit: int = 30,
) -> list[RequestRow]:
    """Return a page of the requests that the actor may see, newest first: its own, and those of which it may read all
    paths in the workspace. Raises NotFound, Forbidden.
    """
    environment = await environment_of(platform, actor, workspace)
    filter = page_filter(actor, workspace, "deployment", limit)
    async with platform.db.acquire() as conn:
        return await rows.list_requests(conn, environment.name, actor.email, filter, before=before, state=state)


async def get(platform: Platform, actor: Actor, workspace: str, request: int) -> PlannedRequest:
    """Return a request with its current plan. Raises NotFound, Forbidden."""
    environment = await environment_of(platform, actor, workspace)
    async with platform.db.acquire() as conn:
        row = await find(conn, actor, environment, request)
        stored = await rows.get_release(conn, row.release)
        decisions = await rows.list_decisions(conn, request)
        unfulfilled = await environment_rules.list_unfulfilled_rules(conn, environment, row)
        filter = page_filter(actor, workspace, "deployment", 1)
        outcome = await rows.get_outcome(conn, request, filter)
        deployment = None if outcome is None else outcome.deployment
        found = {} if deployment is None else await check_views.list_checks(conn, actor, environment, [deployment])
    if stored is None or outcome is None:
        raise missing(request)
    is_open = row.state == "open"
    if row.kind == "rollback":
        # A closed rollback restored what the release does not contain.
        plans.require_restored(actor, workspace, [each.key for each in decode_items(outcome.closed_plan) or ()])
    release = await releases.open_release(workspace, stored)
    made = await plans.make(platform, actor, environment, release, row.kind, overwrite=row.overwrite, restores=is_open)
    if is_open:
        unfulfilled += await release_tests.list_unfulfilled(platform, actor, release, made, row.kind)
    check = None if deployment is None else found.get(deployment)
    access = await approver_access.get_access(platform, actor, row, made)
    return PlannedRequest(row, made, decisions, unfulfilled, check, access, outcome)


async def find(conn: Connection, actor: Actor, environment: EnvironmentRow, request: int) -> RequestRow:
    """Return a request that the actor may see. Raises NotFound, Forbidden for an approver of it."""
    filter = page_filter(actor, environment.workspace, "deployment", 1)
    row = await rows.get_request(conn, environment.name, request, actor.email, filter)
    if row is None:
        await approver_access.refuse_unreadable(conn, actor, environment, request)
        raise missing(request)
    return row


async def approve(
    platform: Platform, actor: Actor, workspace: str, request: int, plan_hash: str, comment: str | None = None
) -> PlannedRequest:
    """Approve a plan. Raises NotFound, Forbidden, Conflict, StalePlan if the plan has changed."""
    limits.check_text("A comment", comment)
    found = await get(platform, actor, workspace, request)
    notices = await deployment_notices.prepare(platform)
    async with platform.db.transaction() as conn:
        await environment_rules.require_approver(conn, actor, found.plan.environment, found.request)
        if found.is_stale:
            raise stale_plan(found.plan.hash)
        await require_open(conn, request, plan_hash)
        if await rows.has_approved(conn, request, plan_hash, actor.email):
            raise Conflict("You have approved this plan already.")
        await _decide(conn, actor, found.request, "approved", plan_hash, comment)
        await deployment_mails.queue_for_author(conn, request, "approved", actor.username, actor.email)
        await notices.queue(conn, "approved", subject_of(found, actor.username))
    return await get(platform, actor, workspace, request)


async def reject(
    platform: Platform, actor: Actor, workspace: str, request: int, comment: str | None = None
) -> PlannedRequest:
    """Reject and close a request. Raises NotFound, Forbidden, Conflict."""
    limits.check_text("A comment", comment)
    found = await get(platform, actor, workspace, request)
    notices = await deployment_notices.prepare(platform)
    async with platform.db.transaction() as conn:
        await environment_rules.require_approver(conn, actor, found.plan.environment, found.request)
        await rows.lock_environment(conn, found.request.environment)
        await require_open(conn, request, None)
        await _decide(conn, actor, found.request, "rejected", found.request.plan_hash, comment)
        await _close(conn, actor, found, "rejected")
        await deployment_mails.queue_for_author(conn, request, "rejected", actor.username, actor.email)
        await notices.queue(conn, "rejected", subject_of(found, actor.username))
    return await get(platform, actor, workspace, request)


async def withdraw(platform: Platform, actor: Actor, workspace: str, request: int) -> PlannedRequest:
    """Close a request, as its author or an admin. Raises NotFound, Forbidden, Conflict."""
    found = await get_as_author(platform, actor, workspace, request)
    async with platform.db.transaction() as conn:
        await rows.lock_environment(conn, found.request.environment)
        await require_open(conn, request, None)
        await audit.record(conn, actor, "deployments.withdraw", "Updated", found.request.environment, _id(request))
        await _close(conn, actor, found, "withdrawn")
    return await get(platform, actor, workspace, request)


async def _close(conn: Connection, actor: Actor, found: PlannedRequest, state: RequestState) -> None:
    """Close a request that is not applied, in its locked environment, and lift the hold that it has set."""
    request, environment = found.request.id, found.request.environment
    await rows.close_request(conn, request, state, actor.username, encode_items(found.plan.plan))
    if await rows.release_hold(conn, environment, request):
        parameters = {"request": request, "state": state}
        await audit.record(conn, actor, "deployments.lift_hold", "Updated", environment, parameters)


async def renew(
    platform: Platform, actor: Actor, workspace: str, request: int, *, overwrite: bool | None = None
) -> PlannedRequest:
    """Renew the plan of a request, as its author or an admin. Approvals of the previous plan no longer count.

    `overwrite` None: unchanged. Raises NotFound, Forbidden, Conflict.
    """
    found = await get_as_author(platform, actor, workspace, request)
    chosen = found.request.overwrite if overwrite is None else overwrite
    if chosen and not found.request.overwrite:
        _require_own_overwrite(actor, found)
    release = await _get_stored_release(platform, workspace, found.request)
    made = await plans.make(platform, actor, found.plan.environment, release, found.request.kind, overwrite=chosen)
    async with platform.db.transaction() as conn:
        await require_open(conn, request, None)
        await rows.set_plan(conn, request, made.hash, overwrite=chosen)
        parameters = {"request": request, "plan": made.hash, "overwrite": chosen}
        await audit.record(conn, actor, "deployments.renew", "Updated", found.request.environment, parameters)
    return await get(platform, actor, workspace, request)


async def lift_hold(platform: Platform, actor: Actor, workspace: str) -> None:
    """Permit promotions to the environment again, as a member who may apply. Raises NotFound, Forbidden, Conflict."""
    environment = await environment_of(platform, actor, workspace)
    environment_rules.require_applier(actor, environment)
    async with platform.db.transaction() as conn:
        if not await rows.lift_hold(conn, environment.name):
            raise Conflict(f"{environment.name} is not on hold.")
        await audit.record(conn, actor, "deployments.lift_hold", "Updated", environment.name)


async def require_open(conn: Connection, request: int, plan_hash: str | None) -> None:
    """Lock a request, and check that it is open and has this plan. Raises NotFound, Conflict, StalePlan."""
    locked = await rows.lock_request(conn, request)
    if locked is None:
        raise missing(request)
    state, current = locked
    if state != "open":
        raise Conflict(f"The request {request} is {state}.", hint="Create another one.")
    if plan_hash is not None and current != plan_hash:
        raise stale_plan(current)


def stale_plan(current: str) -> StalePlan:
    """Return the error for an outdated plan. `current`: hash of the current one."""
    return StalePlan(
        "The environment, a required test or the request was changed since the plan was made.",
        hint="Renew the plan of the request and review it; approvals of the old one do not count.",
        details={"plan_hash": current},
    )


def missing(request: int) -> NotFound:
    """Return the error for a request that does not exist or is not readable."""
    return NotFound(f"The request {request} does not exist.")


async def get_actor_in(platform: Platform, actor: Actor, workspace: str) -> Actor:
    """Return the actor with the rights that its token has in another workspace. Raises NotFound if it is no member."""
    if actor.workspace == workspace:
        require_workspace(actor, workspace)
        return actor
    async with platform.db.acquire() as conn:
        bearer = await tokens.resolve(conn, actor.token or b"", workspace, limits.MAX_SCOPES)
    if bearer is None:
        raise NotFound(f"The workspace {workspace[:100]} does not exist.")
    found = actor_of(bearer, workspace)
    require_workspace(found, workspace)
    return replace(found, kind=actor.kind, address=actor.address, request_id=actor.request_id)


async def _check_open(
    conn: Connection, actor: Actor, environment: EnvironmentRow, release: Release, kind: RequestKind
) -> None:
    """Lock the environment, and check that it may have another request."""
    await rows.lock_environment(conn, environment.name)
    same, own = await rows.find_open(conn, environment.name, release.row.id, kind, actor.email)
    if same is not None:
        raise Conflict(f"The request {same} for this release is open.", hint="Apply or renew it, or withdraw it.")
    if kind == "promotion":
        limits.check_count("Your open requests", own + 1, MAX_OPEN, hint="Withdraw those that are not needed.")


async def _get_release(platform: Platform, actor: Actor, source: str, number: int) -> Release:
    """Return a release, read with the rights that the actor's token has in the workspace of the release."""
    return await releases.get(platform, await get_actor_in(platform, actor, source), source, number)


async def _get_stored_release(platform: Platform, workspace: str, request: RequestRow) -> Release:
    async with platform.db.acquire() as conn:
        stored = await rows.get_release(conn, request.release)
    if stored is None:
        raise missing(request.id)
    return await releases.open_release(workspace, stored)


async def get_as_author(platform: Platform, actor: Actor, workspace: str, request: int) -> PlannedRequest:
    """Return a request that the actor may change. Raises NotFound, Forbidden."""
    require(actor, "write", Target(workspace, "deployment"))
    refuse_job(actor, "change requests to deploy")
    found = await get(platform, actor, workspace, request)
    if not approver_access.may_change(actor, found.request):
        raise Forbidden(
            f"The author of the request {request} is {found.request.author}.",
            hint="Only its author or an admin can change it.",
        )
    return found


def _require_own_overwrite(actor: Actor, found: PlannedRequest) -> None:
    """Check that the actor may let a request overwrite items, where its author may not approve it. Raises Forbidden.

    Otherwise an admin could decide to overwrite items, and alone approve this decision.
    """
    rules = rules_of(found.plan.environment)
    if rules.approvals and not rules.author_may_approve and actor.email != found.request.author_email:
        raise Forbidden(
            f"Only {found.request.author}, the author of the request, may let it overwrite items.",
            hint="Withdraw the request, and create your own that overwrites items: somebody else must approve it.",
        )


async def store_assignees(
    conn: Connection, actor: Actor, environment: EnvironmentRow, request: int, author: str, usernames: Sequence[str]
) -> None:
    """Ask these members, and nobody else, to approve a request, in the transaction of its caller, who may change it.

    `author`: e-mail address of the author of the request. Members who are new to the request get a mail. Raises
    BadRequest if one of them may not approve it.
    """
    require(actor, "write", Target(environment.workspace, "deployment"))
    limits.check_count("Assignees", len(usernames), MAX_ASSIGNEES, hint="Name a group in the rules of the environment.")
    rules = rules_of(environment)
    authors = [] if rules.author_may_approve else await rows.list_authors(conn, request)
    found = await rows.find_approvers(conn, environment.workspace, usernames, rules.approvers, authors, MAX_ASSIGNEES)
    if missing_names := sorted(set(usernames) - set(found)):
        raise BadRequest(
            f"{missing_names[0][:200]} may not approve this request to deploy to {environment.name}.",
            hint=f"Its approvers are: {', '.join(rules.approvers) or 'admins of the workspace'}, except its authors.",
        )
    added = await rows.assign(conn, request, found)
    if await _may_notify(conn, environment, author):
        await deployment_mails.queue_for_assignees(conn, request, added, actor.username)
    parameters = {"request": request, "assignees": sorted(found)}
    await audit.record(conn, actor, "deployments.assign", "Updated", environment.name, parameters)


def subject_of(found: PlannedRequest, username: str) -> Subject:
    """Return the subject of messages about a request. `username`: the member who caused them."""
    row, environment = found.request, found.plan.environment
    named = (environment.workspace, row.source, row.number, row.id, username)
    return Subject(environment.name, *named, is_rollback=row.kind == "rollback")


async def _decide(
    conn: Connection, actor: Actor, request: RequestRow, decision: str, plan_hash: str, comment: str | None
) -> None:
    await rows.insert_decision(conn, request.id, decision, plan_hash, actor.username, actor.email, comment)
    parameters = {"request": request.id, "decision": decision, "plan": plan_hash, "comment": comment}
    await audit.record(conn, actor, "deployments.decide", "Updated", request.environment, parameters)


def _id(request: int) -> dict[str, int]:
    return {"request": request}
