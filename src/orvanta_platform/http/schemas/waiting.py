"""Why something waits, as the wire has it."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.run_views.reasons import Reason

T = TypeVar("T")


class Limit(msgspec.Struct, kw_only=True):
    """A limit: so many of one key at once. `held_by`: runs of the workspace that have its permits, at most 20."""

    key: str
    limit: int
    in_use: int
    window_s: float | UnsetType = UNSET
    held_by: list[UUID] | UnsetType = UNSET


class Waiting(msgspec.Struct, kw_only=True):
    """`reason` is a sentence, `code` the same for programs: no_worker, no_slot, limit, window, retry, time, locking,
    approval, suspended, sleeping, debounce, paused, children, run, storage, held,
    step.

    `until`: the time it waits for, or until which it does. `before`: so many come first. `run`: the one it waits for.
    `since`: when the object storage began not to take its result.
    """

    code: str
    reason: str
    until: datetime | UnsetType = UNSET
    queue: str | UnsetType = UNSET
    before: int | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET
    approvers: list[str] | UnsetType = UNSET
    run: UUID | UnsetType = UNSET
    since: datetime | UnsetType = UNSET


def waiting(reason: Reason) -> Waiting:
    """The reason as the wire has it."""
    return Waiting(**fields(reason))  # type: ignore[arg-type]


def fields(reason: Reason) -> dict[str, object]:
    """The fields of Waiting."""
    limit = reason.limit
    return {
        "code": reason.why.value,
        "reason": reason.text,
        "until": _given(reason.until),
        "queue": _given(reason.queue),
        "before": _given(reason.before),
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
        "run": _given(reason.run),
        "since": _given(reason.since),
    }


def _given(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
