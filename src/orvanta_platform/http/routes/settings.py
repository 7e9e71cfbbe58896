"""Routes of the settings of the instance."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of, small_body_of
from orvanta_platform.http.schemas import settings as schemas
from orvanta_platform.services.access import instance_settings


@get("/api/settings/list_global", opt=call(answer=list[schemas.InstanceSetting]))
async def list_settings(request: AnyRequest) -> Response[bytes]:
    """List the settings of the instance. Superadmins only."""
    platform = platform_of(request)
    found = await instance_settings.list_all(platform.db, platform.settings, actor_of(request))
    return answers.json([schemas.setting(each) for each in found])


@get("/api/settings/list_environment", opt=call(answer=list[schemas.ProcessSetting]))
async def list_environment_settings(request: AnyRequest) -> Response[bytes]:
    """List the settings that the environment of this server determines. Superadmins only."""
    rows = instance_settings.list_environment(platform_of(request).settings, actor_of(request))
    return answers.json([schemas.process_setting(row) for row in rows])


@get("/api/settings/global/{name:str}", opt=call(answer=Any))
async def get_setting(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Get the effective value of a setting; a secret field is shown as `***`. Superadmins only."""
    platform = platform_of(request)
    found = await instance_settings.get(platform.db, platform.settings, actor_of(request), name)
    return answers.json(found.value)


@post("/api/settings/global/{name:str}", status_code=200, opt=call(body=schemas.SetSetting))
async def set_setting(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Set a setting, or return it to its default. Takes effect in every server within a second. Superadmins only.

    Answers 409 `version_conflict` if the setting was changed since `base_version`; details have both values. Answers
    409 `set_by_environment` if an environment variable of the server determines the value.
    """
    body = await small_body_of(request, schemas.SetSetting)
    platform = platform_of(request)
    await instance_settings.change(
        platform.db, platform.settings, platform.keys, actor_of(request), name, body.value, body.base_version
    )
    return answers.text(f"Set {name}." if body.value is not None else f"{name} has its default again.")


ROUTES = [list_settings, list_environment_settings, get_setting, set_setting]
