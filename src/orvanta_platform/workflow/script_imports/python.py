"""Imports of scripts in Python: `f.folder.name`, `u.user.name`, and relative ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from orvanta_platform.workflow.requirements.python import import_statements
from orvanta_platform.workflow.script_imports.reference import MIN_PARTS, ROOTS, Import


def imports(content: str, path: str | None) -> list[Import]:
    """Return the imports of other scripts, without those for type checking only."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = [each for statement in import_statements(tree) for each in _of(statement, path)]
    return sorted(found, key=lambda each: (each.line, each.column))


def _of(statement: ast.Import | ast.ImportFrom, path: str | None) -> Iterator[Import]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            segments = alias.name.split(".")
            if segments[0] in ROOTS:
                yield _import(statement, alias.name, [segments])
        return
    module = statement.module.split(".") if statement.module else []
    written = "." * statement.level + (statement.module or "")
    if statement.level == 0:
        if not module or module[0] not in ROOTS:
            return
        base: list[str] | None = []
    else:
        base = _package(path, statement.level)
    for alias in statement.names:
        if base is None:
            yield _import(statement, written, [])
        elif alias.name == "*":
            yield _import(statement, written, [[*base, *module]])
        else:
            name = written + ("" if written.endswith(".") else ".") + alias.name
            inner = [*base, *module, alias.name]
            outer = [*base, *module]
            # An attribute of a script is written like a script in a folder.
            shown = written if module and len(outer) >= MIN_PARTS else name
            yield _import(statement, shown, [outer, inner] if module else [inner])


def _package(path: str | None, level: int) -> list[str] | None:
    """Return the segments of the folder that a relative import starts from; None if it is outside of all folders."""
    folder = [] if path is None else path.split("/")[:-1]
    return folder[: len(folder) - level + 1] if level <= len(folder) else None


def _import(statement: ast.stmt, name: str, paths: list[list[str]]) -> Import:
    candidates = tuple("/".join(path) for path in paths if len(path) >= MIN_PARTS and path[0] in ROOTS)
    return Import(candidates, name, statement.lineno, statement.col_offset + 1)
