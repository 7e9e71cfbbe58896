"""Routes that read one run or job, and those that cancel it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import MediaType, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from orvanta_platform.errors import NotFound
from orvanta_platform.http import answers, ranges, streaming
from orvanta_platform.http.events import checked_offset, update_stream
from orvanta_platform.http.openapi import AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, live_actor_of, platform_of
from orvanta_platform.http.schemas import jobs as schemas
from orvanta_platform.http.schemas.jobs import CompletedJob, JobUpdate, QueuedJob, ResultMaybe, Timing
from orvanta_platform.http.schemas.runs import CancelBody
from orvanta_platform.services.run_views import deletion, jobs, results, updates, whole_logs
from orvanta_platform.services.run_views.results import StoredValue
from orvanta_platform.services.runs import cancellation

_U = "/api/w/{workspace:str}/jobs_u"
_JOBS = "/api/w/{workspace:str}/jobs"


@get(f"{_U}/get/{{id:uuid}}", opt=shape(answer=QueuedJob | CompletedJob))
async def get_job(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    no_logs: FromQuery[bool] = False,
    no_code: FromQuery[bool] = False,
) -> QueuedJob | CompletedJob:
    """Get a run or job. For a workflow, the status of every node is included."""
    detail = await jobs.get(
        platform_of(request), actor_of(request), workspace, id, with_logs=not no_logs, with_code=not no_code
    )
    return schemas.detailed(detail)


@get(f"{_U}/completed/get/{{id:uuid}}", opt=shape(answer=CompletedJob))
async def get_completed(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> CompletedJob:
    """Get a completed run or job. 404 while it is queued or running."""
    found = schemas.detailed(await jobs.get(platform_of(request), actor_of(request), workspace, id))
    if isinstance(found, QueuedJob):
        raise NotFound(f"The job {id} has not ended.", hint="Wait for it with jobs_u/getupdate.")
    return found


@get(f"{_U}/completed/get_result/{{id:uuid}}", opt=shape(answer=Any))
async def get_result(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> Stream:
    """Get only the result, or with `Range: bytes=…` a part of its JSON text."""
    return await _value(request, await results.stored_result(platform_of(request), actor_of(request), workspace, id))


@get(f"{_U}/completed/get_result_maybe/{{id:uuid}}", opt=shape(answer=ResultMaybe))
async def get_result_maybe(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> ResultMaybe:
    """Get the result if there is one. Never 404 for a job that exists."""
    return schemas.result_maybe(await results.find_result(platform_of(request), actor_of(request), workspace, id))


@get(f"{_U}/completed/get_timing/{{id:uuid}}", opt=shape(answer=Timing))
async def get_timing(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> Timing:
    """Get the times of creation and start, and the duration. 404 while it is queued or running."""
    row = await jobs.completed(platform_of(request), actor_of(request), workspace, id)
    return schemas.timing(row)


@post(f"{_JOBS}/completed/delete/{{id:uuid}}", status_code=200, opt=shape(answer=CompletedJob))
async def delete_completed(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> CompletedJob:
    """Delete the arguments, results and logs of a completed run, which remains in the history. Admins only."""
    platform, actor = platform_of(request), actor_of(request)
    await deletion.delete(platform, actor, workspace, id)
    found = schemas.detailed(await jobs.get(platform, actor, workspace, id, with_logs=False, with_code=False))
    assert isinstance(found, CompletedJob)
    return found


@get(f"{_U}/get_flow_debug_info/{{id:uuid}}", opt=shape(answer=QueuedJob | CompletedJob))
async def get_flow_debug_info(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]
) -> QueuedJob | CompletedJob:
    """Get a run with its arguments, its document, and the status of each node: what led to its state."""
    return schemas.detailed(await jobs.get(platform_of(request), actor_of(request), workspace, id))


@get(f"{_U}/getupdate/{{id:uuid}}", opt=shape(answer=JobUpdate))
async def get_update(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    running: FromQuery[bool | None] = None,
    log_offset: FromQuery[int] = 0,
    stream_offset: FromQuery[int | None] = None,
    no_logs: FromQuery[bool] = False,
) -> JobUpdate:
    """Wait up to two seconds for an update. Streamed text is included if an offset for it is sent."""
    found = await updates.update(
        platform_of(request),
        live_actor_of(request),
        workspace,
        id,
        running=running,
        log_offset=max(0, log_offset),
        stream_offset=None if stream_offset is None else checked_offset(stream_offset),
        with_logs=not no_logs,
    )
    return schemas.update(found, with_logs=not no_logs)


@get(f"{_U}/getupdate_sse/{{id:uuid}}", media_type="text/event-stream", opt=shape())
async def stream_updates(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    log_offset: FromQuery[int] = 0,
    stream_offset: FromQuery[int] = 0,
    no_logs: FromQuery[bool] = False,
) -> Stream:
    """Get the updates of `getupdate` as server-sent events. The last one has `completed` set."""
    found = await updates.updates(
        platform_of(request),
        live_actor_of(request),
        workspace,
        id,
        log_offset=max(0, log_offset),
        stream_offset=checked_offset(stream_offset),
        with_logs=not no_logs,
    )
    return update_stream(found, with_logs=not no_logs)


@get(f"{_U}/get_logs/{{id:uuid}}", media_type=MediaType.TEXT, opt=shape())
async def get_logs(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    attempt: FromQuery[int | None] = None,
    download: FromQuery[bool] = False,
) -> Stream:
    """Get the complete log, or that of one attempt. For a workflow, the logs of its nodes in order."""
    text = await whole_logs.read(platform_of(request), live_actor_of(request), workspace, id, attempt=attempt)
    return _log(text, id, download)


@get(f"{_U}/get_flow_all_logs/{{id:uuid}}", media_type=MediaType.TEXT, opt=shape())
async def get_flow_all_logs(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], download: FromQuery[bool] = False
) -> Stream:
    """Get the logs of all nodes of a workflow merged by time. Each line starts with the node's name."""
    text = await whole_logs.read_merged(platform_of(request), live_actor_of(request), workspace, id)
    return _log(text, id, download)


def _log(text: AsyncIterator[str], id: UUID, download: bool) -> Stream:
    headers = {"Content-Disposition": f'attachment; filename="{id}.log"'} if download else None
    return streaming.download(text, MediaType.TEXT, headers=headers)


@get(f"{_U}/get_args/{{id:uuid}}", opt=shape(answer=AnyObject))
async def get_args(
    request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID], received: FromQuery[bool] = False
) -> Stream:
    """Get the arguments, or with `Range: bytes=…` a part of their JSON text.

    Those of a workflow whose preprocessor has ended are its output.
    """
    platform, actor = platform_of(request), actor_of(request)
    return await _value(request, await results.stored_args(platform, actor, workspace, id, received=received))


@get(f"{_U}/get_root_job_id/{{id:uuid}}", opt=shape(answer=str))
async def get_root_job_id(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> Response[bytes]:
    """Get the id of the outermost run, as a JSON string."""
    root = await jobs.root(platform_of(request), actor_of(request), workspace, id)
    return Response(msgspec.json.encode(root), media_type=MediaType.JSON)


@get(f"{_JOBS}/result_by_id/{{flow_job_id:uuid}}/{{node_id:str}}", opt=shape(answer=Any))
async def result_by_id(
    request: AnyRequest, workspace: FromPath[str], flow_job_id: FromPath[UUID], node_id: FromPath[str]
) -> Stream:
    """Get the result of one node of a run, or with `Range: bytes=…` a part of its JSON text."""
    platform, actor = platform_of(request), actor_of(request)
    return await _value(request, await results.stored_node_result(platform, actor, workspace, flow_job_id, node_id))


async def _value(request: AnyRequest, stored: StoredValue) -> Stream:
    """Return stored JSON text in pieces, without loading it as a whole."""
    part = ranges.requested_range(request.headers.get("range"), stored.size)
    start, length = (part.start, part.length) if part else (0, stored.size)
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(length)}
    if part:
        headers["Content-Range"] = part.header
    pieces = await stored.part(platform_of(request), live_actor_of(request), start, length)
    return streaming.download(pieces, MediaType.JSON, status=206 if part else 200, headers=headers)


@post(f"{_U}/queue/cancel/{{id:uuid}}", status_code=200, media_type=MediaType.TEXT, opt=shape(body=CancelBody))
async def cancel(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> Response[bytes]:
    """Cancel a run, or one of its jobs. Returns the id.

    If the run has ended, nothing is changed, and the header `X-Warnings` contains `already_ended`.
    """
    return await _cancel(request, workspace, id, force=False)


@post(f"{_U}/queue/force_cancel/{{id:uuid}}", status_code=200, media_type=MediaType.TEXT, opt=shape(body=CancelBody))
async def force_cancel(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> Response[bytes]:
    """Cancel a run or job without waiting for workers to respond. Answers as `cancel`."""
    return await _cancel(request, workspace, id, force=True)


async def _cancel(request: AnyRequest, workspace: str, id: UUID, *, force: bool) -> Response[bytes]:
    reason = (await body_of(request, CancelBody)).reason
    found = await cancellation.cancel(platform_of(request), actor_of(request), workspace, id, reason, force=force)
    return answers.text(str(id), warnings=[] if found else [cancellation.already_ended(id)])


ROUTES = [
    get_job,
    get_completed,
    get_result,
    get_result_maybe,
    get_timing,
    delete_completed,
    get_flow_debug_info,
    get_update,
    stream_updates,
    get_logs,
    get_flow_all_logs,
    get_args,
    get_root_job_id,
    result_by_id,
    cancel,
    force_cancel,
]
