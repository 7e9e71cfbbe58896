"""Releases: created from items of a workspace, listed, and exported as signed files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from orvanta_platform.control import audit, limits, release_signatures
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, readable, refuse_job, require, require_workspace
from orvanta_platform.db import releases as rows
from orvanta_platform.db import service_accounts
from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.releases import NewRelease, ReleaseRow
from orvanta_platform.errors import Conflict, NotFound, TooLarge
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.changes.change_sets import MAX_CONTENT_SIZE
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases.collect import collect
from orvanta_platform.workflow.hashes import hash_text
from orvanta_platform.workflow.releases.bundle import Bundle, EnabledTrigger, RemovedItem, decode, encode
from orvanta_platform.workflow.tree.item import Key

FORMAT: Final = 1
_ATTEMPTS: Final = 10
_MAX_ADDRESS: Final = 320


class SignedRelease(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A release in a file. Fields with defaults are omitted, so that signatures of earlier versions remain valid."""

    format: int
    workspace: str
    """Workspace of the release on the instance that exported it."""
    number: int
    notes: str
    body: str
    """Canonical JSON text of the bundle."""
    authors: Annotated[list[Annotated[str, msgspec.Meta(max_length=_MAX_ADDRESS)]], msgspec.Meta(max_length=1000)] = []
    """E-mail addresses of the accounts that answer for its creation, which may not approve its deployment either where
    the file is imported; empty in files of earlier versions.
    """
    public_key: str
    """Public key of the instance that exported it, as Base64 text. An import trusts only keys of the settings."""
    signature: str
    """Ed25519 signature of the other fields, as Base64 text."""


class Release(msgspec.Struct, frozen=True):
    """A release with its content."""

    row: ReleaseRow
    bundle: Bundle


async def create(
    platform: Platform,
    actor: Actor,
    workspace: str,
    chosen: Sequence[Key],
    *,
    notes: str = "",
    enabled: Sequence[EnabledTrigger] = (),
    removed: Sequence[RemovedItem] = (),
) -> Release:
    """Create a release of items and everything that they reference, all of which the actor must be able to read.

    `removed`: items that no longer exist in the workspace, which a deployment removes. Raises NotFound, Forbidden,
    BadRequest, TooLarge, RateLimited.
    """
    require_write(actor, workspace)
    limits.check_text("Notes", notes)
    async with platform.turns.take("changes", workspace, actor.email):
        bundle = await collect(platform, actor, workspace, chosen, enabled, removed)
    return await store(platform, actor, workspace, bundle, notes, None)


async def list_page(
    platform: Platform, actor: Actor, workspace: str, *, before: int | None = None, limit: int = 30
) -> list[ReleaseRow]:
    """Return a page of the releases of which the actor may read all items, newest first. Raises NotFound, Forbidden."""
    filter = page_filter(actor, workspace, "release", limit)
    async with platform.db.acquire() as conn:
        return await rows.list_page(conn, workspace, filter, before)


async def get(platform: Platform, actor: Actor, workspace: str, number: int) -> Release:
    """Return a release of which the actor may read all items. Raises NotFound, Forbidden."""
    filter = page_filter(actor, workspace, "release", 1)
    async with platform.db.acquire() as conn:
        row = await rows.get(conn, workspace, number, filter)
    if row is None:
        raise NotFound(f"The release {number} of {workspace} does not exist.")
    return await open_release(workspace, row)


async def open_release(workspace: str, row: ReleaseRow) -> Release:
    """Return a stored release with its content."""
    assert row.body is not None
    return Release(row, await document_threads.run_in_thread(workspace, decode, row.body))


async def export(platform: Platform, actor: Actor, workspace: str, number: int) -> SignedRelease:
    """Return a release as a file, signed with the key of the instance. Raises NotFound, Forbidden."""
    found = await get(platform, actor, workspace, number)
    assert found.row.body is not None
    async with platform.db.acquire() as conn:
        authors = await rows.list_authors(conn, found.row.id)
    unsigned = SignedRelease(
        format=FORMAT,
        workspace=workspace,
        number=number,
        notes=found.row.notes,
        body=found.row.body,
        authors=authors,
        public_key=release_signatures.public_key(platform.keys),
        signature="",
    )
    async with platform.db.transaction() as conn:
        parameters = {"digest": found.row.digest}
        await audit.record(conn, actor, "releases.export", "Execute", str(number), parameters)
    signature = release_signatures.sign(platform.keys, signed_text(unsigned))
    return msgspec.structs.replace(unsigned, signature=signature)


def public_key(platform: Platform, actor: Actor) -> str:
    """Return the public key with which other instances verify exported releases. Raises Forbidden."""
    require(actor, "read_release_key", Target(None, "instance"))
    return release_signatures.public_key(platform.keys)


async def store(
    platform: Platform,
    actor: Actor,
    workspace: str,
    bundle: Bundle,
    notes: str,
    origin: Mapping[str, Any] | None,
    authors: Sequence[str] = (),
) -> Release:
    """Store a bundle as the next release of the workspace. Raises TooLarge, Conflict.

    `origin`: that of an import. `authors`: e-mail addresses of its authors apart from the actor.
    """
    body = await document_threads.run_in_thread(workspace, encode, bundle)
    if len(body) > MAX_CONTENT_SIZE:
        raise TooLarge(
            f"A release has at most {MAX_CONTENT_SIZE >> 20} MiB.",
            hint="Select fewer items.",
            details={"limit": MAX_CONTENT_SIZE},
        )
    new = NewRelease(
        workspace=workspace,
        digest=hash_text(body),
        notes=notes,
        paths=bundle.paths(),
        body=body,
        imported=None if origin is None else msgspec.json.encode(origin).decode(),
        created_by=actor.username,
        authors=[],
    )
    verb = "create" if origin is None else "import"
    async with platform.db.transaction() as conn:
        responsible = await service_accounts.list_responsible(conn, actor.email, actor.token)
        row = await _insert(conn, msgspec.structs.replace(new, authors=sorted({*responsible, *authors})))
        parameters = {"digest": new.digest, "items": len(bundle.items), **(origin or {})}
        await audit.record(conn, actor, f"releases.{verb}", "Created", str(row.number), parameters)
    return Release(row, bundle)


async def _insert(conn: Connection, new: NewRelease) -> ReleaseRow:
    for _ in range(_ATTEMPTS):
        row = await rows.insert(conn, new)
        if row is not None:
            return row
    raise Conflict("Too many releases are being created at once.", hint="Try again.")


def require_write(actor: Actor, workspace: str) -> None:
    """Check that the actor may create and import releases. Raises NotFound, Forbidden."""
    require(actor, "write", Target(workspace, "release"))
    refuse_job(actor, "create releases")


def page_filter(actor: Actor, workspace: str, kind: Literal["release", "deployment"], limit: int) -> Filter:
    """Return the filter of the rows that the actor may read in a workspace. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)
    return Filter(**readable(actor, kind).conditions(), limit=limit)


def signed_text(file: SignedRelease) -> str:
    """Return the text that the signature of a file is of."""
    return msgspec.json.encode(msgspec.structs.replace(file, signature=""), order="sorted").decode()
