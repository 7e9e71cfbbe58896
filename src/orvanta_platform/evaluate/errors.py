"""How an expression may fail."""

from __future__ import annotations

from typing import ClassVar, Final

from orvanta_platform.errors import OrvantaError

_LONGEST: Final = 4000


class ExpressionError(OrvantaError):
    """An expression threw. `name` is JavaScript's name of the error (TypeError, ReferenceError, …)."""

    code: ClassVar[str] = "expression_failed"
    status: ClassVar[int] = 400

    def __init__(self, name: str, message: str) -> None:
        super().__init__(_storable(message))
        self.name = _storable(name)


def _storable(text: str) -> str:
    """At most a page of a text, without NUL and unpaired surrogates."""
    return text[:_LONGEST].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class NeedsJavaScript(Exception):
    """The small interpreter is not sure to answer as JavaScript would; an engine must."""
