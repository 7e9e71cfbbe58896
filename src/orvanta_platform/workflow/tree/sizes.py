"""Sizes of the contents of items, which are limited so that one call can compare and store them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.errors import BadRequest, TooLarge
from orvanta_platform.workflow.limits import MAX_LEVELS

MAX_CONTENT_SIZE: Final = 4 << 20
"""Maximum size of the contents of a change set: the number of characters, plus one for each value."""


def size_of(path: str, content: Mapping[str, Any] | None, limit: int) -> int:
    """Return the size of a content: its characters, plus one for each value; a number above `limit` if larger.

    Raises BadRequest for a deep one.
    """
    size = 0
    level: list[Any] = [content]
    for _ in range(MAX_LEVELS):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                size += sum(map(len, each))
                inner += each.values()
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, str):
                size += len(each)
        size += len(level)
        if size > limit or not inner:
            return size
        level = inner
    raise BadRequest(f"The content of {path[:200]} has more than {MAX_LEVELS} levels.")


def item_too_large(kind: str, path: str) -> TooLarge:
    """Return the error for an item that no change set can contain."""
    noun = {"flow": "workflow", "http_trigger": "HTTP trigger"}.get(kind, kind.replace("_", " "))
    return TooLarge(
        f"The {noun} {path[:200]} is too large: an item has at most {MAX_CONTENT_SIZE >> 20} MiB.",
        hint="Split it, or store its data outside of it, for example as an object.",
        details={"kind": kind, "path": path[:200], "limit": MAX_CONTENT_SIZE},
    )
