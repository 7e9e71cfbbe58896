"""Steps with `debouncing`: they wait, and hand over to a later one of the same key that comes up until then."""

from __future__ import annotations

from typing import Final

import msgspec

from orvanta_platform.engine import gates, stops
from orvanta_platform.engine.effects import PutOff, Record
from orvanta_platform.engine.events import Answer, Err, HandedOver
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.readiness import BEGIN, Fail, Verdict, WaitForLater
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.step import Step

_NOTHING: Final = b"null"


def verdict(step: Step, node: Node) -> Verdict | None:
    """The wait of a node that comes up, BEGIN where it does not wait so; failed where its key or an input threw.

    None while an answer is missing.
    """
    debounce = node.debounce
    if debounce is None:
        return BEGIN
    key = gates.key(step, debounce.key, node.index, "debounce")
    inputs = {name: step.ask("joined", node.index, source, name) for name, source in debounce.inputs.items()}
    thrown = next((each for each in (key, *inputs.values()) if isinstance(each, Err)), None)
    if thrown is not None:
        return Fail(thrown)
    given = {name: msgspec.Raw(answer.raw) for name, answer in inputs.items() if isinstance(answer, Answer)}
    if key is None or isinstance(key, Err) or len(given) < len(inputs):
        return None
    return WaitForLater(PutOff(node.index, key, debounce.window, msgspec.json.encode(given)))


def over(step: Step, index: int) -> bool:
    """No later one came up in time: the node begins. False: it does not wait for that."""
    if step.nodes[index] != Mark.DEBOUNCING:
        return False
    step.ready.add(index)
    return True


def handed_over(step: Step, event: HandedOver) -> bool:
    """A later one has taken the node's place: it is skipped, and its list ends there. False: it does not wait."""
    if step.nodes[event.node] != Mark.DEBOUNCING:
        return False
    step.effects.append(Record("debounced", event.node, {"run": event.run}))
    step.end(event.node, Mark.PASSED, result=_NOTHING)
    stops.stop(step, event.node, skips=True, handed_over=True)
    return True
