"""Schemas of the usage of workspaces."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.usage import NamedUsage
from orvanta_platform.services.maintenance import usage


class UsageDay(msgspec.Struct, kw_only=True):
    """Usage of a workspace in a day (UTC)."""

    at: datetime
    """Start of the day."""

    runs: int
    """Number of runs that ended, without sub-workflows."""

    failed: int
    job_s: float
    """Run time of the jobs that ended, in seconds."""

    file_bytes: int
    """Size of the files of the workspace at the end of the day, or of the last recorded hour."""


class UsageItem(msgspec.Struct, kw_only=True):
    """Usage of a script or workflow; without a path that of all other runs, such as previews."""

    kind: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    runs: int
    failed: int
    job_s: float


class UsageMember(msgspec.Struct, kw_only=True):
    """Usage of a member for whom runs act."""

    permissioned_as: str
    """u/<username>; also of former members."""

    runs: int
    failed: int
    job_s: float


class UsageWorkspace(msgspec.Struct, kw_only=True):
    """Usage of a workspace."""

    workspace_id: str
    runs: int
    failed: int
    job_s: float
    file_bytes: int


class Usage(msgspec.Struct, kw_only=True):
    """Usage of a workspace; the 100 items and members with the longest run time."""

    since: datetime
    until: datetime
    """End of the last recorded hour."""

    days: list[UsageDay]
    items: list[UsageItem]
    members: list[UsageMember]


class InstanceUsage(msgspec.Struct, kw_only=True):
    """Usage of the 100 workspaces with the longest run time."""

    since: datetime
    until: datetime
    """End of the last recorded hour."""

    workspaces: list[UsageWorkspace]


def of_workspace(found: usage.WorkspaceUsage) -> Usage:
    """Convert the usage of a workspace."""
    return Usage(
        since=found.since,
        until=found.until,
        days=[msgspec.convert(each, UsageDay, from_attributes=True) for each in found.days],
        items=[_item(each) for each in found.items],
        members=[
            UsageMember(permissioned_as=each.name, runs=each.runs, failed=each.failed, job_s=each.job_s)
            for each in found.members
        ],
    )


def of_instance(found: usage.InstanceUsage) -> InstanceUsage:
    """Convert the usage of the workspaces."""
    return InstanceUsage(
        since=found.since,
        until=found.until,
        workspaces=[
            UsageWorkspace(
                workspace_id=each.name,
                runs=each.runs,
                failed=each.failed,
                job_s=each.job_s,
                file_bytes=each.file_bytes,
            )
            for each in found.workspaces
        ],
    )


def _item(each: NamedUsage) -> UsageItem:
    kind, _, path = each.name.partition("/")
    return UsageItem(kind=kind or UNSET, path=path or UNSET, runs=each.runs, failed=each.failed, job_s=each.job_s)
