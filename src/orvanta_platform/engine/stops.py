"""stop_after_if: a node's end that ends the list it stands in."""

from __future__ import annotations

from orvanta_platform.engine.events import Err
from orvanta_platform.engine.plan import Node, Stop
from orvanta_platform.engine.state import Phase
from orvanta_platform.engine.step import Step

ERROR = "EarlyStopError"


def of(node: Node) -> Stop | None:
    """By what the node may end its list."""
    return node.stop_after_all or node.stop_after_if


def verdict(step: Step, node: Node, *, result: bytes | None = None) -> bool | Err | None:
    """Whether the list ends here; an error where it shall end as failed or the expression threw; None: not known yet.

    `result` is given for a node without a job.
    """
    stop = of(node)
    if stop is None or step.phase is not Phase.NORMAL:
        return False
    answer = step.ask("stop", node.index, stop.expr, step.failures.get(node.index, 0), result=result)
    if answer is None or isinstance(answer, Err):
        return answer
    return wanted(stop) if answer.truthy else False


def wanted(stop: Stop) -> bool | Err:
    """What a stop that is true makes of its list."""
    if stop.error_message is None or stop.skips:
        return True
    return Err(ERROR, stop.error_message or "The workflow was stopped early.")


def stop_by(step: Step, node: Node) -> None:
    """End the list after this node, whose own expression says so."""
    by = of(node)
    stop(step, node.index, skips=by is not None and by.skips)


def stop(step: Step, index: int, *, skips: bool, handed_over: bool = False) -> None:
    """End the list after the node `index`, which has succeeded: what runs goes on, nothing new begins."""
    if step.phase is not Phase.NORMAL:
        return
    step.phase = Phase.STOPPING
    step.halted, step.handed_over = (index, skips), handed_over
    step.stop_starting(stop=False)
