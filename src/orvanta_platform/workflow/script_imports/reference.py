"""Reference of a script to another script."""

from __future__ import annotations

from typing import Final

import msgspec

ROOTS: Final = ("f", "u")
MIN_PARTS: Final = 3
"""Number of segments of the shortest path of a script."""


class Import(msgspec.Struct, frozen=True):
    """A reference to a script by path."""

    candidates: tuple[str, ...]
    """Paths that the reference may mean; the first one that exists counts. Empty: it names no path."""
    name: str
    """The reference as written."""
    line: int
    """Line of the reference, from 1."""
    column: int
    """Column of the reference, from 1."""
    optional: bool = False
    """True if it is evaluated at run time only, so that a missing script is no error."""
