"""What the platform itself says in a job's log: lines with a mark, told apart from what the job printed."""

from __future__ import annotations

MARK = "[orvanta] "
"""What such a line begins with."""


def line(text: str) -> str:
    """A whole line of the platform's that says `text` (one line)."""
    return f"{MARK}{text}\n"
