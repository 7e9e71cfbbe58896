"""Fields that a policy can give a default, and the values that they accept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from orvanta_platform.workflow.grammar import MAX_ATTEMPTS, MAX_WAIT_S

Part: TypeAlias = Literal["flow", "script", "node"]

_MAX_TEXT: Final = 300
_MAX_CONCURRENT: Final = 10**6

_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=MAX_WAIT_S)]
_Delay: TypeAlias = Annotated[float, Meta(ge=0, le=MAX_WAIT_S)]
_Count: TypeAlias = Annotated[int, Meta(ge=1, le=_MAX_CONCURRENT)]
_Priority: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
_Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=_MAX_TEXT)]
_Attempts: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_ATTEMPTS)]


class _Constant(msgspec.Struct, forbid_unknown_fields=True):
    attempts: _Attempts
    seconds: _Delay = 0


class _Exponential(msgspec.Struct, forbid_unknown_fields=True):
    attempts: _Attempts
    seconds: Annotated[float, Meta(ge=1, le=MAX_WAIT_S)] = 1
    multiplier: Annotated[float, Meta(ge=0, le=1000)] = 1
    random_factor: Annotated[float, Meta(ge=0, le=100)] = 0


class _RetryConstant(msgspec.Struct, forbid_unknown_fields=True):
    constant: _Constant


class _RetryExponential(msgspec.Struct, forbid_unknown_fields=True):
    exponential: _Exponential


_SETTINGS: Final[Mapping[str, Any]] = {
    "timeout": _Seconds,
    "tag": _Text,
    "priority": _Priority,
    "concurrent_limit": _Count,
    "concurrency_key": _Text,
    "concurrency_time_window_s": _Delay,
    "cache_ttl": _Seconds,
}
TYPES: Final[Mapping[Part, Mapping[str, Any]]] = {
    "flow": {**_SETTINGS, "delete_after_secs": _Delay},
    "script": _SETTINGS,
    "node": {
        "timeout": _Seconds,
        "retry": dict[str, Any],
        "cache_ttl": _Seconds,
        "delete_after_secs": _Delay,
        "priority": _Priority,
        "tag": _Text,
        "concurrent_limit": _Count,
        "concurrency_time_window_s": _Delay,
    },
}
"""Types of the values that a default may have, by the part of an item and the field."""

IN_FLOW_VALUE: Final = frozenset(
    {"concurrent_limit", "concurrency_key", "concurrency_time_window_s", "cache_ttl", "delete_after_secs"}
)
"""Fields of a workflow that are keys of its `value`; the others are keys of the document."""

_CODE: Final = ("rawscript", "script", "webhook")
NODE_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "timeout": _CODE,
    "retry": _CODE,
    "cache_ttl": ("rawscript", "script"),
    "delete_after_secs": _CODE,
    "priority": _CODE,
    "tag": ("rawscript", "script"),
    "concurrent_limit": ("rawscript",),
    "concurrency_time_window_s": ("rawscript",),
}
"""Kinds of nodes that can have a default, by the field."""


def key_of(field: str, node_kind: str) -> tuple[str, ...]:
    """Return the keys that lead from a node to a field."""
    if field == "tag":
        return "value", "tag_override" if node_kind == "script" else "tag"
    return ("value", field) if field.startswith("concurren") else (field,)


def fault(part: Part, field: str, value: Any, node_kinds: Collection[str]) -> str | None:
    """Return the reason why a default is not valid, or None."""
    types = TYPES[part]
    if field not in types:
        return f"{field[:100]!r} of a {part} has no default; these fields can have one: {', '.join(sorted(types))}"
    if node_kinds and part != "node":
        return "`node_kinds` applies to nodes only"
    others = sorted(set(node_kinds) - set(NODE_KINDS[field])) if part == "node" else []
    if others:
        return f"nodes of the kind {others[0][:100]} cannot have a default of `{field}`"
    try:
        msgspec.convert(value, types[field])
        if field == "retry":
            msgspec.convert(value, _RetryExponential if "exponential" in value else _RetryConstant)
    except msgspec.ValidationError as error:
        return f"`value` of the default of `{field}`: {error}"
    return None
