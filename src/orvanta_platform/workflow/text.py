"""Documents as text: strict YAML, preserving comments and order of YAML sources; JSON."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import msgspec

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document, yaml_text
from orvanta_platform.workflow.limits import MAX_YAML_CHARS, is_writable

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

# Texts that readers of YAML 1.1 take for booleans; quoted, every reader takes them for text.
_YAML_1_1_BOOLEAN: Final = re.compile(r"y|yes|n|no|on|off|true|false", re.IGNORECASE)
# End of a line with a key and no value. A line is searched in linear time.
_KEY_END: Final = re.compile(r":(?:[ \t]+#|[ \t]*$)")
# Texts that YAML preserves without quotes; a carriage return is not preserved.
_PRINTABLE: Final = re.compile(
    "[\t\n\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)
_WIDTH: Final = 1_000_000
"""Line width beyond which long lines would be folded: never."""
_MAX_INDENTED: Final = 2 << 20
"""Maximum size of JSON that is written in lines. Larger JSON is compact, so that it fits in a change set."""


def write_document(tree: dict[str, Any]) -> str:
    """Write a document as `write_yaml`, or as JSON if its YAML would exceed the limits of YAML that a caller sends.

    JSON is YAML, too, and is read a hundred times faster.
    """
    if not is_writable(tree):
        return write_json(tree)
    text = write_yaml(tree)
    return text if len(text) <= MAX_YAML_CHARS else write_json(tree)


def write_json(tree: dict[str, Any]) -> str:
    """Write a plain tree as JSON; the same tree yields the same text."""
    body = msgspec.json.encode(tree)
    if len(body) + _indentation(tree) <= _MAX_INDENTED:
        body = msgspec.json.format(body, indent=2)
    return f"{body.decode()}\n"


def _indentation(tree: dict[str, Any]) -> int:
    """Return the number of characters of white space in indented JSON; of large JSON, some number above the limit."""
    size = 0
    pending: list[tuple[dict[str, Any] | list[Any], int]] = [(tree, 1)]
    while pending and size <= _MAX_INDENTED:
        value, level = pending.pop()
        members = value.values() if isinstance(value, dict) else value
        size += (2 * level + 2) * len(value) + 2 * level
        pending += [(each, level + 1) for each in members if isinstance(each, dict | list)]
    return size


def is_large_json(text: str) -> bool:
    """Return whether a text is JSON that exceeds the limits of YAML that a caller sends.

    It is not read, split or edited as YAML, which would take minutes.
    """
    if text.removeprefix("\ufeff").lstrip()[:1] != "{":
        return False
    try:
        tree = document.parse_json(text.encode())
    except InvalidWorkflow:
        return False
    return len(text) > MAX_YAML_CHARS or not is_writable(tree)


def write_yaml(tree: dict[str, Any]) -> str:
    """Write a plain tree as YAML 1.2 that readers of 1.1 understand alike; texts of several lines become blocks.

    Tolerant spellings stay: normalise first to write the canonical ones.
    """
    return _dump(_writer(indented=True), with_scalars(tree))


def open_yaml(text: str, *, is_checked: bool = False) -> CommentedMap:
    """Parse YAML text with its comments, quotes and order, for editing in place and saving.

    Raises InvalidWorkflow as `document.parse`; the plain parser reads the text first, so that nothing it rejects
    reaches this one. `is_checked`: it has read this text as YAML before.
    """
    from ruamel.yaml.comments import CommentedMap

    if not is_checked:
        yaml_text.read(text)
    tree = _writer(indented=False).load(text)
    assert isinstance(tree, CommentedMap)
    return tree


def save_yaml(tree: CommentedMap, text: str) -> str:
    """Write an opened tree as YAML, with lists indented as in `text`, from which it was opened.

    If that contains no lists, they are indented as by `write_yaml`.
    """
    return _dump(_writer(indented=indents_lists(text)), tree)


def _writer(*, indented: bool) -> YAML:
    from ruamel.yaml import YAML

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


def is_printable(text: str) -> bool:
    """Return whether YAML preserves a text without escapes."""
    return _PRINTABLE.fullmatch(text) is not None


def indents_lists(text: str) -> bool:
    """Return whether the first list below a key of a YAML text is indented; True without one."""
    column = None  # of the key whose value may follow
    for line in text.split("\n"):
        content = line.lstrip(" ")
        if not content or content[0] == "#":
            continue
        indent = len(line) - len(content)
        if column is not None and content.startswith("- "):
            return indent > column
        is_key = content[0] not in "-\t\r" and _KEY_END.search(content, 1)
        column = indent if is_key else None
    return True


def with_scalars(value: Any) -> Any:
    """Return a copy of a plain tree whose texts are read back as texts; see `scalar`."""
    match value:
        case dict():
            return {scalar(name): with_scalars(member) for name, member in value.items()}
        case list():
            return [with_scalars(item) for item in value]
        case str():
            return scalar(value)
        case _:
            return value


def scalar(text: str) -> str:
    """Return a text as a scalar: quoted or as a block if it would otherwise be read as something else."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString

    written: str = text
    if _YAML_1_1_BOOLEAN.fullmatch(text):
        written = SingleQuotedScalarString(text)
    elif not _PRINTABLE.fullmatch(text):
        written = DoubleQuotedScalarString(text)
    elif "\n" in text:
        written = LiteralScalarString(text)
    return written
