"""Schemas of the tokens of SCIM clients."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ScimToken(msgspec.Struct):
    """A token of a SCIM client."""

    token_prefix: str
    created_by: str
    """Username of the superadmin who created it."""

    created_at: datetime
    last_used_at: datetime | None
