"""Captures: requests that are stored for the editor of a script or workflow instead of starting a run.

A path captures for a minute after each ping of a member who may change the item. Requests need a token that may run
it. Captured data is visible to those who may change the item, who can read the inputs of its runs as well. It has no
references, because a member who uses it for a test would resolve them, and no passwords.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal

import msgspec

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require, require_workspace
from orvanta_platform.db import captures, drafts, items
from orvanta_platform.db.captures import CaptureConfigRow, CaptureKey, CaptureRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import (
    BadRequest,
    NotFound,
    NotYetSupported,
    OrvantaError,
    TooLarge,
    UnsupportedPassword,
)
from orvanta_platform.orchestrator import document_threads, interpolation
from orvanta_platform.services.catalog import deploy, saved_inputs, versions
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow import secret_schemas

LISTEN_S: Final = 60
"""Seconds after a ping in which requests are captured."""

MAX_CAPTURES: Final = 20
"""Number of requests of a path and kind of trigger that are retained."""

MAX_CAPTURE_BYTES: Final = 64 << 10
"""Maximum size of captured arguments, of headers, and of settings of a trigger, in bytes of JSON."""

TRIGGER_KINDS: Final = ("webhook", "http")

Action = Literal["write", "run"]

_HEADERS: Final = re.compile(
    r"accept|accept-language|content-length|content-type|user-agent|x-request-id|x-[a-z0-9-]+-event"
)
"""Names of the headers that are stored. Others may contain credentials."""

_MAX_DRAFTS: Final = 10
"""Maximum number of drafts of a path that are searched for passwords."""

_MAX_DRAFT_BYTES: Final = 256 << 10
"""Maximum size of a draft that is searched for passwords."""


class ReferencesInCapture(BadRequest):
    """A captured request must not contain references to variables and resources."""

    code = "references_in_capture"


async def set_config(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, trigger_kind: str, settings: bytes | None
) -> None:
    """Start to capture the requests of a path. `settings`: JSON text of the settings of the trigger that is tested.

    Raises NotFound, Forbidden, BadRequest, TooLarge, NotYetSupported, and UnsupportedPassword if the schema of the
    item, or of a draft of it, declares a password.
    """
    names.check_path(path)
    key = _key(workspace, kind, path, trigger_kind)
    _require_small("The settings of a trigger", len(settings or b""))
    await _refuse_passwords(platform, actor, key, "write")
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key, "write")
        await captures.set_config(conn, key, settings)
        await audit.record(conn, actor, "captures.listen", "Updated", path, {"kind": kind, "trigger": trigger_kind})


async def ping(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, trigger_kind: str) -> None:
    """Continue to capture for a minute. Raises NotFound, Forbidden, NotYetSupported."""
    key = _key(workspace, kind, path, trigger_kind)
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key, "write")
        if not await captures.ping(conn, key):
            raise NotFound(f"No {trigger_kind} of {path} is captured.", hint="Start with capture/set_config.")


async def list_configs(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str
) -> list[CaptureConfigRow]:
    """Return the configs of a path. Raises NotFound, Forbidden."""
    async with platform.db.acquire() as conn:
        await _require(conn, actor, CaptureKey(workspace, kind, path, ""), "write")
        return await captures.list_configs(conn, workspace, kind, path)


async def capture(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: Kind,
    path: str,
    trigger_kind: str,
    args: bytes,
    headers: Mapping[str, str],
    included: Collection[str],
) -> int:
    """Store a request and return its id. `included`: names of headers to store in addition to those that always are.

    Raises NotFound if nobody listens, Forbidden, TooLarge, NotYetSupported, ReferencesInCapture, UnsupportedPassword.
    """
    key = _key(workspace, kind, path, trigger_kind)
    also = {name.lower() for name in included}
    shown = msgspec.json.encode(
        {name: headers[name] for name in sorted(headers) if name in also or _HEADERS.fullmatch(name)}
    )
    require_small_args(len(args))
    _require_small("Captured headers", len(shown))
    _refuse_references(args)
    await _refuse_passwords(platform, actor, key, "run")
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key, "run")
        await _lock_listening(conn, key)
        id = await captures.insert(conn, key, args, shown, MAX_CAPTURES)
        details = {"kind": kind, "trigger": trigger_kind, "id": id}
        await audit.record(conn, actor, "captures.store", "Created", path, details)
    return id


async def require_listening(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, trigger_kind: str
) -> None:
    """Check, before a request is read, that it would be stored. Raises NotFound, Forbidden, NotYetSupported."""
    key = _key(workspace, kind, path, trigger_kind)
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key, "run")
        await _lock_listening(conn, key)


async def list_page(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: Kind,
    path: str,
    trigger_kind: str | None,
    *,
    limit: int,
    offset: int,
) -> list[CaptureRow]:
    """Return a page of the captured requests of a path, newest first.

    Raises NotFound, Forbidden, and UnsupportedPassword if a password has been declared since.
    """
    await _refuse_passwords(platform, actor, CaptureKey(workspace, kind, path, ""), "write")
    async with platform.db.acquire() as conn:
        return await captures.list_page(conn, workspace, kind, path, trigger_kind, limit=limit, offset=offset)


async def get(platform: Platform, actor: Actor, workspace: str, id: int) -> CaptureRow:
    """Return a captured request. Raises NotFound, UnsupportedPassword."""
    async with platform.db.acquire() as conn:
        row = await _readable(conn, actor, workspace, id)
    await _refuse_passwords(platform, actor, CaptureKey(workspace, row.kind, row.path, ""), "write")
    return row


async def delete(platform: Platform, actor: Actor, workspace: str, id: int) -> None:
    """Delete a captured request. Raises NotFound."""
    async with platform.db.transaction() as conn:
        row = await _readable(conn, actor, workspace, id)
        await captures.delete(conn, workspace, id)
        await audit.record(conn, actor, "captures.delete", "Delete", row.path, {"kind": row.kind, "id": id})


async def _readable(conn: Connection, actor: Actor, workspace: str, id: int) -> CaptureRow:
    require_workspace(actor, workspace)
    row = await captures.get(conn, workspace, id)
    if row is None:
        raise _no_capture(id)
    try:
        await _require(conn, actor, CaptureKey(workspace, row.kind, row.path, ""), "write")
    except NotFound as error:  # its message has the path of the item
        raise _no_capture(id) from error
    return row


def _no_capture(id: int) -> NotFound:
    return NotFound(f"The capture {id} does not exist.")


async def _require(conn: Connection, actor: Actor, key: CaptureKey, action: Action) -> None:
    """Check that the actor may change (`write`) or run the item at the path, which may not have been deployed yet."""
    require_workspace(actor, key.workspace)
    row = await items.get(conn, key.workspace, key.kind, key.path)
    require(actor, action, Target(key.workspace, key.kind, key.path) if row is None else deploy.target_of(row))


async def _refuse_passwords(platform: Platform, actor: Actor, key: CaptureKey, action: Action) -> None:
    """Check the permission, and that neither the item nor a draft of any member declares a password."""
    async with platform.db.acquire() as conn:
        await _require(conn, actor, key, action)
        row = await items.get(conn, key.workspace, key.kind, key.path)
        bodies = await drafts.list_with_passwords(
            conn, key.workspace, key.kind, key.path, max_bytes=_MAX_DRAFT_BYTES, limit=_MAX_DRAFTS + 1
        )
    declares = row is not None and secret_schemas.may_declare(saved_inputs.schema_of(row))
    if bodies and not declares:
        declares = await document_threads.run_in_thread(key.workspace, _may_declare, bodies)
    if declares:
        raise UnsupportedPassword(
            "Requests of a script or workflow with a password, deployed or in a draft, are not captured or shown.",
            hint="Use a secret variable or a resource instead of the password.",
        )


def _may_declare(bodies: Sequence[bytes | None]) -> bool:
    """Return whether one of these drafts declares a password, or cannot be searched for one."""
    if len(bodies) > _MAX_DRAFTS or None in bodies:
        return True
    try:
        trees = [versions.draft_tree(body) for body in bodies if body is not None]
    except (OrvantaError, ValueError, RecursionError):
        return True
    return any(secret_schemas.may_declare(tree.get("schema")) for tree in trees)


def _refuse_references(args: bytes) -> None:
    if interpolation.references(args):
        raise ReferencesInCapture(
            "The request contains a reference to a variable or resource ($var:… or $res:…).",
            hint="Send a value instead of the reference.",
        )


async def _lock_listening(conn: Connection, key: CaptureKey) -> None:
    if not await captures.lock_listening(conn, key, LISTEN_S):
        raise NotFound(
            f"No {key.trigger_kind} of {key.path} is captured now.", hint="Listen in the editor, then try again."
        )


def require_small_args(size: int) -> None:
    """Check the size of a request, or of its arguments, in bytes. Raises TooLarge."""
    _require_small("Captured arguments", size)


def _key(workspace: str, kind: Kind, path: str, trigger_kind: str) -> CaptureKey:
    if trigger_kind not in TRIGGER_KINDS:
        raise NotYetSupported(
            f"Requests of the kind {trigger_kind[:50]} cannot be captured.", hint=f"One of {', '.join(TRIGGER_KINDS)}."
        )
    return CaptureKey(workspace, kind, path, trigger_kind)


def _require_small(what: str, size: int) -> None:
    if size > MAX_CAPTURE_BYTES:
        limit = MAX_CAPTURE_BYTES
        raise TooLarge(f"{what} can have at most {limit >> 10} KiB.", details={"limit": limit})
