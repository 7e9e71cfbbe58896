"""What came for a node that waits without a job, as the engine hears it."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.engine.events import Event, TimerDue
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.services.steps.events import NodeDue
from orvanta_platform.services.steps.scope import job_id

_WAITING = {"wait": (Mark.WAITING_TIMER, Mark.SLEEPING)}


def due(plan: Plan, run: UUID, state: RunState, event: NodeDue) -> Event | None:
    """TimerDue of the node whose time has come; None where it waits no longer."""
    index = waiting(plan, run, state, event.job, _WAITING.get(event.kind, ()))
    return None if index is None else TimerDue(index)


def waiting(plan: Plan, run: UUID, state: RunState, job: UUID, marks: tuple[Mark, ...]) -> int | None:
    """The index of the node with this id, if it has one of these marks."""
    found = (at for at, mark in enumerate(state.nodes) if mark in marks and job_id(plan, run, at) == job)
    return next(found, None)
