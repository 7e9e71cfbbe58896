"""Packages of a Python script: those that it declares, otherwise those that it imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from orvanta_platform.workflow.requirements.declared import declared, pins, read
from orvanta_platform.workflow.requirements.distributions import distribution_of

_PROVIDED: Final = frozenset({"orvanta", "wmill"})
"""SDK modules, which every Python script can import without a requirement."""

_WORKSPACE_MODULES: Final = frozenset({"f", "u"})

_CACHED_CHARS: Final = 4096

_STATEMENT_FIELDS: Final = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields in which a statement, a handler or a case contains statements, or containers of statements."""


def packages(content: str) -> dict[str, str]:
    """Return normal name → rest of the requirement, empty if any version is accepted.

    A PEP 723 block or a `# requirements:` list replaces the imports; `# extra_requirements:` adds to them. A comment
    `# pin: <requirement>` behind an import replaces the distribution of its module. Raises InvalidScript for a
    declaration that cannot be read.
    """
    declarations = declared(content)
    extra = read(declarations.extra)
    if declarations.whole is not None:
        return read(declarations.whole) | extra
    return _pinned(content, dict.fromkeys(imported(content), "")) | extra


def _pinned(content: str, found: dict[str, str]) -> dict[str, str]:
    """Replace the distributions of imports that are pinned by a comment. Raises InvalidScript."""
    pinned = pins(content)
    replaced = {distribution_of(module) for modules, _ in pinned for module in modules}
    return {name: rest for name, rest in found.items() if name not in replaced} | read([each for _, each in pinned])


def imported(content: str) -> tuple[str, ...]:
    """Return the distributions of all imported modules, without the standard library and the SDK."""
    if "import" not in content:
        return ()
    return _imported(content) if len(content) > _CACHED_CHARS else _cached(content)


def _imported(content: str) -> tuple[str, ...]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found = sorted({distribution_of(module) for module in _modules(tree) if _is_foreign(module)})
    return tuple(found)


_cached = lru_cache(maxsize=1024)(_imported)
"""Cache for workflows that are deployed and tested repeatedly with small changes."""


def _modules(tree: ast.Module) -> Iterator[str]:
    """Yield dotted names as imported; `from a import b` yields a.b, for distributions that share a namespace."""
    for statement in import_statements(tree):
        match statement:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield from (f"{module}.{alias.name}" for alias in names)


def import_statements(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield all import statements in any order, without those that run for type checking only."""
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node
            case ast.If(test=test, orelse=orelse) if _is_for_types(test):
                pending += orelse
            case _:
                # An import is a statement: expressions, which are most of a tree, contain none.
                for name in _STATEMENT_FIELDS:
                    pending += getattr(node, name, ())


def _is_for_types(test: ast.expr) -> bool:
    """Return whether this is `if TYPE_CHECKING:`, which is never true when a script runs."""
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _is_foreign(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in _PROVIDED and top not in _WORKSPACE_MODULES
