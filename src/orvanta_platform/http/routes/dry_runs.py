"""Routes of dry runs of workflows."""

from __future__ import annotations

from uuid import UUID

from litestar import MediaType, Response, Router, get, post
from litestar.params import FromPath, FromQuery
from msgspec import UnsetType

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    decode_envelope,
    item_path,
    platform_of,
    whole_body,
)
from orvanta_platform.http.routes.jobs_run import MAX_BODY
from orvanta_platform.http.run_input import args_of_body
from orvanta_platform.http.schemas import dry_runs as schemas
from orvanta_platform.services.catalog import dry_runs
from orvanta_platform.services.run_views import jobs

_D = "/api/w/{workspace:str}/jobs/dry_run"


@post(f"{_D}/f/{{path:path}}", status_code=201, media_type=MediaType.TEXT, opt=call(body=schemas.DryRunBody))
async def start_dry_run(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> str:
    """Start a dry run of the workflow at a path. Returns the run's id.

    Decisions are those of a run with this input. Nodes that may write or send are not executed: recorded answers or
    samples are their results. The run acts for the caller.
    """
    platform, actor = platform_of(request), actor_of(request)
    await jobs.require_room_for_runs(platform, actor, workspace)
    body = decode_envelope(await whole_body(request) or b"{}", schemas.DryRunBody)
    args, options = _args(body), schemas.options(body)
    return str(await dry_runs.start_flow(platform, actor, workspace, item_path(path), args, options))


@post(f"{_D}/preview_flow", status_code=201, media_type=MediaType.TEXT, opt=call(body=schemas.DryRunPreviewBody))
async def start_dry_run_of_preview(request: AnyRequest, workspace: FromPath[str]) -> str:
    """Start a dry run of a workflow that is not deployed. Returns the run's id."""
    platform, actor = platform_of(request), actor_of(request)
    await jobs.require_room_for_runs(platform, actor, workspace)
    body = decode_envelope(await whole_body(request), schemas.DryRunPreviewBody)
    args, options = _args(body), schemas.options(body)
    value, path = bytes(body.value), body.path or None
    return str(await dry_runs.start_preview(platform, actor, workspace, value, path, args, options))


@get(f"{_D}/get/{{id:uuid}}", opt=call(answer=schemas.DryRunReport))
async def get_dry_run(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], after: FromQuery[int] = 0
) -> Response[bytes]:
    """Get the report on a dry run: the executions that it answered for, with their inputs; at most 1000 a page."""
    found = await dry_runs.report(
        platform_of(request), actor_of(request), workspace, id, after=max(after, 0), limit=dry_runs.MAX_ENTRIES
    )
    return answers.json(schemas.report(found))


def _args(body: schemas.DryRunBody) -> bytes:
    return args_of_body(b"" if isinstance(body.args, UnsetType) else bytes(body.args))


ROUTES = [
    Router(
        "/",
        route_handlers=[start_dry_run, start_dry_run_of_preview, get_dry_run],
        request_max_body_size=MAX_BODY,
    )
]
