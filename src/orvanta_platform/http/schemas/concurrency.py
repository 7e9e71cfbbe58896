"""Schemas of concurrency limits in use."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas import jobs
from orvanta_platform.http.schemas.jobs import CompletedJob, QueuedJob
from orvanta_platform.services.run_views.concurrency import GroupJobs


class ConcurrencyGroup(msgspec.Struct):
    """A concurrency limit in use."""

    concurrency_key: str
    total_running: int
    """Number of permits in use."""


class ObscuredJob(msgspec.Struct):
    """A job that the caller may not see."""

    typ: str
    started_at: datetime | UnsetType = UNSET
    """Time of its permit; absent while it queues."""


class ExtendedJobs(msgspec.Struct):
    """Jobs of a concurrency limit."""

    jobs: list[QueuedJob | CompletedJob]
    obscured_jobs: list[ObscuredJob]
    omitted_obscured_jobs: bool
    """True if jobs that the caller may not see are left out: without `concurrency_key`, or with other filters."""


def extended(found: GroupJobs) -> ExtendedJobs:
    """Return the jobs of a limit as the response."""
    hidden = [ObscuredJob("QueuedJob", UNSET if at is None else at) for at in found.hidden]
    return ExtendedJobs([jobs.listed(row) for row in found.rows], hidden, found.hidden_omitted)
