"""Settings of a YAML document, parsed without its nodes and schema, which take most of the time."""

from __future__ import annotations

import re
from typing import Any, Final

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document

_SECTION: Final = re.compile(r"^(?=[^\s#])", re.MULTILINE)
_PLAIN: Final = re.compile(r"""(?:[ ]*(?:#.*)?\n)*+(?:---[ ]*\n)?(?:[ ]*(?:#.*)?\n)*+[A-Za-z_"']""")
_BREAKS: Final = re.compile("[\r\x85\u2028\u2029]")
_LARGE: Final = re.compile(r"""["']?(?:value|schema)["']?[ \t]*:""")


def settings_of(text: str) -> dict[str, Any]:
    """Return the top-level keys of a document except `value` and `schema`. Raises InvalidWorkflow.

    Decisions about permissions are made on the whole document instead.
    """
    if _BREAKS.search(text) or not _PLAIN.match(text):  # sections may not begin with a key at the start of a line
        return _small(document.parse(text.encode(), "yaml").tree)
    sections = [each for each in _SECTION.split(text) if not _LARGE.match(each)]
    head = "".join(sections)
    if not any(line.strip() and not line.startswith(("#", "---", "%")) for line in head.splitlines()):
        return {}
    try:
        return document.parse(head.encode(), "yaml").tree
    except InvalidWorkflow:  # such as an alias of an anchor in the nodes
        return _small(document.parse(text.encode(), "yaml").tree)


def _small(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if name not in ("value", "schema")}
