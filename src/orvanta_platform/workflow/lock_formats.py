"""Formats of locks of several parts. Standard library only, as the host in the cell uses this module too."""

from __future__ import annotations

import json
import re
from typing import Any, Final

BUN_LOCK: Final = "//bun.lock\n"
"""Separator of the package.json and the bun.lock in a lock of npm packages."""
GO_SUM: Final = "//go.sum\n"
"""Separator of the go.mod and the go.sum in a lock of Go modules."""
COMPOSER_LOCK: Final = "//composer.lock\n"
"""Separator of the JSON object and the composer.lock in a lock of PHP packages."""
GEMFILE_LOCK: Final = "//Gemfile.lock\n"
"""Separator of the JSON object and the Gemfile.lock in a lock of Ruby gems."""

_STRING_OR_LAST_COMMA: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|,(?=\s*[}\]])', re.DOTALL)
"""A string, which extends to the end of the text if it is not closed: the time is linear in the length of the text."""
_MODULE: Final = re.compile(r"^[ \t]*module[ \t][^\n]*$", re.MULTILINE)
_FORBIDDEN: Final = re.compile(r"^[ \t\r]*(?P<name>replace|toolchain|tool|godebug|ignore)\b", re.MULTILINE)


def forbidden_directive(module: str) -> str | None:
    """Return the first directive of a go.mod that names other code than modules of the proxy; None if there is none."""
    found = _FORBIDDEN.search(module)
    return None if found is None else found["name"]


def with_module(module: str) -> str:
    """Return a go.mod for the module of scripts, whatever module it was written for."""
    return _MODULE.sub("module orvanta", module, count=1)


def read_bun_lock(lock: str) -> Any:
    """Return the data of a bun.lock. Raises ValueError if it is not a lock that Bun writes."""
    # Bun writes JSON with a comma behind the last member of each object and array.
    text = _STRING_OR_LAST_COMMA.sub(lambda match: "" if match[0] == "," else match[0], lock)
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found
