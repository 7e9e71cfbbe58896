"""Scripts that seem to be meant to run, and have no function `main`."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.workflow.signature.schema import schema_of

_TYPESCRIPT: Final = frozenset({"bun", "bunnative", "nativets", "deno"})
_FUNCTION: Final = re.compile(r"^[ \t]*export\s+(?:(?:async\s+)?function|const)\s+(\w+)", re.MULTILINE)
_OWN_MAIN: Final = re.compile(r"^(?:async\s+)?function\s+main\b|^(?:const|let|var)\s+main\b", re.MULTILINE)
_OTHER_EXPORTS: Final = re.compile(r"\bexport\s*(?:\*|\{)|\bmodule\.exports\b|\bexports\.")


def missing_main(language: str, content: str, settings: Mapping[str, Any]) -> str | None:
    """Return the reason why a script has no `main`, as the rest of a sentence; None if it has one, or is a library.

    A script without `main` can be imported. It seems to be meant to run if its settings have inputs, or if it has a
    function with a similar name. Code that cannot be parsed has another error.
    """
    if settings.get("no_main_func") or language not in {"python3", *_TYPESCRIPT}:
        return None
    if schema_of(language, content) is not None:
        return None
    functions = _python_functions(content) if language == "python3" else _typescript_functions(content)
    if functions is None or "preprocessor" in functions:
        return None
    if language != "python3" and _OWN_MAIN.search(content):
        return "its function `main` is not exported"
    if near := difflib.get_close_matches("main", functions, 1, 0.7):
        return f"it has no function `main`; did you mean that by `{near[0]}`?"
    schema = settings.get("schema")
    has_inputs = isinstance(schema, dict) and bool(schema.get("properties"))
    return "it has no function `main`, although its settings have inputs" if has_inputs else None


def _python_functions(content: str) -> list[str] | None:
    """Return the names of the functions of a script; None if it cannot be parsed, or may have `main` otherwise."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="main", ctx=ast.Store()) | ast.ClassDef(name="main"):
                return None
            case ast.alias(name="*") | ast.alias(name="main", asname=None) | ast.alias(asname="main"):
                return None
            case _:
                pass
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _typescript_functions(content: str) -> list[str] | None:
    """Return the names of the exported functions of a script; None if it may export `main` otherwise."""
    if _OTHER_EXPORTS.search(content):
        return None
    return _FUNCTION.findall(content)
