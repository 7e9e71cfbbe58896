"""The wire's shape of the overview of a workspace."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas import approvals, jobs, schedules
from orvanta_platform.http.schemas.approvals import WaitingApproval
from orvanta_platform.http.schemas.jobs import CompletedJob, QueuedJob
from orvanta_platform.http.schemas.schedules import ComingTick
from orvanta_platform.services import dashboard


class Failing(msgspec.Struct, kw_only=True):
    """What failed of late, a preview without `path`: how often, and its last run that failed."""

    runs: int
    last: QueuedJob | CompletedJob
    path: str | UnsetType = UNSET


class Overview(msgspec.Struct, kw_only=True):
    """A few of each. `waiting_runs` and `running_runs` are counted up to 50."""

    failed: list[Failing]
    waiting: list[WaitingApproval]
    waiting_runs: int
    running: list[QueuedJob | CompletedJob]
    running_runs: int
    coming: list[ComingTick]


def shown(found: dashboard.Overview) -> Overview:
    """The overview."""
    return Overview(
        failed=[
            Failing(path=UNSET if each.path is None else each.path, runs=each.runs, last=jobs.listed(each.last))
            for each in found.failed
        ],
        waiting=[approvals.waiting_approval(each) for each in found.waiting],
        waiting_runs=found.waiting_runs,
        running=[jobs.listed(row) for row in found.running],
        running_runs=found.running_runs,
        coming=[schedules.coming_tick(each) for each in found.coming],
    )
