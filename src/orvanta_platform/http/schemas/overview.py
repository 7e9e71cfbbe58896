"""Schemas of the overview of a workspace."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.http.schemas import approvals, deployments, jobs, schedules
from orvanta_platform.http.schemas.approvals import WaitingApproval
from orvanta_platform.http.schemas.deployments import DeploymentRequest
from orvanta_platform.http.schemas.jobs import CompletedJob, QueuedJob
from orvanta_platform.http.schemas.schedules import UpcomingTick
from orvanta_platform.services import dashboard


class FailingItem(msgspec.Struct, kw_only=True):
    """An item with recent failures."""

    runs: int
    """Number of failed runs."""

    last: QueuedJob | CompletedJob
    """The last failed run."""

    path: str | UnsetType = UNSET
    """Path of the item; absent for previews."""


class Overview(msgspec.Struct, kw_only=True):
    """The overview of a workspace, with a few entries of each kind."""

    failed: list[FailingItem]
    waiting: list[WaitingApproval]
    waiting_runs: int
    """Number of waiting runs, at most 50."""

    deployments: list[DeploymentRequest]
    """Requests to deploy to the environment of the workspace that you may approve, the oldest first."""

    deployment_requests: int
    """Number of these requests, at most 50."""

    unreadable_requests: int
    """Number of further requests that wait for your approval, and of which you may not read all items, at most 50."""

    running: list[QueuedJob | CompletedJob]
    running_runs: int
    """Number of running runs, at most 50."""

    coming: list[UpcomingTick]


def shown(found: dashboard.Overview) -> Overview:
    """Convert an overview."""
    return Overview(
        failed=[
            FailingItem(path=UNSET if each.path is None else each.path, runs=each.runs, last=jobs.listed(each.last))
            for each in found.failed
        ],
        waiting=[approvals.waiting_approval(each) for each in found.waiting],
        waiting_runs=found.waiting_runs,
        deployments=[deployments.request(each) for each in found.deployments],
        deployment_requests=found.deployment_requests,
        unreadable_requests=found.unreadable_requests,
        running=[jobs.listed(row) for row in found.running],
        running_runs=found.running_runs,
        coming=[schedules.upcoming_tick(each) for each in found.coming],
    )
