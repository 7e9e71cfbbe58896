"""Tokens of users: creation, listing, and deletion by their owner."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import audit, limits, names, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import TOKEN_MAX_AGE_DAYS
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import tokens, workspaces
from orvanta_platform.db.tokens import MemberTokenRow, TokenRow
from orvanta_platform.errors import BadRequest, Forbidden, NotFound
from orvanta_platform.services.access import acceptance
from orvanta_platform.services.platform import Platform


class NewToken(msgspec.Struct, frozen=True):
    """Properties of a token to create."""

    label: str | None = None
    expires_at: datetime | None = None
    """Expiry; None: the token is valid until it is deleted."""
    scopes: list[str] | None = None
    """Scopes; None: all rights of the owner."""
    workspace: str | None = None


async def create(platform: Platform, actor: Actor, new: NewToken) -> str:
    """Create a token of the actor and return it. It cannot be retrieved again.

    Raises Forbidden for callers that are limited themselves (a scoped or bound token, a running job), BadRequest for an
    unknown scope or an expiry in the past, NotFound for a workspace that the actor does not belong to.
    """
    require(actor, "write", Target(None, "token", created_by=actor.email))
    refuse_limited(actor, "create tokens")
    new = check_new(new, await max_age_days_of(platform, actor.email, new.workspace))
    token = names.new_token("user")
    prefix = names.token_prefix(token)
    async with platform.db.transaction() as conn:
        mine = await workspaces.list_of_account(conn, actor.email, every=actor.super_admin)
        if new.workspace is not None and new.workspace not in [each.id for each in mine]:
            raise NotFound(f"The workspace {new.workspace[:100]} does not exist.")
        await tokens.insert(
            conn,
            names.token_hash(token),
            prefix,
            "user",
            actor.email,
            workspace=new.workspace,
            label=new.label,
            scopes=new.scopes,
            expires_at=new.expires_at,
        )
        if new.scopes and scopes.is_unattended(new.scopes):
            for workspace in [new.workspace] if new.workspace is not None else [each.id for each in mine]:
                username = await workspaces.get_username(conn, workspace, actor.email)
                if username is not None:
                    await acceptance.accept_for_token(conn, actor, workspace, username, new.scopes)
        parameters = {"label": new.label, "scopes": new.scopes, "workspace": new.workspace}
        await audit.record(conn, actor, "users.token.create", "Created", prefix, parameters)
    return token


async def get_max_age_days(platform: Platform, actor: Actor, workspace: str | None) -> int | None:
    """Return the maximum lifetime in days of a new token of the actor that is valid in `workspace`; None: unlimited.

    `workspace` None: the token is valid in all workspaces of the actor, so the shortest limit of them applies. Raises
    NotFound for a workspace that the actor does not belong to.
    """
    require(actor, "read", Target(None, "token", created_by=actor.email))
    async with platform.db.acquire() as conn:
        mine = await workspaces.list_of_account(conn, actor.email, every=actor.super_admin)
    if workspace is not None and workspace not in [each.id for each in mine]:
        raise NotFound(f"The workspace {workspace[:100]} does not exist.")
    return await max_age_days_of(platform, actor.email, workspace)


async def max_age_days_of(platform: Platform, email: str, workspace: str | None) -> int | None:
    """Return the maximum lifetime in days of a new token of an account. See `get_max_age_days`."""
    async with platform.db.acquire() as conn:
        own = await workspaces.get_token_max_age_days(conn, email, workspace)
    ages = [each for each in (own, await platform.instance.get(TOKEN_MAX_AGE_DAYS)) if each is not None]
    return min(ages, default=None)


def check_new(new: NewToken, max_age_days: int | None) -> NewToken:
    """Return a token to create with the expiry that it gets; `max_age_days` limits it, if not None.

    Raises BadRequest for an unknown scope, an expiry without a time zone, in the past or beyond the limit, and a long
    label; LimitExceeded.
    """
    limits.check_scopes(new.scopes or [])
    for scope in new.scopes or ():
        scopes.check(scope)
    if new.expires_at is not None and new.expires_at.tzinfo is None:
        raise BadRequest("The expiration has no time zone.", hint="Append Z for UTC, or an offset such as +02:00.")
    if new.expires_at is not None and new.expires_at <= clock.now():
        raise BadRequest("The expiration is in the past.")
    limits.check_line("A label", new.label)
    if max_age_days is None:
        return new
    latest = clock.now() + timedelta(days=max_age_days)
    if new.expires_at is not None and new.expires_at > latest:
        raise BadRequest(
            f"A token is valid for at most {max_age_days} days.",
            hint="Use an earlier expiration; token_max_age_days of the workspace or the instance has this limit.",
            details={"max_age_days": max_age_days},
        )
    return replace(new, expires_at=new.expires_at or latest)


async def list_mine(platform: Platform, actor: Actor, *, limit: int, offset: int) -> list[TokenRow]:
    """Return the actor's tokens, newest first. Raises Forbidden for jobs and tokens bound to a workspace."""
    require(actor, "read", Target(None, "token", created_by=actor.email))
    _refuse_bound(actor)
    async with platform.db.acquire() as conn:
        return await tokens.list_page(conn, actor.email, limit=limit, offset=offset)


async def delete(platform: Platform, actor: Actor, prefix: str) -> None:
    """Delete the actor's token with this prefix. Raises NotFound, and Forbidden like `list_mine`.

    Tokens with scopes do not find sessions, which belong to browsers.
    """
    require(actor, "write", Target(None, "token", created_by=actor.email))
    _refuse_bound(actor)
    async with platform.db.transaction() as conn:
        if not await tokens.delete_by_prefix(conn, actor.email, prefix, sessions=actor.scopes is None):
            raise NotFound(f"You have no token {prefix}.")
        await audit.record(conn, actor, "users.token.delete", "Delete", prefix)


async def list_of_workspace(
    platform: Platform, actor: Actor, workspace: str, *, limit: int, offset: int
) -> list[MemberTokenRow]:
    """Return the tokens with which members can act in a workspace, by username. Raises NotFound, Forbidden."""
    require(actor, "list", Target(workspace, "member_token"))
    async with platform.db.acquire() as conn:
        return await tokens.list_of_workspace(conn, workspace, limit=limit, offset=offset)


async def revoke(platform: Platform, actor: Actor, workspace: str, prefix: str) -> None:
    """Delete a token of any member that is valid in this workspace only, or one of a service account that the workspace
    manages.

    Raises NotFound, Forbidden, also for a token that is valid in all workspaces of its owner.
    """
    require(actor, "revoke", Target(workspace, "member_token"))
    refuse_limited(actor, "revoke tokens of others", bound=True)
    async with platform.db.transaction() as conn:
        email = await tokens.delete_of_workspace(conn, workspace, prefix)
        if email is None and await tokens.is_of_member(conn, workspace, prefix):
            raise Forbidden(
                f"The token {prefix} is valid in all workspaces of its owner.",
                hint="Its owner can delete it. Disabling or removing the member ends its access to this workspace.",
            )
        if email is None:
            raise NotFound(f"There is no token {prefix[:100]}.")
        await audit.record(conn, actor, "tokens.revoke", "Delete", prefix, {"owner": email}, workspace=workspace)


def _refuse_bound(actor: Actor) -> None:
    """Raise Forbidden for tokens that are valid in one workspace only, because tokens belong to an account."""
    if actor.bound or actor.kind == "job":
        raise Forbidden(
            "Jobs, and tokens that are bound to a workspace, cannot list or delete tokens.",
            hint="Use a login, or a token that is not bound to a workspace.",
        )
