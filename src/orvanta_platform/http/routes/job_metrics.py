"""Routes of the progress that jobs report."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath

from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.services.run_views import reported_progress

_METRICS = "/api/w/{workspace:str}/job_metrics"


class ReportedProgress(msgspec.Struct):
    """Progress of a job."""

    percent: float


@post(f"{_METRICS}/set_progress/{{id:uuid}}", status_code=200, opt=shape(body=ReportedProgress, answer=int))
async def set_progress(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> int:
    """Set the progress of a running job in percent. It is limited to 0 to 99 and never decreases."""
    body = await body_of(request, ReportedProgress)
    return await reported_progress.put(platform_of(request), actor_of(request), workspace, id, int(body.percent))


@get(f"{_METRICS}/get_progress/{{id:uuid}}", opt=shape(answer=int | None))
async def get_progress(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> int | None:
    """Get the progress of a job in percent, `null` if it has reported none or has ended."""
    return await reported_progress.get(platform_of(request), actor_of(request), workspace, id)


ROUTES: list[Any] = [set_progress, get_progress]
