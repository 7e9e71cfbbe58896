"""Numbers of a document: those that an IEEE double represents without loss, on every machine."""

from __future__ import annotations

import math
from decimal import Decimal

MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer up to which every integer is a distinct double."""


def exact(text: str) -> int | float | None:
    """Return the value of a decimal number's text, or None if a double would change it.

    A number is exact if it reads back as the same decimal (0.1) or is exactly a double (2^60). Integers without point
    or exponent are ints, all others floats.
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
