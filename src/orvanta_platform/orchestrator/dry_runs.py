"""Answers of dry runs for nodes that are not executed: recorded ones, otherwise samples."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.dry_run import Simulation
from orvanta_platform.engine.events import Approved, Event, Rejected
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.orchestrator.playback_types import ExecutionKey
from orvanta_platform.orchestrator.recorded_answers import RecordedAnswers
from orvanta_platform.orchestrator.view import View, job_id
from orvanta_platform.workflow.playback.document import RecordedAnswer, WorkflowTest, key_of
from orvanta_platform.workflow.samples import sample

RECORDED: Final = "recorded"
"""Name of the value (of a run, kind args) with the recording that a dry run plays."""


class Recording(msgspec.Struct, omit_defaults=True):
    """Recorded answers of a workflow."""

    nodes: dict[str, RecordedAnswer | list[RecordedAnswer]] = {}
    """Answers by node, as in tests of workflows."""
    calls: dict[str, Recording] = {}
    """Recordings of the sub-workflows, by the key of their nodes."""


def recording_key(run: UUID) -> ValueKey:
    """Return the key of the recording that a run plays."""
    return (run, "args", RECORDED)


def iterations_of(view: View) -> tuple[int, ...]:
    """Return the numbers of the iterations of the loops around a place, outermost first."""
    found: list[int] = []
    while view.within is not None:
        if view.within.holder.kind.is_loop:
            found.insert(0, view.within.number)
        view = view.within.outer
    return tuple(found)


def recording_of_call(raw: bytes | None, view: View) -> bytes | None:
    """Return the recording of the sub-workflow that the node of a place calls, of the recording of its run."""
    if raw is None:
        return None
    key = key_of(view.plan.node(view.index).id, iterations_of(view))
    found = msgspec.json.decode(raw, type=Recording).calls.get(key)
    return None if found is None else msgspec.json.encode(found)


def simulate(raw: bytes | None, view: View, attempt: int, inputs: bytes) -> Simulation:
    """Return the answer for an attempt of the node of a place.

    `raw` is the recording of the run, if it has one, `inputs` the inputs of the node with secrets masked.
    """
    run, node = view.run, view.plan.node(view.index)
    key = ExecutionKey(node, job_id(view.plan, run.id, view.index, view.frame), iterations_of(view), attempt)
    recorded = _recorded(raw, run) if raw is not None else None
    made = _decision(node, key, recorded, run) if node.approval is not None else _result(node, key, recorded)
    return msgspec.structs.replace(made, inputs=msgspec.Raw(inputs))


@lru_cache(maxsize=8)
def _decoded(raw: bytes) -> WorkflowTest:
    return WorkflowTest(nodes=msgspec.json.decode(raw, type=Recording).nodes)


def _recorded(raw: bytes, run: RunRow) -> RecordedAnswers:
    return RecordedAnswers(_decoded(raw), run.scheduled_at)


def _result(node: Node, key: ExecutionKey, recorded: RecordedAnswers | None) -> Simulation:
    name = key_of(node.id, key.iterations)
    found = recorded.outcome(key) if recorded is not None else None
    if found is not None:
        return Simulation(name, "recorded", msgspec.Raw(found.raw), found.error)
    if node.result_schema is None and node.kind is not Kind.WEBHOOK:
        return Simulation(name, "none")
    value = sample(node.result_schema)
    if node.kind is Kind.WEBHOOK:
        value = {"status": 200, "headers": {}, "body": value}
    return Simulation(name, "sample", msgspec.Raw(msgspec.json.encode(value)))


def _decision(node: Node, key: ExecutionKey, recorded: RecordedAnswers | None, run: RunRow) -> Simulation:
    """Return the recorded decision on an approval node, otherwise its approval."""
    name = key_of(node.id, key.iterations)
    required = node.approval.required if node.approval is not None else 1
    made = [recorded.decision(key, number) for number in range(required)] if recorded is not None else []
    last = next((each for each in made if not isinstance(each, Approved)), made[-1] if made else None)
    if last is None:
        record: dict[str, Any] = {
            "decision": "approved",
            "by": None,
            "at": run.scheduled_at,
            "reason": None,
            "form": {},
        }
        return Simulation(name, "sample", msgspec.Raw(msgspec.json.encode(record)))
    return _of_event(name, last)


def _of_event(name: str, event: Event) -> Simulation:
    record: Any = msgspec.Raw(getattr(event, "record", b"null"))
    if isinstance(event, Approved):
        return Simulation(name, "recorded", record)
    if isinstance(event, Rejected):
        return Simulation(name, "recorded", record, decision="rejected", by=event.by, reason=event.reason)
    return Simulation(name, "recorded", record, decision="timeout")
