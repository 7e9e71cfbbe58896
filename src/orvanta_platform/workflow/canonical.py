"""Canonical form of a document and artifact hash, identical on every machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from orvanta_platform.workflow.graph import body_lists
from orvanta_platform.workflow.normal import Tree, normalise
from orvanta_platform.workflow.numbers import MAX_SAFE_INTEGER

_PRESENTATION_OF_VALUE: Final = ("notes", "groups", "ui")
_PRESENTATION_OF_NODE: Final = ("summary", "description")
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_BEYOND_BMP: Final = re.compile("[\ud800-\udfff\U00010000-\U0010ffff]")
_MIN_PLAIN: Final = 1e-4
"""From here on Python writes a double with a point and without an exponent, as JavaScript does."""


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 JSON of {value, schema} of a document in its normal form, without presentation.

    `!inline` references must have been resolved. Other keys of the document are ignored.
    """
    tree = normalise({key: document[key] for key in ("value", "schema") if key in document})
    value = tree.get("value")
    if isinstance(value, dict):
        tree["value"] = _without_presentation(value)
    return _rfc8785(tree)


def artifact_hash(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical bytes, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(document)).hexdigest()


def _without_presentation(value: Tree) -> Tree:
    tree = {key: member for key, member in value.items() if key not in _PRESENTATION_OF_VALUE}
    for key in ("failure_module", "preprocessor_module"):
        if isinstance(tree.get(key), dict):
            tree[key] = _node(tree[key])
    tree["modules"] = _nodes(tree["modules"])
    return tree


def _nodes(modules: Any) -> Any:
    if not isinstance(modules, list):
        return modules
    return [_node(module) if isinstance(module, dict) else module for module in modules]


def _node(module: Tree) -> Tree:
    tree = {key: member for key, member in module.items() if key not in _PRESENTATION_OF_NODE}
    if body_lists(tree, ""):
        value = {**tree["value"]}
        for key in ("modules", "default"):
            if key in value:
                value[key] = _nodes(value[key])
        if isinstance(value.get("branches"), list):
            value["branches"] = [
                {**branch, "modules": _nodes(branch["modules"])} if isinstance(branch, dict) else branch
                for branch in value["branches"]
            ]
        tree["value"] = value
    return tree


def _rfc8785(tree: Tree) -> bytes:
    """Encode with the standard library, which is a few times as fast, where its output is the same."""
    special: list[float] = []
    numbered = _numbers(tree, special)
    if not special:
        text = _ENCODER.encode(numbered)
        # RFC 8785 sorts names by UTF-16 code units, which differs from the order of characters beyond 16 bits.
        if text.isascii() or not _BEYOND_BMP.search(text):
            return text.encode()
    return rfc8785.dumps(numbered)


def _numbers(value: Any, special: list[float]) -> Any:
    """Return the tree with numbers as in JavaScript, integers within 2^53 as ints.

    Numbers that Python writes differently are appended to `special`.
    """
    match value:
        case str() | bool() | None:
            return value
        case dict():
            # Most members are strings: a call for each of them would dominate the cost.
            return {name: each if type(each) is str else _numbers(each, special) for name, each in value.items()}
        case list():
            return [each if type(each) is str else _numbers(each, special) for each in value]
        case int() | float():
            return _number(value, special)
        case _:
            return value


def _number(value: int | float, special: list[float]) -> int | float:
    if abs(value) <= MAX_SAFE_INTEGER and value == int(value):
        return int(value)
    double = float(value)
    if not _MIN_PLAIN <= abs(double) <= MAX_SAFE_INTEGER:
        special.append(double)
    return double
