"""The page on the semantics of workflows: each sentence names cases that prove it, and each case is named."""

from __future__ import annotations

import re

from tests.architecture.cited import ROOT, missing

PAGE = ROOT / "docs" / "reference" / "semantics.md"
SUPPORT = ROOT / "src" / "orvanta_platform" / "workflow" / "support.py"

CASES = {path.stem.partition("_")[0] for path in (ROOT / "tests" / "cases").glob("*.yaml")}

_SHOWN = re.compile(r"\[((?:(?:[a-z]\d{3}|tests/\S+::\w+)(?: |(?=\])))+)\]")
_NOT_YET = re.compile(r"\(not yet: (\w+)\)")
_MARK = re.compile(rf"{_SHOWN.pattern}|{_NOT_YET.pattern}")
_NEXT_SENTENCE = re.compile(r"[.!?] (?=[A-Z`*])")


def sentences() -> list[tuple[str, str]]:
    """Return (sentence, its mark) for each statement of the page; the mark is "" if it is missing."""
    text = re.sub(r"```.*?```", "", PAGE.read_text(), flags=re.DOTALL)
    _, _, rules = text.partition("\n## ")
    found: list[tuple[str, str]] = []
    for block in re.split(r"\n\n|\n(?=[-|])", rules):
        line = " ".join(block.split())
        if line.startswith("|"):
            found += cells(line)
        elif line and not line.startswith("#") and "\n" not in line and block not in ("", rules.partition("\n")[0]):
            found += marked(line.removeprefix("- "))
    return found


def cells(row: str) -> list[tuple[str, str]]:
    """Return the marked sentences of a table's row; none for the header."""
    text = row.strip("|").partition("|")[2]
    return [] if set(row) <= set("|- ") or text.strip() == "possible outcomes" else marked(text)


def marked(text: str) -> list[tuple[str, str]]:
    """Return the sentences of a text, each ending at its mark."""
    found, at = [], 0
    for mark in _MARK.finditer(text):
        found.append((text[at : mark.start()].strip(), mark.group()))
        at = mark.end()
    rest = text[at:].strip(" |;,")
    return [*found, *([(rest, "")] if rest else [])]


def test_each_sentence_names_its_evidence() -> None:
    claims = sentences()
    assert len(claims) > 150
    assert not [sentence for sentence, mark in claims if not mark]
    assert not [sentence for sentence, _ in claims if _NEXT_SENTENCE.search(sentence)]


def test_named_evidence_exists() -> None:
    named = [name for _, mark in sentences() for name in (_SHOWN.match(mark) or [""] * 2)[1].split()]
    assert sorted({name for name in named if "::" not in name} - CASES) == []
    assert missing({name for name in named if "::" in name}) == []


def test_each_case_is_named() -> None:
    named = {name for _, mark in sentences() for name in (_SHOWN.match(mark) or [""] * 2)[1].split()}
    assert sorted(CASES - named) == []


def test_missing_evidence_is_rejected() -> None:
    keys = {key for _, mark in sentences() for key in _NOT_YET.findall(mark)}
    refused = set(re.findall(r'"(\w+)"', SUPPORT.read_text()))
    assert not keys - refused
