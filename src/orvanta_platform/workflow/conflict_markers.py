"""Markers of a conflict that a merge of a version control system left in a text."""

from __future__ import annotations

from typing import Final

UNRESOLVED: Final = "it contains the markers of a merge conflict, which is not resolved"
_START: Final = "<" * 7 + " "
_MIDDLE: Final = "=" * 7
_END: Final = ">" * 7 + " "


def line_of_conflict(text: str) -> int | None:
    """Return the line, counted from 1, at which a text has an unresolved conflict; None if it has none.

    All three markers must follow each other: a line of seven equal signs may also underline a heading.
    """
    if _START not in text or _END not in text:
        return None
    start: int | None = None
    has_middle = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_START):
            start, has_middle = number, False
        elif start is not None and line == _MIDDLE:
            has_middle = True
        elif has_middle and line.startswith(_END):
            return start
    return None
