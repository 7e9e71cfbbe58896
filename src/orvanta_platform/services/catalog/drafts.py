"""Drafts: edits of a script or workflow that one member has not deployed yet.

A draft belongs to one member, has a path that its owner may read, and is stored without validation. Each save names the
revision it is based on, so that two browser tabs with the same draft do not overwrite each other.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, names, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, readable, require, require_workspace
from orvanta_platform.db import drafts, items
from orvanta_platform.db.drafts import DraftBody, DraftKey, DraftRow, OthersDraftRow, UndeployedRow
from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, BadRequest, DraftConflict, NotFound, TooLarge
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform

MAX_DRAFT_BYTES = 10 << 20
"""Maximum size of a draft's JSON text in bytes."""

_MAX_LISTED = 1000
_MAX_LISTED_BYTES = 16 << 10
"""Maximum size of a draft whose text is read for a list of items."""


class NewDraft(msgspec.Struct, frozen=True):
    """A state of a draft to save."""

    kind: Kind
    path: str
    body: bytes
    """Text of a JSON object."""
    base_version: int | None = None
    """Version that the draft is based on."""
    revision: int | None = None
    """Revision that this state is based on; None for the first."""
    overwrites: bool = False
    """Replace the stored draft regardless of its revision."""


async def require_allowed(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> None:
    """Check, before a draft is read, that the actor may have one at a path. Raises NotFound, Forbidden, BadRequest."""
    names.check_path(path)
    async with platform.db.acquire() as conn:
        await _require(conn, actor, DraftKey(workspace, kind, path, actor.username))


def require_role(actor: Actor, workspace: str, *kinds: Kind) -> None:
    """Check, before the path of a draft is read, that the actor may have drafts of one of these kinds.

    Raises NotFound, Forbidden.
    """
    permissions.require_role(actor, "draft", workspace, kinds)


async def save(platform: Platform, actor: Actor, workspace: str, new: NewDraft) -> DraftRow:
    """Save a state of the actor's draft; returns the stored draft.

    Saving the stored state again is no conflict, because the response to an earlier call may have been lost. Raises
    NotFound, Forbidden, BadRequest, TooLarge, DraftConflict (details: base, theirs, mine).
    """
    names.check_path(new.path)
    if len(new.body) > MAX_DRAFT_BYTES:
        raise TooLarge(f"A draft has at most {MAX_DRAFT_BYTES >> 20} MiB.")
    key = DraftKey(workspace, new.kind, new.path, actor.username)
    body = DraftBody(new.base_version, hashlib.sha256(new.body).hexdigest(), new.body)
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key)
        if new.base_version is not None and not await drafts.is_version(conn, key, new.base_version):
            raise BadRequest(f"{new.base_version} is not a version of {new.path}.")
        revision = await _write(conn, key, body, new)
        found = await drafts.get(conn, key)
        if revision is None and not _is_same(found, body):
            raise _conflict(key, found, body, new)
        assert found is not None
        if revision is not None and found.created_at == found.edited_at:
            await audit.record(conn, actor, "drafts.create", "Created", new.path, {"kind": new.kind})
    return found


async def save_new(platform: Platform, actor: Actor, workspace: str, new: NewDraft) -> DraftRow:
    """Save the actor's draft of an item that has not been deployed.

    Raises AlreadyExists if it has been, and otherwise as `save`.
    """
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        await _require(conn, actor, DraftKey(workspace, new.kind, new.path, actor.username))
        if await items.get_head(conn, workspace, new.kind, new.path) is not None:
            raise AlreadyExists(f"The {new.kind} {new.path} has been deployed.", hint="Save a draft of it with drafts.")
    return await save(platform, actor, workspace, new)


async def find(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> DraftRow | None:
    """Return the actor's draft of the item at a path, None if there is none or the actor may only read the item.

    Drafts of an archived workspace can be read. Raises NotFound and Forbidden if the actor may not read the item.
    """
    key = DraftKey(workspace, kind, path, actor.username)
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        target = await _target(conn, key)
        if can(replace(actor, archived=False), "draft", target):
            return await drafts.get(conn, key)
        require(actor, "read", target)
        return None


async def get(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> DraftRow:
    """Return the actor's draft of the item at a path. Raises NotFound, Forbidden."""
    found = await find(platform, actor, workspace, kind, path)
    if found is None:
        raise _missing(DraftKey(workspace, kind, path, actor.username))
    return found


async def list_page(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, *, limit: int, offset: int
) -> list[DraftRow]:
    """Return a page of the actor's drafts of a kind without their bodies, most recently edited first."""
    require_workspace(actor, workspace)
    shown = Filter(**readable(actor, kind).conditions())
    async with platform.db.acquire() as conn:
        return await drafts.list_page(conn, workspace, kind, actor.username, shown, limit=limit, offset=offset)


async def list_undeployed(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, filter: Filter
) -> list[UndeployedRow]:
    """Return the actor's drafts at paths where nothing is deployed, by path, at most 1000.

    They belong to the first page of a list of items that `filter` selects. A list of some languages or kinds, of
    favourites, of archived items or of those of another member has none. Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    shown = replace(filter, **readable(actor, kind).conditions(), limit=_MAX_LISTED)
    is_first = filter.before is None and filter.after is None and filter.offset == 0
    is_narrow = filter.archived or filter.starred or filter.languages is not None or filter.kinds is not None
    if not is_first or is_narrow or filter.created_by not in (None, actor.username):
        return []
    async with platform.db.acquire() as conn:
        return await drafts.list_undeployed(conn, workspace, kind, actor.username, shown, max_bytes=_MAX_LISTED_BYTES)


async def list_others(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> list[OthersDraftRow]:
    """Return the drafts of other members at a path without their bodies, the last edited first, at most 100.

    Raises NotFound and Forbidden if the actor may not have a draft there.
    """
    key = DraftKey(workspace, kind, path, actor.username)
    async with platform.db.acquire() as conn:
        await _require(conn, actor, key)
        return await drafts.list_others(conn, key)


async def discard(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, *, revision: int | None = None
) -> None:
    """Delete the actor's draft. Raises NotFound, Forbidden, DraftConflict if it is not at `revision`."""
    key = DraftKey(workspace, kind, path, actor.username)
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key)
        if not await drafts.discard(conn, key, revision):
            found = await drafts.get(conn, key)
            if found is None:
                raise _missing(key)
            raise _conflict(key, found, None, NewDraft(kind, path, b"", revision=revision))
        await audit.record(conn, actor, "drafts.delete", "Delete", path, {"kind": kind})


async def _require(conn: Connection, actor: Actor, key: DraftKey) -> None:
    require_workspace(actor, key.workspace)
    require(actor, "draft", await _target(conn, key))


async def _target(conn: Connection, key: DraftKey) -> Target:
    head = await items.get_head(conn, key.workspace, key.kind, key.path)
    target = Target(key.workspace, key.kind, key.path)
    if head is None:
        return target
    return replace(target, created_by=head.created_by, extra_perms=head.extra_perms)


async def _write(conn: Connection, key: DraftKey, body: DraftBody, new: NewDraft) -> int | None:
    if new.overwrites:
        return await drafts.overwrite(conn, key, body)
    if new.revision is None:
        return await drafts.insert(conn, key, body)
    return await drafts.replace(conn, key, body, new.revision)


def _is_same(found: DraftRow | None, body: DraftBody) -> bool:
    return found is not None and (found.hash, found.base_version) == (body.hash, body.base_version)


def _missing(key: DraftKey) -> NotFound:
    return NotFound(f"You have no draft of the {key.kind} {key.path}.")


def _conflict(key: DraftKey, found: DraftRow | None, body: DraftBody | None, new: NewDraft) -> DraftConflict:
    """Return the error with its details as callers read them: they know the revision as `seq`."""
    theirs: dict[str, Any] | None = None
    if found is not None:
        theirs = {
            "seq": found.revision,
            "hash": found.hash,
            "base_version": found.base_version,
            "edited_at": found.edited_at,
        }
    base = {"version": found.base_version, "hash": found.base_hash} if found else None
    mine = {"seq": new.revision, "hash": body.hash if body else None, "base_version": new.base_version}
    if new.revision is None:
        message = f"{key.path} has a draft, and the request does not name the `seq` that it replaces."
    else:
        message = f"The draft of {key.path} was saved or discarded elsewhere since its `seq` {new.revision}."
    return DraftConflict(
        message,
        hint="Read the draft, merge the two, then save with its `seq`.",
        details={"base": base, "theirs": theirs, "mine": mine},
    )
