"""Overview of a workspace: recent failures, pending approvals of runs and deployments, current and upcoming runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db.deployments import RequestRow
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.schedules import NextTick
from orvanta_platform.services.approvals import inbox as approval_inbox
from orvanta_platform.services.approvals.inbox import Waiting
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import pending_approvals
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.runs.locks import LOCKING_KINDS
from orvanta_platform.services.triggers import calendar as schedule_calendar

SHOWN = 6
"""Maximum number of entries per section."""

FAILURE_WINDOW = timedelta(days=7)
SCHEDULE_WINDOW = timedelta(days=7)
_FAILURES = 200
_DEPLOYED = ("flow", "script", *sorted(LOCKING_KINDS))
"""Kinds of runs whose failures are shown: all but tests of code that is not deployed."""

_COUNT_LIMIT = 50


class Failing(msgspec.Struct, frozen=True):
    """A path with failed runs in the last week."""

    path: str | None
    runs: int
    """Number of failed runs counted."""
    last: JobRow
    """The most recent failed run."""


class Overview(msgspec.Struct, frozen=True):
    """Sections of the dashboard, each limited to a few entries."""

    failed: Sequence[Failing]
    """Failures of the last week by path, counted over the newest 200 failed runs, without tests."""
    waiting: Sequence[Waiting]
    waiting_runs: int
    """Number of pending approvals, counted up to 50."""
    deployments: Sequence[RequestRow]
    """Requests to deploy to the environment of the workspace that the actor may approve, the oldest first."""
    deployment_requests: int
    """Number of these requests, counted up to 50."""
    unreadable_requests: int
    """Number of further requests that wait for the actor's approval, and of which it may not read all items, counted up
    to 50.
    """
    running: Sequence[JobRow]
    running_runs: int
    """Number of running runs, counted up to 50."""
    coming: Sequence[NextTick]


async def overview(platform: Platform, actor: Actor, workspace: str) -> Overview:
    """Return the overview of a workspace. Raises NotFound, Forbidden."""
    since = clock.now() - FAILURE_WINDOW
    failures = JobFilter(states=("failed",), created_after=since, has_null_parent=True, job_kinds=_DEPLOYED)
    failed = await jobs.list_jobs(platform, actor, workspace, ("ended_runs",), failures, Slice(limit=_FAILURES))
    live = JobFilter(has_null_parent=True, suspended=False)
    running = await jobs.list_jobs(platform, actor, workspace, ("live_runs",), live, Slice(limit=_COUNT_LIMIT))
    waiting = await approval_inbox.list_waiting(platform, actor, workspace, mine=True, limit=_COUNT_LIMIT)
    deployments = await pending_approvals.list_pending(platform, actor, workspace, limit=_COUNT_LIMIT)
    unreadable = await pending_approvals.list_pending(platform, actor, workspace, limit=_COUNT_LIMIT, can_read=False)
    coming = await schedule_calendar.next_tick_of_each(platform, actor, workspace, SCHEDULE_WINDOW, SHOWN)
    return Overview(
        failed=_group_failures(failed),
        waiting=waiting[:SHOWN],
        waiting_runs=len(waiting),
        deployments=deployments[:SHOWN],
        deployment_requests=len(deployments),
        unreadable_requests=len(unreadable),
        running=running[:SHOWN],
        running_runs=len(running),
        coming=coming,
    )


def _group_failures(failed: Sequence[JobRow]) -> list[Failing]:
    """Group failed runs by path, most recent failure first. `failed` is sorted newest first."""
    last: dict[str | None, JobRow] = {}
    runs: dict[str | None, int] = {}
    for row in failed:
        last.setdefault(row.path, row)
        runs[row.path] = runs.get(row.path, 0) + 1
    return [Failing(path, runs[path], row) for path, row in last.items()][:SHOWN]
