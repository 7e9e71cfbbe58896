"""Selection of cases: `make test` runs the quick ones, `make test-all` those marked `extended` too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest


def extended_after_first(values: Sequence[Any]) -> list[Any]:
    """Return parameters of which all but the first are marked `extended`."""
    return [
        value if place == 0 else pytest.param(value, marks=pytest.mark.extended) for place, value in enumerate(values)
    ]


_GO = re.compile(r"[-[]go[-\]]", re.IGNORECASE)
CASE_EACH = ("browser", "cli", "conformance", "e2e", "evaluate", "http", "property", "services", "worker")
"""Folders in which one case takes a tenth of a second or more: it needs a database, a process or a page."""
BEHAVIOURS = 5
"""One of this number of behaviours in `tests/cases` is not marked `extended`."""


def extend_repeated_cases(items: Iterable[pytest.Item]) -> None:
    """Mark all cases but one of each parametrized test in `CASE_EACH` as `extended`, and most behaviours of workflows.

    The remaining case depends on the name of the test, so that tests with the same parameters, such as languages, keep
    different ones. Go is avoided, because compiling its standard library takes 16 s.
    """
    cases: dict[tuple[Path, str], list[pytest.Function]] = {}
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder == "cases" and crc32(item.name.encode()) % BEHAVIOURS:
            item.add_marker(pytest.mark.extended)
        if folder in CASE_EACH and isinstance(item, pytest.Function) and not _is_placed(item):
            cases.setdefault((item.path, item.originalname), []).append(item)
    for (_, name), group in cases.items():
        quick = [each for each in group if not _GO.search(each.name)] or group
        chosen = quick[crc32(name.encode()) % len(quick)]
        for each in group:
            if each is not chosen:
                each.add_marker(pytest.mark.extended)


def _is_placed(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("extended", "soak", "screenshots"))
