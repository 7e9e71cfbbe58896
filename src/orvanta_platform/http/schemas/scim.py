"""Schemas of the tokens of SCIM clients."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.scim import ScimTokenRow


class CreateScimToken(msgspec.Struct):
    """A token of a SCIM client to create."""

    expiration: datetime | None = None
    """Time of expiry; null for a year from now, or the maximum lifetime of tokens if that is shorter."""


class ScimToken(msgspec.Struct):
    """A token of a SCIM client."""

    token_prefix: str
    created_by: str
    """Username of the superadmin who created it."""

    created_at: datetime
    last_used_at: datetime | None
    expiration: datetime


def scim_token(row: ScimTokenRow) -> ScimToken:
    """Return a token of a list."""
    return ScimToken(row.prefix, row.created_by, row.created_at, row.last_used_at, row.expires_at)
