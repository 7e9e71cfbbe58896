"""Export key of a workspace: the secrets in its archives are encrypted with it. Stored secrets are not."""

from __future__ import annotations

import secrets as random
from collections.abc import Sequence

from orvanta_platform.control import audit, export_secrets, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.control.secrets import SecretLocation
from orvanta_platform.db import export_keys as rows
from orvanta_platform.db.export_keys import SealedText
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.platform import Platform

MIN_LENGTH = 32
MAX_LENGTH = 256
"""Length of a key in characters."""
MAX_RECORDED = 100
"""Maximum number of paths in the audit row of an export."""
_KIND = "export"
_SIZE = 32


async def get_key(platform: Platform, actor: Actor, workspace: str) -> str:
    """Return the export key of a workspace; the first call creates it.

    Raises NotFound, Forbidden, also for tokens with limits.
    """
    require_admin(actor, workspace, "read the encryption key of a workspace")
    key = await _ensure(platform, workspace)
    async with platform.db.transaction() as conn:
        await audit.record(conn, actor, "workspaces.read_encryption_key", "Execute", workspace)
    return key


async def set_key(platform: Platform, actor: Actor, workspace: str, key: str) -> None:
    """Set the export key of a workspace, for example to that of the workspace whose archives are imported.

    Raises NotFound, Forbidden, also for tokens with limits, BadRequest.
    """
    require_admin(actor, workspace, "set the encryption key of a workspace")
    if not MIN_LENGTH <= len(key) <= MAX_LENGTH or not key.isascii() or not key.isprintable():
        raise BadRequest(
            f"The key must have {MIN_LENGTH} to {MAX_LENGTH} printable ASCII characters.",
            hint="Use the key of the workspace that the archive is from, or `openssl rand -hex 32`.",
        )
    data_key = await secrets.newest_key(platform.db, platform.keys, workspace)
    sealed = secrets.seal(data_key, _location(workspace), key.encode())
    async with platform.db.transaction() as conn:
        await rows.store(conn, workspace, sealed, data_key.version)
        await audit.record(conn, actor, "workspaces.edit_encryption_key", "Updated", workspace)


async def encrypted_values(platform: Platform, actor: Actor, workspace: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the values of secret variables, encrypted with the export key, by path.

    Raises Forbidden, also for tokens with limits, SecretUnreadable.
    """
    require_admin(actor, workspace, "export secrets")
    key = await _ensure(platform, workspace)
    async with platform.db.transaction() as conn:
        found = await rows.list_secrets(conn, workspace, paths)
        parameters = {"secrets": len(found), "paths": sorted(found)[:MAX_RECORDED]}
        await audit.record(conn, actor, "variables.export", "Execute", workspace, parameters)
    return {path: export_secrets.seal(key, path, _text_of(platform, workspace, path, found[path])) for path in found}


async def decrypt(platform: Platform, workspace: str, path: str, value: str) -> str:
    """Return the text of a result of `encrypted_values` for the variable at a path. Raises BadRequest."""
    async with platform.db.acquire() as conn:
        row = await rows.get(conn, workspace)
    text = None if row is None else export_secrets.unseal(_opened(platform, workspace, row), path, value)
    if text is None:
        raise BadRequest(
            f"The encrypted value of {path[:200]} cannot be decrypted in this workspace.",
            hint="It must have this path in the archive. An admin sets the key of the workspace that it is from.",
        )
    return text.decode("utf-8", "replace")


def require_admin(actor: Actor, workspace: str, doing: str) -> None:
    """Raise NotFound or Forbidden unless the actor is an admin without limits."""
    require(actor, "admin", Target(workspace, "workspace"))
    refuse_limited(actor, doing, bound=True)


async def _ensure(platform: Platform, workspace: str) -> str:
    """Return the key of a workspace, which is created if it has none."""
    async with platform.db.acquire() as conn:
        row = await rows.get(conn, workspace)
    if row is None:
        data_key = await secrets.newest_key(platform.db, platform.keys, workspace)
        sealed = secrets.seal(data_key, _location(workspace), random.token_hex(_SIZE).encode())
        async with platform.db.acquire() as conn:
            await rows.insert(conn, workspace, sealed, data_key.version)
            row = await rows.get(conn, workspace)
    assert row is not None
    return _opened(platform, workspace, row)


def _opened(platform: Platform, workspace: str, row: SealedText) -> str:
    data_key = secrets.unwrap(platform.keys, workspace, row.key)
    return secrets.unseal(data_key, _location(workspace), row.sealed).decode()


def _text_of(platform: Platform, workspace: str, path: str, row: SealedText) -> bytes:
    data_key = secrets.unwrap(platform.keys, workspace, row.key)
    return secrets.unseal(data_key, SecretLocation(workspace, "variable", path), row.sealed)


def _location(workspace: str) -> SecretLocation:
    return SecretLocation(workspace, _KIND, workspace)
