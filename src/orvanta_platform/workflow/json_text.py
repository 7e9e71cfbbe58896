"""JSON text to a plain tree: every fault a diagnostic, no input that recurses."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic, invalid, pointer
from orvanta_platform.workflow.limits import MAX_LEVELS, too_deep
from orvanta_platform.workflow.numbers import exact

_BRACKET: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{}]', re.DOTALL)
_SUSPECT: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Inexact(str):
    """The text of a number that no double holds."""


class _Repeated(dict[str, Any]):
    """An object in whose text some names stand more than once."""

    names: list[str]


class NotJson(Exception):
    """The text follows another grammar than JSON's."""


class _Reader:
    """Hooks of the JSON decoder; `faulty` tells that the tree holds marks of faults."""

    def __init__(self) -> None:
        self.faulty = False

    def number(self, text: str) -> int | float | _Inexact:
        value = exact(text)
        if value is None:
            self.faulty = True
            return _Inexact(text)
        return value

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        self.faulty = True
        repeated = _Repeated(members)
        counts = Counter(name for name, _ in pairs)
        repeated.names = [name for name, count in counts.items() if count > 1]
        return repeated


def _refuse_constant(text: str) -> Any:
    raise NotJson(f"{text} is no JSON value")


def read(text: str) -> Any:
    """The tree of JSON text. Raises NotJson, or InvalidWorkflow with diagnostics for what JSON allows and we do not."""
    _check_levels(text)
    reader = _Reader()
    try:
        tree = json.loads(
            text,
            parse_float=reader.number,
            parse_int=reader.number,
            parse_constant=_refuse_constant,
            object_pairs_hook=reader.members,
        )
    except json.JSONDecodeError as error:
        raise NotJson(f"invalid JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    if reader.faulty or _SUSPECT.search(text):
        found = list(_faults(tree))
        if found:
            raise invalid(found)
    return tree


def _check_levels(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_LEVELS:
        return
    level = 0
    for match in _BRACKET.finditer(text):
        if match[0] in "[{":
            level += 1
            if level > MAX_LEVELS:
                raise too_deep()
        elif match[0] in "]}":
            level -= 1


def _faults(tree: Any) -> Iterator[Diagnostic]:
    pending: list[tuple[str, Any]] = [("", tree)]
    while pending:
        path, value = pending.pop()
        match value:
            case _Inexact():
                yield inexact(value, path)
            case str():
                yield from string_faults(value, path)
            case dict():
                if isinstance(value, _Repeated):
                    for name in value.names:
                        yield repeated_key(name, pointer(path, name))
                for name in value:
                    yield from string_faults(name, path)
                pending += reversed([(pointer(path, name), member) for name, member in value.items()])
            case list():
                pending += reversed([(pointer(path, place), item) for place, item in enumerate(value)])


def inexact(text: str, path: str) -> Diagnostic:
    """The diagnostic of a number that no double holds."""
    shown = text if len(text) <= 40 else f"{text[:37]}…"
    return Diagnostic(
        "number_not_exact",
        "error",
        None,
        path,
        f"the number {shown} at {path or '/'} cannot be held exactly as a double; write it as a string",
    )


def repeated_key(name: str, path: str) -> Diagnostic:
    """The diagnostic of a key that stands twice in one object."""
    return Diagnostic("duplicate_key", "error", None, path, f"the key {name!r} stands twice in one object")


def string_faults(value: str, path: str) -> Iterator[Diagnostic]:
    """Characters that no store keeps: NUL and unpaired surrogates."""
    where = path or "/"
    if "\0" in value:
        yield Diagnostic("nul_character", "error", None, path, f"a text at {where} holds a NUL character")
    if _SURROGATE.search(value):
        yield Diagnostic("unpaired_surrogate", "error", None, path, f"a text at {where} holds an unpaired surrogate")
