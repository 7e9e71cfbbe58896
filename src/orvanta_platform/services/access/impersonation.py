"""Sessions in which an admin acts as another member of a workspace, for support."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.identity import actor_of
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import tokens, workspaces
from orvanta_platform.errors import BadRequest, Conflict, Forbidden, NotFound
from orvanta_platform.services.access.session import Session
from orvanta_platform.services.platform import Platform

MAX_MINUTES: Final = 60
"""Maximum duration of an impersonation in minutes."""


async def start(platform: Platform, actor: Actor, workspace: str, username: str, minutes: int, reason: str) -> Session:
    """Create a session of the member in this workspace only, for an admin of it. Its audit rows have both names.

    Raises Forbidden, also for a member who is a superadmin or a service account; NotFound, BadRequest, Conflict.
    """
    refuse_limited(actor, "act as somebody else")
    if not 1 <= minutes <= MAX_MINUTES:
        raise BadRequest(f"An impersonation lasts 1 to {MAX_MINUTES} minutes.")
    if not reason.strip():
        raise BadRequest("The reason is missing.", hint="The audit trail shows it.")
    limits.check_text("A reason", reason)
    async with platform.db.transaction() as conn:
        bearer = await tokens.resolve(conn, actor.token or b"", workspace, limits.MAX_SCOPES)
        admin = actor if bearer is None else actor_of(bearer, workspace)
        admin = replace(admin, address=actor.address, request_id=actor.request_id)
        require(admin, "impersonate", Target(workspace, "member"))
        row = await workspaces.get_member(conn, workspace, username)
        if row is None:
            raise NotFound(f"The workspace {workspace} has no member {username[:100]}.")
        if row.email == actor.email:
            raise BadRequest("You cannot act as yourself.")
        if row.super_admin or names.is_service_email(row.email):
            raise Forbidden("Nobody acts as a superadmin or a service account.")
        if row.disabled or row.account_disabled:
            raise Conflict(f"The member {username} is disabled.")
        token = names.new_token("session")
        digest, prefix, lives_s = names.token_hash(token), names.token_prefix(token), minutes * 60
        await tokens.insert(
            conn, digest, prefix, "session", row.email, workspace=workspace, lives_s=lives_s, impersonator=actor.email
        )
        parameters = {"minutes": minutes, "reason": reason}
        await audit.record(conn, admin, "users.impersonate", "Execute", username, parameters, workspace=workspace)
    return Session(token, lives_s)


async def end(platform: Platform, actor: Actor) -> None:
    """End the impersonation of the call. Raises Conflict if there is none."""
    require(actor, "read", Target(None, "account", created_by=actor.email))
    if actor.impersonator is None or actor.token is None:
        raise Conflict("This session is not an impersonation.")
    async with platform.db.transaction() as conn:
        await tokens.delete_session(conn, actor.token)
        await audit.record(conn, actor, "users.end_impersonation", "Execute", actor.username)
