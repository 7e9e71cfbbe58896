"""The pages on attacks and on faults of promotion: each row names existing tests."""

from __future__ import annotations

import re

import pytest
from tests.architecture.cited import ROOT, missing


@pytest.mark.parametrize("page", ["attacks.md", "promotion-faults.md"])
def test_each_row_names_existing_tests(page: str) -> None:
    rows = (ROOT / "docs" / "reference" / page).read_text().partition("|---|---|\n")[2].splitlines()
    named = [re.findall(r"tests/\S+::\w+", row) for row in rows]
    assert len(named) > 20 and all(named)
    assert missing(dict.fromkeys(name for row in named for name in row)) == []
