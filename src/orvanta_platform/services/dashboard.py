"""What a person looks at first in a workspace: what failed, what waits for them, what runs, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.schedules import Coming
from orvanta_platform.services.approvals import inbox as approval_inbox
from orvanta_platform.services.approvals.inbox import Waiting
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.triggers import calendar as schedule_calendar

SHOWN = 6
"""How many of each are shown."""

LOOKED_BACK = timedelta(days=7)
LOOKED_AHEAD = timedelta(days=7)
_FAILURES = 200
_MANY = 50


@dataclass(frozen=True, slots=True)
class Failing:
    """What failed of late: how often, and the last time."""

    path: str | None
    runs: int
    last: JobRow


@dataclass(frozen=True, slots=True)
class Overview:
    """A few of each. `running_runs` and `waiting_runs` count up to 50; of failures the newest 200 of a week count."""

    failed: Sequence[Failing]
    waiting: Sequence[Waiting]
    waiting_runs: int
    running: Sequence[JobRow]
    running_runs: int
    coming: Sequence[Coming]


async def overview(platform: Platform, actor: Actor, workspace: str) -> Overview:
    """What is to be known first of a workspace. Raises NotFound, Forbidden."""
    since = clock.now() - LOOKED_BACK
    failures = JobFilter(states=("failed",), created_after=since, has_null_parent=True)
    failed = await jobs.list_jobs(platform, actor, workspace, ("ended_runs",), failures, Slice(limit=_FAILURES))
    live = JobFilter(has_null_parent=True, suspended=False)
    running = await jobs.list_jobs(platform, actor, workspace, ("live_runs",), live, Slice(limit=_MANY))
    waiting = await approval_inbox.list_waiting(platform, actor, workspace, mine=True, limit=_MANY)
    coming = await schedule_calendar.next_of_each(platform, actor, workspace, LOOKED_AHEAD, SHOWN)
    return Overview(_failing(failed), waiting[:SHOWN], len(waiting), running[:SHOWN], len(running), coming)


def _failing(failed: Sequence[JobRow]) -> list[Failing]:
    """By what failed, whatever failed last first; `failed` is the newest first."""
    last: dict[str | None, JobRow] = {}
    runs: dict[str | None, int] = {}
    for row in failed:
        last.setdefault(row.path, row)
        runs[row.path] = runs.get(row.path, 0) + 1
    return [Failing(path, runs[path], row) for path, row in last.items()][:SHOWN]
