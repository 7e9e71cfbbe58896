"""Syntax trees of TypeScript and JavaScript. The code is parsed, never run."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

import msgspec
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

_OPAQUE: Final = frozenset({"string", "comment", "regex"})


@functools.cache
def _language() -> Language:
    return Language(tree_sitter_typescript.language_typescript())


def parse(content: str) -> Node:
    """Parse a script; text that cannot be parsed becomes ERROR nodes."""
    return Parser(_language()).parse(content.encode("utf-8", "replace")).root_node


def walk(root: Node) -> Iterator[Node]:
    """Yield `root` and all its descendants, in text order."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        if node.type not in _OPAQUE:
            pending += reversed(node.named_children)


def text(node: Node) -> str:
    """Return the text of a node."""
    return (node.text or b"").decode("utf-8", "replace")


def string(node: Node) -> str | None:
    """Return the value of a string literal, or of a template without substitutions; None for anything else."""
    if node.type not in ("string", "template_string"):
        return None
    parts = node.named_children
    if any(part.type not in ("string_fragment", "escape_sequence") for part in parts):
        return None
    return "".join(_ESCAPES.get(text(part), text(part).removeprefix("\\")) for part in parts)


_ESCAPES: Final = {r"\n": "\n", r"\t": "\t", r"\r": "\r", r"\0": "\0", r"\b": "\b", r"\f": "\f", r"\v": "\v"}


class Specifier(msgspec.Struct, frozen=True):
    """The literal name of an imported module, with its position from 1."""

    text: str
    line: int
    column: int
    is_call: bool
    """True for `import("…")` and `require("…")`, which are evaluated when they are reached."""


def specifiers(content: str) -> Iterator[Specifier]:
    """Yield the literal specifiers of imports, exports, dynamic imports and requires, without those of types only."""
    for node in walk(parse(content)):
        match node.type:
            case "import_statement" | "export_statement":
                source = node.child_by_field_name("source") or _required(node)
                if not any(child.type == "type" for child in node.children):
                    yield from _specifier(source, is_call=False)
            case "call_expression":
                function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
                if function is not None and arguments is not None and _imports(function):
                    yield from _specifier(next(iter(arguments.named_children), None), is_call=True)


def _required(node: Node) -> Node | None:
    """Return the source of `import x = require("y")`."""
    clause = next((child for child in node.named_children if child.type == "import_require_clause"), None)
    return None if clause is None else clause.child_by_field_name("source")


def _imports(function: Node) -> bool:
    return function.type == "import" or (function.type == "identifier" and function.text == b"require")


def _specifier(node: Node | None, *, is_call: bool) -> Iterator[Specifier]:
    name = None if node is None else string(node)
    if node is not None and name is not None:
        yield Specifier(name, node.start_point.row + 1, node.start_point.column + 1, is_call)
