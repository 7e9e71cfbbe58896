"""HTTP triggers."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.db.http_triggers import HttpTriggerFilter
from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, flag_of, item_path, page_of, platform_of
from orvanta_platform.http.schemas import http_triggers as shapes
from orvanta_platform.services.triggers import http_triggers

_T = "/api/w/{workspace:str}/http_triggers"
_FILTERS = ("path", "path_start", "label")


@post(f"{_T}/create", status_code=201, opt=call(body=shapes.CreateHttpTrigger))
async def create_http_trigger(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Make a route that starts a script or workflow; its runs act for the caller."""
    given = await body_of(request, shapes.CreateHttpTrigger)
    await http_triggers.create(platform_of(request), actor_of(request), workspace, given.path, shapes.draft(given))
    return answers.text(given.path, 201)


@post(f"{_T}/update/{{path:path}}", status_code=200, opt=call(body=shapes.EditHttpTrigger))
async def update_http_trigger(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Change a trigger; its runs act for the caller from then on."""
    given, target = await body_of(request, shapes.EditHttpTrigger), item_path(path)
    if given.path not in (None, target):
        raise BadRequest("A trigger keeps its path.", hint="Delete it and make another one.")
    draft = shapes.draft(given)
    await http_triggers.update(platform_of(request), actor_of(request), workspace, target, draft)
    return answers.text(target)


@get(f"{_T}/get/{{path:path}}", opt=call(answer=shapes.HttpTrigger))
async def get_http_trigger(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """A trigger."""
    row = await http_triggers.get(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(shapes.trigger(row))


@get(f"{_T}/exists/{{path:path}}", opt=call(answer=bool))
async def http_trigger_exists(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Whether the caller sees a trigger at a path."""
    return answers.json(await http_triggers.exists(platform_of(request), actor_of(request), workspace, item_path(path)))


@get(f"{_T}/list", opt=call(answer=list[shapes.HttpTrigger], query=(*PAGED, *_FILTERS, "is_flow")))
async def list_http_triggers(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Triggers the caller may read, by path. `path`: of what is run; `after`: a trigger's path."""
    page = page_of(request)
    asked: dict[str, Any] = {name: request.query_params.get(name) or None for name in _FILTERS}
    is_flow = flag_of(request, "is_flow")
    what = HttpTriggerFilter(**asked, is_flow=is_flow, after=page.after or "", limit=page.limit, offset=page.offset)
    rows = await http_triggers.list_page(platform_of(request), actor_of(request), workspace, what)
    return answers.json([shapes.trigger(row) for row in rows])


@post(f"{_T}/setmode/{{path:path}}", status_code=200, opt=call(body=shapes.SetMode))
async def set_http_trigger_mode(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Let a trigger answer from now on, or no more."""
    given, target = await body_of(request, shapes.SetMode), item_path(path)
    await http_triggers.set_mode(platform_of(request), actor_of(request), workspace, target, given.mode)
    return answers.text(f"The HTTP trigger {target} is {given.mode}.")


@post(f"{_T}/route_exists", status_code=200, opt=call(body=shapes.RouteExists, answer=bool))
async def route_exists(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Whether a route is taken."""
    given = await body_of(request, shapes.RouteExists)
    found = await http_triggers.route_exists(
        platform_of(request),
        actor_of(request),
        workspace,
        given.route_path,
        given.http_method,
        workspaced=bool(given.workspaced_route),
        but=given.trigger_path,
    )
    return answers.json(found)


@delete(f"{_T}/delete/{{path:path}}", status_code=200, opt=call())
async def delete_http_trigger(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Delete a trigger. The runs it started stay."""
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
