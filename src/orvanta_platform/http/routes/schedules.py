"""Routes of schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.db.schedules import ScheduleFilter
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    body_of,
    bool_of,
    item_path,
    page_of,
    platform_of,
)
from orvanta_platform.http.schemas import schedules as shapes
from orvanta_platform.services.triggers import calendar as schedule_calendar
from orvanta_platform.services.triggers import schedules

_S = "/api/w/{workspace:str}/schedules"
_FILTERS = ("path", "path_start", "schedule_path", "description", "summary", "label", "broad_filter", "args")


@post(f"{_S}/create", status_code=201, opt=call(body=shapes.CreateSchedule))
async def create_schedule(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a schedule of a script or workflow. Its runs act as the caller."""
    body = await body_of(request, shapes.CreateSchedule)
    await schedules.create(
        platform_of(request),
        actor_of(request),
        workspace,
        body.path,
        body.script_path,
        shapes.draft(body),
        is_flow=body.is_flow,
        enabled=body.enabled,
    )
    return answers.text(body.path, 201)


@post(f"{_S}/update/{{path:path}}", status_code=200, opt=call(body=shapes.EditSchedule))
async def update_schedule(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Update a schedule. Its runs act as the caller from then on. The scheduled item cannot change."""
    body = await body_of(request, shapes.EditSchedule)
    draft = shapes.draft(body)
    await schedules.update(platform_of(request), actor_of(request), workspace, item_path(path), draft)
    return answers.text(item_path(path))


@get(f"{_S}/get/{{path:path}}", opt=call(answer=shapes.Schedule))
async def get_schedule(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get a schedule."""
    row = await schedules.get(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(shapes.schedule(row))


@get(f"{_S}/exists/{{path:path}}", opt=call(answer=bool))
async def schedule_exists(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Check whether a schedule exists at a path and the caller may read it."""
    return answers.json(await schedules.exists(platform_of(request), actor_of(request), workspace, item_path(path)))


@get(f"{_S}/list", opt=call(answer=list[shapes.Schedule], query=(*PAGED, *_FILTERS, "is_flow")))
async def list_schedules(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List schedules the caller may read, by path. `path` is that of the scheduled item, `after` that of a schedule."""
    rows = await schedules.list_page(platform_of(request), actor_of(request), workspace, _filter(request))
    return answers.json([shapes.schedule(row) for row in rows])


@get(f"{_S}/list_with_jobs", opt=call(answer=list[shapes.ScheduleWithJobs], query=(*PAGED, *_FILTERS, "is_flow")))
async def list_schedules_with_jobs(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List schedules, each with its last completed runs, the outcomes of its last ticks, and its next five ticks."""
    found = await schedules.list_with_ticks(platform_of(request), actor_of(request), workspace, _filter(request))
    ahead = await schedule_calendar.upcoming_of([row for row, _ in found], schedules.PREVIEWED)
    return answers.json(
        [shapes.schedule_with_jobs(row, ticks, next_) for (row, ticks), next_ in zip(found, ahead, strict=True)]
    )


@get(f"{_S}/calendar", opt=call(answer=shapes.Calendar))
async def get_schedule_calendar(
    request: AnyRequest, workspace: FromPath[str], since: FromQuery[datetime], until: FromQuery[datetime]
) -> Response[bytes]:
    """Get past and future ticks, of at most 35 days, of the schedules that the caller may read."""
    found = await schedule_calendar.calendar(platform_of(request), actor_of(request), workspace, since, until)
    return answers.json(shapes.calendar(found))


@post(f"{_S}/setenabled/{{path:path}}", status_code=200, opt=call(body=shapes.SetEnabled))
async def set_schedule_enabled(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Enable or disable a schedule."""
    body = await body_of(request, shapes.SetEnabled)
    target = item_path(path)
    await schedules.set_enabled(platform_of(request), actor_of(request), workspace, target, enabled=body.enabled)
    return answers.text(f"{'Enabled' if body.enabled else 'Disabled'} the schedule {target}.")


@delete(f"{_S}/delete/{{path:path}}", status_code=200, opt=call())
async def delete_schedule(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Delete a schedule. Its runs are kept."""
    await schedules.delete(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.text(f"Deleted the schedule {item_path(path)}.")


@post("/api/schedules/preview", status_code=200, opt=call(body=shapes.PreviewSchedule, answer=list[datetime]))
async def preview_schedule(request: AnyRequest) -> Response[bytes]:
    """Preview the next five ticks of a schedule."""
    body = await body_of(request, shapes.PreviewSchedule)
    return answers.json(await schedules.preview(platform_of(request), actor_of(request), body.schedule, body.timezone))


def _filter(request: AnyRequest) -> ScheduleFilter:
    page = page_of(request)
    filters: dict[str, Any] = {name: request.query_params.get(name) or None for name in _FILTERS}
    is_flow = bool_of(request, "is_flow")
    return ScheduleFilter(**filters, is_flow=is_flow, after=page.after or "", limit=page.limit, offset=page.offset)


ROUTES = [
    create_schedule,
    update_schedule,
    get_schedule,
    schedule_exists,
    list_schedules,
    list_schedules_with_jobs,
    get_schedule_calendar,
    set_schedule_enabled,
    delete_schedule,
    preview_schedule,
]
