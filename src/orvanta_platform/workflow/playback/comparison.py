"""Comparison of values with recorded ones, in which secrets are masked: the mask is equal to every text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orvanta_platform.workflow.mask import MASK


def difference(expected: Any, found: Any, *, partial: bool = False, pointer: str = "") -> str | None:
    """Return the JSON pointer of the first place at which two values differ, or None if they are equal.

    `partial`: objects may have members that are not expected.
    """
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name, value in expected.items():
            at = f"{pointer}/{_escaped(name)}"
            if name not in found:
                return at
            inside = difference(value, found[name], partial=partial, pointer=at)
            if inside is not None:
                return inside
        extra = next((name for name in found if name not in expected), None)
        return None if partial or extra is None else f"{pointer}/{_escaped(extra)}"
    if isinstance(expected, list) and isinstance(found, list):
        pairs = enumerate(zip(expected, found, strict=False))
        for number, (value, other) in pairs:
            inside = difference(value, other, partial=partial, pointer=f"{pointer}/{number}")
            if inside is not None:
                return inside
        return None if len(expected) == len(found) else f"{pointer}/{min(len(expected), len(found))}"
    return None if _same(expected, found) else pointer


def _same(expected: Any, found: Any) -> bool:
    if isinstance(expected, str) and isinstance(found, str) and MASK in expected:
        return _matches(expected.split(MASK), found)
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return bool(expected == found)


def _matches(parts: list[str], text: str) -> bool:
    """Return whether a text consists of these parts with any texts between them; in linear time."""
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
