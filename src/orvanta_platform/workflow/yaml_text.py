"""YAML 1.2 text to a plain tree, built from parser events: no classes, no recursion, no alias bombs.

The library is loaded by the first text in YAML: many processes never read one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow.conflict_markers import UNRESOLVED, line_of_conflict
from orvanta_platform.workflow.diagnostics import Diagnostic, invalid, pointer, refusal
from orvanta_platform.workflow.json_text import inexact, repeated_key, string_faults
from orvanta_platform.workflow.limits import (
    MAX_BYTES,
    MAX_LEVELS,
    MAX_REPEATED_VALUES,
    MAX_YAML_CHARS,
    MAX_YAML_EVENTS,
    YAML_LEVELS_PER_COST,
    too_deep,
    too_large,
    too_many_repetitions,
    too_much_yaml,
)
from orvanta_platform.workflow.numbers import exact

INLINE: Final = "!inline "
"""Prefix of the content of a script that is in its own file, as a string or as a tag."""

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN: Final = {each: each.lower() == "true" for each in ("true", "True", "TRUE", "false", "False", "FALSE")}
_DECIMAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAG: Final = "tag:yaml.org,2002:"
_COLLECTION_TAGS: Final = frozenset({None, "!", f"{_TAG}map", f"{_TAG}seq"})
_STRING_TAGS: Final = frozenset({"!", f"{_TAG}str"})
_PLAIN_TAGS: Final = frozenset({f"{_TAG}null", f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float"})


@dataclass(slots=True)
class _Open:
    """Collection that is not yet closed."""

    value: dict[str, Any] | list[Any]
    path: str
    anchor: str | None
    key: str | None = None
    size: int = 2
    """Size of its content in bytes."""
    height: int = 0
    """Height of its content in levels."""
    values: int = 1
    """Number of values, including itself and those that aliases repeat."""


@dataclass(slots=True)
class _Anchored:
    value: Any
    size: int
    height: int
    values: int


@dataclass(slots=True)
class _Builder:
    """Builder of the tree of one document from its events."""

    limit_aliases: bool
    """True if aliases may repeat at most MAX_REPEATED_VALUES."""
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)
    documents: int = 0
    repeated: int = 0
    root: Any = None

    def handle(self, event: Any) -> None:
        from ruamel.yaml import events

        match event:
            case events.ScalarEvent():
                self._scalar(event)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._open(event)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                closed = self.stack.pop()
                self._put(closed.value, closed.size, closed.height + 1, closed.values, closed.anchor)
            case events.AliasEvent():
                self._alias(event)
            case events.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise _invalid_yaml(
                        event, "a second document begins here; write each document to a file of its own"
                    )

    def _scalar(self, event: Any) -> None:
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            top.key = self._key(event, top)
            top.size += len(top.key) + 2
            return
        path = self._path()
        value = self._resolve(event, path)
        if isinstance(value, str):
            self.faults += string_faults(value, path)
        self._put(value, len(event.value) + 1, 0, 1, event.anchor)

    def _key(self, event: Any, top: _Open) -> str:
        plain = event.style is None
        if plain and event.value == "<<":
            raise _invalid_yaml(event, "merge keys (<<) are not part of YAML 1.2")
        if event.tag is not None and event.tag not in _STRING_TAGS | _PLAIN_TAGS:
            raise _invalid_tag(event)
        key: str = event.value
        if plain and key in _BOOLEAN:
            key = key.lower()
        if key in top.value:
            self.faults.append(repeated_key(key, pointer(top.path, key), _position_of(event)))
        self.faults += string_faults(key, top.path)
        return key

    def _resolve(self, event: Any, path: str) -> Any:
        text: str = event.value
        if event.tag == "!inline":
            return INLINE + text
        if event.tag in _STRING_TAGS or (event.tag is None and event.style is not None):
            return text
        if event.tag is not None and event.tag not in _PLAIN_TAGS:
            raise _invalid_tag(event)
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if _NOT_FINITE.fullmatch(text):
            raise _invalid_yaml(event, f"{text} is not a JSON value")
        if _BASED.fullmatch(text):
            text = str(int(text, 0)) if len(text) < 300 else "1e999"
        if _DECIMAL.fullmatch(text):
            number = exact(text)
            if number is None:
                self.faults.append(inexact(event.value, path))
            return number
        if event.tag is not None:
            raise _invalid_tag(event)
        return text

    def _open(self, event: Any) -> None:
        from ruamel.yaml.events import MappingStartEvent

        if event.tag not in _COLLECTION_TAGS:
            raise _invalid_tag(event)
        self._require_value(event)
        if len(self.stack) >= MAX_LEVELS:
            raise too_deep()
        value: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        self.stack.append(_Open(value, self._path(), event.anchor))

    def _alias(self, event: Any) -> None:
        self._require_value(event)
        found = self.anchors.get(event.anchor)
        if found is None:
            raise _invalid_yaml(event, f"the alias *{event.anchor} is not defined before it is used")
        if len(self.stack) + found.height > MAX_LEVELS:
            raise too_deep()
        self.repeated += found.values
        if self.limit_aliases and self.repeated > MAX_REPEATED_VALUES:
            raise too_many_repetitions()
        self._put(found.value, found.size, found.height, found.values, None)

    def _require_value(self, event: Any) -> None:
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            raise _invalid_yaml(event, "a key must be a scalar")

    def _path(self) -> str:
        if not self.stack:
            return ""
        top = self.stack[-1]
        return pointer(top.path, len(top.value) if top.key is None else top.key)

    def _put(self, value: Any, size: int, height: int, values: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = _Anchored(value, size, height, values)
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            assert top.key is not None
            top.value[top.key] = value
            top.key = None
        top.size += size
        if top.size > MAX_BYTES:
            raise too_large()
        top.height = max(top.height, height)
        top.values += values


def read(
    text: str,
    *,
    limit: bool = False,
    limit_aliases: bool = False,
    observe: Callable[[Any], None] = lambda event: None,
) -> Any:
    """Parse YAML text; null for an empty document. Raises InvalidWorkflow with diagnostics.

    With `limit`, the text must be within the limits of YAML that a caller sends; parsing takes some 60 microseconds per
    event. With `limit_aliases`, only within those of its aliases. `observe` is called with each event that is valid so
    far.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    builder = _Builder(limit or limit_aliases)
    try:
        for event in _within_limits(text) if limit else YAML(typ="safe", pure=True).parse(text):
            builder.handle(event)
            observe(event)
    except MarkedYAMLError as error:
        if (line := line_of_conflict(text)) is not None:
            raise refusal("invalid_yaml", f"invalid YAML at line {line}, column 1: {UNRESOLVED}") from None
        raise _invalid_yaml(error, error.problem or error.context or "unreadable") from None
    except YAMLError as error:
        raise refusal("invalid_yaml", f"invalid YAML: {' '.join(str(error).split())}") from None
    if builder.faults:
        raise invalid(builder.faults)
    return builder.root


def require_limits(text: str) -> None:
    """Raise InvalidWorkflow for YAML that takes too long to parse, and YAMLError for invalid YAML."""
    for _ in _within_limits(text):
        pass


def _within_limits(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

    if len(text) > MAX_YAML_CHARS:
        raise too_much_yaml()
    work = level = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        yield event
        level += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if level > MAX_LEVELS:
            raise too_deep()
        work += 1 + level // YAML_LEVELS_PER_COST
        if work > MAX_YAML_EVENTS:
            raise too_much_yaml()


def _invalid_yaml(event: Any, message: str) -> InvalidWorkflow:
    return refusal("invalid_yaml", f"invalid YAML{_position_of(event)}: {message}")


def _position_of(event: Any) -> str:
    """Return the position of an event or error as part of a sentence; empty if it has none."""
    mark = getattr(event, "problem_mark", None) or getattr(event, "start_mark", None)
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""


def _invalid_tag(event: Any) -> InvalidWorkflow:
    return _invalid_yaml(event, f"the tag {event.tag} is not allowed here")
