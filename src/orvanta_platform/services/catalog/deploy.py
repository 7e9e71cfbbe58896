"""Operations common to scripts and workflows: reading, deploying, archiving and deleting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, is_hidden, readable, require, require_workspace
from orvanta_platform.db import captures, drafts, items, moves
from orvanta_platform.db.items import Filter, ItemHead, ItemRow, NewVersion, VersionRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, NotFound
from orvanta_platform.services.access import acceptance, folders
from orvanta_platform.services.catalog import environments
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.policies.defaults import AppliedDefault, completed_settings

Kind = Literal["script", "flow"]


def missing(kind: Kind, name: str) -> NotFound:
    """Create the error for an item that does not exist or may not be read."""
    return NotFound(f"The {kind} {name} does not exist.")


def target_of(row: ItemRow) -> Target:
    """Return the permission target of the item that a version belongs to."""
    return Target(row.workspace, row.kind, row.path, row.created_by, row.extra_perms)


async def get(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> ItemRow:
    """Return the newest version at a path. Raises NotFound, for a moved item with its present path in the details."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        row = await items.get(conn, workspace, kind, path)
        if row is None:
            raise await _not_found(conn, actor, workspace, kind, path)
    require(actor, "read", target_of(row))
    return row


async def _not_found(conn: Connection, actor: Actor, workspace: str, kind: Kind, path: str) -> NotFound:
    """Return the error for a missing item, with its present path if it was moved and the actor may read it there."""
    target = await moves.get_target(conn, workspace, kind, path)
    head = await items.get_head(conn, workspace, kind, target) if target is not None else None
    if head is None or not can(actor, "read", Target(workspace, kind, target, head.created_by, head.extra_perms)):
        return missing(kind, path)
    hint = f"It was moved to {target}."
    return NotFound(f"The {kind} {path} does not exist.", hint=hint, details={"moved_to": target})


async def get_version(platform: Platform, actor: Actor, workspace: str, kind: Kind, version: int | str) -> ItemRow:
    """Return a version by its id or hash. Raises NotFound."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        if isinstance(version, int):
            row = await items.get_by_version(conn, workspace, kind, version)
        else:
            row = await items.get_by_hash(conn, workspace, kind, version)
    if row is None or is_hidden(actor, target_of(row)):
        raise missing(kind, str(version))
    require(actor, "read", target_of(row))
    return row


async def exists(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> bool:
    """Return whether the actor can see an item at a path that is not archived."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        head = await items.get_head(conn, workspace, kind, path)
    if head is None or head.archived:
        return False
    try:
        require(actor, "read", Target(workspace, kind, path, head.created_by, head.extra_perms))
    except NotFound:
        return False
    return True


async def history(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: Kind,
    path: str,
    *,
    before: int | None = None,
    limit: int,
    offset: int,
) -> list[VersionRow]:
    """Return the versions at a path, newest first. Raises NotFound."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        head = await items.get_head(conn, workspace, kind, path)
        rows = await items.list_versions(conn, workspace, kind, path, before=before, limit=limit, offset=offset)
    if head is None:
        raise missing(kind, path)
    require(actor, "read", Target(workspace, kind, path, head.created_by, head.extra_perms))
    return rows


async def list_page(platform: Platform, actor: Actor, workspace: str, kind: Kind, filter: Filter) -> list[ItemRow]:
    """Return a page of the items that match `filter` and that the actor may read. Raises NotFound, Forbidden."""
    seen = _readable(actor, workspace, kind, filter)
    async with platform.db.acquire() as conn:
        return await items.list_page(conn, workspace, kind, seen)


async def list_paths(platform: Platform, actor: Actor, workspace: str, kind: Kind) -> list[str]:
    """Return all paths that the actor may read."""
    what = _readable(actor, workspace, kind, Filter())
    async with platform.db.acquire() as conn:
        return await items.list_paths(conn, workspace, kind, what)


def _readable(actor: Actor, workspace: str, kind: Kind, filter: Filter) -> Filter:
    require_workspace(actor, workspace)
    return replace(filter, **readable(actor, kind).conditions(), username=actor.username)


async def open_to_write(conn: Connection, actor: Actor, workspace: str, kind: Kind, path: str) -> ItemHead:
    """Lock the item at a path, creating the folder if the actor is an admin. Raises NotFound, Forbidden."""
    head = await items.get_head(conn, workspace, kind, path)
    perms = head.extra_perms if head else {}
    require(actor, "write", Target(workspace, kind, path, extra_perms=perms))
    await folders.ensure(conn, actor, workspace, path)
    return await items.open_item(conn, workspace, kind, path, actor.username)


async def store(
    conn: Connection, actor: Actor, version: NewVersion, *, is_new: bool, draft_revision: int | None = None
) -> int:
    """Add a version to a locked item, with its audit row; returns its id.

    The actor's draft is deleted if it is at `draft_revision`, because that is the deployed state. Raises LimitExceeded.
    """
    limits.check_text("A message", version.message)
    if draft_revision is not None:
        await drafts.delete_deployed(conn, version.workspace, actor.username, draft_revision)
    await acceptance.withdraw_ungrantable(conn, actor, version.workspace, version.kind, version.path)
    added = await items.add_version(conn, version, actor.username)
    await acceptance.accept_deployed(conn, actor, version.workspace, added)
    verb = "create" if is_new else "update"
    parameters = {"version": added, "hash": version.hash, "message": version.message}
    action: Literal["Created", "Updated"] = "Created" if is_new else "Updated"
    await audit.record(conn, actor, f"{version.kind}s.{verb}", action, version.path, parameters)
    return added


def with_defaults(
    version: NewVersion, settings: Mapping[str, Any], defaults: Sequence[AppliedDefault], body: bytes | None = None
) -> NewVersion:
    """Return a version with the defaults of policies, which its runs use.

    The document and the settings as they were deployed are not changed. `body`: the document with the defaults; None:
    it has none.
    """
    completed = completed_settings(settings, defaults)
    return replace(
        version,
        defaults=msgspec.json.encode(defaults).decode(),
        run_settings=msgspec.json.encode(completed).decode(),
        run_body=body,
    )


def refuse_taken(head: ItemHead, kind: Kind, path: str, hint: str) -> None:
    """Raise AlreadyExists if the path is in use."""
    if not head.archived and not head.deleted:
        raise AlreadyExists(f"The {kind} {path} exists already.", hint=hint)


async def set_archived(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: Kind,
    path: str,
    *,
    archived: bool,
    check: Callable[[Connection], Awaitable[None]],
) -> None:
    """Archive or unarchive an item; a repeated call has no effect. `check`: called once it is restored, and raises
    an error if it must not be. Raises NotFound, Forbidden.
    """

    async def change(conn: Connection) -> None:
        if not archived:
            await acceptance.withdraw_ungrantable(conn, actor, workspace, kind, path)
        if await items.set_archived(conn, workspace, kind, path, archived, actor.username):
            if not archived:
                await check(conn)
            await captures.delete_at(conn, workspace, kind, path)
            verb = "archive" if archived else "unarchive"
            await audit.record(conn, actor, f"{kind}s.{verb}", "Updated", path)

    await _write(platform, actor, workspace, kind, path, change)


async def delete(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> None:
    """Hide an item and its versions. Runs that use a version are not affected. Raises NotFound, Forbidden."""

    async def change(conn: Connection) -> None:
        if await items.delete(conn, workspace, kind, path, actor.username):
            await captures.delete_at(conn, workspace, kind, path)
            await audit.record(conn, actor, f"{kind}s.delete", "Delete", path)

    await _write(platform, actor, workspace, kind, path, change)


async def _write(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: Kind,
    path: str,
    change: Callable[[Connection], Awaitable[None]],
) -> None:
    async with platform.db.transaction() as conn:
        await require_write(conn, actor, workspace, kind, path)
        await environments.refuse_direct(platform, conn, actor, workspace)
        await change(conn)


async def require_write(conn: Connection, actor: Actor, workspace: str, kind: Kind, path: str) -> None:
    """Check that the actor may change an item. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)
    head = await items.get_head(conn, workspace, kind, path)
    if head is None:
        raise missing(kind, path)
    target = Target(workspace, kind, path, head.created_by, head.extra_perms)
    if is_hidden(actor, target):
        raise missing(kind, path)
    require(actor, "write", target)
