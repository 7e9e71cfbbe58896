"""Calls of the published clients about settings that workspaces do not have. They change nothing."""

from __future__ import annotations

from typing import Any

from litestar import post
from litestar.params import FromPath

from orvanta_platform.control import permissions
from orvanta_platform.control.permissions import Target
from orvanta_platform.errors import NotYetSupported
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, small_body_of
from orvanta_platform.http.schemas import unsupported_settings as schemas

_S = "/api/w/{workspace:str}/workspaces"


@post(f"{_S}/edit_large_file_storage_config", status_code=200, opt=call(body=schemas.EditLargeFileStorage, answer=Any))
async def edit_large_file_storage_config(request: AnyRequest, workspace: FromPath[str]) -> None:
    """Set the object storage of the workspace: 400 `not_yet_supported`, except to have none of its own. Admins only.

    Files of all workspaces are in the object storage of the installation, separated by prefixes, because with an
    object storage per workspace the server would send requests to addresses that members choose, with secrets that only
    jobs read.
    """
    permissions.require(actor_of(request), "admin", Target(workspace, "workspace"))
    if (await small_body_of(request, schemas.EditLargeFileStorage)).large_file_storage:
        raise NotYetSupported(
            "A workspace cannot have an object storage of its own.",
            hint="Files are in the storage of the installation. Scripts reach other buckets by a resource of type s3.",
        )


@post(f"{_S}/critical_alerts/mute", status_code=200, opt=call(body=schemas.MuteCriticalAlerts, answer=Any))
async def mute_critical_alerts(request: AnyRequest, workspace: FromPath[str]) -> None:
    """Mute the critical alerts of the workspace: 400 `not_yet_supported`, except not to mute them. Admins only.

    Alerts are those of the installation; their conditions and channels are settings of superadmins.
    """
    permissions.require(actor_of(request), "admin", Target(workspace, "workspace"))
    if (await small_body_of(request, schemas.MuteCriticalAlerts)).mute_critical_alerts:
        raise NotYetSupported(
            "A workspace cannot mute alerts.", hint="Superadmins change the conditions of alerts of the installation."
        )


ROUTES: list[Any] = [edit_large_file_storage_config, mute_critical_alerts]
