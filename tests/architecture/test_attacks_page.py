"""The page on attacks: each row names tests, and they exist."""

from __future__ import annotations

import re

from tests.architecture.cited import ROOT, missing

ROWS = (ROOT / "docs" / "reference" / "attacks.md").read_text().partition("|---|---|\n")[2].splitlines()


def test_each_attack_names_existing_tests() -> None:
    named = [re.findall(r"tests/\S+::\w+", row) for row in ROWS]
    assert len(named) > 20 and all(named)
    assert missing(dict.fromkeys(name for row in named for name in row)) == []
