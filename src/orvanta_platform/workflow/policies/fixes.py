"""Mechanical corrections of violations: those whose new value follows from the rule and the item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.policies.default_fields import IN_FLOW_VALUE, NODE_KINDS, key_of
from orvanta_platform.workflow.policies.policy import (
    Default,
    Deny,
    Limit,
    Require,
    Restrict,
    Rule,
    is_about_packages,
    is_about_tests,
)
from orvanta_platform.workflow.policies.subject import SubjectPart

_TEXTS: Final = frozenset({"summary", "description", "tag", "concurrency_key"})
"""Fields whose value may be any text."""


class Fix(msgspec.Struct, frozen=True):
    """A value that is set in the document of a workflow, or in the settings of a script."""

    path: str
    """JSON pointer of the value."""
    value: Any = None
    """None: the key is removed."""
    pinned: str | None = None
    """Path of the script of whose current version the hash is the value."""


def fix_of(rule: Rule, part: SubjectPart, field: str | None) -> Fix | None:
    """Return the correction of a violation of a rule by a part of an item; None: somebody has to decide.

    `field`: field that the violation is about.
    """
    match rule:
        case Default():
            return Fix(_place(part, rule.field), rule.value)
        case Restrict() if is_about_packages(rule):
            return None
        case Restrict():
            return _allowed(rule, part)
        case Require() if not is_about_tests(rule):
            return _required(rule, part)
        case Deny(feature="dedicated_worker") if field is not None:
            return Fix(part.pointer(field))
        case Deny(feature="unpinned_script"):
            path = part.fields.get("path")
            is_item = isinstance(path, str) and path.startswith(("u/", "f/"))
            return Fix(f"{part.path}/value/hash", pinned=path) if is_item else None
        case Require() | Deny() | Limit():
            return None


def _allowed(rule: Restrict, part: SubjectPart) -> Fix | None:
    """Return the correction to the maximum, or to the only value that is allowed."""
    value, place = part.fields.get(rule.field), part.pointer(rule.field)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and rule.maximum is not None and rule.allowed is None:
        return Fix(place, int(rule.maximum) if rule.maximum == int(rule.maximum) else rule.maximum)
    is_single = rule.allowed is not None and len(rule.allowed) == 1 and _is_literal(rule.allowed[0])
    if is_single and rule.allowed is not None and rule.field in _TEXTS and isinstance(value, str):
        return Fix(place, rule.allowed[0])
    return None


def _required(rule: Require, part: SubjectPart) -> Fix | None:
    """Return the correction to the required text, if it is the only one that matches."""
    value, text = part.fields.get(rule.field), rule.matches
    if text is None or not _is_literal(text):
        return None
    if rule.field == "labels" and (value is None or isinstance(value, list)):
        return Fix(_place(part, "labels"), [*(value or ()), text])
    return Fix(_place(part, rule.field), text) if rule.field in _TEXTS else None


def _is_literal(pattern: str) -> bool:
    return not any(each in pattern for each in "*?[")


def _place(part: SubjectPart, field: str) -> str:
    """Return the JSON pointer of a field, also of one that is missing."""
    if part.fields.get(field) is not None:
        return part.pointer(field)
    if part.part == "node":
        keys = key_of(field, part.node_kind) if field in NODE_KINDS else (field,)
    else:
        keys = ("value", field) if part.part == "flow" and field in IN_FLOW_VALUE else (field,)
    return "/".join((part.path, *keys))


def apply_fixes(tree: Any, fixes: Sequence[Fix], hashes: Mapping[str, str]) -> None:
    """Set the values in a document, which may be an opened YAML text.

    `hashes`: hashes of the current versions of scripts, by path; nodes of other scripts are not pinned. Raises
    KeyError, IndexError and ValueError if the document does not have the form in which it was checked.
    """
    for each in fixes:
        value = each.value if each.pinned is None else hashes.get(each.pinned)
        if each.pinned is not None and value is None:
            continue
        *holders, key = (name.replace("~1", "/").replace("~0", "~") for name in each.path.split("/")[1:])
        target = tree
        for name in holders:
            target = target[int(name) if isinstance(target, list) else name]
        present = target.get(key)
        if value is None:
            target.pop(key, None)
        elif isinstance(present, dict) and present.get("type") == "static":
            present["value"] = value
        elif isinstance(present, list) and isinstance(value, list):  # its notation remains
            present.extend(value[len(present) :])
        else:
            target[key] = value
