"""Statuses of runs that options can filter by."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Status of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
