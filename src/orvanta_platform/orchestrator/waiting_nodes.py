"""Lookup of nodes that wait without a job."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.orchestrator.scope import job_id


def waiting(
    plan: Plan, run: UUID, state: RunState, job: UUID, marks: tuple[Mark, ...], frame: UUID | None = None
) -> int | None:
    """Return the index of the node with this id if it has one of these marks."""
    found = (at for at, mark in enumerate(state.nodes) if mark in marks and job_id(plan, run, at, frame) == job)
    return next(found, None)
