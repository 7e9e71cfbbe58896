"""Imports of a script in any language."""

from __future__ import annotations

import re
from typing import Final, Literal

from orvanta_platform.workflow.script_imports.python import imports as python_imports
from orvanta_platform.workflow.script_imports.reference import Import
from orvanta_platform.workflow.script_imports.typescript import imports as typescript_imports

Importing = Literal["python", "typescript"]

_LANGUAGES: Final[dict[str, Importing]] = {
    "python3": "python",
    "bun": "typescript",
    "bunnative": "typescript",
    "nativets": "typescript",
    "deno": "typescript",
}

_HINTS: Final[dict[Importing, re.Pattern[str]]] = {
    "python": re.compile(r"(?:\b(?:import|from)[\s\\]|,)[\s\\]*[fu]\.|\bfrom[\s\\]*\."),
    "typescript": re.compile(r"""["'`](?:\.{1,2}/|/[fu]/)"""),
}
"""Text that occurs in every script that imports another one. They are searched in linear time."""


def importing_language(language: str) -> Importing | None:
    """Return the group of languages whose scripts can import each other, or None if scripts cannot."""
    return _LANGUAGES.get(language)


def can_import(language: str, imported: str) -> bool:
    """Return whether a script of one language can import a script of another."""
    group = importing_language(language)
    return group is not None and group == importing_language(imported)


def may_import(language: str, content: str) -> bool:
    """Return False if the words of a script show that it imports no script."""
    group = importing_language(language)
    return group is not None and _HINTS[group].search(content) is not None


def imports_of(language: str, content: str, path: str | None) -> list[Import]:
    """Return the imports of other scripts in the script at `path` (None: it has none), in text order.

    The result is empty if the script cannot be parsed: its run reports the reason.
    """
    match importing_language(language):
        case "python":
            return python_imports(content, path)
        case "typescript":
            return typescript_imports(content, path)
        case None:
            return []


def inline_path(flow: str | None, node: str) -> str | None:
    """Return the path that a script inside a workflow imports from: that of a file in the workflow's folder."""
    return None if flow is None else f"{flow}/{node}"
