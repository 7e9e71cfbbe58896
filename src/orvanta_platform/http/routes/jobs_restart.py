"""Routes that repeat runs: from a node, from where they failed, or from the start."""

from __future__ import annotations

from uuid import UUID

from litestar import MediaType, Router, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from msgspec import UnsetType

from orvanta_platform.http import streaming
from orvanta_platform.http.openapi import AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, live_actor_of, platform_of, small_body_of
from orvanta_platform.http.routes.jobs_run import MAX_BODY, RunCall, run_call
from orvanta_platform.http.run_input import args_of
from orvanta_platform.http.schemas import restarts
from orvanta_platform.http.schemas.restarts import (
    BatchRerunBody,
    RestartBody,
    RestartPreview,
    RestartPreviewBody,
    RetryBody,
)
from orvanta_platform.services.runs import bulk as selecting
from orvanta_platform.services.runs import rerun as rerunning
from orvanta_platform.services.runs import restart as restarting
from orvanta_platform.services.runs.restart import RestartRequest

_JOBS = "/api/w/{workspace:str}/jobs"


@post(f"{_JOBS}/restart/f/{{id:uuid}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=RestartBody))
async def restart(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], call: NamedDependency[RunCall]
) -> str:
    """Start a run that continues this one at a node, with the results from before it. Returns the new run's id."""
    point = restarts.point(await body_of(request, RestartBody))
    return str(await restarting.restart(call.platform, call.actor, workspace, id, point, call.options))


@post(
    f"{_JOBS}/restart_preview/f/{{id:uuid}}", status_code=200, opt=shape(body=RestartPreviewBody, answer=RestartPreview)
)
async def preview_restart(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> RestartPreview:
    """Preview a restart: the nodes that it would keep and run. Nothing is started."""
    body = await body_of(request, RestartPreviewBody)
    point = restarts.point(body)
    if not isinstance(body.value, UnsetType):
        value = bytes(body.value)
        platform, actor = platform_of(request), actor_of(request)
        return restarts.preview(await restarting.preview_edited(platform, actor, workspace, value, id, point))
    return restarts.preview(await restarting.preview(platform_of(request), actor_of(request), workspace, id, point))


@post(f"{_JOBS}/retry/f/{{id:uuid}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=RetryBody))
async def retry(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], call: NamedDependency[RunCall]
) -> str:
    """Start a run that continues this one where it failed or was cancelled. Returns the new run's id."""
    point = RestartRequest(version=(await body_of(request, RetryBody)).flow_version)
    return str(await restarting.restart(call.platform, call.actor, workspace, id, point, call.options))


@post(f"{_JOBS}/retry_preview/f/{{id:uuid}}", status_code=200, opt=shape(body=RetryBody, answer=RestartPreview))
async def preview_retry(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> RestartPreview:
    """Preview a retry: the nodes that it would keep and run. Nothing is started."""
    point = RestartRequest(version=(await body_of(request, RetryBody)).flow_version)
    return restarts.preview(await restarting.preview(platform_of(request), actor_of(request), workspace, id, point))


@post(f"{_JOBS}/rerun/{{id:uuid}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=AnyObject))
async def rerun(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    call: NamedDependency[RunCall],
    latest: FromQuery[bool] = False,
) -> str:
    """Run the same script or workflow again, with the inputs in the body or, without one, the same inputs.

    Returns the new run's id.
    """
    args = call.args(await args_of(request)) if await request.body() else None
    return str(await rerunning.rerun(call.platform, call.actor, workspace, id, args, call.options, latest=latest))


@post(f"{_JOBS}/run/batch_rerun_jobs", status_code=201, media_type=MediaType.TEXT, opt=shape(body=BatchRerunBody))
async def rerun_many(
    request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall], latest: FromQuery[bool] = False
) -> Stream:
    """Rerun many runs. Each line of the response is a new run's id, or `Error: ` with the old id and the reason."""
    body = await small_body_of(request, BatchRerunBody)
    made = await selecting.rerun(
        call.platform,
        call.caller,
        workspace,
        body.job_ids,
        restarts.options(body.script_options_by_path),
        restarts.options(body.flow_options_by_path),
        call.options,
        latest=latest,
    )
    return streaming.download((restarts.line(each) async for each in made), MediaType.TEXT, status=201)


@post(f"{_JOBS}/queue/cancel_selection", status_code=200, opt=shape(body=list[UUID], answer=list[UUID]))
async def cancel_many(
    request: AnyRequest, workspace: FromPath[str], force_cancel: FromQuery[bool] = False
) -> list[UUID]:
    """Cancel runs and jobs, at most 1000. Returns the ids of those that existed."""
    chosen = await small_body_of(request, list[UUID])
    return await selecting.cancel(platform_of(request), live_actor_of(request), workspace, chosen, force=force_cancel)


ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/",
        route_handlers=[restart, retry, rerun, rerun_many],
        dependencies={"call": Provide(run_call)},
        request_max_body_size=MAX_BODY,
    ),
    preview_restart,
    preview_retry,
    cancel_many,
]
