"""Nodes with `debouncing`: they wait, and hand over to a later execution with the same key that arrives in time."""

from __future__ import annotations

from typing import Final

import msgspec

from orvanta_platform.engine import gates, stops
from orvanta_platform.engine.effects import EnterDebounce, Record
from orvanta_platform.engine.events import Answer, HandedOver, NamedError
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.readiness import BEGIN, Fail, Readiness, StartDebounce
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.step import Step

_NULL: Final = b"null"


def readiness(step: Step, node: Node) -> Readiness | None:
    """Return the debounce wait of a node, or BEGIN if it has none; Fail if its key or an input threw.

    None while an answer is missing.
    """
    debounce = node.debounce
    if debounce is None:
        return BEGIN
    key = gates.key(step, debounce.key, node.index, "debounce")
    inputs = {name: step.answer_to("joined", node.index, source, name) for name, source in debounce.inputs.items()}
    error = next((each for each in (key, *inputs.values()) if isinstance(each, NamedError)), None)
    if error is not None:
        return Fail(error)
    values = {name: msgspec.Raw(answer.raw) for name, answer in inputs.items() if isinstance(answer, Answer)}
    if key is None or isinstance(key, NamedError) or len(values) < len(inputs):
        return None
    return StartDebounce(EnterDebounce(node.index, key, debounce.window, msgspec.json.encode(values)))


def end_wait(step: Step, index: int) -> bool:
    """Start the node, because no later one arrived in time. False: it is not waiting."""
    if step.nodes[index] != Mark.DEBOUNCING:
        return False
    step.ready.add(index)
    return True


def handed_over(step: Step, event: HandedOver) -> bool:
    """Skip the node and end its list, because a later node replaced it. False: it is not waiting."""
    if step.nodes[event.node] != Mark.DEBOUNCING:
        return False
    step.effects.append(Record("debounced", event.node, {"run": event.run}))
    step.end(event.node, Mark.PASSED, result=_NULL)
    stops.stop(step, event.node, skips=True, handed_over=True)
    return True
