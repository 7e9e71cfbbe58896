"""Normal form of a document: tolerant spellings replaced by canonical ones.

Unknown keys, and values that are data rather than grammar (static values, schemas), stay unchanged. Nothing is reported
here: `validate` handles what cannot be understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.workflow.kinds import LOOPS

Tree = dict[str, Any]

_TRANSFORMS: Final = ("timeout", "sleep")
_VALUE_TRANSFORMS: Final = {
    "forloopflow": ("iterator", "parallelism"),
    "whileloopflow": ("parallelism",),
    "delay": ("seconds",),
}
_WITH_INPUTS: Final = frozenset({"rawscript", "script", "flow", "aiagent"})
_SCRIPTS: Final = frozenset({"rawscript", "script"})
_REQUIRED: Final = frozenset({"iterator", "seconds"})
"""Transforms without which a node has no meaning; a null value of any other one stands for an absent one."""
_RECORDS: Final = ("retry", "mock", "stop_after_if", "stop_after_all_iters_if", "skip_if", "debouncing")
_OPTIONAL_LISTS: Final = {"branchone": ("branches", "default"), "branchall": ("branches",)}


def normalise(document: Mapping[str, Any]) -> Tree:
    """Return the normal form of {summary, value, schema?, …}: a new tree that shares unchanged parts."""
    tree = _without_nulls(document)
    if tree.get("tag") == "":
        del tree["tag"]
    if isinstance(tree.get("value"), dict):
        tree["value"] = normalise_value(tree["value"])
    return tree


def normalise_value(value: Mapping[str, Any]) -> Tree:
    """Return the normal form of a FlowValue."""
    tree = _spell_erasure(_without_nulls(value))
    tree.setdefault("modules", [])
    if isinstance(tree["modules"], list):
        tree["modules"] = _modules(tree["modules"])
    for key, node_id in (("failure_module", "failure"), ("preprocessor_module", "preprocessor")):
        if isinstance(tree.get(key), dict):
            tree[key] = {"id": node_id, **_module(tree[key])}
    if isinstance(tree.get("output"), dict):
        tree["output"] = _transform(tree["output"])
    return tree


def _without_nulls(mapping: Mapping[str, Any]) -> Tree:
    """Return the mapping without null members, which stand for absent ones."""
    # A copy is faster than a comprehension, and few mappings have null members.
    if None not in mapping.values():
        return dict(mapping)
    return {key: value for key, value in mapping.items() if value is not None}


def _spell_erasure(tree: Tree) -> Tree:
    """Replace `delete_after_use: true` by `delete_after_secs: 0`."""
    if isinstance(tree.get("delete_after_use"), bool) and tree.pop("delete_after_use"):
        tree.setdefault("delete_after_secs", 0)
    return tree


def _modules(modules: list[Any]) -> list[Any]:
    return [_module(module) if isinstance(module, dict) else module for module in modules]


def _module(module: Mapping[str, Any]) -> Tree:
    tree = _spell_erasure(_without_nulls(module))
    _spell_transforms(tree, _TRANSFORMS)
    for key in _RECORDS:
        if isinstance(tree.get(key), dict):
            tree[key] = _without_nulls(tree[key])
    if isinstance(tree.get("retry"), dict):
        tree["retry"] = {
            key: _without_nulls(part) if isinstance(part, dict) else part for key, part in tree["retry"].items()
        }
    if isinstance(tree.get("suspend"), dict):
        tree["suspend"] = _suspend(tree["suspend"])
    if isinstance(tree.get("needs"), list):
        tree["needs"] = [_edge(need) if isinstance(need, dict) else need for need in tree["needs"]]
    if isinstance(tree.get("export"), dict):
        tree["export"] = _transforms(tree["export"])
    if isinstance(tree.get("value"), dict):
        tree["value"] = _value(tree["value"])
    return tree


def _suspend(suspend: Mapping[str, Any]) -> Tree:
    tree = _without_nulls(suspend)
    if "continue_on_disapproved" in tree:
        tree.setdefault("continue_on_disapprove_timeout", tree.pop("continue_on_disapproved"))
    if isinstance(tree.get("resume_form"), dict):
        tree["resume_form"] = _without_nulls(tree["resume_form"])
    _spell_transforms(tree, ("user_groups_required",))
    return tree


def _edge(edge: Mapping[str, Any]) -> Tree:
    """Normalise an edge; readers of YAML 1.1 turn the key `on` into `true`."""
    tree = _without_nulls(edge)
    if "true" in tree and "on" not in tree:
        tree["on"] = tree.pop("true")
    if isinstance(tree.get("on"), bool):
        tree["on"] = "true" if tree["on"] else "false"
    return tree


def _value(value: Mapping[str, Any]) -> Tree:
    tree = _without_nulls(value)
    kind = tree.get("type")
    if not isinstance(kind, str):
        return tree
    if tree.get("tag") == "" and kind in _SCRIPTS:
        del tree["tag"]
    _spell_transforms(tree, _VALUE_TRANSFORMS.get(kind, ()))
    if kind in _WITH_INPUTS:
        tree.setdefault("input_transforms", {})
    if isinstance(tree.get("input_transforms"), dict):
        tree["input_transforms"] = _transforms(tree["input_transforms"])
    if kind in LOOPS:
        tree.setdefault("skip_failures", False)
        tree.setdefault("modules", [])
    for key in _OPTIONAL_LISTS.get(kind, ()):
        tree.setdefault(key, [])
    for key in ("notify", "assets", "tools"):
        if isinstance(tree.get(key), list):
            tree[key] = [_without_nulls(each) if isinstance(each, dict) else each for each in tree[key]]
    for key in ("modules", "default"):
        if isinstance(tree.get(key), list):
            tree[key] = _modules(tree[key])
    if isinstance(tree.get("branches"), list):
        tree["branches"] = [_branch(each) if isinstance(each, dict) else each for each in tree["branches"]]
    return tree


def _branch(branch: Mapping[str, Any]) -> Tree:
    tree = _without_nulls(branch)
    if "label" in tree:
        tree.setdefault("summary", tree.pop("label"))
    tree.setdefault("modules", [])
    if isinstance(tree["modules"], list):
        tree["modules"] = _modules(tree["modules"])
    return tree


def _spell_transforms(tree: Tree, keys: tuple[str, ...]) -> None:
    for key in keys:
        value = tree.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            tree[key] = {"type": "static", "value": value}
        elif value is not None:
            tree[key] = _transform(value)
            if tree[key] == {"type": "static"} and key not in _REQUIRED:
                del tree[key]


def _transforms(members: Mapping[str, Any]) -> Tree:
    return {name: _transform(each) for name, each in members.items() if each is not None}


def _transform(transform: Any) -> Any:
    return _without_nulls(transform) if isinstance(transform, dict) else transform
