"""How a run may stand, for options that ask for it."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What a run may be."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
