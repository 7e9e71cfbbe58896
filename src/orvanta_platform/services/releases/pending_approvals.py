"""Requests to deploy that wait for the approval of a member."""

from __future__ import annotations

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import readable, require_workspace
from orvanta_platform.db import deployments as rows
from orvanta_platform.db import environments
from orvanta_platform.db.deployments import RequestRow
from orvanta_platform.db.items import Filter
from orvanta_platform.errors import Forbidden
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import environment_rules


async def list_pending(
    platform: Platform, actor: Actor, workspace: str, *, limit: int, can_read: bool = True
) -> list[RequestRow]:
    """Return the open requests whose plan the actor may approve and has not approved, oldest first.

    `can_read` False: those instead that the actor could approve if it were able to read all of their items.

    Empty if the workspace is not an environment, needs no approvals, or the actor is not an approver. Raises NotFound.
    """
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        environment = await environments.get(conn, workspace)
        if environment is None or not (rules := rules_of(environment)).approvals:
            return []
        try:
            environment_rules.require_named_approver(actor, environment)
            seen = Filter(**readable(actor, "deployment").conditions(), limit=limit)
        except Forbidden:
            return []
        return await rows.list_unapproved(
            conn,
            environment.name,
            actor.email,
            seen,
            without_own=not rules.author_may_approve,
            readable=can_read,
        )
