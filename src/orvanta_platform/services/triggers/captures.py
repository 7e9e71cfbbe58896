"""Captures: requests that are stored for the editor of a script or workflow instead of starting a run.

A path captures for a minute after each ping of a member who may change the item. Requests need a token that may run
it. Captured data is visible to those who may change the item, who can read the inputs of its runs as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require, require_workspace
from orvanta_platform.db import captures, items
from orvanta_platform.db.captures import CaptureConfigRow, CaptureKey, CaptureRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import NotFound, NotYetSupported, TooLarge, UnsupportedPassword
from orvanta_platform.services.catalog import deploy, saved_inputs
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow import secret_schemas
from orvanta_platform.workflow.mask import MASK

LISTEN_S: Final = 60
"""Seconds after a ping in which requests are captured."""

MAX_CAPTURES: Final = 20
"""Number of requests of a path and kind of trigger that are retained."""

MAX_CAPTURE_BYTES: Final = 64 << 10
"""Maximum size of captured arguments, of headers, and of settings of a trigger, in bytes of JSON."""

TRIGGER_KINDS: Final = ("webhook", "http")

Action = Literal["write", "run"]

_CREDENTIALS: Final = ("auth", "cookie", "credential", "key", "pass", "secret", "session", "signature", "token")
"""Parts of names of headers whose values are not stored."""


async def set_config(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, trigger_kind: str, settings: bytes | None
) -> None:
    """Start to capture the requests of a path. `settings`: JSON text of the settings of the trigger that is tested.

    Raises NotFound, Forbidden, BadRequest, TooLarge, NotYetSupported, and UnsupportedPassword if the schema of the
    item declares a password.
    """
    names.check_path(path)
    key = _key(workspace, kind, path, trigger_kind)
    _require_small("The settings of a trigger", settings or b"")
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
) -> int:
    """Store a request and return its id. Values of headers with credentials are replaced by `***`.

    Raises NotFound if nobody listens, Forbidden, TooLarge, NotYetSupported, UnsupportedPassword.
    """
    key = _key(workspace, kind, path, trigger_kind)
    shown = msgspec.json.encode({name: MASK if _is_credential(name) else headers[name] for name in sorted(headers)})
    _require_small("Captured arguments", args)
    _require_small("Captured headers", shown)
    async with platform.db.transaction() as conn:
        await _require(conn, actor, key, "run")
        if not await captures.lock_listening(conn, key, LISTEN_S):
            raise NotFound(
                f"No {trigger_kind} of {path} is captured now.", hint="Listen in the editor, then try again."
            )
        id = await captures.insert(conn, key, args, shown, MAX_CAPTURES)
        details = {"kind": kind, "trigger": trigger_kind, "id": id}
        await audit.record(conn, actor, "captures.store", "Created", path, details)
    return id


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
    """Return a page of the captured requests of a path, newest first. Raises NotFound, Forbidden."""
    async with platform.db.acquire() as conn:
        await _require(conn, actor, CaptureKey(workspace, kind, path, ""), "write")
        return await captures.list_page(conn, workspace, kind, path, trigger_kind, limit=limit, offset=offset)


async def get(platform: Platform, actor: Actor, workspace: str, id: int) -> CaptureRow:
    """Return a captured request. Raises NotFound."""
    async with platform.db.acquire() as conn:
        return await _readable(conn, actor, workspace, id)


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
        raise NotFound(f"The capture {id} does not exist.")
    await _require(conn, actor, CaptureKey(workspace, row.kind, row.path, ""), "write")
    return row


async def _require(conn: Connection, actor: Actor, key: CaptureKey, action: Action) -> None:
    """Check that the actor may change (`write`) or run the item at the path, which may not have been deployed yet."""
    require_workspace(actor, key.workspace)
    row = await items.get(conn, key.workspace, key.kind, key.path)
    require(actor, action, Target(key.workspace, key.kind, key.path) if row is None else deploy.target_of(row))
    if key.trigger_kind and row is not None and secret_schemas.may_declare(saved_inputs.schema_of(row)):
        raise UnsupportedPassword(
            "Requests of a script or workflow with a password cannot be captured.",
            hint="Use a secret variable or a resource instead of the password.",
        )


def _key(workspace: str, kind: Kind, path: str, trigger_kind: str) -> CaptureKey:
    if trigger_kind not in TRIGGER_KINDS:
        raise NotYetSupported(
            f"Requests of the kind {trigger_kind[:50]} cannot be captured.", hint=f"One of {', '.join(TRIGGER_KINDS)}."
        )
    return CaptureKey(workspace, kind, path, trigger_kind)


def _require_small(what: str, text: bytes) -> None:
    if len(text) > MAX_CAPTURE_BYTES:
        limit = MAX_CAPTURE_BYTES
        raise TooLarge(f"{what} can have at most {limit >> 10} KiB.", details={"limit": limit})


def _is_credential(name: str) -> bool:
    return any(part in name.lower() for part in _CREDENTIALS)
