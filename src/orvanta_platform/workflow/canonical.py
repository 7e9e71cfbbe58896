"""The canonical form of a document and the artifact hash, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from orvanta_platform.workflow.graph import body_lists
from orvanta_platform.workflow.normal import Tree, normalise
from orvanta_platform.workflow.numbers import MAX_SAFE_INTEGER

_ON_VALUE: Final = ("notes", "groups", "ui")
_ON_NODE: Final = ("summary", "description")


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """RFC 8785 JSON of {value, schema} of a document in its normal form, without what only presents it.

    `!inline` references must have been resolved. Other keys of the document do not count.
    """
    tree = normalise({key: document[key] for key in ("value", "schema") if key in document})
    value = tree.get("value")
    if isinstance(value, dict):
        tree["value"] = _without_presentation(value)
    return rfc8785.dumps(_doubles(tree))


def artifact_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(document)).hexdigest()


def _without_presentation(value: Tree) -> Tree:
    tree = {key: member for key, member in value.items() if key not in _ON_VALUE}
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
    tree = {key: member for key, member in module.items() if key not in _ON_NODE}
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


def _doubles(value: Any) -> Any:
    """Whole numbers beyond 2^53 as the doubles they are: RFC 8785 writes them as JavaScript does."""
    match value:
        case dict():
            return {name: _doubles(member) for name, member in value.items()}
        case list():
            return [_doubles(item) for item in value]
        case int() if not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER:
            return float(value)
        case _:
            return value
