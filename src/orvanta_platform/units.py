"""Formatting of sizes and counts."""

from __future__ import annotations

_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def size_text(size: int) -> str:
    """Return a number of bytes as text: "1 GiB", "1.5 MiB", "17 bytes"."""
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"


def count_text(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one: "1 workflow", "2 workflows"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
