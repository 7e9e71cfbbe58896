"""The page on the editor's features: each claim names existing browser tests."""

from __future__ import annotations

import re

from tests.architecture.cited import ROOT, missing

ROWS = [row for row in (ROOT / "docs" / "reference" / "editor.md").read_text().splitlines() if row.startswith("| ")]
PROMISES = [re.findall(r"(test_\w+)::(test_\w+)", row) for row in ROWS if row != "| function | tests |"]


def test_each_promise_names_existing_tests() -> None:
    assert len(PROMISES) > 30 and all(PROMISES)
    named = dict.fromkeys(f"tests/browser/{file}.py::{test}" for row in PROMISES for file, test in row)
    assert missing(named) == []
