"""Schemas of the management of accounts, members and groups."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.tokens import SessionRow


class UpdateAccount(msgspec.Struct):
    """Changes of an account; a field that is missing or null does not change."""

    is_super_admin: bool | None = None
    is_devops: bool | None = None
    name: str | None = None


class ChangePassword(msgspec.Struct):
    """The current password and the new one."""

    current_password: str
    password: str


class OwnSession(msgspec.Struct, kw_only=True):
    """A session of the caller."""

    token_prefix: str
    created_at: datetime
    expiration: datetime
    last_used_at: datetime
    current: bool
    """True for the session of this call."""

    last_address: str | UnsetType = UNSET
    """Address of the last recorded use."""


def own_session(row: SessionRow) -> OwnSession:
    """Convert a session."""
    return OwnSession(
        token_prefix=row.prefix,
        created_at=row.created_at,
        expiration=row.expires_at,
        last_used_at=row.last_used_at,
        current=row.current,
        last_address=row.last_address or UNSET,
    )
