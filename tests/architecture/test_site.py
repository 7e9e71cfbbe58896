"""The documentation site: it lists every page and builds without warnings, for example about missing anchors."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
UNLISTED = re.compile(r"explanation/decisions/\d")


def pages(entries: list[Any]) -> Iterator[str]:
    """Yield the pages of a part of the navigation, whose entries each have a title."""
    for entry in entries:
        (target,) = entry.values()
        if isinstance(target, str):
            yield target
        else:
            yield from pages(target)


def test_navigation_lists_every_page_once() -> None:
    listed = list(pages(YAML(typ="safe", pure=True).load(ROOT / "mkdocs.yml")["nav"]))
    existing = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(path for path in existing if not UNLISTED.match(path))


@pytest.mark.extended
def test_site_builds_in_strict_mode() -> None:
    built = subprocess.run([str(ROOT / "scripts" / "docs"), "check"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
