"""Limits on lists that a caller stores and that later calls of other callers read."""

from __future__ import annotations

from typing import Final

from orvanta_platform.errors import LimitExceeded

MOST_PRINCIPALS: Final = 1_000
"""Owners and entries of `extra_perms` of a folder, each counted once."""


def check_count(what: str, count: int, most: int, *, hint: str) -> None:
    """Check that `what` has at most `most` entries. Raises LimitExceeded."""
    if count > most:
        raise LimitExceeded(f"{what} has at most {most:,} entries, not {count:,}.", hint=hint, details={"limit": most})


def check_principals(count: int) -> None:
    """Check the number of users and groups that a folder names. Raises LimitExceeded."""
    check_count("A folder", count, MOST_PRINCIPALS, hint="Name a group instead of its members.")
