"""Calls of the owner of an account: change of the password, and sessions."""

from __future__ import annotations

from orvanta_platform.control import audit, login_limits, passwords
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.client_address import network_of
from orvanta_platform.control.instance_settings import MIN_PASSWORD_LENGTH
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import accounts, tokens
from orvanta_platform.db.tokens import SessionRow
from orvanta_platform.errors import Conflict, NotFound, WrongPassword
from orvanta_platform.services.access.session import count_attempt
from orvanta_platform.services.platform import Platform


async def change_password(platform: Platform, actor: Actor, current: str, new: str) -> None:
    """Replace the actor's password and end its other sessions. API tokens remain valid.

    Raises WrongPassword, RateLimited after several wrong ones, BadRequest for a password that is too short, Forbidden
    for tokens with limits, Conflict if the account has no password.
    """
    require(actor, "write", Target(None, "account", created_by=actor.email))
    refuse_limited(actor, "change the password")
    passwords.check(new, await platform.instance.get(MIN_PASSWORD_LENGTH))
    stored, keys = await require_password(platform, actor, current, "users.change_password_failed")
    fresh = await passwords.make(new)
    async with platform.db.transaction() as conn:
        # The right password alone must not reset the wrong codes that were counted.
        await accounts.forgive_attempts(conn, sorted(keys.all))
        if not await accounts.change_password(conn, actor.email, stored, fresh):
            raise WrongPassword("The password was changed meanwhile.")
        await tokens.delete_sessions(conn, actor.email, except_for=actor.token)
        await tokens.delete_links(conn, actor.email)
        await audit.record_instance(conn, actor, "users.change_password", "Updated", actor.email)


async def require_password(
    platform: Platform, actor: Actor, current: str, failed: str
) -> tuple[str, login_limits.Keys]:
    """Return the hash of the actor's password, and the keys of the attempt, which the caller resets or forgives.

    `failed`: operation of the audit row of a wrong password. Raises WrongPassword, RateLimited, Conflict.
    """
    keys = login_limits.keys_of(actor.email, network_of(actor.address))
    async with platform.db.transaction() as conn:
        await count_attempt(conn, keys)
        account = await accounts.get(conn, actor.email)
    stored = None if account is None or account.disabled else account.password_hash
    if not await passwords.matches(stored, current):
        async with platform.db.transaction() as conn:
            await audit.record_instance(conn, actor, failed, "Execute", actor.email)
        if account is not None and stored is None:
            raise Conflict("The account has no password.", hint="A superadmin can create a link that sets one.")
        raise WrongPassword("The current password is wrong.")
    assert stored is not None
    return stored, keys


async def list_sessions(platform: Platform, actor: Actor) -> list[SessionRow]:
    """Return the actor's sessions, newest first. Raises Forbidden for tokens with limits."""
    require(actor, "read", Target(None, "token", created_by=actor.email))
    refuse_limited(actor, "list sessions")
    async with platform.db.acquire() as conn:
        return await tokens.list_sessions(conn, actor.email, actor.token)


async def revoke_session(platform: Platform, actor: Actor, prefix: str) -> None:
    """End the actor's session with this prefix. Raises NotFound, Forbidden for tokens with limits."""
    require(actor, "write", Target(None, "token", created_by=actor.email))
    refuse_limited(actor, "end sessions")
    async with platform.db.transaction() as conn:
        if not await tokens.delete_session_by_prefix(conn, actor.email, prefix):
            raise NotFound(f"You have no session {prefix[:100]}.")
        await audit.record_instance(conn, actor, "users.session.revoke", "Delete", prefix)
