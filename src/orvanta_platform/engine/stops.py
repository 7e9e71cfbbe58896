"""stop_after_if: a node whose end also ends the list that contains it."""

from __future__ import annotations

from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.plan import Node, Stop
from orvanta_platform.engine.state import Phase
from orvanta_platform.engine.step import Step

ERROR = "EarlyStopError"


def stop_of(node: Node) -> Stop | None:
    """Return the stop condition of the node."""
    return node.stop_after_all or node.stop_after_if


def evaluate_stop(step: Step, node: Node, *, result: bytes | None = None) -> bool | NamedError | None:
    """Return whether the list ends here, or an error if it ends as failed or the expression threw; None: not known yet.

    `result` is passed for a node without a job.
    """
    stop = stop_of(node)
    if stop is None or step.phase is not Phase.NORMAL:
        return False
    answer = step.answer_to("stop", node.index, stop.expr, step.failures.get(node.index, 0), result=result)
    if answer is None or isinstance(answer, NamedError):
        return answer
    return stops_list(stop) if answer.truthy else False


def stops_list(stop: Stop) -> bool | NamedError:
    """Return whether a stop condition that is true ends the list as succeeded; otherwise its error."""
    if stop.error_message is None or stop.skips:
        return True
    return NamedError(ERROR, stop.error_message or "The workflow was stopped early.")


def stop_by(step: Step, node: Node) -> None:
    """End the list after this node because its own stop condition is true."""
    condition = stop_of(node)
    stop(step, node.index, skips=condition is not None and condition.skips)


def stop(step: Step, index: int, *, skips: bool, handed_over: bool = False) -> None:
    """End the list after the node `index`, which has succeeded: running nodes continue, nothing new starts."""
    if step.phase is not Phase.NORMAL:
        return
    step.phase = Phase.STOPPING
    step.halted, step.handed_over = (index, skips), handed_over
    step.stop_starting(stop=False)
