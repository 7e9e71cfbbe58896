"""Resources: typed JSON values for jobs, with sealed secret fields."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, readable, require, require_workspace
from orvanta_platform.db import resources
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.resources import NewResource, ResourceFilter, ResourceRow
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, Forbidden, TooLarge
from orvanta_platform.orchestrator.interpolation import STATE_TYPES, Interpolation
from orvanta_platform.services.access import folders, items
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import sealing
from orvanta_platform.services.secrets.sealing import TypeSchema

MAX_VALUE_BYTES = 10 << 20
"""Maximum size of a resource's value in bytes of JSON."""


class ResourceDraft(msgspec.Struct, frozen=True):
    """A resource to create, or changes to a resource; None: unchanged."""

    path: str | None = None
    value: bytes | None = None
    """JSON text."""
    resource_type: str | None = None
    description: str | None = None
    labels: list[str] | None = None
    ws_specific: bool | None = None
    base_version: str | None = None
    """Version that a change is based on; None: any."""


async def create(
    platform: Platform, actor: Actor, workspace: str, draft: ResourceDraft, *, update_if_exists: bool = False
) -> None:
    """Create a resource, or, with `update_if_exists`, change the existing one.

    Raises NotFound, Forbidden, BadRequest, TooLarge, AlreadyExists.
    """
    require_workspace(actor, workspace)
    path, kind = draft.path or "", draft.resource_type or ""
    names.check_path(path)
    limits.check_labels(draft.labels)
    limits.check_text("A description", draft.description)
    names.check_name("resource type", kind)
    require(actor, _write(actor, kind), Target(workspace, "resource", path))
    async with platform.db.acquire() as conn:
        taken = await resources.get(conn, workspace, path) is not None
    if taken and update_if_exists:
        await update(platform, actor, workspace, path, draft)
        return
    async with platform.db.acquire() as conn:
        schema = await sealing.schema_of(conn, workspace, kind)
    key = await sealing.key_for(platform, workspace, schema)
    plain = _new(draft)
    new = sealing.sealed(platform, workspace, plain, schema, key, None)

    async def write(conn: Connection) -> None:
        await _require_references(platform, conn, actor, workspace, plain, schema, None)
        await folders.ensure(conn, actor, workspace, path)
        if not await resources.insert(conn, workspace, new, actor.username):
            raise AlreadyExists(
                f"The resource {path} exists already.",
                hint="Change it with resources/update, or with ?update_if_exists=true.",
            )
        await audit.record(conn, actor, "resources.create", "Created", path, {"resource_type": kind})

    await platform.db.retrying(write)


async def update(platform: Platform, actor: Actor, workspace: str, path: str, draft: ResourceDraft) -> None:
    """Change the fields of the draft that are not None; `draft.path` moves the resource.

    A secret field that contains the mask is unchanged. Raises NotFound, Forbidden, BadRequest, TooLarge, AlreadyExists,
    Conflict, VersionConflict.
    """
    require_workspace(actor, workspace)
    target = draft.path or path
    names.check_path(target)
    limits.check_labels(draft.labels)
    limits.check_text("A description", draft.description)
    before = await get(platform, actor, workspace, path)
    kind = draft.resource_type or before.resource_type
    names.check_name("resource type", kind)
    async with platform.db.acquire() as conn:
        schema = await sealing.schema_of(conn, workspace, kind)
    key = await sealing.key_for(platform, workspace, schema, before)

    async def write(conn: Connection) -> None:
        row = await resources.get(conn, workspace, path, lock=True)
        row = items.require_found("resource", path, row)
        items.require_item(actor, _write(actor, row.resource_type, kind), workspace, "resource", path, row)
        value = None if row.value is None else msgspec.Raw(row.value.encode())
        theirs = {"value": value, "description": row.description}
        items.check_version("resource", path, row.edited_at, draft.base_version, theirs)
        if (row.resource_type, row.key) != (before.resource_type, before.key):
            raise Conflict(f"The resource {path} was changed concurrently.", hint="Send the change again.")
        if target != path:
            taken = await resources.get(conn, workspace, target)
            await items.require_free(conn, actor, workspace, "resource", target, taken)
        new = _changed(row, replace(draft, path=target, resource_type=kind))
        if draft.value is not None or (new.path, new.resource_type) != (path, row.resource_type):
            await _require_references(platform, conn, actor, workspace, new, schema, row)
        new = sealing.sealed(platform, workspace, new, schema, key, row)
        # Who changes something else has not reviewed the value: see connection_test.
        await resources.update(conn, workspace, path, new, None if draft.value is None else actor.username)
        parameters = {"resource_type": kind, "value": draft.value is not None}
        await audit.record(conn, actor, "resources.update", "Updated", path, parameters | items.moved(path, target))

    await platform.db.retrying(write)


async def get(platform: Platform, actor: Actor, workspace: str, path: str) -> ResourceRow:
    """Return a resource; its secret fields contain the mask. Raises NotFound."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        row = await resources.get(conn, workspace, path)
    return items.require_item(actor, "read", workspace, "resource", path, row)


async def exists(platform: Platform, actor: Actor, workspace: str, path: str) -> bool:
    """Return whether the actor can see a resource at this path."""
    return await items.exists(actor, workspace, get(platform, actor, workspace, path))


async def list_page(platform: Platform, actor: Actor, workspace: str, filter: ResourceFilter) -> list[ResourceRow]:
    """Return a page of the resources that the actor may read, by path, without values. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)
    seen = replace(filter, **readable(actor, "resource").conditions())
    async with platform.db.acquire() as conn:
        return await resources.list_page(conn, workspace, seen)


async def delete(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    """Delete a resource. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)

    async def write(conn: Connection) -> None:
        row = await resources.get(conn, workspace, path, lock=True)
        items.require_item(actor, "write", workspace, "resource", path, row)
        await resources.delete(conn, workspace, path)
        await audit.record(conn, actor, "resources.delete", "Delete", path)

    await platform.db.retrying(write)


def _new(draft: ResourceDraft) -> NewResource:
    """Create the resource of a draft, with its value as sent by the caller."""
    return NewResource(
        path=draft.path or "",
        resource_type=draft.resource_type or "",
        value=_text(draft.value),
        sealed=None,
        key_version=None,
        description=draft.description,
        labels=draft.labels,
        ws_specific=draft.ws_specific,
    )


async def _require_references(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    new: NewResource,
    schema: TypeSchema,
    row: ResourceRow | None,
) -> None:
    """Check that the writer of a value may read what it refers to. Raises Forbidden.

    Runs resolve the references with rights of their own, and may send the secrets to an address in the other fields.
    """
    if new.resource_type in STATE_TYPES:
        return
    raw = sealing.unsealed_value(platform, new, schema, row)
    hidden = await Interpolation(platform, conn, actor, workspace, opens=True).first_unreadable(
        raw, missing_allowed=True
    )
    if hidden is not None:
        raise Forbidden(
            f"The value refers to {hidden}, which you may not read.",
            hint="Leave the reference out, or let a member who may read it store the resource.",
        )


def _changed(row: ResourceRow, draft: ResourceDraft) -> NewResource:
    """Apply a draft to a resource, with its value as sent by the caller."""
    current = sealing.new_of(row)
    changes = {
        name: value
        for name in ("path", "resource_type", "description", "labels", "ws_specific")
        if (value := getattr(draft, name)) is not None
    }
    return replace(current, **changes, value=current.value if draft.value is None else _text(draft.value))


def _text(value: bytes | None) -> str:
    raw = b"null" if value is None else value
    if len(raw) > MAX_VALUE_BYTES:
        raise TooLarge(f"A resource's value has at most {MAX_VALUE_BYTES >> 20} MiB.")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("The value of a resource must be JSON in UTF-8.") from error


def _write(actor: Actor, *types: str) -> str:
    """Return the permission that a write needs: writing a job's state needs less than writing a resource."""
    return "write_state" if actor.kind == "job" and STATE_TYPES.issuperset(types) else "write"
