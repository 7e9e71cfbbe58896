"""Dry runs: the engine decides as in a run, and answers for nodes that may have effects instead of executing them."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count
from typing import Literal

import msgspec
from msgspec.structs import replace

from orvanta_platform.engine import approval, retry, waits
from orvanta_platform.engine.effects import Origin, Simulated
from orvanta_platform.engine.events import Answer, DeadlineDue, NamedError, Rejected
from orvanta_platform.engine.plan import Node, Plan, Retry
from orvanta_platform.engine.readiness import BEGIN, Fail, Readiness, Simulate, Succeed
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.step import Step

_NO_DELAY = ("seconds", {"type": "static", "value": 0})


class Simulation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Answer for one attempt of a node that is not executed."""

    execution: str
    """Node with its iterations, as in `fetch[0]`."""
    answer: Origin
    result: msgspec.Raw = msgspec.Raw(b"null")
    """Result; of a failed attempt `{"error": …}`, of an approval node the record of the decision."""
    error: NamedError | None = None
    inputs: msgspec.Raw = msgspec.Raw(b"{}")
    """Inputs that the node would have received, with secrets masked."""
    decision: Literal["approved", "rejected", "timeout"] = "approved"
    """Decision on an approval node."""
    by: str = ""
    """Member who rejected it."""
    reason: str | None = None


def dry_plan(plan: Plan, executed: Collection[str]) -> Plan:
    """Return the plan of a dry run that executes the nodes with these effects, and no others.

    It does not wait, and neither uses nor fills caches and limits that other runs share.
    """
    changed: dict[int, Node] = {}
    made = _dry_list(plan, executed, changed)
    return replace(made, deep=tuple(changed[node.number] for node in plan.deep))


def _dry_list(plan: Plan, executed: Collection[str], changed: dict[int, Node]) -> Plan:
    return replace(
        plan,
        nodes=tuple(_dry_node(node, executed, changed) for node in plan.nodes),
        failure=_dry_node(plan.failure, executed, changed) if plan.failure else None,
        preprocessor=_dry_node(plan.preprocessor, executed, changed) if plan.preprocessor else None,
        gate=None,
        gated=False,
        debounce=None,
        debounces=False,
        cache_s=None,
        dry=True,
    )


def _dry_node(node: Node, executed: Collection[str], changed: dict[int, Node]) -> Node:
    bodies = tuple(replace(body, plan=_dry_list(body.plan, executed, changed)) for body in node.bodies)
    changed[node.number] = made = replace(
        node,
        bodies=bodies,
        simulated=node.approval is not None or (node.kind.runs_code and node.effects not in executed),
        retry=_without_delays(node.retry),
        delay=None if node.delay is None else _NO_DELAY,
        sleep=None,
        gate=None,
        debounce=None,
        cache_s=None,
    )
    return made


def _without_delays(policy: Retry | None) -> Retry | None:
    return None if policy is None else replace(policy, constant_s=0, multiplier=0)


def readiness(step: Step, node: Node) -> Readiness | None:
    """Return the outcome of a node that is not executed, or BEGIN; None while an answer is missing."""
    if not node.simulated:
        return BEGIN
    attempts: list[Simulated] = []
    for attempt in count(step.failures.get(node.index, 0)):
        answer = step.answer_to("simulate", node.index, node.value, attempt)
        if answer is None:
            return None
        if isinstance(answer, NamedError):
            return Simulate(tuple(attempts), Fail(answer))
        found = msgspec.json.decode(answer.raw, type=Simulation)
        error = found.error.name if found.error else None
        attempts.append(Simulated(node.index, found.execution, attempt, found.answer, error))
        is_retried = _is_retried(step, node, found, attempt + 1)
        if is_retried is None:
            return None
        if not is_retried:
            return _outcome(step, node, found, attempts)
    raise AssertionError("the attempts of a node are counted without end")


def _is_retried(step: Step, node: Node, found: Simulation, failures: int) -> bool | None:
    """Return whether a failed attempt is repeated; None while an answer is missing."""
    if found.error is None or not retry.attempts_left(node.retry, failures):
        return False
    if node.retry is None or node.retry.retry_if is None:
        return True
    answer = step.answer_to("retry_if", node.index, node.retry.retry_if, failures, result=bytes(found.result))
    return None if answer is None else isinstance(answer, Answer) and answer.truthy


def _outcome(step: Step, node: Node, found: Simulation, attempts: list[Simulated]) -> Readiness | None:
    made = (*attempts[:-1], replace(attempts[-1], inputs=bytes(found.inputs)))
    if found.error is not None:
        return Simulate(made, Fail(found.error))
    if node.approval is not None:
        return _decided(step, node, found, made)
    succeeded = waits.succeeded(step, node, Mark.SUCCEEDED, bytes(found.result))
    return None if succeeded is None else Simulate(made, _ended(succeeded))


def _ended(verdict: Readiness) -> Succeed | Fail:
    assert isinstance(verdict, Succeed | Fail), verdict
    return verdict


def _decided(step: Step, node: Node, found: Simulation, made: tuple[Simulated, ...]) -> Readiness | None:
    """Return the outcome of an approval node, whose decision is exported under its id."""
    assert node.approval is not None
    record = bytes(found.result)
    if found.decision == "approved" or (found.decision == "timeout" and node.approval.continues):
        mark = Mark.APPROVED if found.decision == "approved" else Mark.TIMEOUT
        verdict = waits.succeeded(step, node, mark, record)
        if isinstance(verdict, Succeed):
            verdict = replace(verdict, exports=((node.id, record), *verdict.exports))
        return None if verdict is None else Simulate(made, _ended(verdict))
    late = found.decision == "timeout"
    event = DeadlineDue(node.index, record) if late else Rejected(node.index, record, found.by, found.reason)
    return Simulate(made, approval.rejection_by(event, node.approval.timeout_s or 0))
