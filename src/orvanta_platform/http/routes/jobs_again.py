"""The calls that repeat runs: from a node, from where they failed, or whole."""

from __future__ import annotations

from uuid import UUID

from litestar import MediaType, Router, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.http.routes.jobs_run import RunCall, run_call
from orvanta_platform.http.schemas import again
from orvanta_platform.http.schemas.again import RestartBody, RestartPreview
from orvanta_platform.services import restarting
from orvanta_platform.services.restarting import Point

_JOBS = "/api/w/{workspace:str}/jobs"


@post(f"{_JOBS}/restart/f/{{id:uuid}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=RestartBody))
async def restart(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], call: NamedDependency[RunCall]
) -> str:
    """Start a run that goes on from this one at a node, with all that had ended before it; the answer is its id."""
    point = again.point(await body_of(request, RestartBody))
    return str(await restarting.restart(call.platform, call.actor, workspace, id, point, call.options))


@post(f"{_JOBS}/restart_preview/f/{{id:uuid}}", status_code=200, opt=shape(body=RestartBody, answer=RestartPreview))
async def preview_restart(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> RestartPreview:
    """What such a restart would keep and run. Nothing is started."""
    point = again.point(await body_of(request, RestartBody))
    return again.preview(await restarting.preview(platform_of(request), actor_of(request), workspace, id, point))


@post(f"{_JOBS}/retry/f/{{id:uuid}}", status_code=201, media_type=MediaType.TEXT, opt=shape())
async def retry(workspace: FromPath[str], id: FromPath[UUID], call: NamedDependency[RunCall]) -> str:
    """Start a run that goes on from where this one failed or was cancelled; the answer is its id."""
    return str(await restarting.restart(call.platform, call.actor, workspace, id, Point(), call.options))


@post(f"{_JOBS}/retry_preview/f/{{id:uuid}}", status_code=200, opt=shape(answer=RestartPreview))
async def preview_retry(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> RestartPreview:
    """What such a retry would keep and run. Nothing is started."""
    return again.preview(await restarting.preview(platform_of(request), actor_of(request), workspace, id, Point()))


ROUTES: list[HTTPRouteHandler | Router] = [
    Router("/", route_handlers=[restart, retry], dependencies={"call": Provide(run_call)}),
    preview_restart,
    preview_retry,
]
