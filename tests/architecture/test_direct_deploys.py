"""Refusal of every direct change of a script or workflow where only releases make changes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import orvanta_platform
from orvanta_platform.db.queries import query_texts

_SOURCES = Path(orvanta_platform.__path__[0])
_WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (?:version|item)\b")
_REFUSES = "orvanta_platform.services.catalog.environments.refuse_direct"


def test_every_writer_of_scripts_and_workflows_refuses_direct_deploys() -> None:
    """The functions are derived from the SQL: they execute, perhaps indirectly, writes of versions or items."""
    calls: dict[str, set[str]] = {}
    for path in (_SOURCES / "services").rglob("*.py"):
        calls |= _calls(path)
    writers = {f"orvanta_platform.db.{module}.{name}" for module in ("items", "moves") for name in _writers(module)}
    assert "orvanta_platform.db.items.close_version" in writers
    called = set().union(*calls.values())
    entries = {name for name in calls if name not in called and _reached(calls, name) & writers}
    entries.add("orvanta_platform.services.catalog.moves.apply")  # is called by transfers as well
    assert {name.removeprefix("orvanta_platform.services.catalog.") for name in entries} >= {
        "orvanta_platform.services.changes.archiving.set_archived",
        "moves.apply",
        "scripts.close_version",
    }
    assert {name for name in entries if _REFUSES not in _reached(calls, name)} == set()


def _writers(module: str) -> set[str]:
    """Return the names of the functions of a db module that write versions or items."""
    queries = {name for name, text in query_texts(module).items() if _WRITES.search(text)}
    tree = ast.parse((_SOURCES / "db" / f"{module}.py").read_text())
    functions = [each for each in tree.body if isinstance(each, ast.AsyncFunctionDef)]
    return {
        each.name
        for each in functions
        if any(isinstance(node, ast.Constant) and node.value in queries for node in ast.walk(each))
    }


def _calls(path: Path) -> dict[str, set[str]]:
    """Return the qualified names to which each function and class of a module refers."""
    tree = ast.parse(path.read_text())
    module = ".".join(["orvanta_platform", *path.relative_to(_SOURCES).with_suffix("").parts])
    defined = [each for each in tree.body if isinstance(each, ast.AsyncFunctionDef | ast.FunctionDef | ast.ClassDef)]
    names = {each.name: f"{module}.{each.name}" for each in defined}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    found: dict[str, set[str]] = {}
    for each in defined:
        used = found.setdefault(names[each.name], set())
        own = {inner.arg for inner in ast.walk(each) if isinstance(inner, ast.arg)}
        for inner in ast.walk(each):
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id in names:
                used.add(f"{names[inner.value.id]}.{inner.attr}")
            elif isinstance(inner, ast.Name) and inner.id in names.keys() - own:
                used.add(names[inner.id])
    return found


def _reached(calls: dict[str, set[str]], name: str) -> set[str]:
    reached, left = set[str](), [name]
    while left:
        for each in calls.get(left.pop(), set()) - reached:
            reached.add(each)
            left.append(each)
    return reached
