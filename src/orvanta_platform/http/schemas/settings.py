"""Schemas of the settings of the instance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.access.instance_settings import ShownSetting


class SetSetting(msgspec.Struct):
    """A value to store."""

    value: Any = None
    """JSON; null: the default applies again."""


class InstanceSetting(msgspec.Struct, kw_only=True):
    """A setting of the instance."""

    name: str
    value: Any
    """Effective value. A secret field is shown as `***`, which leaves it unchanged when it is sent back."""
    default: Any
    description: str
    updated_at: datetime | UnsetType = UNSET
    """Time of the last change; missing if the default applies."""
    updated_by: str | UnsetType = UNSET


def setting(shown: ShownSetting) -> InstanceSetting:
    """Return the wire form of a setting."""
    return InstanceSetting(
        name=shown.name,
        value=shown.value,
        default=shown.default,
        description=shown.description,
        updated_at=shown.updated_at or UNSET,
        updated_by=shown.updated_by or UNSET,
    )
