"""Schemas of the reasons for waiting."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.run_views.reasons import WaitReason

T = TypeVar("T")


class Limit(msgspec.Struct, kw_only=True):
    """A limit of concurrent or recent jobs of one key."""

    key: str
    limit: int
    in_use: int
    window_s: float | UnsetType = UNSET
    held_by: list[UUID] | UnsetType = UNSET
    """Runs of the workspace that hold permits, at most 20."""


class Waiting(msgspec.Struct, kw_only=True):
    """The reason for which a run, node or job waits."""

    code: str
    """Stable code: no_worker, no_slot, limit, window, retry, time, locking, approval, suspended, sleeping, debounce,
    paused, children, run, storage, held or step."""

    reason: str
    """The reason as a sentence."""

    until: datetime | UnsetType = UNSET
    """Time that is awaited, or at which the wait ends at the latest."""

    queue: str | UnsetType = UNSET
    before: int | UnsetType = UNSET
    """Number of jobs that come first."""

    limit: Limit | UnsetType = UNSET
    approvers: list[str] | UnsetType = UNSET
    run: UUID | UnsetType = UNSET
    """Run that is awaited."""

    since: datetime | UnsetType = UNSET
    """Time since which the object storage has not accepted the result."""


def waiting(reason: WaitReason) -> Waiting:
    """Convert a reason."""
    return Waiting(**fields(reason))  # type: ignore[arg-type]


def fields(reason: WaitReason) -> dict[str, object]:
    """Return the fields of Waiting."""
    limit = reason.limit
    return {
        "code": reason.why.value,
        "reason": reason.text,
        "until": _optional(reason.until),
        "queue": _optional(reason.queue),
        "before": _optional(reason.before),
        "limit": UNSET
        if limit is None
        else Limit(
            key=limit.name,
            limit=limit.places,
            in_use=limit.in_use,
            window_s=limit.window_s or UNSET,
            held_by=list(limit.held_by) or UNSET,
        ),
        "approvers": list(reason.approvers) or UNSET,
        "run": _optional(reason.run),
        "since": _optional(reason.since),
    }


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
