"""Packages of a TypeScript or JavaScript script: its imports, with versions if they name any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from orvanta_platform.errors import InvalidScript
from orvanta_platform.workflow import typescript

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

    Raises InvalidScript for a version that is a path or an address, and for two different versions of a package.
    """
    found: dict[str, str] = {}
    for specifier in _specifiers(content):
        package = _package_of(specifier)
        if package is None:
            continue
        name, range_ = package
        known = found.get(name, LATEST)
        if LATEST not in (known, range_) and known != range_:
            raise InvalidScript(
                f"The script imports {name} as {known} and as {range_}.", hint="Import one version of a package."
            )
        found[name] = range_ if known == LATEST else known
    return found


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


def _specifiers(content: str) -> Iterator[str]:
    """Yield the literal specifiers of imports, exports, dynamic imports and requires, without those of types only."""
    for node in typescript.walk(typescript.parse(content)):
        match node.type:
            case "import_statement" | "export_statement":
                source = node.child_by_field_name("source") or _required(node)
                if not any(child.type == "type" for child in node.children):
                    yield from _literal(source)
            case "call_expression":
                function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
                if function is not None and arguments is not None and _imports(function):
                    yield from _literal(next(iter(arguments.named_children), None))


def _required(node: Node) -> Node | None:
    """Return the source of `import x = require("y")`."""
    clause = next((child for child in node.named_children if child.type == "import_require_clause"), None)
    return None if clause is None else clause.child_by_field_name("source")


def _imports(function: Node) -> bool:
    return function.type == "import" or (function.type == "identifier" and function.text == b"require")


def _literal(node: Node | None) -> Iterator[str]:
    text = None if node is None else typescript.string(node)
    if text is not None:
        yield text
