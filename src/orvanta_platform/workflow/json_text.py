"""JSON text to a plain tree: every fault is a diagnostic, and no input causes recursion."""

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
_SUSPECT_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Inexact(str):
    """Text of a number that no double represents exactly."""


class _WithDuplicates(dict[str, Any]):
    """Object whose text contains some names more than once."""

    duplicates: list[str]


class NotJson(Exception):
    """The text is not JSON."""


class _Reader:
    """Hooks of the JSON decoder."""

    def __init__(self) -> None:
        self.has_faults = False
        """True if the tree contains markers of faults."""

    def number(self, text: str) -> int | float | _Inexact:
        value = exact(text)
        if value is None:
            self.has_faults = True
            return _Inexact(text)
        return value

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        self.has_faults = True
        with_duplicates = _WithDuplicates(members)
        counts = Counter(name for name, _ in pairs)
        with_duplicates.duplicates = [name for name, count in counts.items() if count > 1]
        return with_duplicates


def _refuse_constant(text: str) -> Any:
    raise NotJson(f"{text} is not a JSON value")


def read(text: str) -> Any:
    """Parse JSON text. Raises NotJson, or InvalidWorkflow with diagnostics for valid JSON that is not accepted."""
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
    if reader.has_faults or _SUSPECT_ESCAPE.search(text):
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
                if isinstance(value, _WithDuplicates):
                    for name in value.duplicates:
                        yield repeated_key(name, pointer(path, name))
                for name in value:
                    yield from string_faults(name, path)
                pending += reversed([(pointer(path, name), member) for name, member in value.items()])
            case list():
                pending += reversed([(pointer(path, index), item) for index, item in enumerate(value)])


def inexact(text: str, path: str) -> Diagnostic:
    """Return the diagnostic of a number that no double represents exactly."""
    shown = text if len(text) <= 40 else f"{text[:37]}…"
    return Diagnostic(
        "number_not_exact",
        "error",
        None,
        path,
        f"the number {shown} at {path or '/'} cannot be represented exactly as a double; write it as a string",
    )


def repeated_key(name: str, path: str, position: str = "") -> Diagnostic:
    """Return the diagnostic of a duplicate key in an object. `position`: that of the second one, as ` at line 3 …`."""
    return Diagnostic("duplicate_key", "error", None, path, f"the key {name!r} occurs twice in one object{position}")


def string_faults(value: str, path: str) -> Iterator[Diagnostic]:
    """Yield diagnostics for characters that cannot be stored: NUL and unpaired surrogates."""
    location = path or "/"
    if "\0" in value:
        yield Diagnostic("nul_character", "error", None, path, f"the text at {location} contains a NUL character")
    if _SURROGATE.search(value):
        message = f"the text at {location} contains an unpaired surrogate"
        yield Diagnostic("unpaired_surrogate", "error", None, path, message)
