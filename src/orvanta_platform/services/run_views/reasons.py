"""Reasons why jobs, nodes and runs wait. Pure functions.

Each reason names what is waited for: a time, a person, a position in a queue, or a required action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from orvanta_platform.db.gates import LimitRow
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.state import Mark


class ReasonKind(StrEnum):
    """Kinds of reasons for waiting."""

    NO_WORKER = "no_worker"
    NO_SLOT = "no_slot"
    LIMIT = "limit"
    WINDOW = "window"
    RETRY = "retry"
    TIME = "time"
    LOCKING = "locking"
    APPROVAL = "approval"
    SUSPENDED = "suspended"
    SLEEPING = "sleeping"
    DEBOUNCE = "debounce"
    PAUSED = "paused"
    CHILDREN = "children"
    RUN = "run"
    STORAGE = "storage"
    HELD = "held"
    STEP = "step"


class WaitReason(msgspec.Struct, frozen=True):
    """Reason for waiting."""

    why: ReasonKind
    until: datetime | None = None
    """Time at which the wait ends."""
    queue: str | None = None
    before: int | None = None
    """Number of jobs ahead in the queue, or at the limit (counted up to 1,000); None: not counted."""
    limit: LimitRow | None = None
    """Limit that is waited for."""
    approvers: tuple[str, ...] = ()
    """Members who may decide; empty: anyone who may run the workflow."""
    run: UUID | None = None
    """Run that is waited for."""
    by: str | None = None
    """Member who set the breakpoint."""
    since: datetime | None = None
    """Time since which the object storage does not accept the result."""

    @property
    def text(self) -> str:
        """One sentence for display."""
        return _TEXTS[self.why](self)


def _limit(reason: WaitReason) -> str:
    limit = reason.limit
    if limit is None:
        return "waiting for a concurrency limit"
    return f"limit {limit.name}: {limit.in_use} of {limit.places} in use"


def _window(reason: WaitReason) -> str:
    limit = reason.limit
    if limit is None:
        return "waiting for a concurrency limit"
    return f"limit {limit.name}: {limit.places} started within {limit.window_s:g} s"


def _storage(reason: WaitReason) -> str:
    since = f" since {reason.since:%H:%M} UTC" if reason.since is not None else ""
    return f"retrying the upload of its result{since}: the object storage refuses it or does not respond"


def _approval(reason: WaitReason) -> str:
    return "awaiting approval" + (f" by {', '.join(reason.approvers)}" if reason.approvers else "")


_TEXTS: Mapping[ReasonKind, Callable[[WaitReason], str]] = {
    ReasonKind.NO_WORKER: lambda reason: f"no worker for queue {reason.queue}",
    ReasonKind.NO_SLOT: lambda _: "waiting for a free slot",
    ReasonKind.LIMIT: _limit,
    ReasonKind.WINDOW: _window,
    ReasonKind.RETRY: lambda _: "waiting for its next attempt",
    ReasonKind.TIME: lambda _: "waiting for its start time",
    ReasonKind.LOCKING: lambda _: "waiting for its packages to be locked",
    ReasonKind.APPROVAL: _approval,
    ReasonKind.SUSPENDED: lambda _: "succeeded; its downstream nodes await approval",
    ReasonKind.SLEEPING: lambda _: "succeeded; its downstream nodes wait for their start time",
    ReasonKind.DEBOUNCE: lambda _: "waiting for later executions of its debounce key",
    ReasonKind.PAUSED: lambda reason: (
        f"paused before its start by {reason.by}" if reason.by else "paused before a node"
    ),
    ReasonKind.CHILDREN: lambda _: "waiting for the nodes inside it",
    ReasonKind.RUN: lambda reason: f"waiting for the run {reason.run}",
    ReasonKind.STORAGE: _storage,
    ReasonKind.HELD: lambda _: "waiting for a database transaction that locks its row",
    ReasonKind.STEP: lambda _: "waiting for its first step to be written",
}

_OF_MARKS: Mapping[int, ReasonKind] = {
    Mark.WAITING_TIMER: ReasonKind.TIME,
    Mark.SLEEPING: ReasonKind.SLEEPING,
    Mark.DEBOUNCING: ReasonKind.DEBOUNCE,
    Mark.PAUSED: ReasonKind.PAUSED,
    Mark.WAITING_APPROVAL: ReasonKind.APPROVAL,
    Mark.SUSPENDED: ReasonKind.SUSPENDED,
    Mark.WAITING_GATE: ReasonKind.LIMIT,
    Mark.WAITING_CHILDREN: ReasonKind.CHILDREN,
}
_HAS_A_TIME = (Mark.WAITING_TIMER, Mark.SLEEPING, Mark.DEBOUNCING)


def of_limit(limit: LimitRow) -> WaitReason:
    """Return the reason of a job that waits for a concurrency limit or for its time window."""
    if limit.due_at is not None and limit.in_use < limit.places:
        return WaitReason(ReasonKind.WINDOW, until=limit.due_at, before=limit.before, limit=limit)
    return WaitReason(ReasonKind.LIMIT, before=limit.before, limit=limit)


def of_job(
    state: str | None,
    queue: str | None,
    served: bool,
    retry_at: datetime | None,
    before: int | None = None,
    untaken_at: datetime | None = None,
) -> WaitReason | None:
    """Return the reason of a live job; None if it does not wait. `served`: a live worker serves its queue.

    `untaken_at`: time since which the object storage does not accept its result.
    """
    if state == "running" and untaken_at is not None:
        return WaitReason(ReasonKind.STORAGE, since=untaken_at)
    if state == "available":
        return WaitReason(ReasonKind.NO_SLOT if served else ReasonKind.NO_WORKER, queue=queue, before=before)
    if state == "scheduled":
        return WaitReason(ReasonKind.RETRY if retry_at else ReasonKind.TIME, until=retry_at)
    return None


def of_node(
    node: Node,
    mark: int,
    due_at: datetime | None,
    limit: LimitRow | None = None,
    run: UUID | None = None,
    by: str | None = None,
) -> WaitReason | None:
    """Return the reason of a node that waits without a job; None if it does not wait. `run`: run of its sub-workflow.

    `by`: member who set the breakpoint before it.
    """
    why = _OF_MARKS.get(mark)
    if why is None or (mark in _HAS_A_TIME and due_at is None):
        return None
    if why is ReasonKind.LIMIT:
        return of_limit(limit) if limit is not None else WaitReason(why)
    if mark == Mark.WAITING_TIMER and node.kind.is_container:
        return WaitReason(ReasonKind.RETRY, until=due_at)
    if why is ReasonKind.CHILDREN and run is not None:
        return WaitReason(ReasonKind.RUN, run=run)
    if why is ReasonKind.PAUSED:
        return WaitReason(why, by=by)
    consent = (node.approval or node.suspend) if why in (ReasonKind.APPROVAL, ReasonKind.SUSPENDED) else None
    return WaitReason(why, until=due_at, approvers=consent.approvers if consent is not None else ())
