"""Expressions of n8n in JavaScript with the names of the platform."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.importers.findings import Report, Unconvertible, record
from orvanta_platform.workflow.importers.javascript_tokens import Token, segments, template_text, tokens
from orvanta_platform.workflow.importers.node_values import javascript as expression
from orvanta_platform.workflow.importers.node_values import literal, static, unconverted
from orvanta_platform.workflow.reads import OPENERS, ROOTS

BASE: Final = "\ue000"
"""Mark in the pattern of a source that is replaced by the result of its node."""
_REQUEST: Final = "\ue003"
"""Mark in front of the request of a webhook, whose members are not those of the input of a run."""
_PART: Final = re.compile(
    rf"""{_REQUEST}(?P<request>\w+)"""
    r"""(?:\??\.(?P<part>query|params|headers)\b|\[\s*(?P<q>["'])(?P<key>query|params|headers)(?P=q)\s*\])"""
)
MAX_EXPRESSION: Final = 65_536
"""Maximum number of characters of a text with expressions."""

_QUOTED: Final = r"""(?P<q>["'`])(?P<name>(?:(?!(?P=q)|\$\{)[^\\])*)(?P=q)"""
"""Text without escapes and inner expressions, so that it ends where its token ends."""
_NODE: Final = re.compile(rf"""\$node(?:\[\s*{_QUOTED}\s*\]|\.(?P<word>\w+))\.(?:json|data)\b""")
_ITEM: Final = re.compile(
    rf"""(?:\$\(\s*{_QUOTED}\s*\)|(?P<input>\$input))\s*\.\s*"""
    r"""(?P<which>item\b|first\(\s*\)|last\(\s*\)|all\(\s*\))(?P<json>\s*\.\s*json\b)?"""
)
_WRAPPED: Final = re.compile(r"\s*\??\.\s*(?!json\b)(?P<member>[a-zA-Z]\w*)")
_TIMES: Final = ("timestamp", "Readable date", "Readable time", "Day of week", "Year", "Month", "Day of month", "Hour",
                 "Minute", "Second", "Timezone")  # fmt: skip
_TIME: Final = re.compile(
    rf"""\s*(?:\??\.\s*(?:timestamp|Year|Month|Hour|Minute|Second|Timezone)\b|\[\s*(["'])(?:{"|".join(_TIMES)})\1\s*\])"""
)
"""Member of the item of a schedule."""
_ITEMS: Final = re.compile(rf"""\$items\(\s*{_QUOTED}\s*(?:,[^)"'`]*)?\)""")
_NOW: Final = re.compile(r"\$now\.(?:toISO|toString)\(\s*\)|\$now(?!\s*[.\[(])")
_NOW_MS: Final = re.compile(r"\$now\.(?:toMillis|valueOf)\(\s*\)")
_DAY: Final = re.compile(r"""\$now\.(?:toISODate\(\s*\)|(?:toFormat|format)\(\s*["']yyyy-MM-dd["']\s*\))""")
_WORKFLOW: Final = re.compile(r"\$workflow\.(?P<field>id|name|active)\b")
_MARKS: Final = re.compile(f"[{BASE}{_REQUEST}]")
_COLON: Final = re.compile(r"\s*:")
_CLOSING: Final = {"(": ")", "[": "]", "{": "}", "${": "}"}
_INDEX: Final = re.compile(r"\$(?:itemIndex|position)\b")
_SECRET: Final = frozenset({*OPENERS, "eval"})
"""Names of the platform through which an expression could read secrets."""
_SECRET_TEXT: Final = re.compile(
    rf"(?<![\w$])(?<!(?<!\.)\.)(?:{'|'.join(sorted(_SECRET))})(?![\w$])|\\u(?:\{{0*|00)[4-7]"
)
"""One of these names anywhere except after a dot, or an escape that could encode one of its letters."""
_PARSED: Final = "(v => typeof v === 'string' ? JSON.parse(v) : v)"
_ZONE: Final = re.compile(r"UTC|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+")
_CLASSES: Final = frozenset({"DateTime", "Duration", "Interval", "_", "moment"})
_EXTENSIONS: Final = re.compile(
    r"\.(?:isEmpty|isNotEmpty|toTitleCase|toSentenceCase|toSnakeCase|extract[A-Z]\w*|hash|removeTags|toDateTime|toDate"
    r"|urlEncode|urlDecode|base64Encode|base64Decode|quote|stripTags|isEmail|isUrl|isDomain|isNumeric|toInt|toFloat"
    r"|toNumber|toBoolean|removeMarkdown|replaceSpecialChars|sum|average|chunk|compact|removeDuplicates|renameKeys"
    r"|randomItem|pluck|unique|intersection|difference|union|merge|smartJoin|toJsonString|parseJson|isEven|isOdd"
    r"|round|ceil|floor|abs|minus|plus|toFormat|format|beginningOf|endOfMonth|isBetween|inBetween|compactString"
    r"|removeField|removeFieldsContaining|keepFieldsContaining|hasField|toISO|toMillis|setZone|diff)\("
)


class Source(msgspec.Struct, frozen=True):
    """Items that leave an output of a node."""

    base: str
    """Expression of the result of the node that made them."""
    pattern: str = BASE
    """Expression of the items with BASE for that result: of an array of objects, or of one object."""
    many: bool = False
    when: str | None = None
    """Expression that is true if the node ran; None if it always runs."""
    origin: str = ""
    """Name of the node that made the items; equal for sources whose items correspond one to one."""
    request: bool = False
    """True for the request of a webhook."""
    timed: bool = False
    """True for the item of a schedule, which has its time in n8n and is empty here."""

    @property
    def expr(self) -> str:
        """Return the expression of the items."""
        return self.pattern.replace(BASE, self.base)

    @property
    def items(self) -> str:
        """Return the expression of an array of items."""
        return self.expr if self.many else f"[{self.expr}]"


@dataclass(slots=True)
class ExpressionContext:
    """Items that an expression of a node can read."""

    report: Report
    node: str
    """Name of the node in the source."""
    item: str
    """Expression of the current item."""
    index: str
    input: Source
    find: Callable[[str], Source | None]
    """Return the items of the node with a name; None if it is not an earlier node."""
    workflow: dict[str, Any] = field(default_factory=dict)

    def expr(self, value: Any) -> str:
        """Return a parameter as JavaScript. What cannot be converted is reported, and fails when it is evaluated."""
        if isinstance(value, dict):
            members = (f"{literal(str(name))}: {self.expr(each)}" for name, each in value.items())
            return f"({{{', '.join(members)}}})"
        if isinstance(value, list):
            return f"[{', '.join(map(self.expr, value))}]"
        if not is_expression(value):
            return literal(value)
        try:
            return self._text(value[1:])
        except Unconvertible as reason:
            return unconverted(self.report, self.node, value[1:], reason)

    def transform(self, value: Any) -> dict[str, Any]:
        """Return a parameter as the transform of an input."""
        return expression(self.expr(value)) if has_expression(value) else static(value)

    def json(self, value: Any) -> str:
        """Return a parameter with JSON, as text or as an expression of a text or a value, as its value."""
        written = self.expr(value)
        if not isinstance(value, str) or written.startswith(("({", "(() =>")):
            return written
        if is_expression(value) and written.startswith("("):
            return f"{_PARSED}({written})"
        return f"JSON.parse({written})"

    def _text(self, text: str) -> str:
        if len(text) > MAX_EXPRESSION:
            raise Unconvertible(f"it is longer than {MAX_EXPRESSION:,} characters")
        parts = segments(text)
        if len(parts) == 1 and parts[0][0]:
            return f"({self.code(parts[0][1].strip())})"
        shown = [f"${{{self.code(part.strip())} ?? ''}}" if code else template_text(part) for code, part in parts]
        return "`" + "".join(shown) + "`"

    def code(self, text: str) -> str:
        """Return the code of an expression. Raises Unconvertible."""
        if not text:
            raise Unconvertible("it is empty")
        if text.rstrip().endswith(";"):
            text = text.rstrip().rstrip(";")
        found = list(tokens(text))
        _check_tokens(text, found)
        written: list[str] = []
        before, skipped = "", 0
        for token in found:
            if token.start < skipped:
                continue
            shown = " " if token.kind == "comment" else token.text
            if token.kind == "name" and before != ".":
                key = before in ("{", ",") and _COLON.match(text, token.start + len(token.text))
                shown, skipped = (shown, token.start) if key else self._name(text, token)
            if token.kind not in ("space", "comment"):
                spread = token.text == "." and text.startswith("...", token.start - 2) and token.start >= 2
                before = "..." if spread else token.text
            written.append(shown)
        code = self._request("".join(written))
        if extension := _EXTENSIONS.search(code):
            raise Unconvertible(f"{extension[0][1:-1]}() is a function of n8n")
        return code

    def _request(self, code: str) -> str:
        """Return the code with the inputs of the run for the query and the route parameters of a request."""
        for found in _PART.finditer(code):
            if "headers" in (found["part"], found["key"]):
                raise Unconvertible("a workflow does not receive the headers of a request")
        return _PART.sub(r"\g<request>", code).replace(_REQUEST, "")

    def _name(self, text: str, token: Token) -> tuple[str, int]:
        """Return the replacement of a name, and the place after it. Raises Unconvertible."""
        start, name = token.start, token.text
        if name in _CLASSES:
            raise Unconvertible(f"it uses {name}")
        if name in _SECRET or (name in ROOTS and not _is_declared(text, name)):
            raise Unconvertible(f"{name} is a name of this platform, which n8n does not have")
        if not name.startswith("$"):
            return name, start + len(name)
        if name == "$json" or text.startswith("$data", start):
            self._check_time(text, start + len(name), self.input)
            marked = self.input.request and self.item == self.input.expr
            return (_REQUEST if marked else "") + self.item, start + len(name)
        if found := _NODE.match(text, start):
            self._check_time(text, found.end(), self.find(found["name"] or found["word"]))
            return self._of_node(found["name"] or found["word"], "item", True), found.end()
        if found := _ITEM.match(text, start):
            which = re.sub(r"\W", "", found["which"])
            node = None if found["input"] else found["name"]
            if found["json"]:
                self._check_time(text, found.end(), self.input if node is None else self.find(node))
            elif which != "all" and (inner := _WRAPPED.match(text, found.end())):
                raise Unconvertible(f"{inner['member']} of an item has no equivalent")
            return self._of_node(node, which, bool(found["json"])), found.end()
        if found := _ITEMS.match(text, start):
            return self._of_node(found["name"], "all", False), found.end()
        for pattern, code in (
            (_DAY, self._today()),
            (_NOW_MS, "Date.now()"),
            (_NOW, "new Date().toISOString()"),
            (_INDEX, self.index),
        ):
            if found := pattern.match(text, start):
                return code, found.end()
        if found := _WORKFLOW.match(text, start):
            return literal(self.workflow.get(found["field"])), found.end()
        raise Unconvertible(f"{name} has no equivalent")

    def _today(self) -> str:
        """Return the present day in the time zone of the workflow; in UTC if it has none."""
        zone = time_zone(self.workflow)
        if zone is None:
            return "new Date().toISOString().slice(0, 10)"
        return f"new Date().toLocaleDateString('sv', {{timeZone: {literal(zone)}}})"

    def _check_time(self, text: str, end: int, source: Source | None) -> None:
        """Raise Unconvertible if the text reads the time in the item of a schedule."""
        if source is not None and source.timed and _TIME.match(text, end):
            raise Unconvertible("the time of a schedule is not in its item")

    def _of_node(self, name: str | None, which: str, plain: bool) -> str:
        source = self.input if name is None else self.find(name)
        if source is None:
            raise Unconvertible(f"the node {name!r} does not run before this one")
        if which == "all":
            return f"{source.items}.map(json => ({{json}}))"
        item = self._one(source, which, name)
        return item if plain else f"({{json: {item}}})"

    def _one(self, source: Source, which: str, name: str | None) -> str:
        if not source.many:
            return (_REQUEST if source.request else "") + source.expr
        if which != "item":
            return f"{source.expr}.at({0 if which == 'first' else -1})"
        if name is None:
            return self.item
        if source.origin != self.input.origin:
            self.report.add(
                self.node,
                "differs",
                f"The items of {name!r} are taken by position: n8n follows each item to the one that it came from.",
                "Check that both nodes have the same number of items, in the same order.",
            )
        return f"{source.expr}[{self.index}]"


def _check_tokens(text: str, found: list[Token]) -> None:
    """Check that the text is code of its own, so that no name in it is hidden. Raises Unconvertible."""
    if mark := _MARKS.search(text):
        raise Unconvertible(f"{mark[0]!a} is not expected")
    expected: list[str] = []
    unsure = "<!--" in text or "-->" in text
    for token in found:
        shown = token.text
        unsure = unsure or token.kind == "pattern" or (token.kind == "mark" and shown == "/")
        if token.kind != "mark":
            continue
        if shown in _CLOSING:
            expected.append(_CLOSING[shown])
        elif expected and shown == expected[-1]:
            expected.pop()
        elif shown == "`":
            expected.append(shown)
        elif shown in (")", "]", "}", '"', "'", "\\") or text.startswith("/*", token.start):
            raise Unconvertible(f"{shown} is not expected")
    if expected:
        raise Unconvertible(f"{expected[-1]} is missing")
    if unsure and _SECRET_TEXT.search(text):  # a slash divides or starts a pattern, in which quotes are no quotes
        raise Unconvertible("it contains a name of this platform, which n8n does not have")


@lru_cache(maxsize=64)
def _is_declared(text: str, name: str) -> bool:
    """Return whether an expression declares a name, as a constant or as a parameter of an arrow function."""
    declared = rf"(?<![\w$.])(?:(?:const|let|var)\s+{name}(?![\w$])|{name}\s*(?:,[\w\s,]{{0,200}})?\)?\s*=>)"
    return re.search(declared, text) is not None


def time_zone(workflow: Mapping[str, Any]) -> str | None:
    """Return the time zone of a workflow; None if it has that of the installation of n8n."""
    zone = record(workflow.get("settings")).get("timezone")
    return zone if isinstance(zone, str) and _ZONE.fullmatch(zone) else None


def is_expression(value: Any) -> bool:
    """Return whether a parameter is a text with expressions."""
    return isinstance(value, str) and value.startswith("=")


def has_expression(value: Any) -> bool:
    """Return whether a parameter contains a text with expressions."""
    return is_expression(value) or (isinstance(value, dict | list) and '"=' in json.dumps(value))
