"""Plain English in docstrings, comments, messages and pages, as in the documentation of PostgreSQL or Django."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
TESTS = list((ROOT / "tests").rglob("*.py"))
QUERIES = list((ROOT / "src").rglob("sql/*.sql"))
FORMER_TEXTS = ROOT / "docs" / "explanation" / "editor-texts.md"
"""Quotes texts that were replaced; those that replaced them are in the catalogue, which is checked."""

PAGES = [path for path in (ROOT / "docs").rglob("*.md") if path != FORMER_TEXTS]
SCRIPTS = list((ROOT / "editor" / "src").rglob("*.ts*"))
CATALOGUE = list((ROOT / "editor" / "src" / "texts" / "en").glob("*.json"))
TEXTS = [*MODULES, *QUERIES, *PAGES, *SCRIPTS, *CATALOGUE, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

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


@cache
def docstrings(path: Path) -> list[tuple[int, str]]:
    """Return the line and the text of each docstring of a module, also below attributes and constants."""
    return list(_docstrings(ast.parse(path.read_text())))


def _docstrings(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[tuple[int, str]]:
    text = ast.get_docstring(node)
    if text:
        yield getattr(node, "lineno", 1), text
    for before, inner in pairwise([ast.Pass(), *node.body]):
        match before, inner:
            case _, ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _docstrings(inner)
            case ast.Assign() | ast.AnnAssign(), ast.Expr(ast.Constant(str(text))):
                yield inner.lineno, text


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each comment of a module."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def descriptions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of the description of each query of a file, which follows its name."""
    lines = path.read_text().splitlines()
    for number, (name, text) in enumerate(pairwise(lines), 2):
        if name.startswith("-- name:") and text.startswith("-- "):
            yield number, text.removeprefix("-- ")


def script_comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each comment before a declaration of TypeScript."""
    text = path.read_text()
    for found in re.finditer(r"/\*\*\s*(?:\*\s*)?(.+)", text):
        yield text.count("\n", 0, found.start()) + 1, found[1]


@cache
def suspects() -> list[tuple[Path, int, str]]:
    """Return the lines of `prose` that contain one of the phrasings."""
    pattern = re.compile(rf"\b({'|'.join(BANNED)})\b", re.IGNORECASE)
    return [each for each in prose() if pattern.search(each[2])]


def prose() -> list[tuple[Path, int, str]]:
    """Return the lines of sources and pages, and docstrings and comments of tests, whose code has texts of pages."""
    lines = [(path, number, line) for path in TEXTS for number, line in enumerate(path.read_text().splitlines(), 1)]
    return lines + [
        (path, number, text)
        for path in TESTS
        if path != Path(__file__)
        for number, text in (*docstrings(path), *comments(path))
    ]


def openings(paths: Iterable[Path], read: Callable[[Path], Iterable[tuple[int, str]]]) -> list[str]:
    """Return the texts that start with one of OPENINGS, each with its place."""
    return [
        f"{path.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for path in paths
        for line, text in read(path)
        if text.split(maxsplit=1)[0].strip(",.:;") in OPENINGS
    ]


def test_docstring_starts_with_a_noun_or_a_verb() -> None:
    found = openings([*MODULES, *TESTS], docstrings)
    assert not found, "\n".join(found)


def test_description_of_query_starts_with_a_noun_or_a_verb() -> None:
    assert any(descriptions(path) for path in QUERIES)
    found = openings(QUERIES, descriptions)
    assert not found, "\n".join(found)


def test_comment_of_the_editor_starts_with_a_noun_or_a_verb() -> None:
    found = openings(SCRIPTS, script_comments)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("phrase", BANNED)
def test_text_is_free_of_phrasings_that_are_no_terms(phrase: str) -> None:
    pattern = re.compile(rf"\b({phrase})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {text.strip()}\n    write: {BANNED[phrase]}"
        for path, number, text in suspects()
        if pattern.search(text)
    ]
    assert not found, "\n".join(found)
