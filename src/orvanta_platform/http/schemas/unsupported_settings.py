"""Schemas of settings of the published clients that workspaces do not have."""

from __future__ import annotations

from typing import Any

import msgspec


class EditLargeFileStorage(msgspec.Struct):
    """Object storage of the workspace."""

    large_file_storage: dict[str, Any] | None = None


class MuteCriticalAlerts(msgspec.Struct):
    """Setting that mutes the critical alerts of the workspace."""

    mute_critical_alerts: bool | None = None
