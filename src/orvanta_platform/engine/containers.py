"""Container nodes: the bodies that they open, and their completion."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from orvanta_platform.engine import caching, node_completion, stops, suspending, waits
from orvanta_platform.engine.effects import Opening
from orvanta_platform.engine.events import Answer, ChildrenEnded, NamedError
from orvanta_platform.engine.loop import MAX_ITERATIONS, MAX_OPEN_BODIES
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.engine.readiness import Fail, OpenBodies, Readiness, Succeed
from orvanta_platform.engine.state import HELD, Mark, Phase
from orvanta_platform.engine.step import Step

_MAX_SHOWN: Final = 100
_EMPTY: Final = b"[]"
_SUCCEEDED_MARKS: Final = HELD | {Mark.SUCCEEDED}


def readiness(step: Step, node: Node, timeout_s: float | None) -> Readiness | None:
    """Return the bodies to open; Fail if an expression threw or returned an invalid value; None while one is missing.

    A node whose result is cached for the same inputs opens nothing.
    """
    opened = _opens(step, node, timeout_s)
    if node.cache_s is None or step.reused is not None or not isinstance(opened, OpenBodies):
        return opened
    if opened.opening.sealed is not None:
        return opened
    entry = caching.find(step, node, opened.opening, _attempt(step, node))
    if entry is None or entry.run is None:
        return replace(opened, cache_key=entry.key) if entry is not None else None
    cached = waits.succeeded(step, node, Mark.SUCCEEDED, bytes(entry.result))
    return replace(cached, cached=entry.run) if isinstance(cached, Succeed) else cached


def _opens(step: Step, node: Node, timeout_s: float | None) -> Readiness | None:
    match node.kind:
        case Kind.FORLOOP:
            return _forloop(step, node, timeout_s)
        case Kind.WHILELOOP:
            return OpenBodies(Opening(None, 1, _attempt(step, node), timeout_s=timeout_s))
        case Kind.BRANCHONE:
            return _branchone(step, node, timeout_s)
        case Kind.BRANCHALL:
            return _branchall(step, node, timeout_s)
        case _:
            return _flow(step, node, timeout_s)


def _attempt(step: Step, node: Node) -> int:
    return step.failures.get(node.index, 0)


def _forloop(step: Step, node: Node, timeout_s: float | None) -> Readiness | None:
    attempt = _attempt(step, node)
    items = step.answer_to("iterator", node.index, node.iterator, attempt)
    width = _width(step, node)
    if isinstance(items, NamedError):
        return Fail(items)
    if isinstance(width, NamedError):
        return Fail(width)
    if items is None or width is None:
        return None
    total = _count(items.raw)
    if isinstance(total, NamedError):
        return Fail(total)
    if total == 0:
        return _empty(step, node)
    return OpenBodies(Opening(total, min(width, total), attempt, items=items.raw, timeout_s=timeout_s))


def _count(raw: bytes) -> int | NamedError:
    try:
        items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        shown = _compact(raw).decode("utf-8", "replace")
        shown = shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "…"
        return NamedError("InvalidIterator", f"Expected an array value, found: {shown}")
    if len(items) > MAX_ITERATIONS:
        return NamedError("loop_limit", f"The loop has {len(items)} iterations; at most {MAX_ITERATIONS} are allowed.")
    return len(items)


def _compact(raw: bytes) -> bytes:
    try:
        return msgspec.json.format(raw, indent=-1)
    except msgspec.DecodeError:
        return raw


def _width(step: Step, node: Node) -> int | NamedError | None:
    """Return how many bodies may be open at the same time."""
    if not node.parallel:
        return 1
    source = node.parallelism
    if isinstance(source, dict) and source.get("type") == "static":
        source = source.get("value")
    if isinstance(source, dict):
        answer = step.answer_to("parallelism", node.index, source, _attempt(step, node))
        if not isinstance(answer, Answer):
            return answer
        source = msgspec.json.decode(answer.raw)
    return _at_most(source)


def _at_most(value: Any) -> int | NamedError:
    if value is None:
        return MAX_OPEN_BODIES
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 1:
        return NamedError("InvalidParallelism", "parallelism must be a number of 1 or more")
    return min(int(value), MAX_OPEN_BODIES)


def _branchone(step: Step, node: Node, timeout_s: float | None) -> Readiness | None:
    """Choose the first branch whose expression is true, evaluated in order, or the default, which is the last body."""
    attempt = _attempt(step, node)
    chosen = len(node.bodies) - 1
    for place, body in enumerate(node.bodies[:-1]):
        answer = step.answer_to("branch", node.index, body.expr, attempt, place)
        if answer is None:
            return None
        if isinstance(answer, NamedError):
            return Fail(answer)
        if answer.truthy:
            chosen = place
            break
    return OpenBodies(Opening(1, 1, attempt, first=chosen, timeout_s=timeout_s))


def _branchall(step: Step, node: Node, timeout_s: float | None) -> Readiness | None:
    total = len(node.bodies)
    if total == 0:
        return _empty(step, node)
    width = min(total, MAX_OPEN_BODIES) if node.parallel else 1
    return OpenBodies(Opening(total, width, _attempt(step, node), timeout_s=timeout_s))


def _flow(step: Step, node: Node, timeout_s: float | None) -> Readiness | None:
    attempt = _attempt(step, node)
    answer = step.answer_to("inputs", node.index, node.value.get("input_transforms") or {}, attempt)
    if isinstance(answer, Answer):
        return OpenBodies(
            Opening(
                1,
                1,
                attempt,
                args=answer.raw,
                timeout_s=timeout_s,
                references=answer.references,
                sealed=answer.sealed,
                recorded=answer.recorded,
            )
        )
    return Fail(answer) if answer else None


def _empty(step: Step, node: Node) -> Readiness | None:
    """Succeed with an empty array, without opening any body."""
    return waits.succeeded(step, node, Mark.SUCCEEDED, _EMPTY)


def finish_bodies(step: Step, event: ChildrenEnded) -> bool:
    """Complete the node after its bodies have ended. False: it is not waiting for them."""
    index = event.node
    if step.nodes[index] != Mark.WAITING_CHILDREN:
        return False
    node = step.plan.node(index)
    if event.cancelled:
        step.forget_failures(index)
        step.end(index, Mark.CANCELLED, error=event.error)
        return True
    if event.error is not None and event.disapproved and step.phase is Phase.NORMAL:
        suspending.disapprove_around(step, index, event.error)
        return True
    if event.error is not None:
        node_completion.fail(step, index, event.error, retryable=event.retryable)
        return True
    node_completion.finish(step, node)
    if event.stopped and step.nodes[index] == Mark.SUCCEEDED:
        stops.stop(step, index, skips=event.skips, handed_over=event.handed_over)
    elif step.nodes[index] in _SUCCEEDED_MARKS:
        caching.store(step, node)
    return True
