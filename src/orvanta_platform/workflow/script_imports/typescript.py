"""Imports of scripts in TypeScript and JavaScript: `/f/folder/name`, `/u/user/name`, `./name` and `../folder/name`."""

from __future__ import annotations

from typing import Final

from orvanta_platform.workflow import typescript
from orvanta_platform.workflow.script_imports.reference import MIN_PARTS, ROOTS, Import

_EXTENSIONS: Final = (".ts", ".js")


def imports(content: str, path: str | None) -> list[Import]:
    """Return the imports of other scripts, without those of types only."""
    found = []
    for specifier in typescript.specifiers(content):
        if not specifier.text.startswith(("./", "../", "/f/", "/u/")):
            continue
        candidates = _candidates(specifier.text, path)
        found.append(Import(candidates, specifier.text, specifier.line, specifier.column, specifier.is_call))
    return found


def _candidates(text: str, path: str | None) -> tuple[str, ...]:
    segments = _resolve(text, path)
    if segments is None or len(segments) < MIN_PARTS or segments[0] not in ROOTS:
        return ()
    named = "/".join(segments)
    bare = next((named.removesuffix(extension) for extension in _EXTENSIONS if named.endswith(extension)), None)
    return (named,) if bare is None else (bare, named)


def _resolve(text: str, path: str | None) -> list[str] | None:
    """Return the segments of the absolute path; None if it leaves the workspace."""
    if text.startswith("/"):
        found: list[str] = []
    elif path is None:
        return None
    else:
        found = path.split("/")[:-1]
    for segment in text.split("/"):
        if segment == "..":
            if not found:
                return None
            found.pop()
        elif segment not in ("", "."):
            found.append(segment)
    return found
