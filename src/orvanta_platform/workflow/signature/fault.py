"""Reason why a script's signature cannot be read, with its position."""

from __future__ import annotations

import ast
import warnings
from typing import Final

import msgspec

from orvanta_platform.workflow.signature import python, sql

_TYPESCRIPT: Final = frozenset({"bun", "bunnative", "nativets", "deno"})


class Fault(msgspec.Struct, frozen=True):
    """Reason with its position; `line` and `column` count from 1."""

    line: int
    column: int
    message: str


def fault_of(language: str, content: str) -> Fault | None:
    """Return why a script cannot be read; None if it can, or if the reason is unknown."""
    if language in sql.LANGUAGES:
        return _sql_fault(content)
    if language != "python3" or python.parameters(content) is not None:
        return None
    return _python_fault(content) or Fault(1, 1, "there is no function `main`")


def _sql_fault(content: str) -> Fault | None:
    try:
        sql.check_comments(content)
    except sql.InvalidComment as error:
        return Fault(error.line, 1, str(error))
    return None


def syntax_fault(language: str, content: str) -> Fault | None:
    """Return why the text of a script cannot be parsed; None if it can, or if the language has no parser here."""
    if language in sql.LANGUAGES:
        return _sql_fault(content)
    if language in _TYPESCRIPT:
        from orvanta_platform.workflow import typescript  # loads the grammar

        found = typescript.syntax_fault(content)
        return None if found is None else Fault(found.line, found.column, found.message)
    return _python_fault(content) if language == "python3" else None


def _python_fault(content: str) -> Fault | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escapes, which are no errors
            ast.parse(content)
    except SyntaxError as error:
        return Fault(max(error.lineno or 1, 1), max(error.offset or 1, 1), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return Fault(1, 1, str(error) or "it is nested too deeply")
    return None
