"""Violations of policies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.diagnostics import Diagnostic, Severity, pointer
from orvanta_platform.workflow.policies.defaults import absent, find_defaults, with_defaults
from orvanta_platform.workflow.policies.fixes import Fix, fix_of
from orvanta_platform.workflow.policies.policy import (
    TESTS,
    Default,
    Deny,
    Limit,
    Mode,
    Policy,
    Require,
    Restrict,
    Rule,
    is_about_tests,
    patterns_of,
)
from orvanta_platform.workflow.policies.subject import COMPUTED, Subject, SubjectPart

MAX_COMPARED: Final = 1_000
"""Maximum number of characters of a value that are compared with a pattern."""

_MAX_NAMED: Final = 5
_REFERENCES: Final = ("$var:", "$res:", "$encrypted:")
_SECRET_WORDS: Final = ("password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "authorization")
_WITH_VALUES: Final = ("input_transforms", "headers", "query", "body")
"""Fields of a node that contain values by name."""
_NAMES: Final = {"flow": "The workflow", "script": "The script"}


class Violation(msgspec.Struct, frozen=True):
    """A part of an item that does not meet a rule."""

    policy: str
    mode: Mode
    node: str | None
    """Id of the node; None for the item itself."""
    path: str
    """JSON pointer into the document."""
    field: str | None
    """Field that the rule is about; None for a denied feature."""
    message: str
    fix: Fix | None = None
    """Mechanical correction; None: somebody has to decide."""

    def diagnostic(self) -> Diagnostic:
        """Return the violation as a diagnostic: an error if the policy is active, otherwise a warning."""
        severity: Severity = "error" if self.mode == "active" else "warning"
        return Diagnostic("policy_violation", severity, self.node, self.path, f"{self.message} (policy {self.policy})")


def violations(subject: Subject, policies: Sequence[Policy]) -> list[Violation]:
    """Return all violations of the policies in whose scope the item is, except those that are off; active ones first.

    All policies apply together, so a policy of a narrower scope can only add requirements. The defaults of active
    policies count as values of the fields. A rule that several policies contain is checked once.
    """
    completed = with_defaults(subject, find_defaults(subject, policies))
    checked: dict[Rule, list[_Finding]] = {}
    found: list[Violation] = []
    for policy in policies:
        if policy.mode == "off" or not policy.covers(subject.path):
            continue
        for rule in policy.rules:
            if isinstance(rule, Default):  # its value may be a list, which is not hashable
                findings = list(_check(rule, completed))
            else:
                findings = checked[rule] if rule in checked else checked.setdefault(rule, list(_check(rule, completed)))
            found += [_violation(policy, rule, *each) for each in findings]
    return sorted(found, key=lambda each: each.mode)


def exceeds(subject: Subject, policies: Sequence[Policy], limit: int) -> bool:
    """Return whether more than `limit` comparisons of rules and their patterns with values may be necessary."""
    rules = [rule for policy in policies if policy.covers(subject.path) for rule in policy.rules]
    nodes = len(subject.parts.get("node", ())) + 1
    if nodes * sum(max(1, len(patterns_of(rule))) for rule in rules) > limit:
        return True
    return limit < sum(
        _size(part.fields.get(rule.field)) * len(patterns_of(rule))
        for rule in rules
        if not isinstance(rule, Deny | Limit)
        for part in subject.parts.get(rule.on, ())
    )


def _size(value: Any) -> int:
    """Return the number of entries of a list, or a large number for a value that is a text only when it is written."""
    return sum(MAX_COMPARED if isinstance(each, dict | list) else 1 for each in _entries(value))


_Finding = tuple[SubjectPart, str | None, str, str]
"""Place, field, JSON pointer and message."""


def _violation(policy: Policy, rule: Rule, part: SubjectPart, field: str | None, path: str, message: str) -> Violation:
    advice = f" {policy.message}" if policy.message else ""
    fix = fix_of(rule, part, field)
    return Violation(policy.name, policy.mode, part.node, path, field, message + advice, fix)


def _check(rule: Rule, subject: Subject) -> Iterator[_Finding]:
    match rule:
        case Require() if is_about_tests(rule):
            return _untested(subject)
        case Require():
            return _missing(rule, _parts(rule, subject))
        case Restrict():
            return _outside(rule, _parts(rule, subject))
        case Deny():
            return _denied(rule, subject)
        case Default():  # those of active policies are in the subject
            return _without_value(rule, subject)
        case Limit():  # checked when a run is created
            return iter(())


def _parts(rule: Require | Restrict, subject: Subject) -> Sequence[SubjectPart]:
    parts = subject.parts.get(rule.on, ())
    return [each for each in parts if each.node_kind in rule.node_kinds] if rule.node_kinds else parts


def _missing(rule: Require, parts: Sequence[SubjectPart]) -> Iterator[_Finding]:
    field, pattern = rule.field, rule.matches
    for part in parts:
        value = part.fields.get(field)
        if not value and not isinstance(value, int | float):
            yield part, field, part.path, f"{_name(part)} needs `{field}`."
        elif pattern is not None and not any(_matches(each, (pattern,)) for each in _entries(value)):
            message = f"`{field}` of {_lower(part)} must match {pattern}."
            yield part, field, part.pointer(field), message


def _untested(subject: Subject) -> Iterator[_Finding]:
    tests, parts = subject.tests, subject.parts.get("flow", ())
    if tests is None or not parts:
        return
    if not tests.count:
        yield parts[0], TESTS, "", f"{_name(parts[0])} needs a test."
    for name in tests.failed:
        yield parts[0], TESTS, "", f"The test {name} of {_lower(parts[0])} fails."
    if tests.not_run:
        names = ", ".join(tests.not_run[:_MAX_NAMED]) + (", …" if len(tests.not_run) > _MAX_NAMED else "")
        yield parts[0], TESTS, "", f"Tests of {_lower(parts[0])} were not run: {names}."


def _without_value(rule: Default, subject: Subject) -> Iterator[_Finding]:
    for part in absent(rule, subject):
        value = msgspec.json.encode(rule.value).decode()
        yield part, rule.field, part.path, f"`{rule.field}` of {_lower(part)} is not set; a deployment sets {value}."


def _outside(rule: Restrict, parts: Sequence[SubjectPart]) -> Iterator[_Finding]:
    field, allowed, maximum = rule.field, rule.allowed, rule.maximum
    accepted: set[str] = set()
    for part in parts:
        value = part.fields.get(field)
        if value is None or (isinstance(value, str) and value in accepted):
            continue
        if value is COMPUTED:
            message = f"`{field}` of {_lower(part)} is an expression, which the policy cannot check."
        elif allowed is not None and not all(_matches(each, allowed) for each in _entries(value)):
            message = f"`{field}` of {_lower(part)} must be one of: {', '.join(allowed)}."
        elif maximum is not None and _exceeds(value, maximum):
            message = f"`{field}` of {_lower(part)} must be at most {maximum:g}."
        else:
            if isinstance(value, str):
                accepted.add(value)
            continue
        yield part, field, part.pointer(field), message


def _denied(rule: Deny, subject: Subject) -> Iterator[_Finding]:
    nodes = subject.parts.get("node", ())
    match rule.feature:
        case "node_kind":
            for node in nodes:
                if node.node_kind in rule.node_kinds:
                    yield node, None, node.path, f"Nodes of the kind {node.node_kind} are not allowed."
        case "inline_code":
            for node in nodes:
                if node.node_kind == "rawscript" and _lines(node.fields.get("content")) > rule.maximum_lines:
                    limit = f"longer than {rule.maximum_lines} lines " if rule.maximum_lines else ""
                    yield node, None, node.pointer("content"), f"Inline code {limit}is not allowed; deploy a script."
        case "unpinned_script":
            for node in nodes:
                if node.node_kind == "script" and not node.fields.get("hash"):
                    yield node, None, node.pointer("path"), f"{_name(node)} must pin a version of its script (`hash`)."
        case "secret_literal":
            for node in nodes:
                yield from _secrets(node)
        case "dedicated_worker":
            for part in (*subject.parts.get("flow", ()), *subject.parts.get("script", ()), *nodes):
                for field in ("dedicated_worker", "dedicated"):
                    if part.fields.get(field):
                        yield part, field, part.pointer(field), f"{_name(part)} must not use a dedicated worker."


def _secrets(node: SubjectPart) -> Iterator[_Finding]:
    """Yield static inputs, and parts of them at any depth, that are named like a secret and refer to none."""
    for group in _WITH_VALUES:
        inputs = node.fields.get(group)
        if not isinstance(inputs, dict):
            continue
        for name, transform in inputs.items():
            value = transform.get("value") if group == "input_transforms" and isinstance(transform, dict) else transform
            found: list[str] = []
            if isinstance(value, dict | list):
                _find_literals(name, name, value, found)
            elif isinstance(value, str) and _is_literal(value) and _is_secret(name):
                found.append(name)
            for each in found:
                message = f"`{each}` of {_lower(node)} must refer to a variable instead of containing the secret."
                yield node, name, pointer(node.pointer(group), name), message


def _find_literals(place: str, key: str, value: dict[str, Any] | list[Any], found: list[str]) -> tuple[bool, bool]:
    """Add the places at and below a value whose key is that of a secret, and which contain text but no reference.

    Returns whether the value contains a text, and a reference.
    """
    before, has_text, has_reference = len(found), False, False
    for name, each in value.items() if isinstance(value, dict) else (("", each) for each in value):
        if isinstance(each, str):
            has_reference |= each.startswith(_REFERENCES)
            if _is_literal(each):
                has_text = True
                if name and _is_secret(name):
                    found.append(f"{place}.{name}"[:MAX_COMPARED])
        elif isinstance(each, dict | list):
            inner = f"{place}.{name}"[:MAX_COMPARED] if name else place
            seen = _find_literals(inner, name, each, found)
            has_text, has_reference = has_text or seen[0], has_reference or seen[1]
    if has_text and not has_reference and _is_secret(key):
        found[before:] = [place]
    return has_text, has_reference


def _is_literal(text: str) -> bool:
    return bool(text) and not text.startswith(_REFERENCES)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    lower = name.lower().replace("-", "_")
    return any(word in lower for word in _SECRET_WORDS)


def _entries(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else (value,)


def _matches(value: Any, patterns: Sequence[str]) -> bool:
    if value is COMPUTED:
        return False
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > MAX_COMPARED:
        # With the mark, a pattern that does not end in * matches no part of a text.
        text = text[:MAX_COMPARED] + "\0"
    return any(_compiled(each).match(text) for each in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _exceeds(value: Any, maximum: float) -> bool:
    return isinstance(value, int | float) and value > maximum


def _lines(content: Any) -> int:
    return len(content.strip().splitlines()) if isinstance(content, str) else 0


def _name(part: SubjectPart) -> str:
    return _NAMES.get(part.part) or f"The node {part.node}"


def _lower(part: SubjectPart) -> str:
    name = _name(part)
    return name[0].lower() + name[1:]
