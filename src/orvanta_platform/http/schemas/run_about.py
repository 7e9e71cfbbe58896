"""Schemas of the origin of a run."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas.jobs import Repeats, repeats
from orvanta_platform.services.run_views import about as run_about
from orvanta_platform.services.run_views.about import RunAbout

T = TypeVar("T")


class RunVersion(msgspec.Struct, kw_only=True):
    """A version of a run's item."""

    id: int
    number: int
    """Position in the history of the path, from 1."""

    current: bool
    """True if runs by path use this version."""


class About(msgspec.Struct, kw_only=True):
    """The origin of a run."""

    run_id: UUID
    workspace: str
    kind: str
    """flow, flowpreview, script, preview, …."""

    is_workflow: bool
    workflow: str | None
    """Path of the item."""

    trigger: str
    """Kind of trigger that started the run."""

    created_by: str
    """User who started the run."""

    permissioned_as: str
    """Identity whose rights the run has."""

    created_at: datetime
    scheduled_for: datetime
    priority: int
    version: RunVersion | UnsetType = UNSET
    script_hash: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    schedule: str | UnsetType = UNSET
    """Path of the schedule that started the run."""

    queue: str | UnsetType = UNSET
    parent: UUID | UnsetType = UNSET
    """Run whose node called this run."""

    root: UUID | UnsetType = UNSET
    repeats: Repeats | UnsetType = UNSET
    """Run that this run restarts, retries or reruns."""

    canceled_by: str | UnsetType = UNSET
    canceled_reason: str | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    erase_at: datetime | UnsetType = UNSET


class RunDocument(msgspec.Struct, kw_only=True):
    """The text of a workflow as it was deployed, in YAML or JSON."""

    text: str
    tree: msgspec.Raw | UnsetType = UNSET
    """The parsed text, if it is YAML."""


def document(found: run_about.RunDocument) -> RunDocument:
    """Convert the document of a run."""
    tree = UNSET if found.tree is None else msgspec.Raw(found.tree.encode())
    return RunDocument(text=found.text, tree=tree)


def about(found: RunAbout) -> About:
    """Convert the origin of a run."""
    row, version = found.row, found.version
    return About(
        run_id=row.id,
        workspace=row.workspace,
        kind=row.kind,
        is_workflow=row.is_flow,
        workflow=row.path,
        trigger=row.trigger,
        created_by=row.created_by,
        permissioned_as=row.permissioned_as,
        created_at=row.created_at,
        scheduled_for=row.scheduled_at,
        priority=row.priority,
        version=UNSET if version is None else RunVersion(id=version.id, number=version.number, current=version.current),
        script_hash=_optional(row.script_hash),
        language=_optional(row.language),
        schedule=_optional(row.schedule_path),
        queue=_optional(row.queue),
        parent=_optional(row.parent),
        root=UNSET if row.root == row.id else row.root,
        repeats=repeats(found.repeats),
        canceled_by=_optional(row.cancel_by),
        canceled_reason=_optional(row.cancel_reason),
        labels=_optional(row.labels),
        erase_at=_optional(row.erase_at),
    )


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
