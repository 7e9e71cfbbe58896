"""Enforcement of the rules of an environment: approvers, appliers, hold, frozen hours and soak time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orvanta_platform import clock
from orvanta_platform.control import names
from orvanta_platform.control.actor import Actor, Role, system
from orvanta_platform.control.identity import actor_of
from orvanta_platform.control.permissions import Target, refuse_job, refuse_limited, require
from orvanta_platform.db import deployments as rows
from orvanta_platform.db import tokens
from orvanta_platform.db.deployments import RequestRow
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Forbidden, NotFound
from orvanta_platform.reasons import reason
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases.preflight import Blocker
from orvanta_platform.workflow.releases.rules import frozen_until, is_frozen

HIDDEN: Final = reason("hidden")
"""Shown in place of a reason that may name items which not every member can read."""

SYSTEM: Final = system().username
"""Name under which the platform itself sets a hold, after failed checks."""


async def require_approver(conn: Connection, actor: Actor, environment: EnvironmentRow, request: RequestRow) -> None:
    """Check that the actor may approve or reject a request. Raises NotFound, Forbidden."""
    require_named_approver(actor, environment)
    if not rules_of(environment).author_may_approve and actor.email in await rows.list_authors(conn, request.id):
        raise Forbidden(
            f"The authors of a request and of its release cannot approve it in {environment.name}.",
            hint="Ask another approver.",
        )


def require_named_approver(actor: Actor, environment: EnvironmentRow) -> None:
    """Check that the actor is one of the approvers of an environment. Raises NotFound, Forbidden."""
    _require_person(actor, environment.workspace)
    rules = rules_of(environment)
    if not _is_named(actor, rules.approvers) and not (not rules.approvers and actor.role is Role.ADMIN):
        who = ", ".join(rules.approvers) or "admins of the workspace"
        raise Forbidden(f"You are not an approver of {environment.name}.", hint=f"Its approvers are: {who}.")


def require_applier(actor: Actor, environment: EnvironmentRow) -> None:
    """Check that the actor may apply requests to an environment. Raises NotFound, Forbidden.

    The items are written with the actor's own rights, which are checked in addition.
    """
    require(actor, "apply", Target(environment.workspace, "deployment"))
    refuse_job(actor, "deploy releases")
    rules = rules_of(environment)
    if rules.appliers and not _is_named(actor, rules.appliers):
        raise Forbidden(
            reason("not_an_applier", environment=environment.name),
            hint=f"Those who may: {', '.join(rules.appliers)}.",
        )


def may_apply(actor: Actor, environment: EnvironmentRow) -> bool:
    """Return whether `require_applier` raises nothing."""
    try:
        require_applier(actor, environment)
    except (Forbidden, NotFound):
        return False
    return True


async def resolve_member(
    platform: Platform, workspace: str, permissioned_as: str, email: str, scopes: list[str] | None = None
) -> Actor:
    """Return the member for whom the platform deploys or checks, with its present rights in a workspace.

    `scopes`: limits of its token. Raises Forbidden if it is no longer an enabled member.
    """
    async with platform.db.acquire() as conn:
        bearer = await tokens.resolve_identity(conn, workspace, permissioned_as, email, scopes)
    if bearer is None:
        raise Forbidden(reason("not_a_member", user=permissioned_as, workspace=workspace))
    return actor_of(bearer, workspace)


def require_bypass(actor: Actor, environment: EnvironmentRow) -> None:
    """Check that the actor may deploy although rules are not fulfilled. Raises Forbidden."""
    _require_person(actor, environment.workspace)
    if not _is_named(actor, rules_of(environment).bypass):
        raise Forbidden(
            f"You may not bypass the rules of {environment.name}.",
            hint=f"Those who may: {', '.join(rules_of(environment).bypass) or 'nobody'}.",
        )


async def list_unfulfilled_rules(conn: Connection, environment: EnvironmentRow, request: RequestRow) -> list[Blocker]:
    """Return the rules that a request does not fulfil yet."""
    rules = rules_of(environment)
    found = []
    if rules.approvals:
        authors = [] if rules.author_may_approve else await rows.list_authors(conn, request.id)
        count = await rows.count_approvals(
            conn, request.id, request.plan_hash, environment.workspace, rules.approvers, authors
        )
        if count < rules.approvals:
            message = f"The request has {count} of {rules.approvals} approvals."
            hint = f"Approvers: {', '.join(rules.approvers) or 'admins'}."
            values: dict[str, str | int] = {
                "count": count,
                "required": rules.approvals,
                "approvers": ", ".join(rules.approvers),
            }
            found.append(Blocker("approvals_missing", message, hint, values=values))
    return [*found, *await list_unfulfilled_time_rules(conn, environment, request.digest, request.kind)]


async def list_unfulfilled_time_rules(
    conn: Connection, environment: EnvironmentRow, digest: str, kind: str
) -> list[Blocker]:
    """Return the unfulfilled rules that do not depend on approvals: hold, frozen hours and soak time.

    For rollbacks, only the frozen hours apply.
    """
    rules = rules_of(environment)
    found = []
    if environment.hold_by is not None and kind != "rollback":
        cause = f"{environment.hold_by} put promotions to {environment.name} on hold"
        if environment.hold_by == SYSTEM:
            cause = f"{environment.name} is on hold"
        message = f"{cause}: {environment.hold_reason}"
        user = "" if environment.hold_by == SYSTEM else environment.hold_by
        values: dict[str, str | int] = {"user": user, "environment": environment.name}
        values["reason"] = environment.hold_reason or ""
        found.append(Blocker("on_hold", message, "Lift the hold once the cause has been fixed.", values=values))
    if rules.frozen_hours is not None and is_frozen(rules, clock.now()):
        until = frozen_until(rules, clock.now())
        end = "" if until is None else f", which end on {until:%a %Y-%m-%d at %H:%M} ({rules.frozen_hours.timezone})"
        message = f"Nothing is deployed to {environment.name} in its frozen hours{end}."
        hint = "Apply it later. Members who may bypass the rules can give a reason."
        values = {
            "environment": environment.name,
            "until": "" if until is None else f"{until:%Y-%m-%d %H:%M}",
            "timezone": rules.frozen_hours.timezone,
        }
        found.append(Blocker("frozen_hours", message, hint, values=values))
    if rules.soak_minutes and kind != "rollback":
        previous = await rows.find_previous(conn, environment.name)
        if previous is not None and not await rows.has_soaked(conn, previous, digest, rules.soak_minutes):
            message = f"The release has not been in {previous} for {rules.soak_minutes} minutes."
            values = {"environment": previous, "minutes": rules.soak_minutes}
            found.append(Blocker("soak_time", message, f"Deploy it to {previous}, or wait.", values=values))
    return found


def _require_person(actor: Actor, workspace: str) -> None:
    require(actor, "decide", Target(workspace, "deployment"))
    if names.is_service_email(actor.email):
        raise Forbidden("Service accounts cannot decide on deployments.", hint="A person must approve.")
    # Otherwise members who can read the token of a pipeline could approve their own requests with it.
    refuse_limited(actor, "decide on deployments", bound=True)


def _is_named(actor: Actor, principals: Sequence[str]) -> bool:
    return not actor.principals.isdisjoint(principals)
