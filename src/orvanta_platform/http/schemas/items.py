"""Schemas of scripts and workflows.

Keys that the platform does not read are stored and returned unchanged. Clients compare documents, and a missing key
would make them deploy again each time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.drafts import UndeployedRow
from orvanta_platform.db.items import ItemRow, VersionRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.http.requests import decode
from orvanta_platform.services.catalog import flows, scripts
from orvanta_platform.services.catalog.flows import FlowParts, NewFlow
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.workflow.preprocessors import defines_preprocessor

_OF_CLIENTS = ("auto_parent", "preserve_on_behalf_of", "skip_draft_deletion")
"""Options of the published command-line client that a deployment does not need. They do not belong to the item."""
_OF_BOTH = ("path", "deployment_message", "draft_revision", "policy_bypass_reason", *_OF_CLIENTS)
_OF_SCRIPT = (*_OF_BOTH, "content", "language", "parent_hash", "lock")
_OF_FLOW = (*_OF_BOTH, "value", "schema", "source", "base_version")
_OWN_KEYS = frozenset(
    (
        *("hash", "path", "content", "language", "value", "source", "source_members"),
        *("version_id", "extra_perms", "workspace_id"),
        *("created_by", "created_at", "edited_by", "edited_at", "archived", "deleted", "starred", "has_draft"),
        *("parent_hashes", "lock", "lock_error_logs"),
    )
)


class CreateScript(msgspec.Struct, kw_only=True):
    """A script to deploy. Other keys are stored and returned unchanged."""

    path: str
    content: str
    language: str
    summary: str | None = None
    description: str | None = None
    parent_hash: str | None = None
    schema: Raw | UnsetType = UNSET
    lock: str | list[str] | None = None
    kind: str | None = None
    is_template: bool | None = None
    tag: str | None = None
    deployment_message: str | None = None
    draft_revision: int | None = None
    """Revision of the caller's draft that was deployed. The draft is deleted if it still has this revision."""

    draft_only: bool | None = None
    """True: nothing is deployed. The caller's draft is stored, which runs only as a preview."""

    policy_bypass_reason: str | None = None
    """Reason for deploying it in spite of violated policies, by a member whom they name in `bypass`."""


class FlowSource(msgspec.Struct):
    """The document as it was written."""

    format: Literal["json", "yaml"]
    text: str


class CreateFlow(msgspec.Struct, kw_only=True):
    """A workflow to deploy: `value` and `schema`, or `source`. Other keys are stored and returned unchanged."""

    path: str | None = None
    value: Raw | UnsetType = UNSET
    schema: Raw | UnsetType = UNSET
    source: FlowSource | None = None
    summary: str | None = None
    description: str | None = None
    base_version: int | None = None
    deployment_message: str | None = None
    draft_revision: int | None = None
    """Revision of the caller's draft that was deployed. The draft is deleted if it still has this revision."""

    draft_only: bool | None = None
    """True: nothing is deployed. The caller's draft is stored, which runs only as a preview."""

    policy_bypass_reason: str | None = None
    """Reason for deploying it in spite of violated policies, by a member whom they name in `bypass`."""


class Archived(msgspec.Struct):
    """Request to archive or restore an item."""

    archived: bool = True


class ScriptContent(msgspec.Struct, kw_only=True):
    """The text of a script."""

    path: str
    content: str


class ScriptDigests(msgspec.Struct, kw_only=True):
    """Scripts to compare with the deployed ones."""

    scripts: dict[str, str]
    """Digest of the text of each, by path, as returned by `raw_temp/store`."""


class ScriptVersion(msgspec.Struct, kw_only=True):
    """A version in a script's history."""

    script_hash: str
    deployment_msg: str | UnsetType = UNSET


class FlowVersion(msgspec.Struct, kw_only=True):
    """A version in a workflow's history."""

    id: int
    created_at: datetime
    deployment_msg: str | UnsetType = UNSET


class DeploymentStatus(msgspec.Struct, kw_only=True):
    """The progress of a deployment."""

    lock: str | None = None
    """The lock; null until it is made."""

    lock_error_logs: str | UnsetType = UNSET
    job_id: UUID | UnsetType = UNSET


def new_script(body: bytes) -> NewScript:
    """Convert the body of a call that deploys a script. Raises BadRequest."""
    sent = decode(body, CreateScript)
    lock = "\n".join(sent.lock) if isinstance(sent.lock, list) else sent.lock
    return NewScript(
        path=sent.path,
        content=sent.content,
        language=sent.language,
        settings=_rest(body, _OF_SCRIPT),
        parent=sent.parent_hash or None,
        lock=lock or None,
        message=sent.deployment_message or None,
        draft_revision=sent.draft_revision,
        bypass_reason=sent.policy_bypass_reason or None,
    )


def new_flow(body: bytes, path: str | None = None) -> NewFlow:
    """Convert the body of a call that deploys a workflow, at `path` if the body names none. Raises BadRequest."""
    sent = decode(body, CreateFlow)
    item_path = sent.path or path
    if item_path is None:
        raise BadRequest("A workflow needs a `path`.")
    source = flows.Source(sent.source.format, sent.source.text) if sent.source else None
    return NewFlow(
        path=item_path,
        value=_present(sent.value),
        schema=_present(sent.schema),
        settings=_rest(body, _OF_FLOW),
        source=source,
        base_version=sent.base_version,
        message=sent.deployment_message or None,
        draft_revision=sent.draft_revision,
        bypass_reason=sent.policy_bypass_reason or None,
    )


def script(row: ItemRow, parents: list[str] | None = None) -> dict[str, Any]:
    """Convert a script. `content` is empty for the rows of a list."""
    settings = _settings(row)
    shown: dict[str, Any] = {
        "summary": "",
        "description": "",
        "is_template": False,
        "kind": "script",
        "has_preprocessor": defines_preprocessor(row.language, scripts.text_of(row)),
        **settings,
        "workspace_id": row.workspace,
        "hash": row.hash,
        "path": row.path,
        "content": scripts.text_of(row),
        "created_by": row.author,
        "created_at": row.created_at,
        "archived": row.archived,
        "deleted": False,
        "extra_perms": row.extra_perms,
        "language": row.language,
        "starred": row.starred,
        "version_id": row.id,
        "lock": row.lock,
    }
    if row.made_schema is not None:
        shown["schema"] = Raw(row.made_schema.encode())
    if parents:
        shown["parent_hashes"] = parents
    if row.lock_error is not None:
        shown["lock_error_logs"] = row.lock_error
    return shown


def script_item(row: ItemRow) -> dict[str, Any]:
    """Convert a script in a list."""
    return {**script(row), "has_draft": row.has_draft, **_message(row)}


def flow(row: ItemRow, parts: FlowParts) -> dict[str, Any]:
    """Convert a workflow. Its value and schema are returned byte for byte."""
    shown = {**_flow_head(row), "value": parts.value}
    if parts.schema is not None:
        shown["schema"] = parts.schema
    if parts.source is not None:
        # Beside the source, which clients compare with theirs.
        shown["source"] = {"format": parts.source.format, "text": parts.source.text}
        shown["source_members"] = parts.source.members
    return shown


def flow_item(row: ItemRow) -> dict[str, Any]:
    """Convert a workflow in a list, without its document."""
    shown = _flow_head(row)
    shown.pop("schema", None)
    return {**shown, "has_draft": row.has_draft, **_message(row)}


def _message(row: ItemRow) -> dict[str, str]:
    return {} if row.message is None else {"deployment_msg": row.message}


def script_draft(workspace: str, owner: str, row: UndeployedRow) -> dict[str, Any]:
    """Convert a draft of a script that is not deployed, in a list."""
    text = _draft_text(row)
    return {
        **_draft_head(workspace, row, text),
        "hash": row.hash,
        "description": text.description,
        "content": "",
        "created_by": owner,
        "created_at": row.created_at,
        "deleted": False,
        "is_template": False,
        "language": text.language or "python3",
        "kind": text.kind or "script",
        "has_preprocessor": False,
        "lock": None,
    }


def flow_draft(workspace: str, owner: str, row: UndeployedRow) -> dict[str, Any]:
    """Convert a draft of a workflow that is not deployed, in a list."""
    return {**_draft_head(workspace, row, _draft_text(row)), "edited_by": owner, "edited_at": row.edited_at}


def script_version(row: VersionRow) -> ScriptVersion:
    """Convert a version in a script's history."""
    return ScriptVersion(script_hash=row.hash, deployment_msg=row.message or UNSET)


def flow_version(row: VersionRow) -> FlowVersion:
    """Convert a version in a workflow's history."""
    return FlowVersion(id=row.id, created_at=row.created_at, deployment_msg=row.message or UNSET)


def deployment_status(row: ItemRow) -> DeploymentStatus:
    """Convert the progress of a deployment."""
    return DeploymentStatus(
        lock=row.lock,
        lock_error_logs=UNSET if row.lock_error is None else row.lock_error,
        job_id=UNSET if row.lock_job is None else row.lock_job,
    )


def _flow_head(row: ItemRow) -> dict[str, Any]:
    failed = {} if row.lock_error is None else {"lock_error_logs": row.lock_error}
    return {
        **failed,
        "summary": "",
        **_settings(row),
        "workspace_id": row.workspace,
        "path": row.path,
        "edited_by": row.author,
        "edited_at": row.created_at,
        "archived": row.archived,
        "extra_perms": row.extra_perms,
        "starred": row.starred,
        "version_id": row.id,
    }


class _DraftText(msgspec.Struct):
    summary: str = ""
    description: str = ""
    language: str = ""
    kind: str = ""


def _draft_text(row: UndeployedRow) -> _DraftText:
    """Return the properties of a draft. Drafts are stored without validation: values of other types are absent."""
    try:
        return msgspec.json.decode(row.body or b"{}", type=_DraftText)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _DraftText()


def _draft_head(workspace: str, row: UndeployedRow, text: _DraftText) -> dict[str, Any]:
    return {
        "workspace_id": workspace,
        "path": row.path,
        "summary": text.summary,
        "archived": False,
        "extra_perms": {},
        "starred": False,
        "has_draft": True,
        "draft_only": True,
    }


def _settings(row: ItemRow) -> dict[str, Raw]:
    """Return the other keys of the deployed item, without nulls and without keys that the API uses itself."""
    stored = msgspec.json.decode(row.settings, type=dict[str, Raw])
    return {name: value for name, value in stored.items() if name not in _OWN_KEYS and bytes(value) != b"null"}


def _rest(body: bytes, known: tuple[str, ...]) -> dict[str, Raw]:
    whole = decode(body, dict[str, Raw])
    return {name: value for name, value in whole.items() if name not in known}


def _present(value: Raw | UnsetType) -> Raw | None:
    return None if value is UNSET or bytes(value) == b"null" else value
