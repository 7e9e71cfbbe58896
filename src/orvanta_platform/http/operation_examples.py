"""Examples of the operations in the OpenAPI document: recorded requests and responses."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

FILE = "operation_examples.json"


class OperationExample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request of an operation and its response. Ids, times and random texts are replaced by fixed ones."""

    path: dict[str, str] = {}
    """Path parameters."""

    body: Any | UnsetType = UNSET
    """Body of the request, if it has one."""

    answer: Any | UnsetType = UNSET
    """Response: JSON or text; absent if it is binary, long, or an error."""


@functools.cache
def stored() -> dict[str, OperationExample]:
    """Return the examples by operation, as `GET /api/version`."""
    text = Path(__file__).with_name(FILE).read_bytes()
    return msgspec.json.decode(text, type=dict[str, OperationExample])


def add_to(operation: dict[str, Any], name: str) -> None:
    """Add the example of an operation to its parameters, its body and its response of success."""
    example = stored().get(name)
    if example is None:
        return
    for parameter in operation["parameters"]:
        if parameter["in"] == "path" and parameter["name"] in example.path:
            parameter["example"] = example.path[parameter["name"]]
    if example.body is not UNSET:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content["example"] = example.body
    if example.answer is not UNSET:
        success = next(each for code, each in operation["responses"].items() if code != "default")
        for kind, content in success["content"].items():
            if kind in ("application/json", "text/plain"):
                content["example"] = example.answer
