"""A document as text: YAML written strictly, comments and order kept where it came as YAML; JSON."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString

from orvanta_platform.workflow import yaml_text

# What a reader of YAML 1.1 takes for a boolean; quoted, it is a text for every reader.
_OLD_BOOLEAN: Final = re.compile(r"y|yes|n|no|on|off|true|false", re.IGNORECASE)
_ITEM: Final = re.compile(
    r"^( *)(?:[^\s#-].*|'[^']*'|\"[^\"]*\"):[ \t]*(?:#.*)?\n(?: *(?:#.*)?\n)*( *)- ", re.MULTILINE
)
# What YAML keeps as it is without quotes; a carriage return is no such thing.
_PRINTABLE: Final = re.compile(
    "[\t\n\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)
_WIDTH: Final = 1_000_000
"""Columns before a long line would be folded: never."""


def write_yaml(tree: dict[str, Any]) -> str:
    """A plain tree as YAML 1.2 that readers of 1.1 understand alike; texts of several lines as blocks.

    What is tolerated in reading stays as it is: normalise first to write the strict spelling.
    """
    return _dump(_writer(indented=True), _strict(tree))


def write_json(tree: Any) -> str:
    """A plain tree as JSON, indented, keys in their order."""
    return json.dumps(tree, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def open_yaml(text: str) -> CommentedMap:
    """The tree of YAML text with its comments, quotes and order, to be edited in place and saved.

    Raises InvalidWorkflow as `document.parse`; the plain reader sees the text first, so that nothing it
    refuses reaches this one.
    """
    yaml_text.read(text)
    tree = _writer(indented=False).load(text)
    assert isinstance(tree, CommentedMap)
    return tree


def save_yaml(tree: CommentedMap, text: str) -> str:
    """An opened tree as YAML, lists indented as in `text`, from which it was opened."""
    return _dump(_writer(indented=_indents_lists(text)), tree)


def _writer(*, indented: bool) -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    if indented:
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _dump(yaml: YAML, tree: Any) -> str:
    stream = StringIO()
    yaml.dump(tree, stream)
    text: str = stream.getvalue()
    return text


def _indents_lists(text: str) -> bool:
    found = _ITEM.search(text)
    return found is not None and len(found[2]) > len(found[1])


def _strict(value: Any) -> Any:
    match value:
        case dict():
            return {scalar(name): _strict(member) for name, member in value.items()}
        case list():
            return [_strict(item) for item in value]
        case str():
            return scalar(value)
        case _:
            return value


def scalar(text: str) -> str:
    """A text as the writer spells it: quoted or as a block where it would be read as something else, else as it is."""
    strict: str = text
    if _OLD_BOOLEAN.fullmatch(text):
        strict = SingleQuotedScalarString(text)
    elif not _PRINTABLE.fullmatch(text):
        strict = DoubleQuotedScalarString(text)
    elif "\n" in text:
        strict = LiteralScalarString(text)
    return strict
