"""Who is woken by what one transaction has done to a run."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from orvanta_platform.db.notify import Notifier
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.states import Status

FOR_PEOPLE = frozenset({Status.AWAITING_APPROVAL.value, Status.PAUSED.value})
"""Statuses of runs that go on when somebody lets them."""


def is_turn(before: str, after: str) -> bool:
    """Whether the caller of a run is to hear of the change from one status to another."""
    return before != after and not FOR_PEOPLE.isdisjoint((before, after))


class Done(Protocol):
    """What a transaction did: queues that have got work, whether something is due later, whether the run ended."""

    queues: set[str]
    timers: bool
    ended: bool
    run: RunRow


def tell_pass(notify: Notifier, run: UUID, done: Done) -> None:
    """Wake workers, timers and those who wait for the run."""
    notify.queue(*done.queues)
    if done.timers:
        notify.send("timer")
    if done.ended:
        notify.run_ended(run)
    else:
        notify.run_changed(run)
    if done.run.status == "cancelling":
        notify.cancelled(run)
