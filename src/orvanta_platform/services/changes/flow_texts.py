"""Documents of workflows with the settings that were sent beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from orvanta_platform.db.tree import VersionContent
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.limits import MAX_YAML_CHARS, is_writable
from orvanta_platform.workflow.text import write_document
from orvanta_platform.workflow.tree.head import settings_of
from orvanta_platform.workflow.yaml_edit import edit_yaml

log = structlog.get_logger()

_NOT_IN_FILES = frozenset(
    {
        *("workspace_id", "path", "name", "versions", "id", "created_at", "updated_at", "created_by", "updated_by"),
        *("edited_at", "edited_by", "permissioned_as", "archived", "error", "extra_perms", "starred", "has_draft"),
        *("draft_only", "hash", "version_id", "value", "schema", "deployment_message", "lock", "lock_error_logs"),
    }
)
"""Settings of a version that describe its storage, or that are stored elsewhere."""


def own_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _NOT_IN_FILES and value is not None}


def flow_tree(row: VersionContent, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a workflow that was deployed as JSON, with the settings that were sent beside it."""
    assert row.body is not None
    tree = msgspec.json.decode(row.body)
    ordered: dict[str, Any] = {name: settings.pop(name) for name in ("summary", "description") if name in settings}
    schema = {"schema": tree["schema"]} if tree.get("schema") is not None else {}
    return {**ordered, "value": tree["value"], **schema, **dict(sorted(settings.items()))}


def flow_text(row: VersionContent) -> str:
    """Return the YAML of a workflow, with the settings that were sent beside it; JSON beyond the limits of YAML."""
    assert row.body is not None
    settings = own_settings(msgspec.json.decode(row.settings))
    if row.format == "json":
        return write_document(flow_tree(row, settings))
    text = row.body.decode()
    try:
        if not (added := added_settings(settings_of(text) if row.tree is None else _head(row.tree), settings)):
            return text
        tree = document.parse(row.body, "yaml").tree if row.tree is None else msgspec.json.decode(row.tree)
    except InvalidWorkflow as error:  # stored before its notation was refused: other items must still be read
        log.warning("settings beside a workflow not read", action="read", path=row.path, error=error.message)
        return text
    whole = {**tree, **added}
    if not is_writable(added):
        return write_document(whole)
    try:
        edited = edit_yaml(text, whole).source.decode()
        if len(edited) > MAX_YAML_CHARS or not is_writable(whole):  # aliases may keep the text within the limits
            document.parse(edited.encode(), "yaml", limit_yaml=True)
    except (InvalidWorkflow, ValueError):
        return write_document(whole)
    return edited


def _head(tree: str) -> dict[str, Any]:
    """Return the settings in the JSON of a document. Its nodes are not decoded."""
    members = msgspec.json.decode(tree, type=dict[str, msgspec.Raw])
    return {name: msgspec.json.decode(each) for name, each in members.items() if name not in ("value", "schema")}


def added_settings(present: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that were sent beside a document, and which it does not contain."""
    return {name: value for name, value in sorted(settings.items()) if present.get(name) != value}
