"""Edits of YAML text: its value changes, and everything else in it stays as it is written.

The parts of the text are found by the positions of parser events. Only values that differ are written again; comments,
order, spacing and notation of all others are the bytes of the text. A comment directly above a key or list item, or on
its line, belongs to it.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document, yaml_text
from orvanta_platform.workflow.document import Document
from orvanta_platform.workflow.limits import require_writable
from orvanta_platform.workflow.text import indents_lists, is_large_json, write_json
from orvanta_platform.workflow.yaml_nodes import COMMENT_LINE, Composer, Entry, Node, line_end
from orvanta_platform.workflow.yaml_parts import block_item, block_lines, block_value, flow_value

_MAX_LEVELS: Final = 60
"""Levels of block style that are edited one in the other; deeper values that differ are written again as a whole."""

_BLOCK_HEADER: Final = re.compile(r"[|>][-+0-9]*")
_BLANK_LINE: Final = re.compile(r"^[ \t]*\n", re.MULTILINE)
_DEEP_COMMENT: Final = re.compile(r"(?<=\n) +(?=#)|\A +(?=#)")
_COMMENT: Final = re.compile(r"[ \t]+#[^\n]*")
_COMMA: Final = re.compile(r"(?:\s|#[^\n]*\n)*+,")
_LIMITS: Final = frozenset({"document_too_large", "document_too_deep"})
"""Codes of texts that exceed the limits of documents."""


class _Unsupported(Exception):
    """The notation of a collection is not supported: it is written again as a whole."""


def edit_yaml(text: str, wanted: Mapping[str, Any], *, limit: bool = False) -> Document:
    """Return the document that `text` becomes if its value is changed to `wanted`.

    The text remains as it is if their values are equal. JSON that exceeds the limits of YAML is written as JSON again.
    With `limit`, both texts must otherwise be within the limits of YAML that a caller sends. Raises InvalidWorkflow as
    `document.parse` if `text` is invalid or the changed text exceeds the limits, ValueError if the text cannot be
    changed to this value.
    """
    if is_large_json(text):
        stored = document.parse(text.encode(), "yaml")
        return stored if same(stored.tree, wanted) else document.parse(write_json(dict(wanted)).encode(), "yaml")
    edited = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if limit:
        require_writable(wanted)
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
        found = _parsed(_with_line_breaks(each, text), limit)
        if found is not None and same(found.tree, wanted):
            return found
    raise _unchangeable()


def _with_line_breaks(edited: str, text: str) -> str:
    """Return an edited text with the byte order mark and the line breaks of the text; a new line ends as the one before
    it.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    if "\r\n" not in text:
        return mark + edited
    breaks: dict[str, deque[str]] = defaultdict(deque)
    *lines, _ = text.removeprefix("\ufeff").split("\n")
    for line in lines:
        breaks[line.removesuffix("\r")].append("\r\n" if line.endswith("\r") else "\n")
    found = [mark]
    *lines, rest = edited.split("\n")
    current = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    for line in lines:
        if breaks[line]:
            current = breaks[line].popleft()
        found += line, current
    return "".join((*found, rest))


def _composed(text: str, limit: bool) -> tuple[Composer, dict[str, Any]]:
    """Return the nodes of a text, and its value. Raises InvalidWorkflow, ValueError."""
    composer = Composer(text)
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


class _Edit:
    """One edit of a text. Values are visited in the order in which they are written."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._indented = indents_lists(text)
        self._is_json = text.lstrip()[:1] == "{"
        self._level = 0
        self._anchors: dict[str, Any] = {}
        """Values of the anchors that the new text has, as far as it has been written."""

    def document(self, root: Node, wanted: Mapping[str, Any]) -> str:
        if root.is_flow:
            return self._text[: root.opening] + self._flow(root, wanted) + self._text[root.end :]
        begin = self._line_start(root.entries[0].start)
        return self._text[:begin] + self._block(root, wanted, begin) + _limit_indentation(self._text[root.end :], 0)

    def _is_unchanged(self, node: Node, wanted: Any) -> bool:
        """Return whether a part already has its value, and note its anchors if it has."""
        if node.alias is not None:
            return node.alias in self._anchors and same(self._anchors[node.alias], wanted)
        if node.has_alias or not same(node.value, wanted):
            return False
        self._anchors |= node.anchors
        return True

    def _drop_anchors(self, node: Node) -> None:
        for each in node.anchors:
            self._anchors.pop(each, None)

    def _can_edit(self, node: Node, wanted: Any) -> bool:
        """Return whether the entries of a collection can be edited one by one."""
        is_same_type = (node.is_map and isinstance(wanted, dict)) or (node.is_list and isinstance(wanted, list))
        return is_same_type and bool(wanted) and bool(node.entries)

    # Block style

    def _edit_value(self, entry: Entry, wanted: Any, column: int) -> str:
        """Return the text behind the colon or dash of an entry, up to the end of the line of its value."""
        text, node, start = self._text, entry.node, entry.value_start
        if self._is_unchanged(node, wanted):
            return text[start : line_end(text, node.end)]
        if self._can_edit(node, wanted) and self._level < _MAX_LEVELS:
            anchors = dict(self._anchors) if node.anchors else None
            self._level += 1
            try:
                edited = self._collection(start, node, wanted)
            except _Unsupported:
                self._anchors = anchors if anchors is not None else self._anchors
            else:
                if node.anchor is not None:
                    self._anchors[node.anchor] = wanted
                return edited
            finally:
                self._level -= 1
        self._drop_anchors(node)
        head, body = self._write_value(node, wanted, column, is_item=entry.is_item)
        return self._replace_value(start, node, head, body)

    def _collection(self, start: int, node: Node, wanted: Any) -> str:
        if node.is_flow:
            end = line_end(self._text, node.end)
            return self._text[start : node.opening] + self._flow(node, wanted) + self._text[node.end : end]
        begin = self._begin(node, start)
        return self._text[start:begin] + self._block(node, wanted, begin)

    def _replace_value(self, start: int, node: Node, head: str, body: str) -> str:
        """Return the text behind a colon or dash with another value; a comment on the same line remains."""
        text = self._text
        end = line_end(text, start)
        is_block = (node.is_list or node.is_map) and not node.is_flow
        if (node.start > end and (is_block or not head)) or (is_block and node.opening > end):
            found = _COMMENT.match(text, start)
            return head + (found[0] if found else "") + body
        if is_block:
            return head + body
        rest = text[node.end : line_end(text, node.end)]
        if node.is_block_scalar:
            header = _BLOCK_HEADER.match(text, node.opening)
            rest = text[header.end() : line_end(text, header.end())] if header else ""
        return (text[start : node.start] + head.lstrip(" ") if head and node.start > start else head) + rest + body

    def _block(self, node: Node, wanted: Any, begin: int) -> str:
        """Return the text of a block collection from `begin`: of its lines, or from its first entry on a line."""
        first = node.entries[0].start
        column = first - self._line_start(first)
        is_inline = begin == first and column > 0
        pieces = self._pieces(node, wanted, begin, column, " " * column if is_inline else "")
        text = "".join(pieces).removesuffix("\n")
        return text.lstrip(" ") if is_inline else text

    def _pieces(self, node: Node, wanted: Any, begin: int, column: int, indent: str) -> Iterator[str]:
        """Yield the lines of the entries, present and new ones."""
        text, entries = self._text, node.entries
        if any(each.start < 0 for each in entries):
            raise _Unsupported
        ends = [self._content_end(each, column) for each in entries]
        begins = [
            begin,
            *(self._start_with_comments(each.start, column, end) for each, end in zip(entries[1:], ends, strict=False)),
        ]
        begins.append(min(node.end + 1, len(text)))
        gap = ""
        for key, place, value in _ordered(node, wanted):
            if place is None:
                if "#" not in gap:
                    yield gap
                yield self._new_entry(key, value, column)
                gap = _limit_indentation(gap, column)
                continue
            yield gap
            entry = entries[place]
            gap = text[ends[place] : begins[place + 1]]
            if value is _REMOVED:
                self._drop_anchors(entry.node)
                gap = _limit_indentation(_later_comments(gap), column)
                continue
            core = self._edit_entry(entry, value, column, begins[place])
            below = text[line_end(text, entry.node.end) : ends[place]]
            if not text.startswith(core + below, begins[place]):  # a text may end here, with the same indentation
                below, gap = _limit_indentation(below, column), _limit_indentation(gap, column)
            core += below
            if place == 0:
                core = indent + core
            yield core if core.endswith("\n") else core + "\n"
        if "#" in gap:
            yield gap

    def _edit_entry(self, entry: Entry, value: Any, column: int, begin: int) -> str:
        """Return the text of an entry from `begin` to the end of the line of its value."""
        if entry.value_start >= 0:
            return self._text[begin : entry.value_start] + self._edit_value(entry, value, column)
        line = self._text[begin : line_end(self._text, entry.node.end)]
        if self._is_unchanged(entry.node, value):
            return line
        head, body = self._write_value(entry.node, value, column, is_item=False)
        return f"{line}\n{' ' * column}:{head}{body}"

    def _new_entry(self, key: str | None, value: Any, column: int) -> str:
        if key is None:
            lines = block_item(value, indented=self._indented)
        else:
            lines = block_lines({key: value}, indented=self._indented)
        return "".join(_indent(line, column) + "\n" for line in lines)

    def _write_value(self, node: Node, value: Any, column: int, *, is_item: bool) -> tuple[str, str]:
        """Return a new value as the text on the line of its colon or dash, and the lines after it."""
        if is_item:
            first, *lines = block_item(value, indented=self._indented)
            head = first[1:]
        else:
            head, lines = block_value(value, indented=self._indented, quote=node.quote)
            head = f" {head}" if head else ""
        return head, "".join("\n" + _indent(line, column) for line in lines)

    def _content_end(self, entry: Entry, column: int) -> int:
        """Return the index behind the last line of an entry and of deeper comments that follow it."""
        end = min(line_end(self._text, entry.node.end) + 1, len(self._text))
        while (found := COMMENT_LINE.match(self._text, end)) and len(found[1]) > column and end < len(self._text):
            end = found.end()
        return end

    def _begin(self, node: Node, start: int) -> int:
        """Return where the lines of a block collection begin: with the comments above its first entry."""
        first = node.entries[0].start
        line = self._line_start(first)
        if line <= start or self._text[line:first].strip(" "):
            return first
        return self._start_with_comments(first, first - line, line_end(self._text, start) + 1)

    def _start_with_comments(self, start: int, column: int, lowest: int) -> int:
        """Return the start of the line of an entry, or of the comments directly above it."""
        line = self._line_start(start)
        while line > lowest:
            above = self._line_start(line - 1)
            found = COMMENT_LINE.match(self._text, above)
            if above < lowest or found is None or len(found[1]) > column:
                break
            line = above
        return line

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    # Flow style

    def _flow(self, node: Node, wanted: Any) -> str:
        """Return the text of a flow collection, with its brackets."""
        text, entries = self._text, node.entries
        has_brackets = text[node.opening] in "{["
        if not self._can_edit(node, wanted) or not (has_brackets or list(wanted) == list(node.value)):
            self._drop_anchors(node)
            return self._flow_text(wanted)
        if not has_brackets:  # a pair in a list
            return self._flow_entry(entries[0], next(iter(wanted.values())))
        layout = _FlowLayout(text, node)
        for key, place, value in _ordered(node, wanted):
            if place is None:
                layout.add(self._flow_text(value) if key is None else self._flow_text({key: value})[1:-1])
            elif value is _REMOVED:
                self._drop_anchors(entries[place].node)
            else:
                layout.add(self._flow_entry(entries[place], value), place)
        return layout.write()

    def _flow_entry(self, entry: Entry, wanted: Any) -> str:
        text, node = self._text, entry.node
        if self._is_unchanged(node, wanted):
            return text[entry.start : node.end]
        if self._can_edit(node, wanted) and node.is_flow:
            edited = self._flow(node, wanted)
            if node.anchor is not None:
                self._anchors[node.anchor] = wanted
            return text[entry.start : node.opening] + edited
        self._drop_anchors(node)
        written = self._flow_text(wanted, node.quote)
        if entry.value_start < 0:
            return f"{text[entry.start : node.end]}: {written}"
        space = " " if node.start == entry.value_start > entry.start else ""
        return text[entry.start : node.start] + space + written

    def _flow_text(self, value: Any, quote: str = "") -> str:
        return flow_value(value, plain=not self._is_json and not quote, quote=quote or '"')


@dataclass(slots=True)
class _FlowPart:
    """Entry of a flow collection, with the white space and the comments that belong to it."""

    text: str
    above: str
    """Lines above it, from the line feed before them; without one, the space before it."""
    line: str = ""
    """Rest of its line, behind the comma."""
    before_comma: str = ""
    behind_leading_comma: str | None = None
    """Space between the comma and it; None: the comma follows the entry before it."""
    is_empty: bool = False
    """It ends with a colon, which readers take for a part of the key if a comma or bracket follows."""


class _FlowLayout:
    """New text of a flow collection. Comments above an entry or on its line move with it, or are deleted with it."""

    def __init__(self, text: str, node: Node) -> None:
        entries = node.entries
        self._break = "\n" + " " * (entries[0].start - text.rfind("\n", 0, entries[0].start) - 1)
        line, above = _divide(text[node.opening + 1 : entries[0].start])
        self._opening = text[node.opening] + line
        self._present: list[_FlowPart] = []
        """Entries in the text."""
        self._parts: list[_FlowPart] = []
        """Entries of the new text."""
        leading = None
        for entry, following in zip(entries, [*entries[1:], None], strict=True):
            gap = text[entry.node.end : node.end - 1 if following is None else following.start]
            comma = _COMMA.match(gap)
            before, behind = ("", gap) if comma is None else (gap[: comma.end() - 1], gap[comma.end() :])
            is_empty = not entry.is_item and entry.value_start == entry.node.end
            part = _FlowPart("", above, behind_leading_comma=leading, is_empty=is_empty)
            self._present.append(part)
            leading = behind if "\n" in before else None
            if leading is None:
                part.before_comma = before
                part.line, above = _divide(behind)
            else:
                part.line, above = _divide(before)
        self._last_comma = "," if comma is not None and leading is None else ""
        self._closing = above + ("" if leading is None else f",{leading}") + text[node.end - 1]

    def add(self, text: str, place: int | None = None) -> None:
        """Add an entry: the one at this place of the text, or a new one."""
        if place is not None:
            part = self._present[place]
            part.text = text
        elif self._parts:
            before = self._parts[-1]
            part = _FlowPart(text, _without_comments(before.above), behind_leading_comma=before.behind_leading_comma)
        else:
            part = _FlowPart(text, "")
        self._parts.append(part)

    def write(self) -> str:
        """Return the text with brackets."""
        first, *others = self._parts
        above = first.above if "#" in first.above else _without_comments(self._present[0].above)
        written = [self._opening, above, first.text]
        part = first
        for each in others:
            if each.behind_leading_comma is not None:
                written += _spaced(part, part.line), each.above, ",", each.behind_leading_comma, each.text
            else:
                line = _spaced(part, f"{part.before_comma},{part.line}")
                above = self._break if _ends_with_comment(line) and "\n" not in each.above else each.above or " "
                written += line, above, each.text
            part = each
        line = part.before_comma + self._last_comma + part.line if self._last_comma else part.line
        if _ends_with_comment(line) and "\n" not in self._closing:
            line += self._break
        return "".join((*written, _spaced(part, line + self._closing)))


def _spaced(part: _FlowPart, following: str) -> str:
    """Return the text that follows a part, with a space if it needs one."""
    return f" {following}" if part.is_empty and part.text.endswith(":") and following[:1] in ",}]" else following


def _divide(text: str) -> tuple[str, str]:
    """Return the rest of a line, and the following lines with the line feed before them; a text without a line feed is
    not divided, and part of what follows.
    """
    line, feed, following = text.partition("\n")
    return (line, feed + following) if feed else ("", text)


def _without_comments(space: str) -> str:
    _, feed, indentation = space.rpartition("\n")
    return feed + indentation


def _ends_with_comment(space: str) -> bool:
    return "#" in space.rpartition("\n")[2]


_REMOVED: Final = object()
"""In place of the new value of an entry that is removed."""


def _ordered(node: Node, wanted: Any) -> Iterator[tuple[str | None, int | None, Any]]:
    """Yield the key, the place in the text (None: new) and the new value of each entry, in their new order.

    Removed entries follow the entry that they follow in the text.
    """
    if node.is_map:
        yield from _ordered_keys(list(node.value), wanted)
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
        yield None, each, _REMOVED
    for found, value in order:
        yield None, found, value
        for each in after.get(found, ()) if found is not None else ():
            yield None, each, _REMOVED


def _ordered_keys(present: Sequence[str], wanted: Mapping[str, Any]) -> Iterator[tuple[str, int | None, Any]]:
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
        yield key, place, wanted.get(key, _REMOVED)
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


def _limit_indentation(comments: str, column: int) -> str:
    """Return lines with comments that begin in `column` at most, so that they cannot continue a text above them."""
    return _DEEP_COMMENT.sub(lambda found: found[0][:column], comments) if "#" in comments else comments


def _later_comments(gap: str) -> str:
    """Return the comments behind a removed entry that a blank line separates from it."""
    blank = _BLANK_LINE.search(gap)
    return gap[blank.start() :] if blank is not None and "#" in gap[blank.start() :] else ""


def _indent(line: str, column: int) -> str:
    return " " * column + line if line else line
