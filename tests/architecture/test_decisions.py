"""Decision records: all follow one template, and the index lists each with its date and title."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "explanation" / "decisions"
PAGES = sorted(FOLDER.glob("2*.md"))


def test_decisions_follow_the_template() -> None:
    assert len(PAGES) > 25
    for page in PAGES:
        text = page.read_text()
        head = re.match(r"# [^\n]+\n\n(\d{4}-\d\d-\d\d)\n\n## Context\n", text)
        assert head is not None and page.name.startswith(head[1]), page.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], page.name


def test_index_lists_each_decision() -> None:
    rows = re.findall(r"^\| (\S+) \| \[(.+)\]\((\S+)\) \|$", (FOLDER / "index.md").read_text(), re.MULTILINE)
    titles = [page.read_text().splitlines()[0].removeprefix("# ") for page in PAGES]
    assert rows == [(page.name[:10], title, page.name) for page, title in zip(PAGES, titles, strict=True)]
