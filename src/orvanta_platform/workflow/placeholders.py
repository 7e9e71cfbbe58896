"""Placeholders `{{ … }}` in the message and form of an approval: a path into a root, with indexes of lists."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

_PATH: Final = r"(?:\.[A-Za-z_][\w-]{0,63}|\[\d{1,9}\])*"
_ROOTS: Final = "context|flow_input|results|previous_result|inputs|run"

PLACEHOLDER: Final = re.compile(r"\{\{\s*((?:" + _ROOTS + ")" + _PATH + r")\s*\}\}")
"""A placeholder of a message; its group is the path with its root."""

INPUT_PLACEHOLDER: Final = re.compile(r"\{\{\s*inputs(" + _PATH + r")\s*\}\}")
"""A placeholder of a form; its group is the path into the inputs."""

_KEY: Final = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]")
_ANY: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_RESULT: Final = re.compile(r"results\.([A-Za-z_][\w-]*)")


def value_at(value: Any, path: str) -> Any:
    """Return the value at a path such as `.items[0].name`, or None if there is none."""
    for name, index in _KEY.findall(path):
        if index:
            place = int(index)
            value = value[place] if isinstance(value, list) and place < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def find_unresolved(message: str, nodes: Collection[str]) -> str | None:
    """Return the first placeholder that is not a path, or reads the result of a node not in `nodes`; else None."""
    for found in _ANY.finditer(message):
        placeholder = PLACEHOLDER.fullmatch(found[0])
        if placeholder is None:
            return found[0]
        result = _RESULT.match(placeholder[1])
        if result is not None and result[1] not in nodes:
            return found[0]
    return None
