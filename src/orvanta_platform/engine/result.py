"""What a run that was not failed results in: `output`, the last module of a list, or the sinks of a graph."""

from __future__ import annotations

from orvanta_platform.engine.effects import Many, Null, OfNode, Output, ResultRef
from orvanta_platform.engine.events import Answer, Err
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import SUCCESSES
from orvanta_platform.engine.step import Step


def result(step: Step) -> ResultRef | Err | None:
    """The run's result; Err where `output` threw, None while it has no answer."""
    plan = step.plan
    if plan.output is not None:
        answer = step.ask("output", len(plan.nodes), plan.output)
        return Output(answer.raw) if isinstance(answer, Answer) else answer
    if not plan.nodes:
        passed_on = step.ask("pass", 0, "previous_result")
        return Output(passed_on.raw) if isinstance(passed_on, Answer) else passed_on
    if plan.is_list:
        return _last(step)
    return _of_sinks(step, plan.main_sinks) or _of_sinks(step, plan.handling_sinks) or Null()


def streaming(plan: Plan) -> Node | None:
    """The node whose result will be the run's, as far as the plan alone tells: what it streams, the run streams.

    None where the result is made of several, or of `output`.
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
    return Null()


def _of_sinks(step: Step, sinks: tuple[int, ...]) -> ResultRef | None:
    """One sink in the document gives its result, several an object; None where none succeeded."""
    ended = [index for index in sinks if step.nodes[index] in SUCCESSES]
    if not ended:
        return None
    if len(sinks) == 1:
        return OfNode(ended[0])
    return Many(tuple((step.plan.nodes[index].id, index) for index in ended))
