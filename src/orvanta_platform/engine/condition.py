"""Nodes decided inside the step, without a job: a condition, and, inside loops and branches, an identity."""

from __future__ import annotations

from orvanta_platform.engine import waits
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.readiness import Fail, Verdict
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.step import Step


def verdict(step: Step, node: Node) -> Verdict | None:
    """True or false, its result the boolean; failed where it threw; None while an answer is missing."""
    answer = step.ask("condition", node.index, node.condition)
    if answer is None:
        return None
    if isinstance(answer, Err):
        return Fail(answer)
    mark, result = (Mark.TRUE, b"true") if answer.truthy else (Mark.FALSE, b"false")
    return waits.succeeded(step, node, mark, result)
