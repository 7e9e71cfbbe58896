"""Parts of a YAML text with their positions: values, keys and list items, found by the events of the parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

COMMENT_LINE: Final = re.compile(r"( *)#[^\n]*(?:\n|$)")

_GAP: Final = r"(?:\s|#[^\n]*\n)*+"
"""White space, line breaks and comments. Possessive, because gaps may be long."""
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*\s+(?:#[^\n]*\n\s*)*)+")
_COLON: Final = re.compile(r"[ \t]*:")
_COLON_BEHIND_GAP: Final = re.compile(_GAP + ":")
_QUESTION_MARK: Final = re.compile(_GAP + r"[,{\[]?" + _GAP + r"\?(?=\s|$)")
_DASH: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*-(?=[ \t\n]|$)")
_OTHER_BREAK: Final = re.compile("[\r\x85\u2028\u2029]")
"""Line breaks other than line feeds."""


@dataclass(slots=True)
class Node:
    """Part of the text that stands for a value."""

    value: Any
    start: int
    """Index of its anchor or tag, or of the value itself."""
    end: int
    is_list: bool = False
    is_map: bool = False
    is_flow: bool = False
    anchor: str | None = None
    alias: str | None = None
    is_block_scalar: bool = False
    quote: str = ""
    """Quotation mark of a text."""
    entries: list[Entry] = field(default_factory=list)
    anchors: dict[str, Any] = field(default_factory=dict)
    """Values of the anchors in it."""
    has_alias: bool = False
    opening: int = 0
    """Index behind anchor and tag."""


@dataclass(slots=True)
class Entry:
    """Key with its value, or list item."""

    is_item: bool
    start: int
    """Index of the key or its question mark, or of the dash of an item in block style."""
    value_start: int
    """Index behind the colon or dash; -1 for a key without a colon."""
    node: Node


class Composer:
    """Builder of the nodes of a text from its events."""

    def __init__(self, text: str) -> None:
        self.root: Node | None = None
        self._text = text
        self._stack: list[tuple[Node, Node | None]] = []
        """Open collections, each with the key whose value follows."""
        self._quoted: list[Node] = []

    def require_line_feeds(self) -> None:
        """Raise ValueError if the text has other line breaks outside quotes: lines are searched by line feeds."""
        quoted = iter(self._quoted)
        text = next(quoted, None)
        for found in _OTHER_BREAK.finditer(self._text):
            while text is not None and text.end <= found.start():
                text = next(quoted, None)
            if text is None or found.start() < text.opening:
                raise ValueError("the text has line breaks other than line feeds")

    def handle(self, event: Any) -> None:
        """Add an event of the parser."""
        from ruamel.yaml import events

        match event:
            case events.ScalarEvent():
                self._put(self._scalar(event))
            case events.AliasEvent():
                start, end = _span(event)
                self._put(Node(None, start, end, alias=event.anchor, has_alias=True, opening=start))
            case events.CollectionStartEvent():
                is_map = isinstance(event, events.MappingStartEvent)
                start = event.start_mark.index
                opened = Node(None, start, start, not is_map, is_map, bool(event.flow_style), event.anchor)
                opened.opening = self._skip_properties(event)
                self._stack.append((opened, None))
            case events.CollectionEndEvent():
                closed = self._stack.pop()[0]
                closed.end = self._flow_end(closed, event) if closed.is_flow else self._block_end(closed)
                self._put(closed)

    def assign(self, root: Node, value: Any) -> None:
        """Assign its value to each node."""
        pending = [(root, value)]
        found = []
        while pending:
            node, assigned = pending.pop()
            node.value = assigned
            found.append(node)
            inner = assigned.values() if node.is_map else assigned if node.is_list else ()
            pending += zip((each.node for each in node.entries), inner, strict=True)
        for node in reversed(found):
            for entry in node.entries:
                node.anchors |= entry.node.anchors
                node.has_alias |= entry.node.has_alias
            if node.anchor is not None:
                node.anchors[node.anchor] = node.value

    def _flow_end(self, node: Node, event: Any) -> int:
        """Return the end of a flow collection. The parser ends a pair without brackets at the next token."""
        if node.entries and self._text[node.opening] not in "{[":
            return node.entries[-1].node.end
        end: int = event.end_mark.index
        return end

    def _block_end(self, node: Node) -> int:
        """Return the end of the last line of a collection; comments directly below it that are indented alike are part
        of it.
        """
        first = node.entries[0].start
        column = first - self._text.rfind("\n", 0, first) - 1
        end = line_end(self._text, node.entries[-1].node.end)
        while (found := COMMENT_LINE.match(self._text, end + 1)) and len(found[1]) >= column:
            end = line_end(self._text, end + 1)
        return end

    def _scalar(self, event: Any) -> Node:
        start, end = _span(event)
        node = Node(None, start, end, anchor=event.anchor, opening=self._skip_properties(event))
        if event.style in ("'", '"'):
            node.quote = event.style
            self._quoted.append(node)
        if event.style is not None and event.style in "|>":
            node.is_block_scalar = True
            header = self._text[node.opening : line_end(self._text, node.opening)]
            text = self._text[start:end]
            node.end = start + len(text.removesuffix("\n") if "+" in header.partition("#")[0] else text.rstrip())
        return node

    def _skip_properties(self, event: Any) -> int:
        start: int = event.start_mark.index
        if event.anchor is None and event.tag is None:
            return start
        found = _PROPERTIES.match(self._text, start)
        return start if found is None else found.end()

    def _put(self, node: Node) -> None:
        """Add a node to the open collection."""
        if not self._stack:
            self.root = node
            return
        parent, key = self._stack[-1]
        if parent.is_map and key is None:
            self._stack[-1] = parent, node
        elif key is not None:
            parent.entries.append(self._pair(parent, key, node))
            self._stack[-1] = parent, None
        elif parent.is_flow:
            parent.entries.append(Entry(True, node.start, node.start, node))
        else:
            dash = _DASH.match(self._text, _end_of_entries(parent))
            end = -1 if dash is None else dash.end()
            _place_empty(node, end)
            parent.entries.append(Entry(True, end - 1, end, node))

    def _pair(self, parent: Node, key: Node, node: Node) -> Entry:
        """Return the entry of a key, which may be explicit (`? key`), also without a colon."""
        mark = _QUESTION_MARK.match(self._text, _end_of_entries(parent))
        is_explicit = mark is not None and mark.end() <= key.start
        start = mark.end() - 1 if mark is not None and is_explicit else key.start
        colon = (_COLON_BEHIND_GAP if is_explicit or parent.is_flow else _COLON).match(self._text, key.end)
        value_start = colon.end() if colon is not None and colon.end() <= node.start else -1
        _place_empty(node, value_start if value_start >= 0 else key.end)
        return Entry(False, start, value_start, node)


def _end_of_entries(parent: Node) -> int:
    return parent.entries[-1].node.end if parent.entries else parent.opening


def _place_empty(node: Node, index: int) -> None:
    """Place an empty value, which the parser finds at the next token, behind its colon, dash or key."""
    if node.start == node.end and not (node.is_map or node.is_list) and index >= 0:
        node.start = node.end = node.opening = index


def _span(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


def line_end(text: str, index: int) -> int:
    """Return the index of the line feed that ends a line, or of the end of the text."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found
