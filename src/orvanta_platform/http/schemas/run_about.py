"""What a run is, beside how it stands."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas.jobs import Repeats, repeats
from orvanta_platform.services.run_views.about import RunAbout

T = TypeVar("T")


class RunVersion(msgspec.Struct, kw_only=True):
    """A version by its id and its number at the path; `current`: runs by path take it."""

    id: int
    number: int
    current: bool


class About(msgspec.Struct, kw_only=True):
    """A run. `workflow` is the path of what runs, `kind`: flow, flowpreview, script, preview, ….

    `trigger`: what began it; `schedule`: which one; `parent`: the run whose node called it; `repeats`: the run that it
    goes on from or runs again. `created_by` began it, `permissioned_as` is whose rights it has.
    """

    run_id: UUID
    workspace: str
    kind: str
    is_workflow: bool
    workflow: str | None
    trigger: str
    created_by: str
    permissioned_as: str
    created_at: datetime
    scheduled_for: datetime
    priority: int
    version: RunVersion | UnsetType = UNSET
    script_hash: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    schedule: str | UnsetType = UNSET
    queue: str | UnsetType = UNSET
    parent: UUID | UnsetType = UNSET
    root: UUID | UnsetType = UNSET
    repeats: Repeats | UnsetType = UNSET
    canceled_by: str | UnsetType = UNSET
    canceled_reason: str | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    erase_at: datetime | UnsetType = UNSET


class RunDocument(msgspec.Struct, kw_only=True):
    """The text of a workflow as it was deployed: YAML or JSON."""

    text: str


def about(found: RunAbout) -> About:
    """The run as the API shows it."""
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
        script_hash=_given(row.script_hash),
        language=_given(row.language),
        schedule=_given(row.schedule_path),
        queue=_given(row.queue),
        parent=_given(row.parent),
        root=UNSET if row.root == row.id else row.root,
        repeats=repeats(found.repeats),
        canceled_by=_given(row.cancel_by),
        canceled_reason=_given(row.cancel_reason),
        labels=_given(row.labels),
        erase_at=_given(row.erase_at),
    )


def _given(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
