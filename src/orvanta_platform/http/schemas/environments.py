"""Schemas of environments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.workflow.releases.rules import Rules


class EnvironmentChange(msgspec.Struct, kw_only=True):
    """Changes to an environment. Absent fields are unchanged."""

    position: int | UnsetType = UNSET
    """Place in the pipeline, 1 for the first; the others move. By default, a new environment is the last."""

    color: str | UnsetType = UNSET
    """Colour on the pages of the workspace, as `#rrggbb`."""

    rules: dict[str, Any] | UnsetType = UNSET
    """Conditions of deployments, replaced as a whole; see `Rules`."""


class EnvironmentUpdate(EnvironmentChange, kw_only=True):
    """Changes to a present environment."""

    base_version: int | UnsetType = UNSET
    """`version` that the changes are based on; another one answers 409. By default, any."""


class NewEnvironment(EnvironmentChange, kw_only=True):
    """An environment to create."""

    name: str
    workspace: str
    """Workspace to which releases are deployed. It can be that of one environment only."""


class Environment(msgspec.Struct, kw_only=True):
    """A workspace with a place in the pipeline."""

    name: str
    position: int
    """Place in the pipeline; 1 is the first."""

    workspace: str
    color: str
    rules: Rules
    version: int
    """Number of the change; 1 is the first."""

    edited_by: str
    edited_at: datetime


def environment(row: EnvironmentRow) -> Environment:
    """Convert an environment."""
    return Environment(
        name=row.name,
        position=row.position,
        workspace=row.workspace,
        color=row.color,
        rules=rules_of(row),
        version=row.version,
        edited_by=row.edited_by,
        edited_at=row.edited_at,
    )
