"""Concurrency limits in use, and the jobs that hold their permits or queue for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import gates, job_lists
from orvanta_platform.db.gates import GateUse
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

_MAX_GROUPS = 1000
_MAX_HIDDEN = 1000


class GroupJobs(msgspec.Struct, frozen=True):
    """Jobs of a concurrency limit, or of a workspace."""

    rows: Sequence[JobRow]
    hidden: Sequence[datetime | None]
    """Of each entry whose run the caller may not see: the time of its permit; None if it has none yet."""
    hidden_omitted: bool
    """True if `hidden` is empty because it was not determined, or is not for the caller."""


async def list_groups(platform: Platform, actor: Actor) -> list[GateUse]:
    """Return the limits of all workspaces that are in use, the most used first, at most 1,000.

    Their names may contain arguments of runs, so only those who see all workers may list them. Raises Forbidden.
    """
    permissions.require(actor, "see_all_workers", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        return await gates.list_used(conn, _MAX_GROUPS)


async def list_jobs(
    platform: Platform, actor: Actor, workspace: str, key: str | None, filter: JobFilter, slice: Slice
) -> GroupJobs:
    """Return the jobs that the actor may read which hold a permit of the limit `key` or queue for one.

    Without a key all jobs that match the filter. Entries of others are counted only without a filter, which could
    reveal more about them, and only for admins and those who may see an entry of the limit: a key may contain
    arguments, which others could guess. Raises NotFound, Forbidden.
    """
    keys = gates.keys_named(workspace, key) if key else None
    narrowed = replace(filter, gates=keys)
    rows = await jobs.list_jobs(platform, actor, workspace, jobs.ALL_PARTS, narrowed, slice)
    if keys is None or filter != JobFilter():
        return GroupJobs(rows, (), hidden_omitted=True)
    async with platform.db.acquire() as conn:
        sees = jobs.visible(actor, workspace)
        if not sees.everything and not await job_lists.sees_entry(conn, workspace, sees, keys):
            return GroupJobs(rows, (), hidden_omitted=True)
        hidden = await job_lists.list_hidden_entries(conn, workspace, sees, keys, _MAX_HIDDEN)
    return GroupJobs(rows, hidden, hidden_omitted=False)
