"""Errors of the evaluation of expressions."""

from __future__ import annotations

from typing import ClassVar, Final

from orvanta_platform.errors import OrvantaError

_MAX_CHARS: Final = 4000


class ExpressionError(OrvantaError):
    """Error thrown by an expression. `name` is the JavaScript name of the error (TypeError, ReferenceError, …)."""

    code: ClassVar[str] = "expression_failed"
    status: ClassVar[int] = 400

    def __init__(self, name: str, message: str) -> None:
        super().__init__(_truncated(message))
        self.name = _truncated(name)


def _truncated(text: str) -> str:
    """Return at most _MAX_CHARS characters of a text, without NUL and unpaired surrogates."""
    return text[:_MAX_CHARS].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class NeedsJavaScript(Exception):
    """Signal that the small interpreter may not answer as JavaScript would, so that an engine must evaluate."""
