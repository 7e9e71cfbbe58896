"""Routes of the key that encrypts the secrets in archives of a workspace."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of, small_body_of
from orvanta_platform.http.schemas import export_keys as schemas
from orvanta_platform.services.secrets import export_keys

_KEY = "/api/w/{workspace:str}/workspaces/encryption_key"


@get(_KEY, opt=call(answer=schemas.EncryptionKey))
async def get_encryption_key(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the key of encrypted secrets in archives. Admins only; recorded in the audit trail.

    The keys that seal stored secrets never leave the server.
    """
    key = await export_keys.get_key(platform_of(request), actor_of(request), workspace)
    return answers.json(schemas.EncryptionKey(key))


@post(_KEY, status_code=200, opt=call(body=schemas.SetEncryptionKey))
async def set_encryption_key(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Set the key of encrypted secrets in archives: that of the workspace whose archives are imported. Admins only.

    Stored secrets are not encrypted with it, so that `skip_reencrypt` has no effect.
    """
    body = await small_body_of(request, schemas.SetEncryptionKey)
    await export_keys.set_key(platform_of(request), actor_of(request), workspace, body.new_key)
    return answers.text(f"Set the encryption key of the workspace {workspace}.")


ROUTES: list[Any] = [get_encryption_key, set_encryption_key]
