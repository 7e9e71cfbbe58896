"""Routes of flow user states: values that the nodes of a run share, in addition to their results."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import MediaType, Response, get, post
from litestar.params import FromPath

from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of
from orvanta_platform.services.run_views import user_states

_STATE = "/api/w/{workspace:str}/jobs/flow/user_states/{id:uuid}/{key:str}"


@get(_STATE, opt=shape(answer=Any))
async def get_flow_user_state(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], key: FromPath[str]
) -> Response[bytes]:
    """Get the run's state under a key, `null` if it is not set. `id` is that of the run or of one of its jobs."""
    found = await user_states.get(platform_of(request), actor_of(request), workspace, id, key)
    return Response(found, media_type=MediaType.JSON)


@post(_STATE, status_code=200, media_type=MediaType.TEXT, opt=shape(body=Any))
async def set_flow_user_state(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], key: FromPath[str]
) -> str:
    """Set the run's state under a key to any JSON. Expressions read it as `context.<key>`."""
    raw = (await request.body()).strip() or b"null"
    await user_states.put(platform_of(request), actor_of(request), workspace, id, key, raw)
    return "set"


ROUTES: list[Any] = [get_flow_user_state, set_flow_user_state]
