"""Edits of YAML text: its value changes, and everything else in it stays as it is written.

The parts of the text are found by the positions of parser events. Only values that differ are written again; comments,
order, spacing and notation of all others are the bytes of the text. A comment directly above a key or list item, or on
its line, belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document, yaml_text
from orvanta_platform.workflow.document import Document
from orvanta_platform.workflow.limits import require_writable
from orvanta_platform.workflow.text import indents_lists
from orvanta_platform.workflow.yaml_parts import block_item, block_lines, block_value, flow_value

_MAX_LEVELS: Final = 60
"""Levels of block style that are edited one in the other; deeper values that differ are written again as a whole."""

_PROPERTIES: Final = re.compile(r"(?:[&!]\S*\s+(?:#[^\n]*\n\s*)*)+")
_COLON: Final = re.compile(r"[ \t]*:")
_FLOW_COLON: Final = re.compile(r"\s*:")
_DASH: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*-(?=[ \t\n]|$)")
_COMMENT_LINE: Final = re.compile(r"( *)#[^\n]*(?:\n|$)")
_BLOCK_HEADER: Final = re.compile(r"[|>][-+0-9]*")
_BLANK_LINE: Final = re.compile(r"^[ \t]*\n", re.MULTILINE)
_DEEP_COMMENT: Final = re.compile(r"(?<=\n) +(?=#)|\A +(?=#)")
_COMMENT: Final = re.compile(r"[ \t]+#[^\n]*")
_OTHER_BREAK: Final = re.compile("[\r\x85\u2028\u2029]")
"""Line breaks other than line feeds."""
_LIMITS: Final = frozenset({"document_too_large", "document_too_deep"})
"""Codes of texts that exceed the limits of documents."""


class _Unsupported(Exception):
    """The notation of a collection is not supported: it is written again as a whole."""


@dataclass(slots=True)
class _Node:
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
    entries: list[_Entry] = field(default_factory=list)
    anchors: dict[str, Any] = field(default_factory=dict)
    """Values of the anchors in it."""
    has_alias: bool = False
    opening: int = 0
    """Index behind anchor and tag."""


@dataclass(slots=True)
class _Entry:
    """Key with its value, or list item."""

    is_item: bool
    start: int
    """Index of the key, or of the dash of an item in block style."""
    mark: int
    """Index behind the colon or dash."""
    node: _Node


def edit_yaml(text: str, wanted: Mapping[str, Any], *, limit: bool = False) -> Document:
    """Return the document that `text` becomes if its value is changed to `wanted`.

    The text remains as it is if their values are equal. With `limit`, both texts must be within the limits of YAML that
    a caller sends. Raises InvalidWorkflow as `document.parse` if `text` is invalid or the changed text exceeds the
    limits, ValueError if the text cannot be changed to this value.
    """
    text = text.removeprefix("\ufeff")
    if limit:
        require_writable(wanted)
    has_crlf = "\r\n" in text
    edited = text.replace("\r\n", "\n")
    composer, present = _composed(edited, limit)
    if same(present, wanted):
        return Document(text.encode(), "yaml", present)
    composer.require_line_feeds()
    is_ended = edited.endswith("\n")
    if not is_ended:
        edited += "\n"
        if "|" in edited or ">" in edited:  # a block of text at the end now ends with a line feed
            composer, present = _composed(edited, limit)
    assert composer.root is not None
    try:
        composer.assign(composer.root, present)
        edited = _Edit(edited).document(composer.root, wanted)
    except (_Unsupported, RecursionError):
        raise _unchangeable() from None
    candidates = [edited] if is_ended else [edited.removesuffix("\n"), edited]
    for each in candidates:
        found = _parsed(each.replace("\n", "\r\n") if has_crlf else each, limit)
        if found is not None and same(found.tree, wanted):
            return found
    raise _unchangeable()


def _composed(text: str, limit: bool) -> tuple[_Composer, dict[str, Any]]:
    """Return the nodes of a text, and its value. Raises InvalidWorkflow, ValueError."""
    composer = _Composer(text)
    try:
        present = yaml_text.read(text, limit=limit, observe=composer.handle)
    except InvalidWorkflow:
        document.parse(text.encode(), "yaml", limit_yaml=limit)
        raise _unchangeable() from None  # JSON that is not YAML, such as with a very long key
    if not isinstance(present, dict) or composer.root is None:
        raise ValueError("the text is not a mapping")
    return composer, present


def _parsed(text: str, limit: bool) -> Document | None:
    """Return the document of a text that was edited; None if it is invalid. Raises InvalidWorkflow if it exceeds the
    limits.
    """
    source = text.encode()
    try:
        return document.parse(source, "yaml", limit_yaml=True) if limit else document.parse(source, "yaml")
    except InvalidWorkflow as error:
        if any(each["code"] in _LIMITS for each in error.details):
            raise
        return None


def _unchangeable() -> ValueError:
    return ValueError("the text cannot be changed to this value")


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal; unlike in Python, true is not 1."""
    if one != other:
        return False
    if isinstance(one, dict):
        return all(same(each, other[name]) for name, each in one.items())
    if isinstance(one, list):
        return all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool)


class _Composer:
    """Builder of the nodes of a text from its events."""

    def __init__(self, text: str) -> None:
        self.root: _Node | None = None
        self._text = text
        self._stack: list[tuple[_Node, _Node | None]] = []
        """Open collections, each with the key whose value follows."""
        self._quoted: list[_Node] = []

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
        from ruamel.yaml import events

        match event:
            case events.ScalarEvent():
                self._put(self._scalar(event))
            case events.AliasEvent():
                start, end = _span(event)
                self._put(_Node(None, start, end, alias=event.anchor, has_alias=True, opening=start))
            case events.CollectionStartEvent():
                is_map = isinstance(event, events.MappingStartEvent)
                start = event.start_mark.index
                opened = _Node(None, start, start, not is_map, is_map, bool(event.flow_style), event.anchor)
                opened.opening = self._skip_properties(event)
                self._stack.append((opened, None))
            case events.CollectionEndEvent():
                closed = self._stack.pop()[0]
                closed.end = event.end_mark.index if closed.is_flow else self._block_end(closed)
                self._put(closed)

    def assign(self, root: _Node, value: Any) -> None:
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

    def _block_end(self, node: _Node) -> int:
        """Return the end of the last line of a collection; comments directly below it that are indented alike are part
        of it.
        """
        first = node.entries[0].start
        column = first - self._text.rfind("\n", 0, first) - 1
        end = _line_end(self._text, node.entries[-1].node.end)
        while (found := _COMMENT_LINE.match(self._text, end + 1)) and len(found[1]) >= column:
            end = _line_end(self._text, end + 1)
        return end

    def _scalar(self, event: Any) -> _Node:
        start, end = _span(event)
        node = _Node(None, start, end, anchor=event.anchor, opening=self._skip_properties(event))
        if event.style in ("'", '"'):
            node.quote = event.style
            self._quoted.append(node)
        if event.style is not None and event.style in "|>":
            node.is_block_scalar = True
            header = self._text[node.opening : _line_end(self._text, node.opening)]
            text = self._text[start:end]
            node.end = start + len(text.removesuffix("\n") if "+" in header.partition("#")[0] else text.rstrip())
        return node

    def _explicit(self, key: _Node) -> int:
        """Return the index of the question mark before a key (`? key`), -1 if it has another notation."""
        index = key.start - 1
        while index >= 0 and self._text[index] == " ":
            index -= 1
        return index if index >= 0 and self._text[index] == "?" else -1

    def _skip_properties(self, event: Any) -> int:
        start: int = event.start_mark.index
        if event.anchor is None and event.tag is None:
            return start
        found = _PROPERTIES.match(self._text, start)
        return start if found is None else found.end()

    def _put(self, node: _Node) -> None:
        if not self._stack:
            self.root = node
            return
        parent, key = self._stack[-1]
        if parent.is_map and key is None:
            self._stack[-1] = parent, node
            return
        if key is not None:
            colon = (_FLOW_COLON if parent.is_flow else _COLON).match(self._text, key.end)
            mark = -1 if colon is None else colon.end()
            _place_empty(node, mark)
            start = key.start if mark >= 0 else self._explicit(key)
            parent.entries.append(_Entry(False, start, mark, node))
            self._stack[-1] = parent, None
        elif parent.is_flow:
            parent.entries.append(_Entry(True, node.start, node.start, node))
        else:
            before = parent.entries[-1].node.end if parent.entries else parent.opening
            dash = _DASH.match(self._text, before)
            end = -1 if dash is None else dash.end()
            _place_empty(node, end)
            parent.entries.append(_Entry(True, end - 1, end, node))


def _place_empty(node: _Node, mark: int) -> None:
    """Place an empty value, which the parser finds at the next token, behind its colon or dash."""
    if node.start == node.end and not (node.is_map or node.is_list) and mark >= 0:
        node.start = node.end = node.opening = mark


def _span(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


class _Edit:
    """One edit of a text. Values are visited in the order in which they are written."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._indented = indents_lists(text)
        self._is_json = text.lstrip()[:1] == "{"
        self._level = 0
        self._anchors: dict[str, Any] = {}
        """Values of the anchors that the new text has, as far as it has been written."""

    def document(self, root: _Node, wanted: Mapping[str, Any]) -> str:
        if root.is_flow:
            return self._text[: root.opening] + self._flow(root, wanted) + self._text[root.end :]
        begin = self._line_start(root.entries[0].start)
        return self._text[:begin] + self._block(root, wanted, begin) + _outdented(self._text[root.end :], 0)

    def _keep(self, node: _Node, wanted: Any) -> bool:
        """Return whether a part already has its value, and note its anchors if it has."""
        if node.alias is not None:
            return node.alias in self._anchors and same(self._anchors[node.alias], wanted)
        if node.has_alias or not same(node.value, wanted):
            return False
        self._anchors |= node.anchors
        return True

    def _forget(self, node: _Node) -> None:
        for each in node.anchors:
            self._anchors.pop(each, None)

    def _in_place(self, node: _Node, wanted: Any) -> bool:
        """Return whether the entries of a collection can be edited one by one."""
        is_same_type = (node.is_map and isinstance(wanted, dict)) or (node.is_list and isinstance(wanted, list))
        return is_same_type and bool(wanted) and bool(node.entries)

    # Block style

    def _tail(self, entry: _Entry, wanted: Any, column: int) -> str:
        """Return the text behind the colon or dash of an entry, up to the end of the line of its value."""
        text, node, mark = self._text, entry.node, entry.mark
        if self._keep(node, wanted):
            return text[mark : _line_end(self._text, node.end)]
        if self._in_place(node, wanted) and self._level < _MAX_LEVELS:
            anchors = dict(self._anchors) if node.anchors else None
            self._level += 1
            try:
                edited = self._collection(mark, node, wanted)
            except _Unsupported:
                self._anchors = anchors if anchors is not None else self._anchors
            else:
                if node.anchor is not None:
                    self._anchors[node.anchor] = wanted
                return edited
            finally:
                self._level -= 1
        self._forget(node)
        head, body = self._written(node, wanted, column, is_item=entry.is_item)
        return self._replaced(mark, node, head, body)

    def _collection(self, mark: int, node: _Node, wanted: Any) -> str:
        if node.is_flow:
            end = _line_end(self._text, node.end)
            return self._text[mark : node.opening] + self._flow(node, wanted) + self._text[node.end : end]
        begin = self._begin(node, mark)
        return self._text[mark:begin] + self._block(node, wanted, begin)

    def _replaced(self, mark: int, node: _Node, head: str, body: str) -> str:
        """Return the text behind a colon or dash with another value; a comment on the same line remains."""
        text = self._text
        line_end = _line_end(text, mark)
        is_block = (node.is_list or node.is_map) and not node.is_flow
        if node.start > line_end or (is_block and node.opening > line_end):
            found = _COMMENT.match(text, mark)
            return head + (found[0] if found else "") + body
        if is_block:
            return head + body
        rest = text[node.end : _line_end(self._text, node.end)]
        if node.is_block_scalar:
            header = _BLOCK_HEADER.match(text, node.opening)
            rest = text[header.end() : _line_end(self._text, header.end())] if header else ""
        return (text[mark : node.start] + head.lstrip(" ") if head and node.start > mark else head) + rest + body

    def _block(self, node: _Node, wanted: Any, begin: int) -> str:
        """Return the text of a block collection from `begin`: of its lines, or from its first entry on a line."""
        first = node.entries[0].start
        column = first - self._line_start(first)
        is_inline = begin == first and column > 0
        pieces = self._pieces(node, wanted, begin, column, " " * column if is_inline else "")
        text = "".join(pieces).removesuffix("\n")
        return text.lstrip(" ") if is_inline else text

    def _pieces(self, node: _Node, wanted: Any, begin: int, column: int, indent: str) -> Iterator[str]:
        """Yield the lines of the entries, present and new ones."""
        text, entries = self._text, node.entries
        if any(each.start < 0 for each in entries):
            raise _Unsupported
        ends = [self._content_end(each, column) for each in entries]
        begins = [begin, *(self._lead(each.start, column, end) for each, end in zip(entries[1:], ends, strict=False))]
        begins.append(min(node.end + 1, len(text)))
        gap = ""
        for key, place, value in _arranged(node, wanted):
            if place is None:
                if "#" not in gap:
                    yield gap
                yield self._new_entry(key, value, column)
                gap = _outdented(gap, column)
                continue
            yield gap
            entry = entries[place]
            gap = text[ends[place] : begins[place + 1]]
            if value is _GONE:
                self._forget(entry.node)
                gap = _outdented(_later_comments(gap), column)
                continue
            core = self._core(key, entry, value, column, begins[place])
            below = text[_line_end(text, entry.node.end) : ends[place]]
            if not text.startswith(core + below, begins[place]):  # a text may end here, with the same indentation
                below, gap = _outdented(below, column), _outdented(gap, column)
            core += below
            if place == 0:
                core = indent + core
            yield core if core.endswith("\n") else core + "\n"
        if "#" in gap:
            yield gap

    def _core(self, key: str | None, entry: _Entry, value: Any, column: int, begin: int) -> str:
        """Return the text of an entry from `begin` to the end of the line of its value."""
        if entry.mark >= 0:
            return self._text[begin : entry.mark] + self._tail(entry, value, column)
        if self._keep(entry.node, value):
            return self._text[begin : _line_end(self._text, entry.node.end)]
        self._forget(entry.node)
        return self._new_entry(key, value, column).removesuffix("\n")

    def _new_entry(self, key: str | None, value: Any, column: int) -> str:
        if key is None:
            lines = block_item(value, indented=self._indented)
        else:
            lines = block_lines({key: value}, indented=self._indented)
        return "".join(_indent(line, column) + "\n" for line in lines)

    def _written(self, node: _Node, value: Any, column: int, *, is_item: bool) -> tuple[str, str]:
        """Return a new value as the text on the line of its colon or dash, and the lines after it."""
        if is_item:
            first, *lines = block_item(value, indented=self._indented)
            head = first[1:]
        else:
            head, lines = block_value(value, indented=self._indented, quote=node.quote)
            head = f" {head}" if head else ""
        return head, "".join("\n" + _indent(line, column) for line in lines)

    def _content_end(self, entry: _Entry, column: int) -> int:
        """Return the index behind the last line of an entry and of deeper comments that follow it."""
        end = min(_line_end(self._text, entry.node.end) + 1, len(self._text))
        while (found := _COMMENT_LINE.match(self._text, end)) and len(found[1]) > column and end < len(self._text):
            end = found.end()
        return end

    def _begin(self, node: _Node, mark: int) -> int:
        """Return where the lines of a block collection begin: with the comments above its first entry."""
        first = node.entries[0].start
        line = self._line_start(first)
        if line <= mark or self._text[line:first].strip(" "):
            return first
        return self._lead(first, first - line, _line_end(self._text, mark) + 1)

    def _lead(self, start: int, column: int, lowest: int) -> int:
        """Return the start of the line of an entry, or of the comments directly above it."""
        line = self._line_start(start)
        while line > lowest:
            above = self._line_start(line - 1)
            found = _COMMENT_LINE.match(self._text, above)
            if above < lowest or found is None or len(found[1]) > column:
                break
            line = above
        return line

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    # Flow style

    def _flow(self, node: _Node, wanted: Any) -> str:
        """Return the text of a flow collection, in brackets."""
        text, entries = self._text, node.entries
        if not self._in_place(node, wanted) or text[node.opening] not in "{[" or any(e.mark < 0 for e in entries):
            self._forget(node)
            return self._flow_text(wanted)
        parts: list[tuple[str, str]] = []
        for key, place, value in _arranged(node, wanted):
            if place is None:
                parts.append((self._flow_text(value) if key is None else self._flow_text({key: value})[1:-1], ", "))
            elif value is _GONE:
                self._forget(entries[place].node)
            else:
                following = text[entries[place].node.end : entries[place + 1].start] if entries[place + 1 :] else ", "
                parts.append((self._flow_entry(entries[place], value), following))
        *before, final = parts
        opening, closing = text[node.opening : entries[0].start], text[entries[-1].node.end : node.end]
        return opening + "".join(each + separator for each, separator in before) + final[0] + closing

    def _flow_entry(self, entry: _Entry, wanted: Any) -> str:
        text, node = self._text, entry.node
        if self._keep(node, wanted):
            return text[entry.start : node.end]
        if self._in_place(node, wanted) and node.is_flow:
            edited = self._flow(node, wanted)
            if node.anchor is not None:
                self._anchors[node.anchor] = wanted
            return text[entry.start : node.opening] + edited
        self._forget(node)
        space = " " if node.start == entry.mark > entry.start else ""
        return text[entry.start : node.start] + space + self._flow_text(wanted, node.quote)

    def _flow_text(self, value: Any, quote: str = "") -> str:
        return flow_value(value, plain=not self._is_json and not quote, quote=quote or '"')


_GONE: Final = object()
"""In place of the new value of an entry that is removed."""


def _arranged(node: _Node, wanted: Any) -> Iterator[tuple[str | None, int | None, Any]]:
    """Yield the key, the place in the text (None: new) and the new value of each entry, in their new order.

    Removed entries follow the entry that they follow in the text.
    """
    if node.is_map:
        yield from _arranged_keys(list(node.value), wanted)
        return
    places = _matched(node.value, wanted)
    order: list[tuple[int | None, Any]] = list(zip(places, wanted, strict=True))
    remaining = set(places)
    after: dict[int, list[int]] = {}
    previous = -1
    for place in range(len(node.value)):
        if place in remaining:
            previous = place
        else:
            after.setdefault(previous, []).append(place)
    for each in after.get(-1, ()):
        yield None, each, _GONE
    for found, value in order:
        yield None, found, value
        for each in after.get(found, ()) if found is not None else ():
            yield None, each, _GONE


def _arranged_keys(present: Sequence[str], wanted: Mapping[str, Any]) -> Iterator[tuple[str, int | None, Any]]:
    """Present keys keep their order. A new one follows the key before it in `wanted`."""
    known = set(present)
    added: dict[str | None, list[str]] = {}
    previous: str | None = None
    for key in wanted:
        if key in known:
            previous = key
        else:
            added.setdefault(previous, []).append(key)
    tail = added.pop(None, [])
    for place, key in enumerate(present):
        yield key, place, wanted.get(key, _GONE)
        yield from ((each, None, wanted[each]) for each in added.get(key, ()))
    yield from ((each, None, wanted[each]) for each in tail)


def _matched(present: Sequence[Any], wanted: Sequence[Any]) -> list[int | None]:
    """Return the present item that each wanted item continues: that with the same id, or at the same place."""
    before, after = by_id(present), by_id(wanted)
    if before is not None and after is not None:
        places = {name: place for place, name in enumerate(before)}
        found: list[int | None] = [places.get(name) for name in after]
        if len(before) == len(after):  # nodes with another id at the same place were renamed
            for place, (old, new) in enumerate(zip(before, after, strict=True)):
                if old not in after and new not in before:
                    found[place] = place
        return found
    shorter = min(len(present), len(wanted))
    start = next((n for n in range(shorter) if not same(present[n], wanted[n])), shorter)
    end = next((n for n in range(shorter - start) if not same(present[-1 - n], wanted[-1 - n])), shorter - start)
    middle = [place if place < len(present) - end else None for place in range(start, len(wanted) - end)]
    return [*range(start), *middle, *range(len(present) - end, len(present))]


def by_id(value: Any) -> dict[str, Any] | None:
    """Return the nodes of a list by their ids; None for any other value."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return None
    found = {each["id"]: each for each in value if isinstance(each.get("id"), str)}
    return found if len(found) == len(value) else None


def _outdented(comments: str, column: int) -> str:
    """Return lines with comments that begin in `column` at most, so that they cannot continue a text above them."""
    return _DEEP_COMMENT.sub(lambda found: found[0][:column], comments) if "#" in comments else comments


def _later_comments(gap: str) -> str:
    """Return the comments behind a removed entry that a blank line separates from it."""
    blank = _BLANK_LINE.search(gap)
    return gap[blank.start() :] if blank is not None and "#" in gap[blank.start() :] else ""


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found


def _indent(line: str, column: int) -> str:
    return " " * column + line if line else line
