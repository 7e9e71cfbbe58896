"""Scripts: deployed as immutable versions, found by path or by hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import rfc8785
from msgspec.structs import replace

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import is_hidden, readable, require, require_workspace
from orvanta_platform.db import captures, items
from orvanta_platform.db.imports import get_imports
from orvanta_platform.db.items import Filter, ItemHead, ItemRow, NewVersion, VersionRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, InvalidScript, LimitExceeded, NotFound, TooLarge, VersionConflict
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.orchestrator import inputs
from orvanta_platform.orchestrator.blueprints import own_pins
from orvanta_platform.services.access import acceptance, on_behalf
from orvanta_platform.services.catalog import deploy, environments, policies, stored_policies, version_references
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import imports
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.services.runs.package_policies import codes_of_script
from orvanta_platform.workflow import item_settings, secret_schemas
from orvanta_platform.workflow.policies.subject import subject_of_script
from orvanta_platform.workflow.requirements import usable_lock

KINDS = ("script", "failure", "trigger", "command", "approval", "preprocessor")
MAX_CONTENT_LENGTH = 10 << 20
"""Maximum length of a script in characters."""

PAGE_BYTES = 16 << 20
"""Size in bytes after which a page of texts ends."""

MAX_COMPARED = 10_000
"""Maximum number of scripts in a comparison."""

_EXTENSIONS = (".py", ".sh", ".ts", ".js")


class NewScript(msgspec.Struct, frozen=True):
    """A script to deploy."""

    path: str
    content: str
    language: str
    settings: dict[str, msgspec.Raw]
    """All other keys of the call by name, as JSON text (summary, schema, tag …)."""
    parent: str | None = None
    """Hash of the preceding version; None for the first at its path."""
    lock: str | None = None
    """The lock; one that cannot be used is ignored."""
    message: str | None = None
    draft_revision: int | None = None
    """Revision of the draft that is deployed."""
    bypass_reason: str | None = None
    """Reason for deploying it in spite of violated policies."""
    keeps_settings: bool = False
    """The settings are those of a deployed version. Earlier versions of the platform stored any value: they are not
    checked again.
    """


async def create(
    platform: Platform, actor: Actor, workspace: str, new: NewScript, *, skip_if_noop: bool = False
) -> str:
    """Deploy a version; returns its hash, or with `skip_if_noop` the hash of the newest version if nothing changes.

    A parent at another path moves the script here. The content is stored, never run. The scripts that it imports are
    pinned: its runs use the versions that are the newest now. If its packages are not locked
    yet, a run locks them, and runs by path use the previous version until then. Raises NotFound, Forbidden, BadRequest,
    InvalidScript, InvalidItemSettings, TooLarge, AlreadyExists (a path in use and no parent), VersionConflict (a parent
    that is not the newest version).
    """
    require_workspace(actor, workspace)
    names.check_path(new.path)
    await _check(platform, workspace, new)
    new = replace(new, lock=usable_lock(new.language, new.lock))
    script = Script(new.language, new.content, new.path)
    imported = await imports.resolve(platform, actor, workspace, script)
    closure = {"": imported.digest} if imported else {}
    scripts = imported.scripts if imported else ()
    state = await locking.state_of_script(platform, workspace, script, scripts, new.lock)
    schema = await _schema_from_signature(platform, workspace, new)
    stored = ""

    async def write(conn: Connection, run: UUID | None = None) -> str:
        nonlocal stored
        head = await deploy.open_to_write(conn, actor, workspace, "script", new.path)
        number, newest = await items.get_newest_version(conn, workspace, "script", new.path)
        if skip_if_noop and newest is not None and not head.archived:
            current = await items.get(conn, workspace, "script", new.path)
            if current is not None and _is_same(current, new) and await get_imports(conn, current.id) == closure:
                raise _Unchanged(current.hash)
        await _check_parent(conn, actor, workspace, new, head, newest)
        settings = {name: _plain(value) for name, value in new.settings.items()}
        await environments.refuse_direct(platform, conn, actor, workspace)
        subject = partial(subject_of_script, new.path, new.language, new.content, settings)
        codes = partial(codes_of_script, new.language, state.lock)
        defaults = await policies.enforce(platform, conn, actor, workspace, new.path, subject, new.bypass_reason, codes)
        version = _version(workspace, new, number + 1, actor, closure)
        owner = await on_behalf.deployed_for(conn, actor, workspace, _plain(new.settings.get(on_behalf.KEY)))
        version = replace(version, lock=state.lock, lock_job=run, made_schema=schema, permissioned_as=owner)
        if defaults:
            version = deploy.with_defaults(version, settings, defaults)
        is_new = new.parent is None
        added = await deploy.store(conn, actor, version, is_new=is_new, draft_revision=new.draft_revision)
        await version_references.record_imports(conn, actor, workspace, added, {"": imported} if imported else {})
        stored = version.hash
        return stored

    async def with_run(conn: Connection, run: UUID) -> None:
        await write(conn, run)

    try:
        if state.lock is not None:
            return await platform.db.retrying(write)
        body, tag = new.content.encode(), _plain(new.settings.get("tag")) or None
        what = (locking.SCRIPT_KIND, new.path, body, new.language)
        pins = own_pins({}, imports=closure.get(""))
        await locking.start(platform, actor, workspace, *what, tag=tag, pins=pins, in_transaction=with_run)
    except _Unchanged as same:
        return same.hash
    return stored


async def get(platform: Platform, actor: Actor, workspace: str, path: str) -> ItemRow:
    """Return the newest version at a path. Raises NotFound."""
    return await deploy.get(platform, actor, workspace, "script", path)


async def get_version(platform: Platform, actor: Actor, workspace: str, digest: str) -> ItemRow:
    """Return the version with this hash. Raises NotFound."""
    return await deploy.get_version(platform, actor, workspace, "script", digest)


async def parents(platform: Platform, actor: Actor, row: ItemRow) -> list[str]:
    """Return the hashes of the versions before one, newest first, at most 100."""
    require(actor, "read", deploy.target_of(row))
    async with platform.db.acquire() as conn:
        return await items.list_parents(conn, row)


async def raw(platform: Platform, actor: Actor, workspace: str, path: str) -> str:
    """Return the content at a path, which may end with the extension of its language. Raises NotFound."""
    try:
        return text_of(await get(platform, actor, workspace, path))
    except NotFound:
        return text_of(await get(platform, actor, workspace, _without_extension(path)))


async def raw_version(platform: Platform, actor: Actor, workspace: str, digest: str) -> str:
    """Return the content of a version by its hash, which may end with an extension. Raises NotFound."""
    return text_of(await get_version(platform, actor, workspace, _without_extension(digest)))


async def exists(platform: Platform, actor: Actor, workspace: str, path: str) -> bool:
    """Return whether the actor can see a script at this path."""
    return await deploy.exists(platform, actor, workspace, "script", path)


async def list_page(platform: Platform, actor: Actor, workspace: str, filter: Filter) -> list[ItemRow]:
    """Return a page of the scripts that the actor may read, without their contents."""
    return await deploy.list_page(platform, actor, workspace, "script", filter)


async def list_paths(platform: Platform, actor: Actor, workspace: str) -> list[str]:
    """Return all paths of scripts that the actor may read."""
    return await deploy.list_paths(platform, actor, workspace, "script")


async def list_contents(platform: Platform, actor: Actor, workspace: str, *, limit: int, offset: int) -> dict[str, str]:
    """Return the texts of a page of the scripts that the actor may read, by path.

    After PAGE_BYTES the page ends, even if it has fewer scripts. Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    seen = Filter(**readable(actor, "script").conditions(), limit=limit, offset=offset)
    async with platform.db.acquire() as conn:
        found = await items.list_contents(conn, workspace, seen, most_bytes=PAGE_BYTES)
    return {path: body.decode() for path, body in found.items()}


async def list_different(platform: Platform, actor: Actor, workspace: str, digests: Mapping[str, str]) -> list[str]:
    """Return those of these paths whose deployed script is missing, not readable, or has another text, in order.

    `digests`: digest of the text that is expected at each path. Raises NotFound, Forbidden, LimitExceeded.
    """
    require_workspace(actor, workspace)
    if len(digests) > MAX_COMPARED:
        raise LimitExceeded(f"At most {MAX_COMPARED} scripts are compared.", details={"limit": MAX_COMPARED})
    seen = Filter(**readable(actor, "script").conditions())
    async with platform.db.acquire() as conn:
        deployed = await items.get_digests(conn, workspace, seen, list(digests))
    return sorted(path for path, digest in digests.items() if deployed.get(path) != digest)


async def history(
    platform: Platform, actor: Actor, workspace: str, path: str, *, before: int | None, limit: int, offset: int
) -> list[VersionRow]:
    """Return the versions at a path, newest first. Raises NotFound."""
    page = {"before": before, "limit": limit, "offset": offset}
    return await deploy.history(platform, actor, workspace, "script", path, **page)  # type: ignore[arg-type]


async def archive(platform: Platform, actor: Actor, workspace: str, path: str, *, archived: bool = True) -> None:
    """Archive a script, which can then no longer be run by path, or unarchive it. Raises NotFound, Forbidden,
    PolicyViolation.
    """

    async def check(conn: Connection) -> None:
        await stored_policies.enforce_reused(platform, conn, actor, workspace, "script", path)

    await deploy.set_archived(platform, actor, workspace, "script", path, archived=archived, check=check)


async def delete(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    """Delete a script and its versions. Raises NotFound, Forbidden."""
    await deploy.delete(platform, actor, workspace, "script", path)


async def close_version(platform: Platform, actor: Actor, workspace: str, digest: str, *, delete: bool) -> ItemRow:
    """Archive or delete one version. The newest remaining one becomes current. Raises NotFound, Forbidden,
    DirectDeploysRefused, PolicyViolation if an older version becomes current that violates a policy.
    """
    require_workspace(actor, workspace)
    async with platform.db.transaction() as conn:
        row = await items.get_by_hash(conn, workspace, "script", digest)
        if row is None or is_hidden(actor, deploy.target_of(row)):
            raise deploy.missing("script", digest)
        require(actor, "write", deploy.target_of(row))
        await environments.refuse_direct(platform, conn, actor, workspace)
        await items.open_item(conn, workspace, "script", row.path, actor.username)
        await items.close_version(conn, row, actor.username, delete=delete)
        if row.id == row.current and not row.archived:
            await stored_policies.enforce_reused(platform, conn, actor, workspace, "script", row.path)
        await acceptance.withdraw_grantable(conn, actor, workspace, row.id)
        verb = "delete_version" if delete else "archive_version"
        kind: audit.ActionKind = "Delete" if delete else "Updated"
        await audit.record(conn, actor, f"scripts.{verb}", kind, row.path, {"hash": digest})
    return row


class _Unchanged(Exception):
    """The newest version equals the one to deploy."""

    def __init__(self, hash: str) -> None:
        super().__init__(hash)
        self.hash = hash


async def _schema_from_signature(platform: Platform, workspace: str, new: NewScript) -> str | None:
    """Derive the schema of the inputs from the script's signature, as JSON text; None if the call has a schema."""
    if _plain(new.settings.get("schema")):
        return None
    made = await platform.evaluator.scripts.signature(workspace, Script(new.language, new.content))
    return None if made.schema is None else msgspec.json.encode(made.schema).decode()


def text_of(row: ItemRow) -> str:
    """Return the content of a version."""
    return row.body.decode()


async def _check(platform: Platform, workspace: str, new: NewScript) -> None:
    locking.require_language(new.language)
    limits.check_settings(new.settings)
    if not new.keeps_settings:
        item_settings.check_script({name: _plain(value) for name, value in new.settings.items()})
    if len(new.content) > MAX_CONTENT_LENGTH:
        raise TooLarge(f"A script has at most {MAX_CONTENT_LENGTH >> 20} MiB.")
    if "\0" in new.content:
        raise InvalidScript("The script contains a NUL character.")
    kind = _plain(new.settings.get("kind")) or "script"
    if kind not in KINDS:
        raise BadRequest(f"{str(kind)[:100]!r} is not a kind of script.", hint=f"Use one of {', '.join(KINDS)}.")
    schema = new.settings.get("schema")
    tree = _plain(schema)
    text = bytes(schema) if schema is not None and tree is not None else None
    await inputs.check_schema(platform.evaluator.of(workspace), text)
    secret_schemas.check(tree)


async def _check_parent(
    conn: Connection, actor: Actor, workspace: str, new: NewScript, head: ItemHead, newest: str | None
) -> None:
    if new.parent is None:
        hint = f"Send parent_hash {newest} to deploy a new version of it."
        deploy.refuse_taken(head, "script", new.path, hint)
        return
    if newest == new.parent:
        return
    parent = await items.get_by_hash(conn, workspace, "script", new.parent)
    if parent is None:
        raise BadRequest(f"The parent {new.parent[:100]} is not a version in this workspace.")
    if parent.path == new.path or not head.archived:
        raise VersionConflict(
            f"The newest version of {new.path} is {newest}, not {new.parent}.",
            hint="Review the newer version, then send its hash as parent_hash.",
            details={"base": new.parent, "newest": newest},
        )
    require(actor, "write", deploy.target_of(parent))
    await items.set_archived(conn, workspace, "script", parent.path, True, actor.username)
    await captures.delete_at(conn, workspace, "script", parent.path)
    await audit.record(conn, actor, "scripts.move", "Updated", parent.path, {"to": new.path})


def _version(workspace: str, new: NewScript, number: int, actor: Actor, closure: dict[str, str]) -> NewVersion:
    settings = {name: _plain(value) for name, value in new.settings.items()} | {"lock": new.lock}
    schema = settings.pop("schema", None)
    named = {
        "workspace": workspace,
        "path": new.path,
        "parent": new.parent,
        "content": new.content,
        "language": new.language,
        "schema": schema,
        "settings": _present(settings),
    }
    named |= {"imports": closure} if closure else {}
    return NewVersion(
        workspace=workspace,
        kind="script",
        path=new.path,
        number=number,
        hash=_digest(named)[:16],
        content_hash=_digest({"language": new.language, "content": new.content}),
        body=new.content.encode(),
        format="text",
        language=new.language,
        settings=msgspec.json.encode(new.settings).decode(),
        parent=new.parent,
        author=actor.username,
        message=new.message,
        lock=new.lock,
        imports=closure,
    )


def _is_same(row: ItemRow, new: NewScript) -> bool:
    stored = msgspec.json.decode(row.settings)
    settings = {name: _plain(value) for name, value in new.settings.items()}
    unchanged = (row.language, row.body) == (new.language, new.content.encode()) and new.lock in (None, row.lock)
    empty = {"summary": "", "description": ""}  # as responses show scripts without them
    return unchanged and row.lock_state != "failed" and empty | _present(stored) == empty | _present(settings)


def _present(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that are not null. A null setting and a missing one are equivalent."""
    return {name: value for name, value in settings.items() if value is not None}


def _digest(tree: dict[str, Any]) -> str:
    try:
        return hashlib.sha256(rfc8785.dumps(tree)).hexdigest()
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise BadRequest(f"A number in the script's settings or schema cannot be stored exactly: {error}.") from error


def _plain(value: msgspec.Raw | None) -> Any:
    try:
        return None if value is None else msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The script's settings cannot be parsed: {error}.") from error


def _without_extension(name: str) -> str:
    for extension in _EXTENSIONS:
        name = name.removesuffix(extension)
    return name
