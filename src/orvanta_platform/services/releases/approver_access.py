"""Access of approvers to the items of a request to deploy, without which they cannot approve it."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.identity import actor_of
from orvanta_platform.control.permissions import Target, can, require
from orvanta_platform.db import deployments as rows
from orvanta_platform.db import tokens
from orvanta_platform.db.deployments import RequestRow
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Forbidden, NotFound
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.changes import contents
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import environment_rules
from orvanta_platform.services.releases.plans import DeploymentPlan
from orvanta_platform.workflow.releases.rules import MAX_APPROVALS

Permission: TypeAlias = Literal["change", "apply", "approve", "bypass"]
"""`change`: renew, withdraw and assign it. `bypass`: apply it although rules are not fulfilled."""

MAX_APPROVERS: Final = 1_000
MAX_CHECKED: Final = 50
"""Maximum number of approvers that are checked, if nobody is assigned."""


class RequestAccess(msgspec.Struct, frozen=True):
    """Those who may approve a request, and what the caller may do with it. Empty unless the request is open."""

    approvers: list[str] = []
    """Usernames of the members who may be asked to approve it, at most 1,000."""
    unable: list[str] = []
    """Usernames of those who are asked to approve it and cannot, because they may not read all of its items."""
    permitted: list[Permission] = []


async def get_access(platform: Platform, actor: Actor, request: RequestRow, plan: DeploymentPlan) -> RequestAccess:
    """Return who may approve an open request, and what the actor may do with it. Raises NotFound, Forbidden."""
    workspace, rules = plan.environment.workspace, rules_of(plan.environment)
    require(actor, "read", Target(workspace, "deployment"))
    if request.state != "open":
        return RequestAccess()
    async with platform.db.acquire() as conn:
        authors = [] if rules.author_may_approve else await rows.list_authors(conn, request.id)
        named = await rows.find_approvers(conn, workspace, None, rules.approvers, authors, MAX_APPROVERS)
        asked = request.assignees or (list(named)[:MAX_CHECKED] if rules.approvals else [])
        emails = [(each, named[each]) for each in asked if each in named]
        unable = [name for name, email in emails if not await _is_able(conn, workspace, name, email, plan)]
        permitted = await _list_permitted(conn, actor, plan.environment, request)
    return RequestAccess(list(named), unable, permitted)


async def count_approvers(platform: Platform, actor: Actor, environment: EnvironmentRow) -> int:
    """Return the number of members who may approve requests to an environment, counted up to the maximum of the rule.

    Raises NotFound, Forbidden.
    """
    require(actor, "read", Target(environment.workspace, "deployment"))
    approvers = rules_of(environment).approvers
    async with platform.db.acquire() as conn:
        return len(await rows.find_approvers(conn, environment.workspace, None, approvers, [], MAX_APPROVALS))


def may_change(actor: Actor, request: RequestRow) -> bool:
    """Return whether the actor is the author of a request, or an admin, who may renew and withdraw it."""
    return actor.email == request.author_email or actor.role is Role.ADMIN


async def _list_permitted(
    conn: Connection, actor: Actor, environment: EnvironmentRow, request: RequestRow
) -> list[Permission]:
    found: list[Permission] = []
    if may_change(actor, request) and can(actor, "write", Target(environment.workspace, "deployment")):
        found.append("change")
    if environment_rules.may_apply(actor, environment):
        found.append("apply")
    try:
        await environment_rules.require_approver(conn, actor, environment, request)
        found.append("approve")
    except (Forbidden, NotFound):
        pass
    try:
        environment_rules.require_bypass(actor, environment)
        found.append("bypass")
    except (Forbidden, NotFound):
        pass
    return found


async def _is_able(conn: Connection, workspace: str, username: str, email: str, plan: DeploymentPlan) -> bool:
    bearer = await tokens.resolve_identity(conn, workspace, f"u/{username}", email, None)
    if bearer is None:
        return False
    actor = actor_of(bearer, workspace)
    targets = [contents.target_of(workspace, each.key) for each in plan.change.items]
    return all(can(actor, "read", each) for each in targets)


async def refuse_unreadable(conn: Connection, actor: Actor, environment: EnvironmentRow, request: int) -> None:
    """Raise Forbidden for an open request that the actor, an approver of the environment, may not read. Others do not
    learn whether it exists.
    """
    if not rules_of(environment).approvals:
        return
    try:
        environment_rules.require_named_approver(actor, environment)
    except (Forbidden, NotFound):
        return
    if await rows.is_open(conn, environment.name, request):
        raise Forbidden(
            f"The request {request} has items that you may not read in {environment.workspace}.",
            hint="An admin of the workspace can give you access to their folders; another approver can approve it.",
        )
