"""Notifications after a transaction on a run."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from orvanta_platform.db.notify import Notifier
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.states import Status

WAITING_FOR_PERSON = frozenset({Status.AWAITING_APPROVAL.value, Status.PAUSED.value})
"""Statuses of runs that wait for a person."""


def is_wait_change(before: str, after: str) -> bool:
    """Return whether the caller of a run is notified of this change of its status."""
    return before != after and not WAITING_FOR_PERSON.isdisjoint((before, after))


class TransactionResult(Protocol):
    """Result of a transaction: queues that received jobs, whether timers were set, whether the run ended."""

    queues: set[str]
    timers: bool
    ended: bool
    run: RunRow


def wake_waiters(notify: Notifier, run: UUID, done: TransactionResult) -> None:
    """Wake workers, timers and everything that waits for the run."""
    notify.queue(*done.queues)
    if done.timers:
        notify.send("timer")
    if done.ended:
        notify.run_ended(run)
    else:
        notify.run_changed(run)
    if done.run.status == "cancelling":
        notify.cancelled(run)
