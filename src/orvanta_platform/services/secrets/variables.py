"""Variables: named texts for jobs. Secret ones are sealed and never shown."""

from __future__ import annotations

import base64
import struct
from datetime import datetime

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits, names, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, readable, require, require_workspace
from orvanta_platform.control.secrets import DataKey, SecretLocation
from orvanta_platform.db import data_keys, variables
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.variables import NewVariable, VariableFilter, VariableRow
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, TooLarge
from orvanta_platform.evaluate.raw import decode_string
from orvanta_platform.orchestrator import secret_access
from orvanta_platform.services.access import folders, items
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import export_keys
from orvanta_platform.workflow.tree.item import ENCRYPTED

MAX_VALUE_LENGTH = 1 << 20
"""Maximum length of a variable's value in characters."""

_TRANSPORT = "transport"
_VERSION = struct.Struct(">I")


class VariableDraft(msgspec.Struct, frozen=True):
    """A variable to create, or changes to a variable; None: unchanged, or the default."""

    path: str | None = None
    value: str | None = None
    is_secret: bool | None = None
    description: str | None = None
    account: int | None = None
    is_oauth: bool | None = None
    expires_at: datetime | None = None
    labels: list[str] | None = None
    ws_specific: bool | None = None
    base_version: str | None = None
    """Version that a change is based on; None: any."""
    already_encrypted: bool = False
    """The value of a secret is a result of `encrypt`, one of an archive, or empty."""


async def create(platform: Platform, actor: Actor, workspace: str, draft: VariableDraft) -> None:
    """Create a variable. Raises NotFound, Forbidden, BadRequest, TooLarge, AlreadyExists."""
    require_workspace(actor, workspace)
    path = draft.path or ""
    names.check_path(path)
    limits.check_labels(draft.labels)
    limits.check_text("A description", draft.description)
    require(actor, "write", Target(workspace, "variable", path))
    text = await _plaintext_of(platform, workspace, path, draft, is_secret=bool(draft.is_secret)) or ""
    new = await _new(platform, workspace, replace(_blank(draft), path=path), text, is_secret=bool(draft.is_secret))

    async def write(conn: Connection) -> None:
        await folders.ensure(conn, actor, workspace, path)
        if not await variables.insert(conn, workspace, new, actor.username):
            raise AlreadyExists(f"The variable {path} exists already.", hint="Change it with variables/update.")
        await audit.record(conn, actor, "variables.create", "Created", path, {"is_secret": new.sealed is not None})

    await platform.db.retrying(write)


async def update(platform: Platform, actor: Actor, workspace: str, path: str, draft: VariableDraft) -> None:
    """Change the fields of the draft that are not None; `draft.path` moves the variable.

    A secret becomes plain only with a new value. Raises NotFound, Forbidden, BadRequest, TooLarge, AlreadyExists,
    VersionConflict.
    """
    require_workspace(actor, workspace)
    target = draft.path or path
    names.check_path(target)
    limits.check_labels(draft.labels)
    limits.check_text("A description", draft.description)
    before, _ = await get(platform, actor, workspace, path)
    is_secret = before.is_secret if draft.is_secret is None else draft.is_secret
    new_value = await _plaintext_of(platform, workspace, target, draft, is_secret=is_secret)
    # Outside the transaction, because the first secret of a workspace creates its key.
    seals = before.is_secret or is_secret
    key = await secrets.newest_key(platform.db, platform.keys, workspace) if seals else None

    async def write(conn: Connection) -> None:
        row = await variables.get(conn, workspace, path, lock=True)
        row = items.require_item(actor, "write", workspace, "variable", path, row)
        theirs = {"value": None if row.is_secret else row.value, "description": row.description}
        items.check_version("variable", path, row.edited_at, draft.base_version, theirs)
        if target != path:
            taken = await variables.get(conn, workspace, target)
            await items.require_free(conn, actor, workspace, "variable", target, taken)
        new = _changed(platform, workspace, row, replace(draft, path=target), new_value, key)
        await variables.update(conn, workspace, path, new, actor.username)
        parameters = {"is_secret": new.sealed is not None, "value": new_value is not None}
        await audit.record(conn, actor, "variables.update", "Updated", path, parameters | items.moved(path, target))

    await platform.db.retrying(write)


async def get(
    platform: Platform, actor: Actor, workspace: str, path: str, *, decrypt: bool = False
) -> tuple[VariableRow, str | None]:
    """Return a variable and its value. The value of a secret is None unless `decrypt`, which opens it like
    `secret_access.read`.

    Raises NotFound, SecretIsWriteOnly.
    """
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        row = await variables.get(conn, workspace, path)
    found = items.require_item(actor, "read", workspace, "variable", path, row)
    if not (found.is_secret and decrypt):
        return found, found.value
    return found, decode_string(await secret_access.read(platform, actor, workspace, "variable", path))


async def exists(platform: Platform, actor: Actor, workspace: str, path: str) -> bool:
    """Return whether the actor can see a variable at this path."""
    return await items.exists(actor, workspace, get(platform, actor, workspace, path))


async def list_page(platform: Platform, actor: Actor, workspace: str, filter: VariableFilter) -> list[VariableRow]:
    """Return a page of the variables that the actor may read, by path. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)
    seen = replace(filter, **readable(actor, "variable").conditions())
    async with platform.db.acquire() as conn:
        return await variables.list_page(conn, workspace, seen)


async def delete(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    """Delete a variable. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)

    async def write(conn: Connection) -> None:
        row = await variables.get(conn, workspace, path, lock=True)
        items.require_item(actor, "write", workspace, "variable", path, row)
        await variables.delete(conn, workspace, path)
        await audit.record(conn, actor, "variables.delete", "Delete", path)

    await platform.db.retrying(write)


async def encrypt(platform: Platform, actor: Actor, workspace: str, text: str) -> str:
    """Return a ciphertext of `text`, which `create` and `update` accept as `already_encrypted` in this workspace."""
    require(actor, "read", Target(workspace, "workspace"))
    key = await secrets.newest_key(platform.db, platform.keys, workspace)
    sealed = secrets.seal(key, SecretLocation(workspace, _TRANSPORT, ""), _encoded(text))
    return base64.b64encode(_VERSION.pack(key.version) + sealed).decode()


async def _plaintext_of(
    platform: Platform, workspace: str, path: str, draft: VariableDraft, *, is_secret: bool
) -> str | None:
    """Return the value of a draft, decrypted if it is encrypted.

    Only values of secrets are encrypted. An empty one is that of an archive, which contains none: the value remains.
    """
    is_encrypted = draft.already_encrypted and is_secret
    if draft.value is None or (is_encrypted and not draft.value):
        return None
    text = await _decrypted(platform, workspace, path, draft.value) if is_encrypted else draft.value
    if len(text) > MAX_VALUE_LENGTH:
        raise TooLarge(f"A variable's value has at most {MAX_VALUE_LENGTH} characters.")
    return text


async def _decrypted(platform: Platform, workspace: str, path: str, value: str) -> str:
    if value.startswith(ENCRYPTED):
        return await export_keys.decrypt(platform, workspace, path, value)
    try:
        packed = base64.b64decode(value, validate=True)
        version = _VERSION.unpack_from(packed)[0]
    except (ValueError, struct.error) as error:
        raise BadRequest("The value is not encrypted.", hint="Use the result of variables/encrypt.") from error
    async with platform.db.acquire() as conn:
        row = await data_keys.get(conn, workspace, version) if version < 1 << 31 else None
    try:
        if row is None:
            raise secrets.SecretUnreadable("Its key does not exist.")
        key = secrets.unwrap(platform.keys, workspace, row)
        return secrets.unseal(key, SecretLocation(workspace, _TRANSPORT, ""), packed[_VERSION.size :]).decode(
            "utf-8", "replace"
        )
    except secrets.SecretUnreadable as error:
        raise BadRequest(
            "The encrypted value cannot be decrypted in this workspace.",
            hint="Use the result of variables/encrypt of this workspace.",
        ) from error


async def _new(platform: Platform, workspace: str, blank: NewVariable, text: str, *, is_secret: bool) -> NewVariable:
    if not is_secret:
        return replace(blank, value=text)
    return _sealed(workspace, blank, text, await secrets.newest_key(platform.db, platform.keys, workspace))


def _changed(
    platform: Platform, workspace: str, row: VariableRow, draft: VariableDraft, value: str | None, key: DataKey | None
) -> NewVariable:
    """Apply a draft to a variable.

    The text of a secret is opened only to be sealed for another path, and never shown.
    """
    is_secret = row.is_secret if draft.is_secret is None else draft.is_secret
    if row.is_secret and not is_secret and value is None:
        raise BadRequest("A secret cannot be made readable.", hint="Send a new `value` with is_secret false.")
    base = _blank(draft, row)
    text = value
    if text is None and row.sealed is None:
        text = row.value or ""
    if text is None:
        assert row.sealed is not None and row.key is not None
        opens = secrets.unwrap(platform.keys, workspace, row.key)
        text = secrets.unseal(opens, SecretLocation(workspace, "variable", row.path), row.sealed).decode(
            "utf-8", "surrogatepass"
        )
    if not is_secret:
        return replace(base, value=text)
    if key is None:
        raise Conflict(f"The variable {row.path} was made a secret concurrently.", hint="Send the change again.")
    return _sealed(workspace, base, text, key)


def _sealed(workspace: str, blank: NewVariable, text: str, key: DataKey) -> NewVariable:
    sealed = secrets.seal(key, SecretLocation(workspace, "variable", blank.path), _encoded(text))
    return replace(blank, sealed=sealed, key_version=key.version)


def _blank(draft: VariableDraft, row: VariableRow | None = None) -> NewVariable:
    """Return the variable of a draft without its value."""
    fields = {
        name: value if (value := getattr(draft, name)) is not None else getattr(row, name, None)
        for name in ("account", "is_oauth", "expires_at", "labels", "ws_specific")
    }
    description = draft.description if draft.description is not None else row.description if row else ""
    return NewVariable(draft.path or "", None, None, None, description, **fields)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
