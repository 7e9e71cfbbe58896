"""Condition nodes, which are decided inside the step without a job."""

from __future__ import annotations

from orvanta_platform.engine import waits
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.readiness import Fail, Verdict
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.step import Step


def verdict(step: Step, node: Node) -> Verdict | None:
    """Return true or false, with the boolean as result; Fail if the condition threw; None while it is unanswered."""
    answer = step.ask("condition", node.index, node.condition)
    if answer is None:
        return None
    if isinstance(answer, Err):
        return Fail(answer)
    mark, result = (Mark.TRUE, b"true") if answer.truthy else (Mark.FALSE, b"false")
    return waits.succeeded(step, node, mark, result)
