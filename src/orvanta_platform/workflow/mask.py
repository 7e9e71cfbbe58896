"""Mask of secret values, and the entries of lists whose secrets it stands for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

MASK: Final = "***"
"""Text that stands for a secret value in results, arguments, files and recorded tests."""


def match_entries(new: Sequence[str], old: Sequence[str]) -> list[int | None]:
    """Return for each entry of a changed list the index that it had, None for one that is not recognised.

    Entries are texts in which secrets are masked; an entry that moved has the same text. In a list of the same length,
    an entry with another text is a changed one that stayed at its place. If some of several equal entries were removed,
    it is not known which.
    """
    found: dict[int, int] = {}
    before = _indexes(old)
    for text, indexes in _indexes(new).items():
        known = before.get(text, [])
        if len(known) == len(indexes):
            found |= zip(indexes, known, strict=True)
        elif len(new) == len(old):
            found |= {index: index for index in set(indexes) & set(known)}
    if len(new) == len(old):
        taken = set(found.values())
        found |= {index: index for index in range(len(new)) if index not in found and index not in taken}
    return [found.get(index) for index in range(len(new))]


def text_of_entry(value: Any) -> str:
    """Return the text of a JSON value, by which an entry of a list is recognised."""
    return json.dumps(value, sort_keys=True)


def _indexes(texts: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        found.setdefault(text, []).append(index)
    return found
