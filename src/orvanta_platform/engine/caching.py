"""Runs, and nodes that hold others, whose result is known from another time with the same input."""

from __future__ import annotations

import msgspec

from orvanta_platform.engine.effects import KeepResult, Opening, Record
from orvanta_platform.engine.events import Answer
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.step import Step


class Found(msgspec.Struct, omit_defaults=True):
    """The answer to the ask "cache": the key (hexadecimal) of this input, and the result of `run` where it is known.

    Without a key the result is not to be kept.
    """

    key: str | None = None
    run: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


_NOTHING = Found()


def known(step: Step) -> bytes | None:
    """The result to take; None where there is none, or where it is not known yet. Remembers the key for the end."""
    if step.plan.cache_s is None or step.kept is not None or step.cache_key is not None:
        return None
    answer = step.ask("cache", len(step.plan.nodes), "flow_input")
    if not isinstance(answer, Answer):
        return None
    found = msgspec.json.decode(answer.raw, type=Found)
    if found.run is None:
        step.cache_key = found.key
        return None
    step.effects.append(Record("cached", None, {"run": found.run}))
    return bytes(found.result)


def found(step: Step, node: Node, opening: Opening, attempt: int) -> Found | None:
    """The answer about the cached result of a container node; None while it is unknown.

    An input that cannot be read matches no entry: the nodes inside report the error. In the input of a sub-workflow a
    reference differs from plain text of the same characters.
    """
    args = opening.args
    if args is not None and opening.references:
        args = msgspec.json.encode([msgspec.Raw(args), opening.references])
    answer = step.ask("cache", node.index, node.value, attempt, result=args)
    if isinstance(answer, Answer):
        return msgspec.json.decode(answer.raw, type=Found)
    return None if answer is None else _NOTHING


def keep(step: Step, node: Node) -> None:
    """The node, which was open until now, has ended well: its result stands for what it read."""
    key = step.cache_keys.get(node.index)
    if key is not None and node.cache_s is not None:
        step.cache_keys = {index: each for index, each in step.cache_keys.items() if index != node.index}
        step.effects.append(KeepResult(key, node.cache_s, node.index))
