"""Comments on requests to deploy and on items of their plans, and members who are asked for their approval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orvanta_platform.control import audit, limits
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, refuse_job, require
from orvanta_platform.db import deployments as rows
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import requests
from orvanta_platform.services.releases.requests import PlannedRequest

MAX_COMMENTS: Final = 100
"""Maximum number of comments of a member on a request."""


async def comment(
    platform: Platform, actor: Actor, workspace: str, request: int, text: str, item: tuple[str, str] | None = None
) -> PlannedRequest:
    """Add a comment to a request that the actor may see.

    `item`: kind and path of the item of its plan that the comment is about. Raises NotFound, Forbidden, BadRequest,
    LimitExceeded.
    """
    require(actor, "decide", Target(workspace, "deployment"))
    refuse_job(actor, "comment on requests to deploy")
    limits.check_text("A comment", text)
    found = await requests.get(platform, actor, workspace, request)
    if item is not None and item not in {each.key for each in found.plan.plan.entries}:
        raise BadRequest(f"The plan of the request {request} has no {item[0][:50]} {item[1][:200]}.")
    async with platform.db.transaction() as conn:
        await rows.lock_request(conn, request)
        count = await rows.count_comments(conn, request, actor.email) + 1
        limits.check_count("Your comments on a request", count, MAX_COMMENTS, hint="Discuss it elsewhere.")
        plan_hash = found.request.plan_hash
        await rows.insert_decision(conn, request, "comment", plan_hash, actor.username, actor.email, text, item)
        parameters = {"request": request, "decision": "comment", "plan": plan_hash, "comment": text}
        if item is not None:
            parameters["item"] = "/".join(item)
        await audit.record(conn, actor, "deployments.decide", "Updated", found.request.environment, parameters)
    return await requests.get(platform, actor, workspace, request)


async def assign(
    platform: Platform, actor: Actor, workspace: str, request: int, usernames: Sequence[str]
) -> PlannedRequest:
    """Ask these members, and nobody else, to approve an open request, as its author or an admin.

    Without any, all approvers are asked. Raises NotFound, Forbidden, BadRequest, Conflict.
    """
    found = await requests.get_as_author(platform, actor, workspace, request)
    async with platform.db.transaction() as conn:
        await requests.require_open(conn, request, None)
        author = found.request.author_email
        await requests.store_assignees(conn, actor, found.plan.environment, request, author, usernames)
    return await requests.get(platform, actor, workspace, request)
