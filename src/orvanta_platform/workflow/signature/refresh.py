"""Update of a written schema of inputs to the signature of its script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.workflow.signature import python

_TEXTS: Final = ("title", "description", "examples", "deprecated", "readOnly", "writeOnly")
"""Keys that are retained when the type of an input changes."""
_NUMBERS: Final = {"integer", "number"}


def refresh(written: Mapping[str, Any], inferred: Mapping[str, Any], *, keep_others: bool = False) -> dict[str, Any]:
    """Return `written` as the schema of a script whose signature is `inferred`.

    Inputs that the signature lacks are removed, unless `keep_others`. Keys that the signature does not determine, such
    as descriptions and limits, stay, and so do the order of the inputs and all other keys of the schema. An input whose
    type changed keeps its texts only.
    """
    before = _object(written.get("properties"))
    properties = {name: _property(before.get(name), each) for name, each in inferred["properties"].items()}
    others = [name for name in before if name not in properties] if keep_others else []
    properties = {name: properties[name] for name in before if name in properties} | properties
    properties |= {name: before[name] for name in others}
    required = [name for name in _list(written.get("required")) if name in others]
    return {
        **written,
        "type": "object",
        "properties": properties,
        "required": _ordered(written.get("required"), [*inferred["required"], *required]),
        "order": _ordered(written.get("order"), [*inferred["order"], *others]),
    }


def outdated_inputs(
    written: Mapping[str, Any], inferred: Mapping[str, Any], *, keep_others: bool = False, typed: bool = True
) -> dict[str, str]:
    """Return the differences of the inputs that `refresh` would remove, add or give another type, by their names.

    Differences that hardly change a run are left out, such as the order of the inputs, or a limit to whole numbers.
    `typed`: the signature determines the types.
    """
    before = _object(written.get("properties"))
    after = refresh(written, inferred, keep_others=keep_others)["properties"]
    found = {name: f"the code has no input {name}" for name in before if name not in after}
    for name, each in after.items():
        old, new = _object(before.get(name)).get("type"), each.get("type")
        if name not in before:
            found[name] = f"the schema lacks the input {name}"
        elif typed and {old, new} != _NUMBERS and old != new and isinstance(old, str) and isinstance(new, str):
            found[name] = f"the input {name} is of the type {new} in the code"
    return found


def accepts_any(language: str, content: str) -> bool:
    """Return whether a script accepts inputs that its signature does not name."""
    return language == "python3" and python.accepts_any(content)


def _property(written: Any, inferred: Mapping[str, Any]) -> dict[str, Any]:
    before = _object(written)
    if "type" in inferred and before.get("type", inferred["type"]) != inferred["type"]:
        before = {name: before[name] for name in _TEXTS if name in before}
    return {**before, **inferred}


def _ordered(before: Any, names: list[str]) -> list[str]:
    """Return the names, first those of `before` in their order."""
    return list(dict.fromkeys([*(name for name in _list(before) if name in names), *names]))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
