"""Stored YAML texts of workflows whose new files are in JSON, which has no comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.tree.paths import Located
from orvanta_platform.workflow.tree.reading import format_of
from orvanta_platform.workflow.yaml_edit import edit_yaml, same


class EditedText(msgspec.Struct, frozen=True):
    """Content of a workflow whose files are in JSON."""

    content: Mapping[str, Any]
    comments_lost: bool = False
    """The stored text cannot be edited, so that the content replaces it."""


def is_json(located: Located) -> bool:
    """Return whether these files are a workflow in JSON."""
    return located.kind == "flow" and format_of(located.files[0]) == "json"


def edit_stored_text(stored: Mapping[str, Any], content: Mapping[str, Any]) -> EditedText:
    """Return the content with the stored YAML text, edited to contain its values. `stored`: as in `Stored`."""
    text = stored["text"] if "text" in stored else stored["write_text"]() if "write_text" in stored else None
    if text is None:  # it was deployed as JSON
        return EditedText(content)
    try:
        wanted = document.parse(content["text"].encode(), "yaml", limit_yaml=True).tree
    except InvalidWorkflow:  # its deployment reports the error
        return EditedText(content)
    if "tree" in stored and same(stored["tree"], wanted):
        return EditedText({"text": text})
    try:
        return EditedText({"text": edit_yaml(text, wanted, limit=True).source.decode()})
    except (InvalidWorkflow, ValueError):
        return EditedText(content, comments_lost=True)


def comments_lost(path: str) -> Diagnostic:
    """Return the warning about a workflow whose text cannot be edited."""
    message = (
        f"The YAML text of {path} cannot be edited to contain these values: its comments are lost. They remain in its "
        "earlier versions."
    )
    return Diagnostic("comments_lost", "warning", None, "", message)
