"""Lines of the platform in a job's log, which are marked to distinguish them from the job's output."""

from __future__ import annotations

MARK = "[orvanta] "
"""Prefix of these lines."""


def line(text: str) -> str:
    """Return a marked line with this text."""
    return f"{MARK}{text}\n"
