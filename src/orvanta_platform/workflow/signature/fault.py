"""Reason why a script's signature cannot be read, with its position."""

from __future__ import annotations

import ast

import msgspec

from orvanta_platform.workflow.signature import python, sql


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
    return syntax_fault(language, content) or Fault(1, 1, "there is no function `main`")


def _sql_fault(content: str) -> Fault | None:
    try:
        sql.check_comments(content)
    except sql.InvalidComment as error:
        return Fault(error.line, 1, str(error))
    return None


def syntax_fault(language: str, content: str) -> Fault | None:
    """Return why the text of a script cannot be parsed; None if it can, or if the reason is unknown."""
    if language != "python3":
        return None
    try:
        ast.parse(content)
    except SyntaxError as error:
        return Fault(max(error.lineno or 1, 1), max(error.offset or 1, 1), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return Fault(1, 1, str(error) or "it is nested too deeply")
    return None
