"""Values written as parts of a YAML text, in block and in flow style, as `text.write_yaml` writes them.

A part is read alike by readers of YAML 1.1 and 1.2. To write one takes some microseconds per value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from orvanta_platform.workflow.text import is_printable

_PLAIN: Final = re.compile(r"[A-Za-z_](?:[\w ./(),+*=%@$;'\"&!?<>{}\[\]-]*[\w./()+*=%@$;'\"!?<>{}\[\]-])?", re.ASCII)
_PLAIN_IN_FLOW: Final = re.compile(r"[A-Za-z_](?:[\w ./()+*=%@$;-]*[\w./()+*=%@$;-])?", re.ASCII)
_MAX_KEY_CHARS: Final = 1000
"""Length up to which a key is written as `key: value`, and beyond it as `? key`; readers take at most 1,024 characters
before the colon."""
_OTHER_VALUES: Final = re.compile(r"y|yes|n|no|on|off|true|false|null", re.IGNORECASE)
"""Texts that a reader takes for another value."""


def block_lines(value: Any, *, indented: bool) -> Iterator[str]:
    """Yield the lines of a map or list that is not empty, without indentation of their own.

    `indented`: whether lists are indented below their key.
    """
    if isinstance(value, dict):
        for name, each in value.items():
            key = _text(str(name))
            if len(key) > _MAX_KEY_CHARS:
                yield f"? {key}"
                key = ""
            yield from _entry(f"{key}:", each, indented)
    else:
        for each in value:
            yield from block_item(each, indented=indented)


def block_item(value: Any, *, indented: bool) -> Iterator[str]:
    """Yield the lines of a list item; a collection begins on the line of the dash."""
    if isinstance(value, dict | list) and value:
        for number, line in enumerate(block_lines(value, indented=indented)):
            yield f"- {line}" if number == 0 else _deeper(line)
    else:
        yield from _entry("-", value, indented)


def block_value(value: Any, *, indented: bool, quote: str = "") -> tuple[str, list[str]]:
    """Return a value after a key: the text on its line, and the lines after it, relative to the key.

    `quote`: quotation mark for a text of one line, if it can be written with it.
    """
    if isinstance(value, dict | list) and value:
        lines = block_lines(value, indented=indented)
        return "", [_deeper(line) for line in lines] if indented or isinstance(value, dict) else list(lines)
    if isinstance(value, str) and _is_literal(value):
        head = "|" if value.endswith("\n") else "|-"
        return head, [_deeper(line) for line in value.removesuffix("\n").split("\n")]
    return _text(value, quote) if isinstance(value, str) else flow_value(value), []


def flow_value(value: Any, *, plain: bool = False, quote: str = '"') -> str:
    """Return a value on one line, in flow style; `plain` writes simple texts without quotes."""
    match value:
        case dict():
            inner = (f"{_flow_key(str(name), plain)}: {flow_value(v, plain=plain)}" for name, v in value.items())
            return "{" + ", ".join(inner) + "}"
        case list():
            return "[" + ", ".join(flow_value(each, plain=plain) for each in value) + "]"
        case str():
            is_plain = plain and _PLAIN_IN_FLOW.fullmatch(value) and not _OTHER_VALUES.fullmatch(value)
            return value if is_plain else _single_quoted(value) if quote == "'" else _quoted(value)
        case float():
            text = json.dumps(value)  # readers of YAML 1.1 take 1e-07 for a text
            return text if "." in text else text.replace("e", ".0e")
        case _:
            return json.dumps(value)


def _flow_key(key: str, plain: bool) -> str:
    """Return a key in flow style. JSON has no notation for long keys, and needs none."""
    text = flow_value(key, plain=plain)
    return f"? {text}" if plain and len(text) > _MAX_KEY_CHARS else text


def _entry(start: str, value: Any, indented: bool) -> Iterator[str]:
    head, lines = block_value(value, indented=indented)
    yield f"{start} {head}" if head else start
    yield from lines


def _deeper(line: str) -> str:
    return f"  {line}" if line else line


def _is_literal(text: str) -> bool:
    """Return whether a text is written as a block of lines: one whose indentation and end are read back."""
    if "\n" not in text or text[0] in " \t\n" or text.endswith("\n\n"):
        return False
    return is_printable(text)


def _text(text: str, quote: str = "") -> str:
    """Return a text on one line."""
    if quote == '"' or "\n" in text or not is_printable(text):
        return _quoted(text)
    if quote != "'" and _PLAIN.fullmatch(text) and not _OTHER_VALUES.fullmatch(text):
        return text
    return _single_quoted(text)


def _single_quoted(text: str) -> str:
    if "\n" in text or not is_printable(text):
        return _quoted(text)
    return "'" + text.replace("'", "''") + "'"


def _quoted(text: str) -> str:
    """Return a text in double quotes, as JSON, except that YAML does not combine the escapes of surrogate pairs."""
    if is_printable(text):
        return json.dumps(text, ensure_ascii=False)
    return '"' + "".join(json.dumps(each)[1:-1] if each <= "\uffff" else f"\\U{ord(each):08x}" for each in text) + '"'
