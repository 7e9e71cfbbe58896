"""Numbers of a document: those that an IEEE double holds without loss, on every machine alike."""

from __future__ import annotations

import math
from decimal import Decimal

MAX_SAFE_INTEGER = 2**53 - 1
"""Beyond it a whole number may have a neighbour that no double tells from it."""


def exact(text: str) -> int | float | None:
    """The value of a decimal number's text, or None where a double would change it.

    Exact is what reads back as the same decimal (0.1) or is a double's very value (2^60). Whole numbers
    without point or exponent are ints, all others floats.
    """
    value = float(text)
    if math.isinf(value):
        return None
    if value == 0:
        return None if any(digit in "123456789" for digit in _mantissa(text)) else _zero(text)
    written = Decimal(text)
    if written not in (Decimal(repr(value)), Decimal(value)):
        return None
    return value if any(char in ".eE" for char in text) else int(written)


def _mantissa(text: str) -> str:
    return text.lower().partition("e")[0]


def _zero(text: str) -> int | float:
    return float(text) if text.strip("+0") else 0
