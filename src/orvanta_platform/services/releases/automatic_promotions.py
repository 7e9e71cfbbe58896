"""Automatic promotion of the releases of the previous environment, with the rights of the member who set it up."""

from __future__ import annotations

from typing import Final

import structlog
from msgspec.structs import replace

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor, Role, system
from orvanta_platform.control.permissions import Target, refuse_job, refuse_limited, require
from orvanta_platform.db import automatic_promotions as rows
from orvanta_platform.db import deployments as deployment_rows
from orvanta_platform.db import workspaces
from orvanta_platform.db.automatic_promotions import AutomaticPromotionRow, DuePromotion
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, Conflict, Forbidden, NotFound, OrvantaError
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.reasons import Reason, reason, reason_of, stored
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import deployments, environment_rules, releases, requests
from orvanta_platform.services.releases.plans import DeploymentPlan
from orvanta_platform.services.releases.releases import Release
from orvanta_platform.workflow.releases.adapt import identity_of
from orvanta_platform.workflow.tree.item import Key

RETRY_S: Final = 300.0
"""Seconds between two attempts to promote a release."""

log = structlog.get_logger(__name__)


async def get(platform: Platform, actor: Actor, workspace: str) -> AutomaticPromotionRow | None:
    """Return the automatic promotion to the environment of a workspace. Raises NotFound, Forbidden.

    Its texts may name paths that the member who set it up can read: members who may not apply do not get them.
    """
    environment = await requests.environment_of(platform, actor, workspace)
    async with platform.db.acquire() as conn:
        found = await rows.get(conn, environment.name)
    if found is None or _may_read_texts(actor, environment, found):
        return found
    hidden = stored(environment_rules.HIDDEN)
    waits_for, disabled_reason = (each and hidden for each in (found.waits_for, found.disabled_reason))
    return replace(found, waits_for=waits_for, disabled_reason=disabled_reason)


def _may_read_texts(actor: Actor, environment: EnvironmentRow, found: AutomaticPromotionRow) -> bool:
    return actor.role is Role.ADMIN or actor.email == found.email or environment_rules.may_apply(actor, environment)


async def enable(platform: Platform, actor: Actor, workspace: str) -> None:
    """Promote releases to the environment automatically, as the actor, who must be able to apply them.

    Raises NotFound, Forbidden, BadRequest if it is the first environment.
    """
    environment = await requests.environment_of(platform, actor, workspace)
    environment_rules.require_applier(actor, environment)
    refuse_limited(actor, "set up automatic promotions")
    async with platform.db.transaction() as conn:
        if await deployment_rows.find_previous(conn, environment.name) is None:
            raise BadRequest(
                f"{environment.name} is the first environment.", hint="Releases come from the environment before it."
            )
        await rows.enable(conn, environment.name, actor.permissioned_as, actor.email)
        await audit.record(conn, actor, "deployments.enable_automatic", "Updated", environment.name)


async def disable(platform: Platform, actor: Actor, workspace: str) -> None:
    """Stop promoting releases automatically, as a member who may apply or an admin. Raises NotFound, Forbidden."""
    environment = await requests.environment_of(platform, actor, workspace)
    require(actor, "apply", Target(workspace, "deployment"))
    refuse_job(actor, "change automatic promotions")
    if actor.role is not Role.ADMIN:
        environment_rules.require_applier(actor, environment)
    async with platform.db.transaction() as conn:
        if await rows.delete(conn, environment.name):
            await audit.record(conn, actor, "deployments.disable_automatic", "Updated", environment.name)


async def promote_due(platform: Platform) -> int:
    """Promote the releases that are due; return their number.

    Each attempt checks the rights of the member who set it up again, and that the release is still due: those before it
    may take minutes. Concurrent calls are harmless: an environment has one open request for a release, and applies one
    at a time.
    """
    async with platform.db.acquire() as conn:
        listed = await rows.list_due(conn)
    for each in listed:
        async with platform.db.acquire() as conn:
            due = await rows.find_due(conn, each.environment)
        if due is not None:
            await _promote(platform, due)
    return len(listed)


async def _promote(platform: Platform, due: DuePromotion) -> None:
    waits_for: Reason | None
    try:
        waits_for = await _attempt(platform, due)
    except Forbidden as error:
        await _end(platform, due, reason_of(error))
        return
    except OrvantaError as error:
        waits_for = reason_of(error)
    except Exception as error:  # another environment must not wait for this one
        log.warning("promotion failed", action="promote", environment=due.environment, error=repr(error))
        waits_for = reason("internal")
    async with platform.db.acquire() as conn:
        await rows.set_attempt(conn, due, RETRY_S, None if waits_for is None else stored(waits_for))


async def _attempt(platform: Platform, due: DuePromotion) -> Reason | None:
    """Request and apply a release; return what it waits for, None if it was applied."""
    actor = await environment_rules.resolve_member(platform, due.workspace, due.permissioned_as, due.email)
    environment = await requests.environment_of(platform, actor, due.workspace)
    environment_rules.require_applier(actor, environment)
    release = await _release(platform, due)
    if due.request is None:
        planned = await requests.open_request(platform, actor, environment, release, "promotion", overwrite=False)
        async with platform.db.transaction() as conn:
            await _record(conn, actor, "deployments.request_automatically", due, planned.request.id)
    else:
        planned = await requests.get(platform, actor, due.workspace, due.request)
        if planned.is_stale:
            planned = await requests.renew(platform, actor, due.workspace, due.request, overwrite=False)
    if acting := await document_threads.run_in_thread(due.workspace, _acting, planned.plan):
        # Without a review, a release of the previous environment must not change what runs for a member here.
        kind, path = acting[0]
        return reason("acting_item", kind=kind, path=path)
    if removed := planned.plan.plan.of("remove"):
        return reason("removed_item", kind=removed[0].kind, path=removed[0].path)
    if blockers := [*planned.plan.blocked, *planned.unfulfilled]:
        return blockers[0].as_reason()
    request = planned.request

    async def begin(conn: Connection) -> None:
        now = await rows.find_due(conn, due.environment)
        if now is None or (now.release, now.email) != (due.release, due.email):
            raise Conflict(reason("no_longer_due"))
        await _record(conn, actor, "deployments.promote_automatically", due, request.id)

    await deployments.apply(platform, actor, due.workspace, request.id, request.plan_hash, begin=begin)
    return None


async def _record(conn: Connection, actor: Actor, operation: str, due: DuePromotion, request: int) -> None:
    """Record that a request of a member was made or applied without this member."""
    parameters = {"request": request, "release": f"{due.source}/{due.number}"}
    await audit.record(conn, actor, operation, "Execute", due.environment, parameters)


def _acting(plan: DeploymentPlan) -> list[Key]:
    """Return the added and changed items whose runs act for a fixed member."""
    contents = {each.key: each.content for each in plan.change.items}
    written = [each.key for each in plan.plan.of("add", "change")]
    return [key for key in written if key in plan.acts_for or identity_of(key[0], contents[key] or {}) is not None]


async def _release(platform: Platform, due: DuePromotion) -> Release:
    """Return the release. Raises Forbidden if the member may not read it in its own workspace."""
    async with platform.db.acquire() as conn:
        username = await workspaces.get_username(conn, due.source, due.email)
    name = due.permissioned_as if username is None else f"u/{username}"
    actor = await environment_rules.resolve_member(platform, due.source, name, due.email)
    try:
        return await releases.get(platform, actor, due.source, due.number)
    except NotFound as error:
        unreadable = reason("release_unreadable", user=name, number=str(due.number), workspace=due.source)
        raise Forbidden(unreadable) from error


async def _end(platform: Platform, due: DuePromotion, found: Reason) -> None:
    async with platform.db.transaction() as conn:
        if await rows.disable(conn, due, stored(found)):
            actor = system(due.workspace)
            parameters = {"member": due.permissioned_as, "reason": found.message}
            await audit.record(conn, actor, "deployments.end_automatic", "Updated", due.environment, parameters)
