"""How an expression may fail."""

from __future__ import annotations

from typing import ClassVar

from orvanta_platform.errors import OrvantaError


class ExpressionError(OrvantaError):
    """An expression threw. `name` is JavaScript's name of the error (TypeError, ReferenceError, …)."""

    code: ClassVar[str] = "expression_failed"
    status: ClassVar[int] = 400

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class NeedsJavaScript(Exception):
    """The small interpreter is not sure to answer as JavaScript would; an engine must."""
