"""References of documents to variables and resources by path, and their replacement after a move."""

from __future__ import annotations

import re
from typing import Final, Literal

from orvanta_platform.workflow import document
from orvanta_platform.workflow.canonical import artifact_hash
from orvanta_platform.workflow.node_references import Rewritten

_PREFIXES: Final = {"variable": rb"\$var:|variables?", "resource": rb"\$res:|resources?|connections?"}
_READ: Final = rb"(?:/(?:get|get_value|get_value_interpolated))?[\s\\(\"'`=:,/]{0,40}"
END: Final = rb"(?![\w/\x80-\xff-])"
"""End of a path or name in a text."""

_LONGER: Final = rb"(?!\.[\w\x80-\xff-])"
"""The path is not the first part of a longer one, whose last name contains a dot."""


def pattern(kind: str, path: str) -> re.Pattern[bytes]:
    """Return the pattern of a reference to a variable or resource, which is searched in linear time.

    Group 1 is the text before the path.
    """
    return re.compile(rb"((?i:%b)%b)%b%b" % (_PREFIXES[kind], _READ, re.escape(path.encode()), END))


def rewrite_value(body: bytes, format: Literal["json", "yaml"], kind: str, path: str, target: str) -> Rewritten | None:
    """Replace the path of a variable or resource in a stored document; None if the document does not refer to it.

    Raises InvalidWorkflow if the document cannot be parsed.
    """
    found = re.compile(pattern(kind, path).pattern + _LONGER)
    changed, count = found.subn(lambda match: match[1] + target.encode(), body)
    if not count:
        return None
    return Rewritten(changed, artifact_hash(document.parse(changed, format).tree), [])
