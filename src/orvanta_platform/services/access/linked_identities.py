"""Identities of accounts at OpenID providers, linked by superadmins."""

from __future__ import annotations

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import OIDC_PROVIDERS
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import accounts, identities, tokens
from orvanta_platform.db.identities import IdentityRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, NotFound
from orvanta_platform.outbound import openid
from orvanta_platform.services.platform import Platform

_INSTANCE = Target(None, "instance")


async def list_identities(platform: Platform, actor: Actor, email: str) -> list[IdentityRow]:
    """Return the identities of an account. Raises Forbidden, NotFound."""
    require(actor, "manage_accounts", _INSTANCE)
    async with platform.db.acquire() as conn:
        await _require_account(conn, email)
        return await identities.list_identities(conn, email.lower())


async def link(platform: Platform, actor: Actor, email: str, provider: str, subject: str) -> None:
    """Let an identity of a provider log in to an account.

    Raises Forbidden, NotFound, BadRequest, AlreadyExists, Conflict for a service account.
    """
    require(actor, "manage_accounts", _INSTANCE)
    refuse_limited(actor, "link identities")
    if names.is_service_email(email.lower()):
        raise Conflict(f"{email[:200]} is a service account, which nobody logs in to.")
    if not openid.is_subject(subject):
        raise BadRequest(
            "The subject does not consist of 1 to 255 printable ASCII characters.",
            hint="Copy it from the claim `sub` of the provider.",
        )
    config = (await platform.instance.get(OIDC_PROVIDERS)).get(provider)
    if config is None:
        raise NotFound(f"There is no provider {provider[:50]}.")
    async with platform.db.transaction() as conn:
        await _require_account(conn, email)
        if not await identities.insert(conn, config.issuer, subject, email.lower()):
            raise AlreadyExists("The identity is linked to an account already.", hint="Unlink it there first.")
        parameters = {"issuer": config.issuer, "subject": subject}
        await audit.record_instance(conn, actor, "users.link_identity", "Created", email.lower(), parameters)


async def unlink(platform: Platform, actor: Actor, email: str, issuer: str, subject: str) -> None:
    """Unlink an identity from an account, and end the sessions of the account. Raises Forbidden, NotFound."""
    require(actor, "manage_accounts", _INSTANCE)
    refuse_limited(actor, "unlink identities")
    async with platform.db.transaction() as conn:
        await _require_account(conn, email)
        if not await identities.delete(conn, issuer, subject, email.lower()):
            raise NotFound("The identity is not linked to the account.")
        await tokens.delete_sessions(conn, email.lower())
        parameters = {"issuer": issuer, "subject": subject}
        await audit.record_instance(conn, actor, "users.unlink_identity", "Delete", email.lower(), parameters)


async def _require_account(conn: Connection, email: str) -> None:
    account = await accounts.lock(conn, email)
    if account is None or account.deleted_at is not None:
        raise NotFound(f"There is no account {email[:200]}.")
