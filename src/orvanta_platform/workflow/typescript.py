"""Syntax trees of TypeScript and JavaScript. The code is parsed, never run."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final

import msgspec
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

_NEWER: Final = re.compile(r"\bimport\s+(?:defer|source)\b|<\s*(?:const\s+)?(?:in|out)\s+\w")
"""Syntax that runtimes accept and the grammar does not: deferred imports, and the variance of type parameters."""
_MAX_SHOWN: Final = 40

_OPAQUE: Final = frozenset({"string", "comment", "regex"})


@functools.cache
def _language() -> Language:
    return Language(tree_sitter_typescript.language_typescript())


def parse(content: str) -> Node:
    """Parse a script; text that cannot be parsed becomes ERROR nodes."""
    return Parser(_language()).parse(content.encode("utf-8", "replace")).root_node


class SyntaxFault(msgspec.Struct, frozen=True):
    """First place at which a script cannot be parsed; `line` and `column` count from 1."""

    line: int
    column: int
    message: str


def syntax_fault(content: str) -> SyntaxFault | None:
    """Return the first syntax error of a script; None if there is none, or if only the grammar may lack its syntax."""
    root = parse(content)
    if not root.has_error:
        return None
    node = _first_fault(root)
    row = node.start_point.row
    before = content.encode("utf-8", "replace").split(b"\n")[row]
    if _NEWER.search(before.decode("utf-8", "replace")):
        return None
    column = len(before[: node.start_point.column].decode("utf-8", "replace")) + 1
    if node.is_missing:
        return SyntaxFault(row + 1, column, f"{node.type!r} is missing")
    shown = text(node).strip().partition("\n")[0][:_MAX_SHOWN]
    return SyntaxFault(row + 1, column, f"unexpected {shown!r}" if shown else "unexpected end")


def _first_fault(node: Node) -> Node:
    """Return the first node, in text order, that the parser inserted or could not place."""
    while not (node.is_missing or node.is_error):
        node = next(child for child in node.children if child.has_error or child.is_missing)
    return node


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
