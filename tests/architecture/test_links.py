"""Relative links of the documentation, README and CONTRIBUTING lead to existing pages and headings."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "src" / "orvanta_platform" / "README.md",
]

_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_MENTION = re.compile(r"\bdocs/[\w./-]+\.(?:md|webp|svg)\b")
_CODE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_TEXTS = {".py", ".sh", ".ts", ".tsx", ".toml", ".yml", ".yaml", ".md", ".sql", ""}


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of the headings of a page, as the site and repository hosts derive them."""
    found = re.findall(r"^#{1,6} (.+)$", _CODE.sub(_keep_spans, page.read_text()), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in found)


def _keep_spans(code: re.Match[str]) -> str:
    return "" if code.group().startswith(("```", "~~~")) else code.group()


def links(page: Path) -> list[str]:
    """Return the targets of the relative links and images of a page."""
    targets = _LINK.findall(_CODE.sub(lambda code: "`…`" if code.group()[1:2] != "`" else "", page.read_text()))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def problem(page: Path, target: str) -> str | None:
    """Return the problem of a link, or None."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.is_relative_to(ROOT) or not file.exists():
        return f"{page.relative_to(ROOT)}: no file {target}"
    if anchor and anchor not in anchors(file):
        return f"{page.relative_to(ROOT)}: no heading {target}"
    if DOCS in page.parents and DOCS not in file.parents:
        return f"{page.relative_to(ROOT)}: {target} is outside of docs and missing in the site"
    return None


def test_links_and_anchors_resolve() -> None:
    checked = [(page, target) for page in PAGES for target in links(page)]
    assert len(checked) > 200
    assert not [found for page, target in checked if (found := problem(page, target))]


def test_each_page_is_linked() -> None:
    linked = {(page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in links(page)}
    assert not [page.relative_to(ROOT).as_posix() for page in DOCS.rglob("*.md") if page not in linked]


def test_paths_of_pages_in_code_exist() -> None:
    folders = ["src", "tests", "bench", "scripts", "editor/src", "editor/test", "examples"]
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file()]
    files += [ROOT / name for name in ("Makefile", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "pyproject.toml")]
    mentions = [
        (file, mention)
        for file in files
        if file.suffix in _TEXTS and not {"__pycache__", "node_modules"} & {*file.parts}
        for mention in _MENTION.findall(file.read_text(errors="ignore"))
    ]
    assert len(mentions) > 20
    assert not [f"{file.relative_to(ROOT)}: {mention}" for file, mention in mentions if not (ROOT / mention).exists()]
