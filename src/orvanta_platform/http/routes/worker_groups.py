"""Routes of the settings of worker groups."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Response, delete, get, post
from litestar.params import FromPath, FromQuery
from msgspec import UNSET

from orvanta_platform.control.worker_groups import WorkerGroup
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.http.schemas.workers import NamedWorkerGroup, SetWorkerGroup
from orvanta_platform.services.maintenance import worker_groups


@get("/api/configs/list_worker_groups", opt=call(answer=list[NamedWorkerGroup]))
async def list_worker_groups(request: AnyRequest) -> Response[bytes]:
    """List the worker groups that have settings or live workers.

    Environment variables are shown to superadmins and devops only.
    """
    found = await worker_groups.list_groups(platform_of(request), actor_of(request))
    return answers.json([NamedWorkerGroup(each.name, each.group, each.version or UNSET) for each in found])


@get("/api/configs/get/{name:str}", opt=call(answer=WorkerGroup))
async def get_worker_group(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Get the settings of a worker group. Superadmins and devops only."""
    return answers.json(await worker_groups.get_group(platform_of(request), actor_of(request), name))


@post("/api/configs/update/{name:str}", status_code=200, media_type=MediaType.TEXT, opt=call(body=SetWorkerGroup))
async def update_worker_group(request: AnyRequest, name: FromPath[str]) -> str:
    """Replace the settings of a worker group. Its workers apply them within seconds. Superadmins only.

    Answers 409 `version_conflict` if the group was changed since `base_version`; details have both values.
    """
    body = await body_of(request, SetWorkerGroup)
    platform, actor = platform_of(request), actor_of(request)
    await worker_groups.set_group(platform, actor, name, body.settings(), body.base_version)
    return f"Set {name}."


@delete("/api/configs/delete/{name:str}", status_code=200, media_type=MediaType.TEXT, opt=call())
async def delete_worker_group(
    request: AnyRequest, name: FromPath[str], base_version: FromQuery[str | None] = None
) -> str:
    """Delete the settings of a worker group. Its workers return to those of their environment. Superadmins only.

    Answers 409 `version_conflict` if the group was changed since `base_version`.
    """
    await worker_groups.delete_group(platform_of(request), actor_of(request), name, base_version)
    return f"Deleted {name}."


ROUTES: list[Any] = [list_worker_groups, get_worker_group, update_worker_group, delete_worker_group]
