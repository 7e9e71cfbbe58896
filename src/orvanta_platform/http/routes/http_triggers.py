"""Routes of HTTP triggers."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.db.http_triggers import HttpTriggerFilter
from orvanta_platform.errors import BadRequest
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
    small_body_of,
)
from orvanta_platform.http.schemas import http_triggers as shapes
from orvanta_platform.services.triggers import http_triggers

_T = "/api/w/{workspace:str}/http_triggers"
_FILTERS = ("path", "path_start", "label")


@post(f"{_T}/create", status_code=201, opt=call(body=shapes.CreateHttpTrigger))
async def create_http_trigger(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a route that starts a script or workflow. Its runs act as the caller."""
    body = await small_body_of(request, shapes.CreateHttpTrigger)
    await http_triggers.create(platform_of(request), actor_of(request), workspace, body.path, shapes.draft(body))
    return answers.text(body.path, 201)


@post(f"{_T}/update/{{path:path}}", status_code=200, opt=call(body=shapes.EditHttpTrigger))
async def update_http_trigger(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Update a trigger. Its runs act as the caller from then on."""
    body, target = await small_body_of(request, shapes.EditHttpTrigger), item_path(path)
    if body.path not in (None, target):
        raise BadRequest("The path of a trigger cannot change.", hint="Delete the trigger and create another one.")
    draft = shapes.draft(body)
    await http_triggers.update(platform_of(request), actor_of(request), workspace, target, draft)
    return answers.text(target)


@get(f"{_T}/get/{{path:path}}", opt=call(answer=shapes.HttpTrigger))
async def get_http_trigger(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get a trigger."""
    row = await http_triggers.get(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(shapes.trigger(row))


@get(f"{_T}/exists/{{path:path}}", opt=call(answer=bool))
async def http_trigger_exists(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Check whether a trigger exists at a path and the caller may read it."""
    return answers.json(await http_triggers.exists(platform_of(request), actor_of(request), workspace, item_path(path)))


@get(f"{_T}/list", opt=call(answer=list[shapes.HttpTrigger], query=(*PAGED, *_FILTERS, "is_flow")))
async def list_http_triggers(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List triggers the caller may read, by path. `path` is that of the started item, `after` that of a trigger."""
    page = page_of(request)
    filters: dict[str, Any] = {name: request.query_params.get(name) or None for name in _FILTERS}
    is_flow = bool_of(request, "is_flow")
    filter_ = HttpTriggerFilter(
        **filters, is_flow=is_flow, after=page.after or "", limit=page.limit, offset=page.offset
    )
    rows = await http_triggers.list_page(platform_of(request), actor_of(request), workspace, filter_)
    return answers.json([shapes.trigger(row) for row in rows])


@post(f"{_T}/setmode/{{path:path}}", status_code=200, opt=call(body=shapes.SetMode))
async def set_http_trigger_mode(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Enable or disable a trigger."""
    body, target = await body_of(request, shapes.SetMode), item_path(path)
    await http_triggers.set_mode(platform_of(request), actor_of(request), workspace, target, body.mode)
    return answers.text(f"The HTTP trigger {target} is {body.mode}.")


@post(f"{_T}/route_exists", status_code=200, opt=call(body=shapes.RouteExists, answer=bool))
async def route_exists(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Check whether a route is in use."""
    body = await body_of(request, shapes.RouteExists)
    found = await http_triggers.route_exists(
        platform_of(request),
        actor_of(request),
        workspace,
        body.route_path,
        body.http_method,
        workspaced=bool(body.workspaced_route),
        but=body.trigger_path,
    )
    return answers.json(found)


@delete(f"{_T}/delete/{{path:path}}", status_code=200, opt=call())
async def delete_http_trigger(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Delete a trigger. The runs that it started are kept."""
    await http_triggers.delete(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.text(f"Deleted the HTTP trigger {item_path(path)}.")


ROUTES = [
    create_http_trigger,
    update_http_trigger,
    get_http_trigger,
    http_trigger_exists,
    list_http_triggers,
    set_http_trigger_mode,
    route_exists,
    delete_http_trigger,
]
