"""Versions of an item: history, comparison, and restoring an old version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.db.items import ItemRow, VersionRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.access import on_behalf
from orvanta_platform.services.catalog import deploy, drafts, flows, scripts
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow import document
from orvanta_platform.workflow.diff import Difference, compare

DRAFT: Literal["draft"] = "draft"
Compared = int | Literal["draft"]
"""Id of a version, or the caller's draft."""

_NOT_IN_A_DOCUMENT = ("path", "source", "format", "base_version", "draft_revision", "deployment_message", "parent_hash")


async def history(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, *, before: int | None, limit: int
) -> list[VersionRow]:
    """Return the versions at a path, newest first. Raises NotFound."""
    return await deploy.history(platform, actor, workspace, kind, path, before=before, limit=limit, offset=0)


async def get(platform: Platform, actor: Actor, workspace: str, kind: Kind, version: int) -> ItemRow:
    """Return a version by its id. Raises NotFound."""
    return await deploy.get_version(platform, actor, workspace, kind, version)


async def difference(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, before: Compared, after: Compared
) -> Difference:
    """Return the difference between two versions of a path, or between a version and the actor's draft.

    The whole difference of scripts is in `document`. Raises NotFound, BadRequest, InvalidWorkflow (unparsable text).
    """
    sides = [await _tree(platform, actor, workspace, kind, path, each) for each in (before, after)]
    return await document_threads.run_in_thread(workspace, compare, *sides)


async def restore(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, version: int, *, message: str | None = None
) -> int:
    """Deploy an old version again, as the newest; returns the new version's id. An archived item is unarchived.

    Raises NotFound, Forbidden, and the errors of deploying it.
    """
    old = await get(platform, actor, workspace, kind, version)
    _refuse_elsewhere(old, path)
    message = message or f"Restored version {old.number}"
    if kind == "flow":
        return (await flows.update(platform, actor, workspace, path, await _to_new_flow(old, message))).version
    newest = await scripts.get(platform, actor, workspace, path)
    digest = await scripts.create(platform, actor, workspace, _to_new_script(old, newest.hash, message))
    return (await scripts.get_version(platform, actor, workspace, digest)).id


async def redeploy_on_behalf(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, email: str, *, message: str
) -> None:
    """Deploy the newest version again, on behalf of the member with this e-mail address.

    Raises NotFound, Forbidden, and the errors of deploying it.
    """
    newest = await deploy.get(platform, actor, workspace, kind, path)
    settings = msgspec.json.decode(newest.settings)
    changed = replace(newest, settings=msgspec.json.encode({**settings, on_behalf.KEY: email}).decode())
    if kind == "flow":
        await flows.update(platform, actor, workspace, path, await _to_new_flow(changed, message))
    else:
        await scripts.create(platform, actor, workspace, _to_new_script(changed, newest.hash, message))


async def _to_new_flow(old: ItemRow, message: str) -> NewFlow:
    parts = await flows.read_parts(old)
    settings = msgspec.json.decode(old.settings, type=dict[str, msgspec.Raw])
    settings.pop("schema", None)
    return NewFlow(old.path, parts.value, parts.schema, settings, parts.source, message=message, keeps_settings=True)


def _to_new_script(old: ItemRow, parent: str, message: str) -> NewScript:
    settings = msgspec.json.decode(old.settings, type=dict[str, msgspec.Raw])
    return NewScript(
        old.path,
        scripts.text_of(old),
        old.language or "",
        settings,
        parent=parent,
        lock=old.lock,
        message=message,
        keeps_settings=True,
    )


async def _tree(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, which: Compared
) -> Mapping[str, Any]:
    if isinstance(which, int):
        row = await get(platform, actor, workspace, kind, which)
        _refuse_elsewhere(row, path)
        return await document_threads.run_in_thread(workspace, _version_tree, row)
    draft = await drafts.get(platform, actor, workspace, kind, path)
    return await document_threads.run_in_thread(workspace, draft_tree, draft.body)


def _refuse_elsewhere(row: ItemRow, path: str) -> None:
    if row.path != path:
        raise BadRequest(f"{row.id} is not a version of {path}.")


def _version_tree(row: ItemRow) -> dict[str, Any]:
    settings = {name: value for name, value in msgspec.json.decode(row.settings).items() if value is not None}
    if row.kind == "script":
        return {**settings, "content": scripts.text_of(row), "language": row.language}
    return {**settings, **document.parse(row.body, "yaml" if row.format == "yaml" else "json").tree}


def draft_tree(body: bytes) -> dict[str, Any]:
    """Return the members of a draft; those of a source are those of its document. Raises as `document.parse`."""
    whole: dict[str, Any] = msgspec.json.decode(body)
    members = {name: value for name, value in whole.items() if name not in _NOT_IN_A_DOCUMENT and value is not None}
    source = whole.get("source")
    if not (isinstance(source, dict) and isinstance(source.get("text"), str)):
        return members
    form: Literal["json", "yaml"] = "yaml" if source.get("format") == "yaml" else "json"
    return {**members, **document.parse(source["text"].encode(), form, limit_yaml=True).tree}
