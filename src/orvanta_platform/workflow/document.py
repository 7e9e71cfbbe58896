"""Document: its source bytes, their format, and the plain tree."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from orvanta_platform.workflow import json_text, yaml_text
from orvanta_platform.workflow.diagnostics import refusal
from orvanta_platform.workflow.limits import MAX_BYTES, MAX_JSON_MARKS, too_large, too_many_values

Format: TypeAlias = Literal["json", "yaml"]


class Document(msgspec.Struct, frozen=True):
    """Document with its source."""

    source: bytes
    """Source, preserved byte for byte."""
    format: Format
    tree: dict[str, Any]
    """Plain tree as written, not normalised and never modified."""


def parse(source: bytes, format: Format, *, limit_yaml: bool = False, limit_aliases: bool = False) -> Document:
    """Parse a document; with `limit_yaml`, within the limits of YAML that a caller sends; with `limit_aliases`, within
    those of its aliases.

    Raises InvalidWorkflow with diagnostics of the codes document_too_large, document_too_deep, not_utf8, nul_character,
    unpaired_surrogate, invalid_json, invalid_yaml, duplicate_key, number_not_exact, not_an_object.
    """
    tree = parse_json(source) if format == "json" else _parse_yaml(source, limit_yaml, limit_aliases)
    if not isinstance(tree, dict):
        raise refusal("not_an_object", "a workflow document must be an object")
    return Document(source, format, tree)


def parse_json(source: bytes) -> Any:
    """Parse any JSON value within the limits of a document. Raises as `parse`, except not_an_object."""
    try:
        return _read_json(_decode(source))
    except json_text.NotJson as error:
        raise refusal("invalid_json", str(error)) from None


def _parse_yaml(source: bytes, limit_yaml: bool, limit_aliases: bool) -> Any:
    text = _decode(source)
    # JSON is a subset of YAML, and its parser is a hundred times faster.
    if text.lstrip()[:1] == "{":
        try:
            return _read_json(text)
        except json_text.NotJson:
            pass
    return yaml_text.read(text, limit=limit_yaml, limit_aliases=limit_aliases)


def _read_json(text: str) -> Any:
    if text.count(",") + text.count("{") + text.count("[") > MAX_JSON_MARKS:
        raise too_many_values()
    return json_text.read(text)


def _decode(source: bytes) -> str:
    if len(source) > MAX_BYTES:
        raise too_large()
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal("not_utf8", f"the document is not UTF-8: byte {error.start} is invalid") from None
    if "\0" in text:
        raise refusal("nul_character", f"the document contains a NUL character at position {text.index(chr(0))}")
    return text
