"""Deployments: a request applied to its environment in one transaction, and rollbacks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from msgspec.structs import asdict

from orvanta_platform.control import audit, limits
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.alert_settings import DeploymentEvent
from orvanta_platform.db import deployment_checks, deployment_mails, environments
from orvanta_platform.db import deployments as rows
from orvanta_platform.db.deployments import NewDeployment
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, Conflict, DeploymentBlocked, NotFound, StalePlan
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import Hooks
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import (
    deployment_notices,
    environment_rules,
    release_tests,
    releases,
    requests,
)
from orvanta_platform.services.releases.decided_items import encode_items
from orvanta_platform.services.releases.deployment_notices import Notices
from orvanta_platform.services.releases.plans import DeploymentPlan, item_hash, list_refused_removals
from orvanta_platform.services.releases.preflight import Blocker
from orvanta_platform.services.releases.requests import PlannedRequest
from orvanta_platform.workflow.tree.item import Key


class ApplyResult(msgspec.Struct, frozen=True):
    """A request after an attempt to apply it."""

    planned: PlannedRequest
    nothing_to_do: bool
    """No item was added, changed or removed."""


async def apply(
    platform: Platform,
    actor: Actor,
    workspace: str,
    request: int,
    plan_hash: str,
    *,
    bypass_reason: str | None = None,
    begin: Callable[[Connection], Awaitable[None]] | None = None,
) -> ApplyResult:
    """Apply a request: all of its items change, or none. The items are written with the rights of the actor.

    `bypass_reason`: reason for which a member whom the rules name in `bypass` does not wait until they are fulfilled.
    `begin`: called in the transaction once the environment is locked; an error that it raises ends the deployment.
    Raises NotFound, Forbidden, Conflict, StalePlan if the environment or the request was changed since the plan,
    DeploymentBlocked with all reasons, ChangesRefused.
    """
    found = await requests.get(platform, actor, workspace, request)
    environment = found.plan.environment
    environment_rules.require_applier(actor, environment)
    _require_bypass(actor, environment, bypass_reason)
    if found.request.state == "open" and plan_hash != found.request.plan_hash:
        raise requests.stale_plan(found.plan.hash)
    notices = await deployment_notices.prepare(platform)
    applying = _Applying(actor, environment, found, plan_hash, notices, bypass_reason, begin)
    return await _apply(platform, actor, found, applying)


async def _apply(platform: Platform, actor: Actor, found: PlannedRequest, applying: _Applying) -> ApplyResult:
    workspace, request = found.plan.environment.workspace, found.request.id
    if found.is_stale:
        raise requests.stale_plan(found.plan.hash)
    _require_unblocked([*found.plan.blocked, *(found.unfulfilled if applying.bypass_reason is None else [])])
    changed = found.plan.plan.of("add", "change", "remove")
    message = f"Release {found.request.number} of {found.request.source}"
    await change_sets.apply(
        platform,
        actor,
        workspace,
        found.plan.change,
        found.plan.plan.hash,
        message,
        Hooks(applying.end, applying.begin, "rollback" if found.request.kind == "rollback" else "promotion"),
    )
    return ApplyResult(await requests.get(platform, actor, workspace, request), not changed)


async def rollback(
    platform: Platform,
    actor: Actor,
    workspace: str,
    reason: str,
    *,
    source: str | None = None,
    number: int | None = None,
    overwrite: bool = False,
    bypass_reason: str | None = None,
) -> ApplyResult:
    """Deploy the release before the one that runs in the environment, or another one that ran there before it, and
    hold promotions until the hold is lifted.

    The request is applied immediately if nothing prevents it; otherwise it stays open. An open request of another
    member for the same rollback does not prevent it, and is withdrawn once it is done. Raises NotFound, Forbidden,
    BadRequest, Conflict if the actor has such a request, ChangesRefused.
    """
    limits.check_text("A reason", reason)
    if not reason.strip() or (source is None) != (number is None):
        raise BadRequest("A rollback needs a reason. Name a release by workspace and number, or omit both.")
    environment = await requests.environment_of(platform, actor, workspace)
    environment_rules.require_applier(actor, environment)
    _require_bypass(actor, environment, bypass_reason)
    async with platform.db.acquire() as conn:
        row = await rows.find_earlier(conn, environment.name, source, number)
    if row is None:
        raise NotFound(
            f"No such release ran in {environment.name} before the present one.",
            hint="The history of the environment lists its releases.",
        )
    release = await releases.open_release(workspace, row)
    opened = await requests.open_request(
        platform, actor, environment, release, "rollback", overwrite=overwrite, reason=reason, holds=True
    )
    waits = opened.plan.blocked or (opened.unfulfilled and bypass_reason is None)
    if waits:
        return ApplyResult(opened, nothing_to_do=False)
    return await apply(
        platform, actor, workspace, opened.request.id, opened.request.plan_hash, bypass_reason=bypass_reason
    )


async def open_previous(platform: Platform, actor: Actor, workspace: str, reason: str) -> PlannedRequest:
    """Request the rollback to the release before the one that runs in the environment, or return the actor's open
    request for it with a current plan. Raises NotFound, Forbidden, and Conflict if the open request would replace
    changed items.
    """
    environment = await requests.environment_of(platform, actor, workspace)
    environment_rules.require_applier(actor, environment)
    async with platform.db.acquire() as conn:
        row = await rows.find_earlier(conn, environment.name)
        if row is None:
            raise NotFound(f"No other release ran in {environment.name} before the present one.")
        present, _ = await rows.find_open(conn, environment.name, row.id, "rollback", actor.email)
    if present is None:
        release = await releases.open_release(workspace, row)
        return await requests.open_request(
            platform, actor, environment, release, "rollback", overwrite=False, reason=reason
        )
    found = await requests.get(platform, actor, workspace, present)
    if found.request.overwrite:
        raise Conflict(f"The open request {present} replaces items that were changed; a person must apply it.")
    return await requests.renew(platform, actor, workspace, present) if found.is_stale else found


async def apply_ordered(
    platform: Platform,
    actor: Actor,
    found: PlannedRequest,
    reason: str,
    begin: Callable[[Connection], Awaitable[None]],
) -> ApplyResult:
    """Apply a rollback that the rules of the environment order, without waiting for approvals and the end of frozen
    hours. `reason` and `begin`: see `apply`, whose errors it raises.
    """
    environment = found.plan.environment
    environment_rules.require_applier(actor, environment)
    notices = await deployment_notices.prepare(platform)
    applying = _Applying(actor, environment, found, found.request.plan_hash, notices, reason, begin, is_ordered=True)
    return await _apply(platform, actor, found, applying)


def _require_bypass(actor: Actor, environment: EnvironmentRow, reason: str | None) -> None:
    """Check a reason to bypass the rules, if there is one, and that the actor may."""
    limits.check_text("A reason", reason)
    if reason is None:
        return
    if not reason.strip():
        raise BadRequest("The reason is missing.", hint="The audit trail shows it.")
    environment_rules.require_bypass(actor, environment)


def _require_unblocked(blockers: list[Blocker]) -> None:
    if blockers:
        more = f" (and {len(blockers) - 1} more)" if len(blockers) > 1 else ""
        raise DeploymentBlocked(
            f"{blockers[0].message}{more}",
            hint=blockers[0].hint,
            details=[asdict(each) for each in blockers],
        )


class _Applying:
    """Steps of the transaction of a deployment before and after the change set."""

    def __init__(
        self,
        actor: Actor,
        environment: EnvironmentRow,
        found: PlannedRequest,
        plan_hash: str,
        notices: Notices,
        bypass_reason: str | None,
        begin: Callable[[Connection], Awaitable[None]] | None,
        *,
        is_ordered: bool = False,
    ) -> None:
        """`is_ordered`: the rules themselves order the deployment, so that nobody bypasses them."""
        self._actor = actor
        self._environment = environment
        self._current = environment
        """The environment as the transaction reads it."""
        self._found = found
        self._request = found.request
        self._plan: DeploymentPlan = found.plan
        self._plan_hash = plan_hash
        self._notices = notices
        self._begin = begin
        self._is_ordered = is_ordered
        self.bypass_reason = bypass_reason
        self._bypassed: list[str] = []
        """Codes of the rules that are not fulfilled."""

    async def begin(self, conn: Connection) -> None:
        """Wait for the environment, and check the request again: two deployments of it exclude each other."""
        if not await rows.lock_environment(conn, self._environment.name):
            raise NotFound(f"The environment {self._environment.name} does not exist.")
        request = self._request
        await requests.require_open(conn, request.id, self._plan_hash)
        earlier = (self._environment.name, request.source, request.number)
        if request.kind == "rollback" and await rows.find_earlier(conn, *earlier) is None:
            raise Conflict(
                f"Release {request.number} of {request.source} did not run before the present one.",
                hint="Withdraw the request, or promote the release.",
            )
        self._current = current = await environments.get(conn, self._environment.workspace) or self._environment
        self._require_permitted(current)
        _require_unblocked(list_refused_removals(current, self._plan.plan))
        await self._require_trigger_owners(conn)
        unfulfilled = await environment_rules.list_unfulfilled_rules(conn, current, self._request)
        if self.bypass_reason is None:
            _require_unblocked(unfulfilled)
        tests = [each for each in self._found.unfulfilled if each.code in release_tests.CODES]
        self._bypassed = sorted({each.code for each in [*unfulfilled, *tests]})
        if self._begin is not None:
            await self._begin(conn)

    def _require_permitted(self, current: EnvironmentRow) -> None:
        """Check that the rules have not changed so that the actor may no longer apply, or that other tests are needed.

        Raises NotFound, Forbidden, StalePlan.
        """
        environment_rules.require_applier(self._actor, current)
        if self.bypass_reason is not None and not self._is_ordered:
            environment_rules.require_bypass(self._actor, current)
        tests, planned = rules_of(current).workflow_tests, rules_of(self._environment).workflow_tests
        if tests != planned and self._request.kind == "promotion":
            raise requests.stale_plan(self._plan.hash)

    async def _require_trigger_owners(self, conn: Connection) -> None:
        """Check that triggers still act for the members that the plan names. Raises StalePlan."""
        planned = self._plan.acts_for
        found = await rows.list_trigger_owners(conn, self._environment.workspace, planned)
        for key, owner in planned.items():
            if found.get(key) != owner:
                raise StalePlan(
                    f"The {key[0]} {key[1]} acts for another member than when the plan was made.",
                    hint="Renew the plan of the request and review it; approvals of the old one do not count.",
                )

    async def end(self, conn: Connection, after: Mapping[Key, Present]) -> None:
        """Record the deployment with the items as it leaves them, and close the request."""
        request = self._request
        deployment = await rows.insert_deployment(
            conn,
            NewDeployment(
                environment=self._environment.name,
                request=request.id,
                release=request.release,
                source=request.source,
                number=request.number,
                digest=request.digest,
                paths=self._plan.paths,
                kind=request.kind,
                plan_hash=self._plan_hash,
                bypass_reason=self.bypass_reason,
                applied_by=self._actor.username,
                restored=msgspec.json.encode(self._plan.restored).decode(),
                bypassed=self._bypassed,
            ),
        )
        hashes: dict[tuple[str, str], str] = {key: item_hash(key[0], each) for key, each in after.items()}
        removed: dict[tuple[str, str], str] = {each.key: "" for each in self._plan.change.items if each.content is None}
        await rows.store_deployed_items(conn, self._environment.name, {**removed, **hashes}, deployment)
        if request.kind == "promotion":
            await self._store_checks(conn, deployment)
        elif not self._is_ordered:
            await rows.keep_hold(conn, self._environment.name, request.id)
        items = encode_items(self._plan.plan)
        await rows.close_request(conn, request.id, "applied", self._actor.username, items)
        await self._withdraw_same(conn)
        await deployment_mails.queue_for_author(conn, request.id, "applied", self._actor.username, self._actor.email)
        event: DeploymentEvent = "rolled_back" if request.kind == "rollback" else "applied"
        await self._notices.queue(conn, event, requests.subject_of(self._found, self._actor.username))
        parameters = {
            "request": request.id,
            "deployment": deployment,
            "kind": request.kind,
            "release": f"{request.source}/{request.number}",
            "digest": request.digest,
            "plan": self._plan_hash,
        }
        if self.bypass_reason is not None and not self._is_ordered:
            bypass = {"request": request.id, "reason": self.bypass_reason, "rules": self._bypassed}
            await audit.record(conn, self._actor, "deployments.bypass", "Execute", self._environment.name, bypass)
        await audit.record(conn, self._actor, "deployments.apply", "Updated", self._environment.name, parameters)

    async def _withdraw_same(self, conn: Connection) -> None:
        """Close the open requests of other members for this deployment, which is done."""
        name, actor = self._environment.name, self._actor
        for each in await rows.withdraw_same(conn, name, self._request, actor.username):
            parameters = {"request": each, "applied": self._request.id}
            await audit.record(conn, actor, "deployments.withdraw", "Updated", name, parameters)

    async def _store_checks(self, conn: Connection, deployment: int) -> None:
        """Store the checks that follow the deployment, if the rules have any."""
        rules, actor = rules_of(self._current), self._actor
        if rules.checks:
            checks = msgspec.json.encode(rules.checks).decode()
            who = (actor.permissioned_as, actor.email, actor.scopes)
            await deployment_checks.insert(conn, deployment, checks, rules.on_failed_check, *who)
