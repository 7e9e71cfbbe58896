"""Defaults of policies: values of absent fields, found when an item is deployed and stored beside its version."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.policies.default_fields import IN_FLOW_VALUE, NODE_KINDS, Part, key_of
from orvanta_platform.workflow.policies.policy import Default, Policy
from orvanta_platform.workflow.policies.subject import Subject, SubjectPart
from orvanta_platform.workflow.subject import VALUE_PATH

_FIXED = frozenset({"/failure_module", "/preprocessor_module"})


class AppliedDefault(msgspec.Struct, frozen=True):
    """A value that a policy gives to an absent field."""

    policy: str
    node: str | None
    """Id of the node; None for the item itself."""
    node_kind: str
    """Kind of the node, "" for the item itself."""
    is_flow: bool
    path: str
    """JSON pointer of the part in the document, "" for the item itself."""
    field: str
    value: Any

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that lead from the part to the field."""
        if self.node is not None:
            return key_of(self.field, self.node_kind)
        return ("value", self.field) if self.is_inner else (self.field,)

    @property
    def is_inner(self) -> bool:
        """True if the field belongs to the document of a workflow, not to the settings beside it."""
        return self.node is not None or (self.is_flow and self.field in IN_FLOW_VALUE)

    @property
    def pointer(self) -> str:
        """JSON pointer of the field in the document."""
        return "/".join((self.path, *self.keys))


def absent(rule: Default, subject: Subject) -> list[SubjectPart]:
    """Return the parts that the rule applies to and that lack the field."""
    kinds = rule.node_kinds or NODE_KINDS.get(rule.field, ())
    parts = subject.parts.get(rule.on, ())
    return [
        part
        for part in parts
        if part.fields.get(rule.field) is None
        and (part.part != "node" or (part.node_kind in kinds and part.path.removeprefix(VALUE_PATH) not in _FIXED))
    ]


def find_defaults(subject: Subject, policies: Iterable[Policy]) -> list[AppliedDefault]:
    """Return the defaults of the active policies for the absent fields of an item, in order of policies and rules.

    Of several defaults of a field, that of the narrowest scope applies.
    """
    found: dict[tuple[str | None, str], AppliedDefault] = {}
    set_before: set[tuple[str, str, tuple[str, ...]]] = set()
    applied = [each for each in policies if each.mode == "active" and each.covers(subject.path)]
    for policy in sorted(applied, key=lambda each: each.precedence):
        for rule in policy.rules:
            if isinstance(rule, Default) and (rule.on, rule.field, rule.node_kinds) not in set_before:
                set_before.add((rule.on, rule.field, rule.node_kinds))
                for part in absent(rule, subject):
                    if (part.node, rule.field) not in found:
                        found[part.node, rule.field] = _applied(policy, rule, part)
    return list(found.values())


def _applied(policy: Policy, rule: Default, part: SubjectPart) -> AppliedDefault:
    return AppliedDefault(
        policy=policy.name,
        node=part.node,
        node_kind=part.node_kind,
        is_flow=part.part != "script",
        path=part.path,
        field=rule.field,
        value=rule.value,
    )


def with_defaults(subject: Subject, defaults: Sequence[AppliedDefault]) -> Subject:
    """Return the item with the defaults as values of its fields."""
    if not defaults:
        return subject
    values: dict[str | None, dict[str, Any]] = {}
    for each in defaults:
        values.setdefault(each.node, {})[each.field] = each.value
    parts: dict[Part, tuple[SubjectPart, ...]] = {
        name: tuple(
            msgspec.structs.replace(part, fields={**part.fields, **values[part.node]}) if part.node in values else part
            for part in found
        )
        for name, found in subject.parts.items()
    }
    return msgspec.structs.replace(subject, parts=parts)


def completed_settings(settings: Mapping[str, Any], defaults: Sequence[AppliedDefault]) -> dict[str, Any]:
    """Return the settings of a version with the defaults of the item itself."""
    return {**settings, **{each.field: each.value for each in defaults if not each.is_inner}}


def completed_document(document: Mapping[str, Any], defaults: Sequence[AppliedDefault]) -> bytes | None:
    """Return the JSON text of {value, schema} of a valid workflow with defaults; None if they do not change it.

    Equal documents and defaults yield equal bytes.
    """
    written = [each for each in defaults if each.is_inner]
    if not written:
        return None
    tree = copy.deepcopy(normalise({key: document[key] for key in ("value", "schema") if key in document}))
    for each in written:
        *holders, field = each.pointer.split("/")[1:]
        target: Any = tree
        for key in holders:
            target = target[int(key) if isinstance(target, list) else key]
        target[field] = copy.deepcopy(each.value)
    return msgspec.json.encode(tree, order="sorted")
