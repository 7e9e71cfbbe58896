"""Tokens of SCIM clients, which superadmins create."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from orvanta_platform import clock
from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import TOKEN_MAX_AGE_DAYS
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import scim
from orvanta_platform.db.scim import ScimTokenRow
from orvanta_platform.errors import Forbidden, NotFound
from orvanta_platform.services.access.tokens import NewToken, check_new
from orvanta_platform.services.access.workspaces import MAX_TOKEN_AGE_DAYS
from orvanta_platform.services.platform import Platform

ACTOR: Final = "scim"
"""Name under which SCIM clients appear in the audit trail."""

DEFAULT_LIFETIME_DAYS: Final = 365
"""Lifetime of a token that is created without an expiry, unless the instance allows less."""

_INSTANCE = Target(None, "instance")


async def create(platform: Platform, actor: Actor, expires_at: datetime | None = None) -> str:
    """Create a token and return it. It cannot be retrieved again.

    `expires_at`: its expiry; None: after `DEFAULT_LIFETIME_DAYS`, or the maximum lifetime of tokens of the instance.
    Raises Forbidden, BadRequest for an expiry in the past, beyond that maximum, or `MAX_TOKEN_AGE_DAYS` without one.
    """
    require(actor, "manage_accounts", _INSTANCE)
    refuse_limited(actor, "create tokens of SCIM clients")
    most = await platform.instance.get(TOKEN_MAX_AGE_DAYS) or MAX_TOKEN_AGE_DAYS
    days = min(DEFAULT_LIFETIME_DAYS, most)
    expiry = expires_at or clock.now() + timedelta(days=days)
    check_new(NewToken(expires_at=expiry), most)
    token = names.new_token("scim")
    prefix = names.token_prefix(token)
    async with platform.db.transaction() as conn:
        await scim.insert_token(conn, names.token_hash(token), prefix, actor.username, expiry)
        parameters = {"expiration": expiry.isoformat()}
        await audit.record_instance(conn, actor, "scim.token.create", "Created", prefix, parameters)
    return token


async def list_all(platform: Platform, actor: Actor) -> list[ScimTokenRow]:
    """Return all tokens, newest first. Raises Forbidden."""
    require(actor, "manage_accounts", _INSTANCE)
    async with platform.db.acquire() as conn:
        return await scim.list_tokens(conn)


async def delete(platform: Platform, actor: Actor, prefix: str) -> None:
    """Delete a token. Raises Forbidden, NotFound."""
    require(actor, "manage_accounts", _INSTANCE)
    refuse_limited(actor, "delete tokens of SCIM clients")
    async with platform.db.transaction() as conn:
        if not await scim.delete_token(conn, prefix):
            raise NotFound(f"There is no SCIM token {prefix[:100]}.")
        await audit.record_instance(conn, actor, "scim.token.delete", "Delete", prefix)


async def is_valid(platform: Platform, token: str) -> bool:
    """Return whether a SCIM client has this token, which has not expired, and record its use."""
    async with platform.db.transaction() as conn:
        return await scim.use_token(conn, names.token_hash(token))


def require_client(actor: Actor) -> None:
    """Check that a caller is a SCIM client, which the middleware admits by its token. Raises Forbidden."""
    if actor.kind != "system" or actor.username != ACTOR:
        raise Forbidden("Only SCIM clients may do this.")
