"""Routes of the usage of workspaces."""

from __future__ import annotations

from typing import Any, get_args

from litestar import get
from litestar.params import FromPath, FromQuery

from orvanta_platform.errors import BadRequest
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of
from orvanta_platform.http.schemas import usage as schemas
from orvanta_platform.services.maintenance import usage
from orvanta_platform.services.maintenance.usage import Span

_SPANS: dict[str, Span] = {each: each for each in get_args(Span)}


@get("/api/w/{workspace:str}/usage", opt=call(answer=schemas.Usage))
async def workspace_usage(request: AnyRequest, workspace: FromPath[str], last: FromQuery[str] = "30d") -> schemas.Usage:
    """Runs and run time of a workspace per day, item and member over the last `7d`, `30d` or `90d`. Admins only.

    They are recorded once an hour.
    """
    return schemas.of_workspace(
        await usage.of_workspace(platform_of(request), actor_of(request), workspace, _span(last))
    )


@get("/api/usage", opt=call(answer=schemas.InstanceUsage))
async def instance_usage(request: AnyRequest, last: FromQuery[str] = "30d") -> schemas.InstanceUsage:
    """Runs, run time and size of the files of each workspace. Superadmins only."""
    return schemas.of_instance(await usage.of_instance(platform_of(request), actor_of(request), _span(last)))


def _span(text: str) -> Span:
    if text not in _SPANS:
        raise BadRequest("The value of last is invalid.", hint=f"Use one of {', '.join(_SPANS)}.")
    return _SPANS[text]


ROUTES: list[Any] = [workspace_usage, instance_usage]
