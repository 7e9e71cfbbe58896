"""Plain English in docstrings, comments, messages and pages, as in the documentation of PostgreSQL or Django."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
QUERIES = list((ROOT / "src").rglob("sql/*.sql"))
PAGES = list((ROOT / "docs").rglob("*.md"))
TEXTS = [*MODULES, *QUERIES, *PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

OPENINGS = {"What", "Who", "Whom", "Whose", "Where", "Whether", "How", "So", "That", "Nobody"}
"""Words that no docstring starts with: it starts with a noun phrase, or with a verb that names the action."""

BANNED = {
    r"anew": "again",
    r"whoever": "the name of the role",
    r"so many": "the number or the name of the limit",
    r"(is|are|was|were) told": "receives, is notified",
    r"(is|are) (not )?heard": "responds, is reachable",
    r"(goes|go|gone) on from": "restarts from",
    r"stands? in for": "replaces",
    r"(is|was|are|were) looked (?!up)|looks? at it": "checks, queries",
    r"takes? away|taken away": "deletes, removes",
    r"(is|are) dear": "is expensive",
}
"""Phrasings that are no technical terms, and the plain words for them."""


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each docstring of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def test_docstring_starts_with_a_noun_or_a_verb() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for path in MODULES
        for line, text in docstrings(path)
        if text.split(maxsplit=1)[0].strip(",.:;") in OPENINGS
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("phrase", BANNED)
def test_text_is_free_of_phrasings_that_are_no_terms(phrase: str) -> None:
    pattern = re.compile(rf"\b({phrase})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}\n    write: {BANNED[phrase]}"
        for path in TEXTS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)
