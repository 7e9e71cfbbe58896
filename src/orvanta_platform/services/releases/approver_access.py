"""Access of approvers to the items of a request to deploy, without which they cannot approve it."""

from __future__ import annotations

from typing import Final

from orvanta_platform.control.actor import Actor
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

MAX_CHECKED: Final = 50
"""Maximum number of approvers that are checked, if nobody is assigned."""


async def list_unable(platform: Platform, actor: Actor, request: RequestRow, plan: DeploymentPlan) -> list[str]:
    """Return the usernames of those who are asked to approve an open request and cannot, because they may not read all
    of its items.

    Asked are its assignees, or without any the approvers. Raises NotFound, Forbidden.
    """
    workspace, rules = plan.environment.workspace, rules_of(plan.environment)
    require(actor, "read", Target(workspace, "deployment"))
    if request.state != "open" or not (rules.approvals or request.assignees):
        return []
    async with platform.db.acquire() as conn:
        authors = [] if rules.author_may_approve else await rows.list_authors(conn, request.id)
        names = request.assignees or None
        asked = await rows.find_approvers(conn, workspace, names, rules.approvers, authors, MAX_CHECKED)
        return [name for name, email in asked.items() if not await _is_able(conn, workspace, name, email, plan)]


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
