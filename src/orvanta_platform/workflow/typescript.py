"""Syntax trees of TypeScript and JavaScript. The code is parsed, never run."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

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
