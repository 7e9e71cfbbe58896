"""Result of a run that did not fail: `output`, the last module of a list, or the sinks of a graph."""

from __future__ import annotations

from orvanta_platform.engine.effects import NodeResults, NullResult, OfNode, Output, ResultRef
from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import SUCCESSES
from orvanta_platform.engine.step import Step


def result(step: Step) -> ResultRef | NamedError | None:
    """Return the run's result; the error if `output` threw, None while the answer is missing."""
    plan = step.plan
    if plan.output is not None:
        answer = step.answer_to("output", len(plan.nodes), plan.output)
        return Output(answer.raw) if isinstance(answer, Answer) else answer
    if not plan.nodes:
        previous = step.answer_to("pass", 0, "previous_result")
        return Output(previous.raw) if isinstance(previous, Answer) else previous
    if plan.is_list:
        return _last(step)
    return _from_sinks(step, plan.main_sinks) or _from_sinks(step, plan.handling_sinks) or NullResult()


def streaming(plan: Plan) -> Node | None:
    """Return the node whose result, as far as the plan determines it, becomes the run's; the run streams its output.

    None if the result combines several nodes, or is computed by `output`.
    """
    if plan.output is not None or not plan.nodes:
        return None
    if plan.is_list:
        return plan.nodes[-1]
    return plan.nodes[plan.main_sinks[0]] if len(plan.main_sinks) == 1 else None


def _last(step: Step) -> ResultRef:
    for index in reversed(range(len(step.plan.nodes))):
        if step.nodes[index] in SUCCESSES:
            return OfNode(index)
    return NullResult()


def _from_sinks(step: Step, sinks: tuple[int, ...]) -> ResultRef | None:
    """Return the only sink's result, or an object of several; None if no sink succeeded."""
    succeeded = [index for index in sinks if step.nodes[index] in SUCCESSES]
    if not succeeded:
        return None
    if len(sinks) == 1:
        return OfNode(succeeded[0])
    return NodeResults(tuple((step.plan.nodes[index].id, index) for index in succeeded))
