"""Names of the operations of the audit trail in the editor."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "orvanta_platform"
NAME = re.compile(r"[a-z_]+(\.[a-z_]+)+")
CALLS = re.compile(r"(.*\.)?(record|record_instance|record_many|_record|_audit|record_change)")


def literals(tree: ast.AST) -> set[str]:
    """Return the texts of a tree that have the form of an operation."""
    texts = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return {text for text in texts if NAME.fullmatch(text)}


def operations() -> set[str]:
    """Return the operations that calls of the audit trail name."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and CALLS.fullmatch(ast.unparse(node.func)):
                found |= set().union(*(literals(each) for each in node.args))
    return found


def test_each_operation_has_a_name() -> None:
    """As operationName of the editor finds it: that of the operation, or those of its noun and verb."""
    texts = json.loads((ROOT / "editor/src/texts/en/operations.json").read_text(encoding="utf-8"))
    found = operations()
    assert len(found) > 100
    unnamed = []
    for each in sorted(found):
        subject, _, verb = each.rpartition(".")
        noun = f"noun_{subject.replace('.', '_')}"
        if subject == "s":  # f"{kind}s.open"
            noun = "noun_scripts"
        if f"op_{each.replace('.', '_')}" not in texts and not {noun, f"verb_{verb}"} <= texts.keys():
            unnamed.append(each)
    assert unnamed == []
