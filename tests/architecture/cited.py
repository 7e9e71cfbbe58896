"""Tests that are named by pages of the documentation."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).parents[2]


def missing(named: Collection[str]) -> list[str]:
    """Return the ids (`tests/<file>.py::<test>`) that do not name an existing test."""
    there: dict[str, set[str]] = {}
    for file in {name.partition("::")[0] for name in named}:
        path = ROOT / file
        tree = ast.parse(path.read_text() if path.exists() else "")
        there[file] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return sorted(name for name in named if name.partition("::")[2] not in there[name.partition("::")[0]])
