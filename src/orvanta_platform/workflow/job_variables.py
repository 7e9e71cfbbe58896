"""Environment variables that a script or a worker group adds to those of its jobs."""

from __future__ import annotations

import re
from typing import Any, Final

MAX_CHARS: Final = 20_000
"""Characters of the names and values of all variables of one script or group."""

_CONNECTIONS: Final = frozenset({"postgresql", "mysql", "mssql", "snowflake", "bigquery", "graphql"})
"""Languages without code that could read a variable. Their drivers do: it could send credentials to another server."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_TAKEN: Final = re.compile(
    r"(?:OV|WM|ORVANTA|LD|DATABASE)_.*|BASE_INTERNAL_URL|PATH|HOME|TMPDIR|SHELL|USER", re.IGNORECASE
)


def may_set(name: str) -> bool:
    """Return whether a variable of this name may be set: the platform itself sets some."""
    return _NAME.fullmatch(name) is not None and _TAKEN.fullmatch(name) is None


def have_effect(language: str) -> bool:
    """Return whether scripts in this language may set variables."""
    return language not in _CONNECTIONS


def of_script(envs: Any) -> tuple[dict[str, str], list[str]]:
    """Return the variables in the setting `envs` of a script, texts `NAME=value`, and the names that are left out.

    Those are names that may not be set or stand without a value, values with a zero byte, and what exceeds MAX_CHARS.
    """
    found: dict[str, str] = {}
    left_out: list[str] = []
    rest = MAX_CHARS
    for each in envs if isinstance(envs, list) else [] if envs is None else [envs]:
        name, is_set, value = str(each).partition("=")
        name, chars = name.strip(), len(name) + len(value)
        if is_set and may_set(name) and "\0" not in value and chars <= rest:
            found[name] = value
            rest -= chars
        else:
            left_out.append(name[:100])
    return found, left_out
