"""Modules of a Go script: the imports outside of the standard library, and the versions that comments name."""

from __future__ import annotations

import re
from typing import Final

from orvanta_platform.errors import InvalidScript
from orvanta_platform.workflow.signature import go

_PATH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*\.[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~+-]+)*")
_REQUIRE: Final = re.compile(r"^//[ \t]*require[ \t]+(?P<module>\S+)[ \t]+(?P<version>\S+)[ \t]*$", re.MULTILINE)
_MAX_PATH: Final = 500
_VERSION: Final = re.compile(r"v[0-9][A-Za-z0-9.+-]*|latest")


def packages(content: str) -> dict[str, str]:
    """Return import path → version, empty for the newest one; a module that no import belongs to by its own path.

    Raises InvalidScript for an invalid comment, and for two versions of a module.
    """
    pins = _pins(content)
    found: dict[str, str] = {}
    for each in go.imports(content):
        if len(each.path) <= _MAX_PATH and _PATH.fullmatch(each.path):
            modules = [name for name in pins if each.path == name or each.path.startswith(f"{name}/")]
            found[each.path] = pins[max(modules, key=len)] if modules else ""
    for name, version in pins.items():
        if not any(path == name or path.startswith(f"{name}/") for path in found):
            found[name] = version
    return found


def _pins(content: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _REQUIRE.finditer(content):
        name, version = match["module"], match["version"]
        is_valid = len(match[0]) <= _MAX_PATH and _PATH.fullmatch(name) and _VERSION.fullmatch(version)
        if not is_valid:
            raise InvalidScript(
                f"{match[0][:200]!r} does not name a module and its version.",
                hint="Write it as in //require rsc.io/quote v1.5.2.",
            )
        if found.setdefault(name, version) != version:
            raise InvalidScript(
                f"The script requires {name} {found[name]} and {version}.", hint="Require one version of a module."
            )
    return found
