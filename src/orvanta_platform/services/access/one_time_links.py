"""One-time links by which the owner of an account without a password chooses one."""

from __future__ import annotations

from orvanta_platform.control import names
from orvanta_platform.db import tokens
from orvanta_platform.db.pool import Connection
from orvanta_platform.settings import Settings

LINK_PATH = "/first_password"
INVITATION_S = 24 * 3600
"""Lifetime of a link that a superadmin creates for somebody else, in seconds."""


async def create(conn: Connection, settings: Settings, email: str, lives_s: float) -> str:
    """Create a link that sets the password of an account without one. It cannot be retrieved again."""
    link = names.new_token("first_password")
    digest = names.token_hash(link)
    await tokens.insert(conn, digest, names.token_prefix(link), "first_password", email, lives_s=lives_s)
    return f"{settings.base_url.rstrip('/')}{LINK_PATH}#{link}"
