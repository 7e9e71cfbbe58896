"""Schemas of service accounts."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.control.actor import Role
from orvanta_platform.db.service_accounts import ServiceAccountRow


class ServiceAccount(msgspec.Struct, kw_only=True):
    """A member without a password, for programs."""

    username: str
    email: str
    role: str
    owner: str
    """Username of the admin who is responsible for it."""

    disabled: bool
    created_at: datetime
    tokens: int
    """Number of its valid tokens."""

    summary: str | UnsetType = UNSET


class CreateServiceAccount(msgspec.Struct, kw_only=True):
    """A service account to create. The caller owns it."""

    username: str
    role: Role = Role.OPERATOR
    """developer, operator or viewer."""

    summary: str | None = None


class CreateServiceToken(msgspec.Struct, kw_only=True):
    """A token of a service account."""

    scopes: list[str]
    expiration: datetime
    label: str | None = None
    all_workspaces: bool = False
    """True if it is valid in all workspaces of which the service account is a member; otherwise only in this one."""


class EnableServiceAccount(msgspec.Struct, kw_only=True):
    """The new state of a service account."""

    enabled: bool


def service_account(row: ServiceAccountRow) -> ServiceAccount:
    """Convert a service account."""
    return ServiceAccount(
        username=row.username,
        email=row.email,
        role=row.role,
        owner=row.owner,
        disabled=row.disabled,
        created_at=row.created_at,
        tokens=row.tokens,
        summary=row.summary or UNSET,
    )
