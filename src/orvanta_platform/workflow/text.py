"""Documents as text: strict YAML, preserving comments and order of YAML sources; JSON."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from orvanta_platform.workflow import yaml_text

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


def write_yaml(tree: dict[str, Any]) -> str:
    """Write a plain tree as YAML 1.2 that readers of 1.1 understand alike; texts of several lines become blocks.

    Tolerant spellings stay: normalise first to write the canonical ones.
    """
    return _dump(_writer(indented=True), with_scalars(tree))


def open_yaml(text: str) -> CommentedMap:
    """Parse YAML text with its comments, quotes and order, for editing in place and saving.

    Raises InvalidWorkflow as `document.parse`; the plain parser reads the text first, so that nothing it rejects
    reaches this one.
    """
    from ruamel.yaml.comments import CommentedMap

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
