"""Recorded answers of a test as outcomes and events of the engine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.engine.events import Event, NamedError
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.orchestrator import wait_outcomes
from orvanta_platform.orchestrator.playback_types import ExecutionKey, RecordedOutcome
from orvanta_platform.workflow.playback.document import RecordedAnswer, WorkflowTest, key_of, time_of


class RecordedAnswers:
    """Answers of a test."""

    def __init__(self, test: WorkflowTest, at: datetime) -> None:
        self._test = test
        self._at = at
        self._ranks = {key: float(number) for number, key in enumerate(test.nodes)}
        self._last = {key.partition("[")[0]: rank for key, rank in self._ranks.items()}
        """Position of the last answer by the id of the node."""
        self._inside: dict[str, float] = {}
        """Position of the last answer inside a node, by its id."""
        self._recorded: dict[int, RecordedOutcome | None] = {}
        """Outcomes by the identity of the answer, which the test keeps alive; executions share them."""

    def outcome(self, key: ExecutionKey) -> RecordedOutcome | None:
        """Return the outcome of a job or sub-workflow; the last one also for later attempts."""
        answers = self._test.answers(key_of(key.node.id, key.iterations))
        if not answers:
            return None
        answer = answers[min(key.attempt, len(answers) - 1)]
        if answer.error is None and key.node.kind.is_container and key.node.kind is not Kind.FLOW:
            return None
        if id(answer) not in self._recorded:
            self._recorded[id(answer)] = self._encode(answer)
        return self._recorded[id(answer)]

    def _encode(self, answer: RecordedAnswer) -> RecordedOutcome | None:
        if answer.error is not None:
            failure = msgspec.json.encode({"error": answer.error})
            raw = failure if answer.result is msgspec.UNSET else msgspec.json.encode(answer.result)
            return RecordedOutcome(raw, error_of(answer.error), failure)
        return None if answer.result is msgspec.UNSET else RecordedOutcome(msgspec.json.encode(answer.result))

    def decision(self, key: ExecutionKey, number: int) -> Event | None:
        """Return a decision on an approval or suspended node."""
        answers = self._test.answers(key_of(key.node.id, key.iterations))
        decisions = answers[-1].decisions if answers else []
        if number >= len(decisions):
            return None
        made, approval = decisions[number], key.node.approval is not None
        at = time_of(made.at) or self._at
        if made.decision == "timeout":
            return wait_outcomes.deadline_event(key.node.index, at, approval=approval)
        row = DecisionRow(
            key.id,
            number + 1,
            made.decision == "approved",
            made.by,
            None,
            made.reason,
            msgspec.json.encode(made.form).decode(),
            at,
            True,
        )
        return wait_outcomes.decision_event(key.node.index, row, approval=approval)

    def rank(self, key: ExecutionKey) -> float:
        """Return the position among the answers; for a node with others inside, that of the last of them."""
        found = self._ranks.get(key_of(key.node.id, key.iterations), self._ranks.get(key.node.id))
        if found is not None:
            return found
        id = key.node.id
        if id not in self._inside:
            ranks = (self._last[each] for each in _inside(key.node) if each in self._last)
            self._inside[id] = max(ranks, default=float("inf"))
        return self._inside[id]


def error_of(fields: Any) -> NamedError:
    """Return the error with these fields."""
    known = fields if isinstance(fields, dict) else {}
    return NamedError(str(known.get("name") or "Error"), str(known.get("message") or ""))


def _inside(node: Node) -> list[str]:
    return [id for body in node.bodies for each in body.plan.nodes for id in (each.id, *_inside(each))]
