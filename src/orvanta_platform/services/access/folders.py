"""Folders: the first level of paths `f/<folder>/…`. Owners of a folder write to it and grant others access."""

from __future__ import annotations

from collections.abc import Mapping

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import (
    Readable,
    Target,
    readable,
    refuse_impersonation,
    refuse_job,
    require,
)
from orvanta_platform.db import acls, captures, folders
from orvanta_platform.db.folders import FolderRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, BadRequest, NotFound
from orvanta_platform.services.platform import Platform


def _target(workspace: str, name: str) -> Target:
    return Target(workspace, "folder", f"f/{name}")


def refuse_grant(actor: Actor) -> None:
    """Raise Forbidden if the caller cannot change owners and permissions of folders: a job, or an admin who acts as
    somebody else. A token with the scope folders:write can.
    """
    doing = "change permissions of folders"
    refuse_impersonation(actor, doing)
    refuse_job(actor, doing)


async def create(
    platform: Platform,
    actor: Actor,
    workspace: str,
    name: str,
    *,
    summary: str | None,
    owners: list[str],
    extra_perms: Mapping[str, bool],
) -> None:
    """Create a folder with the actor among its owners. Raises Forbidden, BadRequest, AlreadyExists."""
    require(actor, "create", _target(workspace, name))
    if owners or extra_perms:
        refuse_grant(actor)
    names.check_folder(name)
    limits.check_text("A summary", summary)
    everyone = list(dict.fromkeys([actor.permissioned_as, *owners]))
    _check_principals({*everyone, *extra_perms})
    async with platform.db.transaction() as conn:
        added = await folders.insert(
            conn,
            workspace,
            name,
            summary=summary,
            owners=everyone,
            extra_perms=_owners_write(everyone, extra_perms),
            created_by=actor.username,
        )
        if not added:
            raise AlreadyExists(f"The folder {name} exists already.")
        await audit.record(conn, actor, "folders.create", "Created", name, {"owners": everyone})


async def ensure(conn: Connection, actor: Actor, workspace: str, path: str) -> None:
    """Create the missing folder of a path that an admin writes to. For other actors the folder must exist."""
    name = names.folder_of(path)
    if name is None or actor.role is not Role.ADMIN:
        return
    owners = [actor.permissioned_as]
    perms = _owners_write(owners, {})
    if await folders.insert(
        conn, workspace, name, summary=None, owners=owners, extra_perms=perms, created_by=actor.username
    ):
        await audit.record(conn, actor, "folders.create", "Created", name, {"owners": owners})


async def update(
    platform: Platform,
    actor: Actor,
    workspace: str,
    name: str,
    *,
    summary: str | None,
    owners: list[str] | None,
    extra_perms: Mapping[str, bool] | None,
) -> None:
    """Change the arguments that are not None. Raises NotFound, Forbidden, BadRequest."""
    require(actor, "write", _target(workspace, name))
    if owners is not None or extra_perms is not None:
        refuse_grant(actor)
    limits.check_text("A summary", summary)
    owners = None if owners is None else list(dict.fromkeys(owners))
    _check_principals({*(owners or ()), *(extra_perms or ())})
    async with platform.db.transaction() as conn:
        count = await folders.update(conn, workspace, name, summary=summary, owners=owners, extra_perms=extra_perms)
        _require_fits(count, name, grows=owners is not None or extra_perms is not None)
        parameters = {"owners": owners, "extra_perms": extra_perms}
        await audit.record(conn, actor, "folders.update", "Updated", name, parameters)


async def get(platform: Platform, actor: Actor, workspace: str, name: str) -> FolderRow:
    """Return a folder. Raises NotFound."""
    require(actor, "read", _target(workspace, name))
    async with platform.db.acquire() as conn:
        row = await folders.get(conn, workspace, name)
    if row is None:
        raise _missing(name)
    return row


async def exists(platform: Platform, actor: Actor, workspace: str, name: str) -> bool:
    """Return whether the actor can see a folder with this name."""
    try:
        await get(platform, actor, workspace, name)
    except NotFound:
        return False
    return True


async def list_page(
    platform: Platform, actor: Actor, workspace: str, *, after: str, limit: int, offset: int
) -> list[FolderRow]:
    """Return a page of the folders that the actor may read, by name."""
    require(actor, "read", Target(workspace, "workspace"))
    who: Readable = readable(actor, "folder")
    async with platform.db.acquire() as conn:
        return await folders.list_page(
            conn,
            workspace,
            everything=who.everything,
            names=sorted(actor.folders.read),
            scope=who.scope,
            after=after,
            limit=limit,
            offset=offset,
        )


async def delete(platform: Platform, actor: Actor, workspace: str, name: str) -> None:
    """Delete a folder. Its items remain, visible to admins only; captured requests are deleted.

    Raises NotFound, Forbidden.
    """
    require(actor, "write", _target(workspace, name))
    async with platform.db.transaction() as conn:
        _require_found(await folders.delete(conn, workspace, name), name)
        await captures.delete_in_folder(conn, workspace, name)
        await audit.record(conn, actor, "folders.delete", "Delete", name)


async def add_owner(platform: Platform, actor: Actor, workspace: str, name: str, owner: str) -> None:
    """Add an owner (`u/…`, `g/…`). Raises NotFound, Forbidden, BadRequest, also for an unknown member or group."""
    require(actor, "write", _target(workspace, name))
    refuse_grant(actor)
    names.check_principals([owner])
    async with platform.db.transaction() as conn:
        await require_known(conn, workspace, [owner])
        _require_fits(await folders.add_owner(conn, workspace, name, owner), name, grows=True)
        await audit.record(conn, actor, "folders.add_owner", "Updated", name, {"owner": owner})


async def remove_owner(
    platform: Platform, actor: Actor, workspace: str, name: str, owner: str, *, write: bool | None
) -> None:
    """Remove an owner. `write` True leaves it write access, False read access, None no access.

    Raises NotFound, Forbidden.
    """
    require(actor, "write", _target(workspace, name))
    refuse_grant(actor)
    names.check_principals([owner])
    async with platform.db.transaction() as conn:
        count = await folders.remove_owner(conn, workspace, name, owner, write)
        _require_fits(count, name, grows=write is not None)
        await audit.record(conn, actor, "folders.remove_owner", "Updated", name, {"owner": owner})


async def require_known(conn: Connection, workspace: str, principals: list[str]) -> None:
    """Check that these members and groups exist; they cannot be removed before the transaction ends.

    Raises BadRequest.
    """
    unknown = await acls.list_unknown(conn, workspace, principals)
    if unknown:
        kind = "group" if unknown[0].startswith("g/") else "member"
        raise BadRequest(f"The workspace has no {kind} {unknown[0][:200]}.")


def _owners_write(owners: list[str], extra_perms: Mapping[str, bool]) -> dict[str, bool]:
    """Add the owners to `extra_perms` with write access, because clients read permissions there."""
    return {**extra_perms, **dict.fromkeys(owners, True)}


def _check_principals(principals: set[str]) -> None:
    limits.check_principals(len(principals))
    names.check_principals(principals)


def _require_fits(count: int | None, name: str, *, grows: bool) -> None:
    """Check the number of principals of a changed folder; None: the folder does not exist."""
    _require_found(count is not None, name)
    if count is not None and grows:
        limits.check_principals(count)


def _require_found(found: bool, name: str) -> None:
    if not found:
        raise _missing(name)


def _missing(name: str) -> NotFound:
    return NotFound(f"The folder f/{name} does not exist.")
