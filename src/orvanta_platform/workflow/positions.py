"""Positions of JSON pointers in a text, for editors that mark them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import yaml_text

_POSITION_IN_MESSAGE: Final = re.compile(r"\bline (\d+),? column (\d+)")


class Position(msgspec.Struct, frozen=True):
    """Position in a text; both numbers count from 1, the column in characters."""

    line: int
    column: int


def positions(text: str, pointers: Iterable[str], *, limited: bool = False) -> dict[str, Position]:
    """Return the start of the value at each pointer; of a missing one, the start of the innermost value around it.

    Supports YAML and JSON. Empty if the text cannot be read, or exceeds the limits of YAML that a caller sends;
    `limited` skips that check for a text known to be within them.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        if not limited:
            yaml_text.require_limits(text)
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, InvalidWorkflow, RecursionError, ValueError):
        return {}
    return {} if root is None else {each: _find(root, each) for each in set(pointers)}


def position_in_message(message: str) -> Position | None:
    """Return the position named in a message about an unreadable text."""
    found = _POSITION_IN_MESSAGE.search(message)
    return None if found is None else Position(int(found[1]), int(found[2]))


def _find(node: Any, pointer: str) -> Position:
    for part in pointer.split("/")[1:]:
        inner = _member(node, part.replace("~1", "/").replace("~0", "~"))
        if inner is None:
            break
        node = inner
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _member(node: Any, name: str) -> Any:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        return next((value for key, value in node.value if getattr(key, "value", None) == name), None)
    if isinstance(node, SequenceNode) and name.isdigit() and int(name) < len(node.value):
        return node.value[int(name)]
    return None
