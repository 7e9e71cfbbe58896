"""Tokens of SCIM clients, which superadmins create."""

from __future__ import annotations

from typing import Final

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import scim
from orvanta_platform.db.scim import ScimTokenRow
from orvanta_platform.errors import Forbidden, NotFound
from orvanta_platform.services.platform import Platform

ACTOR: Final = "scim"
"""Name under which SCIM clients appear in the audit trail."""

_INSTANCE = Target(None, "instance")


async def create(platform: Platform, actor: Actor) -> str:
    """Create a token and return it. It cannot be retrieved again. Raises Forbidden."""
    require(actor, "manage_accounts", _INSTANCE)
    refuse_limited(actor, "create tokens of SCIM clients")
    token = names.new_token("scim")
    prefix = names.token_prefix(token)
    async with platform.db.transaction() as conn:
        await scim.insert_token(conn, names.token_hash(token), prefix, actor.username)
        await audit.record_instance(conn, actor, "scim.token.create", "Created", prefix)
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
    """Return whether a SCIM client has this token, and record its use."""
    async with platform.db.transaction() as conn:
        return await scim.use_token(conn, names.token_hash(token))


def require_client(actor: Actor) -> None:
    """Check that a caller is a SCIM client, which the middleware admits by its token. Raises Forbidden."""
    if actor.kind != "system" or actor.username != ACTOR:
        raise Forbidden("Only SCIM clients may do this.")
