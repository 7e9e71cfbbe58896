"""Schemas of variables."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.variables import VariableRow
from orvanta_platform.services.access.items import version_of
from orvanta_platform.services.secrets.contextual import Contextual
from orvanta_platform.services.secrets.variables import VariableDraft


class CreateVariable(msgspec.Struct, kw_only=True):
    """A variable to create."""

    path: str
    value: str
    is_secret: bool = False
    description: str | None = None
    account: int | None = None
    is_oauth: bool | None = None
    expires_at: datetime | None = None
    labels: list[str] | None = None
    ws_specific: bool | None = None


class EditVariable(msgspec.Struct, kw_only=True):
    """Changes of a variable. `path` moves it."""

    path: str | None = None
    value: str | None = None
    is_secret: bool | None = None
    description: str | None = None
    labels: list[str] | None = None
    ws_specific: bool | None = None
    base_version: str | None = None
    """Version that the change is based on. Otherwise any version is replaced."""


class Variable(msgspec.Struct, kw_only=True):
    """A variable. `value` is absent for a secret that was not decrypted."""

    workspace_id: str
    path: str
    is_secret: bool
    extra_perms: dict[str, bool]
    is_expired: bool
    version: str
    """Version of the variable, for `base_version` of a change."""

    is_linked: bool = False
    is_refreshed: bool = False
    value: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    account: int | UnsetType = UNSET
    is_oauth: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    ws_specific: bool | UnsetType = UNSET


class ContextualVariable(msgspec.Struct, kw_only=True):
    """A variable in every job's environment."""

    name: str
    value: str
    description: str
    is_custom: bool = False


def created(body: CreateVariable, *, already_encrypted: bool) -> VariableDraft:
    """Convert the body of a call that creates a variable."""
    return VariableDraft(**msgspec.structs.asdict(body), already_encrypted=already_encrypted)


def edited(body: EditVariable, *, already_encrypted: bool) -> VariableDraft:
    """Convert the body of a call that updates a variable."""
    return VariableDraft(**msgspec.structs.asdict(body), already_encrypted=already_encrypted)


def variable(row: VariableRow, value: str | None) -> Variable:
    """Convert a variable."""
    return Variable(
        workspace_id=row.workspace,
        path=row.path,
        is_secret=row.is_secret,
        extra_perms=row.extra_perms,
        is_expired=row.is_expired,
        version=version_of(row.edited_at),
        value=UNSET if value is None else value,
        description=row.description,
        account=UNSET if row.account is None else row.account,
        is_oauth=UNSET if row.is_oauth is None else row.is_oauth,
        expires_at=UNSET if row.expires_at is None else row.expires_at,
        labels=UNSET if row.labels is None else row.labels,
        ws_specific=UNSET if row.ws_specific is None else row.ws_specific,
    )


def contextual(each: Contextual) -> ContextualVariable:
    """Convert a variable of the environment."""
    return ContextualVariable(name=each.name, value=each.value, description=each.description)
