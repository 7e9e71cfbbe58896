"""Cached results of runs and container nodes with the same input."""

from __future__ import annotations

import msgspec

from orvanta_platform.engine.effects import CacheResult, Opening, Record
from orvanta_platform.engine.events import Answer
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.step import Step


class Found(msgspec.Struct, omit_defaults=True):
    """Answer to a "cache" expression: the key (hexadecimal) of this input, and the cached result with its run, if any.

    Without a key the result is not cached.
    """

    key: str | None = None
    run: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


_NOT_CACHED = Found()


def cached_result(step: Step) -> bytes | None:
    """Return the cached result, or None if there is none or it is not known yet; a miss stores the key in the step."""
    if step.plan.cache_s is None or step.reused is not None or step.cache_key is not None:
        return None
    answer = step.answer_to("cache", len(step.plan.nodes), "flow_input")
    if not isinstance(answer, Answer):
        return None
    entry = msgspec.json.decode(answer.raw, type=Found)
    if entry.run is None:
        step.cache_key = entry.key
        return None
    step.effects.append(Record("cached", None, {"run": entry.run}))
    return bytes(entry.result)


def find(step: Step, node: Node, opening: Opening, attempt: int) -> Found | None:
    """Return the cached result of a container node; None while the answer is missing.

    An input that cannot be read matches no entry: the nodes inside report the error. In the input of a sub-workflow a
    reference differs from plain text of the same characters.
    """
    args = opening.args
    if args is not None and opening.references:
        args = msgspec.json.encode([msgspec.Raw(args), opening.references])
    answer = step.answer_to("cache", node.index, node.value, attempt, result=args)
    if isinstance(answer, Answer):
        return msgspec.json.decode(answer.raw, type=Found)
    return None if answer is None else _NOT_CACHED


def store(step: Step, node: Node) -> None:
    """Cache the result of a container node that has just succeeded."""
    key = step.cache_keys.get(node.index)
    if key is not None and node.cache_s is not None:
        step.cache_keys = {index: each for index, each in step.cache_keys.items() if index != node.index}
        step.effects.append(CacheResult(key, node.cache_s, node.index))
