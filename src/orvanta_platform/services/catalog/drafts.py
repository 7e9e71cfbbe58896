"""Drafts: what one person writes of a script or workflow before it is deployed.

A draft is its owner's alone, stands at a path that its owner may read, and is kept as it came: it may be wrong.
Each save says on which revision it builds, so that two pages on one draft do not overwrite each other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, readable, require, require_workspace
from orvanta_platform.db import drafts, items
from orvanta_platform.db.drafts import DraftBody, DraftKey, DraftRow
from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, DraftConflict, NotFound, TooLarge
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform

LONGEST_DRAFT = 10 << 20
"""Bytes of its JSON text."""


@dataclass(frozen=True, slots=True)
class NewDraft:
    """A state of a draft to keep: `body` is a JSON object's text, `base_version` the version it was begun from.

    `revision`: the one it builds on, None for the first; `overwrites`: it goes over whatever is there.
    """

    kind: Kind
    path: str
    body: bytes
    base_version: int | None = None
    revision: int | None = None
    overwrites: bool = False


async def save(platform: Platform, actor: Actor, workspace: str, new: NewDraft) -> DraftRow:
    """Keep a state of the actor's draft; gives the draft as it is then.

    Saving again what is there already is no conflict: an answer may have been lost. Raises NotFound, Forbidden,
    BadRequest, TooLarge, DraftConflict (details: base, theirs, yours).
    """
    names.check_path(new.path)
    if len(new.body) > LONGEST_DRAFT:
        raise TooLarge(f"A draft has at most {LONGEST_DRAFT >> 20} MiB.")
    key = DraftKey(workspace, new.kind, new.path, actor.username)
    kept = DraftBody(new.base_version, hashlib.sha256(new.body).hexdigest(), new.body)
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key)
        if new.base_version is not None and not await drafts.is_version(conn, key, new.base_version):
            raise BadRequest(f"{new.base_version} is no version of {new.path}.")
        revision = await _write(conn, key, kept, new)
        found = await drafts.get(conn, key)
        if revision is None and not _is_kept(found, kept):
            raise _conflict(key, found, kept, new)
        assert found is not None
        if revision is not None and found.created_at == found.edited_at:
            await audit.record(conn, actor, "drafts.create", "Created", new.path, {"kind": new.kind})
    return found


async def get(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> DraftRow:
    """The actor's draft of what stands at a path. Raises NotFound, Forbidden."""
    key = DraftKey(workspace, kind, path, actor.username)
    async with platform.db.acquire() as conn:
        await _require(conn, actor, key)
        found = await drafts.get(conn, key)
    if found is None:
        raise _missing(key)
    return found


async def list_page(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, *, limit: int, offset: int
) -> list[DraftRow]:
    """A page of the actor's drafts of a kind, the one edited last first, without what they say."""
    require_workspace(actor, workspace)
    who = readable(actor, kind)
    shown = Filter(everything=who.everything, patterns=who.patterns, principals=who.principals, scope=who.scope)
    async with platform.db.acquire() as conn:
        return await drafts.list_page(conn, workspace, kind, actor.username, shown, limit=limit, offset=offset)


async def discard(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, *, revision: int | None = None
) -> None:
    """Remove the actor's draft. Raises NotFound, Forbidden, DraftConflict where it is not at `revision`."""
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
    head = await items.head(conn, key.workspace, key.kind, key.path)
    thing = Target(key.workspace, key.kind, key.path)
    if head is not None:
        thing = replace(thing, created_by=head.created_by, extra_perms=head.extra_perms)
    require(actor, "draft", thing)


async def _write(conn: Connection, key: DraftKey, kept: DraftBody, new: NewDraft) -> int | None:
    if new.overwrites:
        return await drafts.overwrite(conn, key, kept)
    if new.revision is None:
        return await drafts.begin(conn, key, kept)
    return await drafts.replace(conn, key, kept, new.revision)


def _is_kept(found: DraftRow | None, kept: DraftBody) -> bool:
    return found is not None and (found.hash, found.base_version) == (kept.hash, kept.base_version)


def _missing(key: DraftKey) -> NotFound:
    return NotFound(f"You have no draft of the {key.kind} {key.path}.")


def _conflict(key: DraftKey, found: DraftRow | None, kept: DraftBody | None, new: NewDraft) -> DraftConflict:
    theirs: dict[str, Any] | None = None
    if found is not None:
        theirs = {
            "revision": found.revision,
            "hash": found.hash,
            "base_version": found.base_version,
            "edited_at": found.edited_at,
        }
    base = {"version": found.base_version, "hash": found.base_hash} if found else None
    yours = {"revision": new.revision, "hash": kept.hash if kept else None, "base_version": new.base_version}
    return DraftConflict(
        f"The draft of {key.path} was saved or discarded elsewhere since the revision {new.revision}.",
        hint="Read the draft, merge the two, then save with its revision.",
        details={"base": base, "theirs": theirs, "yours": yours},
    )
