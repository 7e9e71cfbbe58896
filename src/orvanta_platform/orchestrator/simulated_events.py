"""Events of a dry run: the executions that it answered for."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.effects import Origin, Simulated
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.orchestrator.blueprints import Blueprint, work_of
from orvanta_platform.workflow.kinds import Effects

SIMULATED: Final = "simulated"
"""Kind of the events."""


class SimulatedData(msgspec.Struct, frozen=True, omit_defaults=True):
    """Data of an event."""

    job: UUID
    """Id under which the inputs of the execution are stored."""
    execution: str
    """Node with its iterations, as in `fetch[0]`."""
    kind: str
    """Kind of the node."""
    effects: Effects
    """Declared effects of the node."""
    answer: Origin
    """Origin of the answer."""
    attempt: int = 0
    error: str | None = None
    """Name of the error with which the attempt fails."""
    path: str | None = None
    """Path of the script."""
    language: str | None = None
    method: str | None = None
    """HTTP method of a webhook."""


def simulated_data(blueprint: Blueprint, run: RunRow, node: Node, effect: Simulated, job: UUID) -> str:
    """Return the data of the event as JSON text."""
    work = work_of(blueprint, node, run) if node.kind in (Kind.SCRIPT, Kind.RAWSCRIPT) else None
    data = SimulatedData(
        job=job,
        execution=effect.execution,
        kind=node.kind.value,
        effects=node.effects,
        answer=effect.answer,
        attempt=effect.attempt,
        error=effect.error,
        path=work.path if work is not None else None,
        language=work.language if work is not None else None,
        method=str(node.value.get("method")) if node.kind is Kind.WEBHOOK else None,
    )
    return msgspec.json.encode(data).decode()
