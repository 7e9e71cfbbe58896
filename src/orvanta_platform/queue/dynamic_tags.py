"""Dynamic tags: `$workspace` and `$args[name]` in the tag of a script, workflow or run choose its queue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orvanta_platform.errors import BadRequest

_WORKSPACE = "$workspace"
_ARGUMENT = re.compile(r"\$args\[([^\[\]]+)\]")
_VALUE = re.compile(r"[\w.-]{1,100}")


def names(tag: str | None) -> list[str]:
    """Return the names of the arguments that a tag contains."""
    return _ARGUMENT.findall(tag) if tag else []


def in_workspace(tag: str | None, workspace: str) -> str | None:
    """Return the tag with the id of the workspace in place of `$workspace`."""
    return tag.replace(_WORKSPACE, workspace) if tag else tag


def with_arguments(tag: str, arguments: Mapping[str, Any]) -> str:
    """Return the tag with the values of the arguments that it names.

    Raises BadRequest unless these are integers, or texts of letters, digits, dots, hyphens and underscores. Sealed and
    referenced values are neither, so that no secret becomes the name of a queue.
    """

    def value_of(found: re.Match[str]) -> str:
        value = arguments.get(found[1])
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not _VALUE.fullmatch(text):
            raise BadRequest(
                f"The tag {tag[:100]} needs the argument {found[1][:100]}.",
                hint="Pass a number, or a text of up to 100 letters, digits, dots, hyphens and underscores.",
            )
        return text

    return _ARGUMENT.sub(value_of, tag)
