"""Violations of policies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.diagnostics import Diagnostic, Severity, pointer
from orvanta_platform.workflow.policies.default_fields import Part
from orvanta_platform.workflow.policies.defaults import AppliedDefault, absent, find_defaults, with_defaults
from orvanta_platform.workflow.policies.fixes import Fix, fix_of
from orvanta_platform.workflow.policies.packages import find_disallowed
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
    is_about_packages,
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
_ABSENT: Final = "is absent"
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


def violations(
    subject: Subject, policies: Sequence[Policy], defaults: Sequence[AppliedDefault] | None = None
) -> list[Violation]:
    """Return all violations of the policies in whose scope the item is, except those that are off; active ones first.

    All policies apply together, so a policy of a narrower scope can only add requirements. The defaults of active
    policies count as values of the fields. A rule that several policies contain is checked once.

    `defaults`: those that `find_defaults` returns, if the caller has them.
    """
    defaults = find_defaults(subject, policies) if defaults is None else defaults
    parts = _PartsByValue(with_defaults(subject, defaults))
    checked: dict[Rule, list[_Finding]] = {}
    found: list[Violation] = []
    for policy in policies:
        if policy.mode == "off" or not policy.covers(subject.path):
            continue
        for rule in policy.rules:
            if not isinstance(rule, Default):
                findings = checked[rule] if rule in checked else checked.setdefault(rule, list(_check(rule, parts)))
            elif policy.mode == "evaluate":  # its value may be a list, which is not hashable
                findings = list(_without_value(rule, parts.subject))
            else:  # the subject has the defaults of active policies
                continue
            found += [_violation(policy, rule, *each) for each in findings]
    return sorted(found, key=lambda each: each.mode)


class _PartsByValue:
    """The parts of an item, grouped by the value of a field: a rule about the field compares each value once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._groups: dict[tuple[Part, str], list[_Group]] = {}

    def of(self, rule: Require | Restrict) -> list[_Group]:
        """Return the parts that a rule applies to."""
        key = rule.on, rule.field
        groups = self._groups[key] if key in self._groups else self._groups.setdefault(key, self._group(*key))
        return [each for each in groups if each.node_kind in rule.node_kinds] if rule.node_kinds else groups

    @cached_property
    def inline_code(self) -> list[tuple[SubjectPart, int]]:
        """Nodes with inline code, with its number of lines."""
        nodes = self.subject.parts.get("node", ())
        return [(node, _lines(node.fields.get("content"))) for node in nodes if node.node_kind == "rawscript"]

    def _group(self, on: Part, field: str) -> list[_Group]:
        groups: dict[tuple[Any, ...], _Group] = {}
        for position, part in enumerate(self.subject.parts.get(on, ())):
            value = part.fields.get(field)
            # Lists and objects are not hashable. 1, 1.0 and True are equal, but differ as texts.
            key = (position,) if isinstance(value, list | dict) else (part.node_kind, type(value), value)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(part.node_kind, value, [])
            group.parts.append((position, part))
        return list(groups.values())


class _Group(msgspec.Struct, frozen=True):
    """Parts of one kind with the same value of a field."""

    node_kind: str
    value: Any
    parts: list[tuple[int, SubjectPart]]
    """With their positions in the item."""


def _faults(groups: Iterable[_Group], fault_of: Callable[[Any], str | None]) -> list[tuple[SubjectPart, str]]:
    """Return the parts whose values have a fault, in the order of the item, with the fault.

    `fault_of`: returns the fault of a value, None if it has none.
    """
    found = [
        (position, part, fault)
        for group in groups
        if (fault := fault_of(group.value)) is not None
        for position, part in group.parts
    ]
    return [(part, fault) for _, part, fault in sorted(found, key=itemgetter(0))]


def exceeds(subject: Subject, policies: Sequence[Policy], limit: int) -> bool:
    """Return whether more than `limit` comparisons of rules and their patterns with values may be necessary."""
    rules = [rule for policy in policies if policy.covers(subject.path) for rule in policy.rules]
    nodes = len(subject.parts.get("node", ())) + 1
    if nodes * sum(max(1, len(patterns_of(rule))) for rule in rules) > limit:
        return True
    packages = sum(len(each.packages) for each in subject.code)
    if packages * sum(len(patterns_of(rule)) for rule in rules if is_about_packages(rule)) > limit:
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


def _check(rule: Require | Restrict | Deny | Limit, parts: _PartsByValue) -> Iterator[_Finding]:
    match rule:
        case Require() if is_about_tests(rule):
            return _untested(parts.subject)
        case Require():
            return _missing(rule, parts.of(rule))
        case Restrict() if is_about_packages(rule):
            return find_disallowed(rule, parts.subject.code)
        case Restrict():
            return _outside(rule, parts.of(rule))
        case Deny():
            return _denied(rule, parts)
        case Limit():  # checked when a run is created
            return iter(())


def _missing(rule: Require, groups: Sequence[_Group]) -> Iterator[_Finding]:
    field, pattern = rule.field, rule.matches
    for part, fault in _faults(groups, lambda value: _unmet(pattern, value)):
        if fault == _ABSENT:
            yield part, field, part.path, f"{_name(part)} needs `{field}`."
        else:
            yield part, field, part.pointer(field), f"`{field}` of {_lower(part)} {fault}."


def _unmet(pattern: str | None, value: Any) -> str | None:
    """Return how a value does not meet a requirement, None if it does."""
    if not value and not isinstance(value, int | float):
        return _ABSENT
    if pattern is not None and not any(_matches(each, (pattern,)) for each in _entries(value)):
        return f"must match {pattern}"
    return None


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


def _outside(rule: Restrict, groups: Sequence[_Group]) -> Iterator[_Finding]:
    field = rule.field
    for part, fault in _faults(groups, lambda value: _disallowed(rule, value)):
        yield part, field, part.pointer(field), f"`{field}` of {_lower(part)} {fault}."


def _disallowed(rule: Restrict, value: Any) -> str | None:
    """Return how a value is outside of a restriction, None if it is not."""
    allowed, maximum = rule.allowed, rule.maximum
    if value is None:
        return None
    if value is COMPUTED:
        return "is an expression, which the policy cannot check"
    if allowed is not None and not all(_matches(each, allowed) for each in _entries(value)):
        return f"must be one of: {', '.join(allowed)}"
    if maximum is not None and _exceeds(value, maximum):
        return f"must be at most {maximum:g}"
    return None


def _denied(rule: Deny, parts: _PartsByValue) -> Iterator[_Finding]:
    subject = parts.subject
    nodes = subject.parts.get("node", ())
    match rule.feature:
        case "node_kind":
            for node in nodes:
                if node.node_kind in rule.node_kinds:
                    yield node, None, node.path, f"Nodes of the kind {node.node_kind} are not allowed."
        case "inline_code":
            for node, lines in parts.inline_code:
                if lines > rule.maximum_lines:
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
