"""Packages of a Python script: what it declares, else what it imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from orvanta_platform.workflow.requirements.declared import declared, read
from orvanta_platform.workflow.requirements.distributions import distribution_of

_PROVIDED: Final = frozenset({"orvanta", "wmill"})
"""The SDK, which every Python script finds without a requirement."""

_OF_WORKSPACE: Final = frozenset({"f", "u"})

_CACHED_CHARS: Final = 4096

_STATEMENTS: Final = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a statement, a handler or a case holds statements, or what holds them."""


def packages(content: str) -> dict[str, str]:
    """Normal name → the rest of its requirement, empty where any version will do.

    A PEP 723 block or a `# requirements:` list counts alone; `# extra_requirements:` adds. Raises InvalidScript for
    a declaration that cannot be read.
    """
    wanted = declared(content)
    extra = read(wanted.extra)
    if wanted.whole is not None:
        return read(wanted.whole) | extra
    return dict.fromkeys(imported(content), "") | extra


def imported(content: str) -> tuple[str, ...]:
    """Distributions of the modules that a script imports anywhere in it, without the standard library and the SDK."""
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
"""A workflow is deployed and tried again and again, and little of it changes."""


def _modules(tree: ast.Module) -> Iterator[str]:
    """Dotted names as imported; `from a import b` gives a.b, for distributions that share a namespace."""
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.If(test=test, orelse=orelse) if _is_for_types(test):
                pending += orelse
            case _:
                # An import is a statement: expressions, most of a tree, hold none.
                for name in _STATEMENTS:
                    pending += getattr(node, name, ())


def _is_for_types(test: ast.expr) -> bool:
    """`if TYPE_CHECKING:` is never true where a script runs."""
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _is_foreign(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in _PROVIDED and top not in _OF_WORKSPACE
