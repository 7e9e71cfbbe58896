"""Calls of the published clients about settings that workspaces do not have. They change nothing."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.params import FromPath

from orvanta_platform.control import permissions
from orvanta_platform.control.permissions import Target
from orvanta_platform.errors import NotYetSupported
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, small_body_of
from orvanta_platform.http.schemas import unsupported_settings as schemas

_S = "/api/w/{workspace:str}/workspaces"


@get(f"{_S}/encryption_key", opt=call(answer=schemas.EncryptionKey))
async def get_encryption_key(request: AnyRequest, workspace: FromPath[str]) -> None:
    """Get the key of encrypted secrets in archives: `not_yet_supported`, as archives contain no secrets. Admins only.

    The keys that seal the secrets of a workspace never leave the server.
    """
    _refuse_key(request, workspace)


@post(f"{_S}/encryption_key", status_code=200, opt=call(body=schemas.SetEncryptionKey))
async def set_encryption_key(request: AnyRequest, workspace: FromPath[str]) -> None:
    """Set the key of encrypted secrets in archives: `not_yet_supported`, as archives contain no secrets. Admins only.

    `orvanta admin rotate-key` replaces the key of the installation, which protects those that seal the secrets.
    """
    _refuse_key(request, workspace)


@post(f"{_S}/edit_large_file_storage_config", status_code=200, opt=call(body=schemas.EditLargeFileStorage, answer=Any))
async def edit_large_file_storage_config(request: AnyRequest, workspace: FromPath[str]) -> None:
    """Set the object storage of the workspace: `not_yet_supported`, except to have none of its own. Admins only.

    Files of all workspaces are in the object storage of the installation, separated by prefixes.
    """
    _require_admin(request, workspace)
    if (await small_body_of(request, schemas.EditLargeFileStorage)).large_file_storage:
        raise NotYetSupported(
            "A workspace cannot have an object storage of its own.",
            hint="Files are in the storage of the installation. Scripts reach other buckets by a resource of type s3.",
        )


def _refuse_key(request: AnyRequest, workspace: str) -> None:
    _require_admin(request, workspace)
    raise NotYetSupported(
        "Workspaces have no key for the export of secrets: archives contain none.",
        hint="A backup contains the sealed secrets, and the key of the installation opens them: see `orvanta backup`.",
    )


def _require_admin(request: AnyRequest, workspace: str) -> None:
    permissions.require(actor_of(request), "admin", Target(workspace, "workspace"))


ROUTES: list[Any] = [get_encryption_key, set_encryption_key, edit_large_file_storage_config]
