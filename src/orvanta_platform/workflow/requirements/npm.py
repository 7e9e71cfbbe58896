"""Packages of a TypeScript or JavaScript script: its imports, with versions if they name any."""

from __future__ import annotations

import re
from typing import Final

from orvanta_platform.errors import InvalidScript
from orvanta_platform.workflow import typescript
from orvanta_platform.workflow.languages import NPM_CLIENTS

LATEST: Final = "latest"
"""Range of an import without one."""

_SPECIFIER: Final = re.compile(
    r"(?P<name>(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-zA-Z0-9~-][a-zA-Z0-9._~-]*)(?:@(?P<range>[^/@]*))?(?:/.*)?$"
)
_RANGE: Final = re.compile(r"[A-Za-z0-9.^~*<>=| +-]+$")
_SCHEME: Final = re.compile(r"[a-z]+:")
_BUILTINS: Final = """
assert assert/strict async_hooks buffer bun bun:ffi bun:jsc bun:sqlite bun:test child_process cluster console
constants crypto dgram diagnostics_channel dns domain events fs http http2 https inspector module net os path
perf_hooks process punycode querystring readline repl stream string_decoder sys timers tls trace_events tty url
util v8 vm wasi worker_threads zlib
"""
_BUILTIN: Final = frozenset(_BUILTINS.split())


def packages(content: str) -> dict[str, str]:
    """Return name → range of package.json, `latest` if no import of the package has a range.

    Clients of the platform's API without a range are not listed.

    Raises InvalidScript for a version that is a path or an address, and for two different versions of a package.
    """
    found: dict[str, str] = {}
    for specifier in typescript.specifiers(content):
        package = _package_of(specifier.text)
        if package is None:
            continue
        name, range_ = package
        known = found.get(name, LATEST)
        if LATEST not in (known, range_) and known != range_:
            raise InvalidScript(
                f"The script imports {name} as {known} and as {range_}.", hint="Import one version of a package."
            )
        found[name] = range_ if known == LATEST else known
    return {name: range_ for name, range_ in found.items() if name not in NPM_CLIENTS or range_ != LATEST}


def _package_of(specifier: str) -> tuple[str, str] | None:
    """Return the (name, range) of an import; None for an import that no registry provides."""
    text = specifier.removeprefix("npm:")
    match = _SPECIFIER.match(text)
    if match is None or _SCHEME.match(text) or text.partition("/")[0] in _BUILTIN:
        return None
    range_ = LATEST if match["range"] is None else match["range"].strip()
    if not _RANGE.match(range_):
        raise InvalidScript(
            f"{specifier[:200]!r} does not name a version of a package.",
            hint='Write a version or a range after the name, such as "lodash@4.17.21" or "lodash@^4".',
        )
    return match["name"], range_
