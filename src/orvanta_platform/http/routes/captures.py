"""Routes of captured requests: the editor listens, and a request to the capture address is stored."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from litestar import MediaType, Response, delete, get, post
from litestar.params import FromPath, FromQuery
from msgspec import UNSET

from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    body_of,
    comma_list_of,
    item_path,
    page_of,
    platform_of,
    require_few_values,
)
from orvanta_platform.http.run_input import args_of, args_of_query, members_of, with_headers
from orvanta_platform.http.schemas import captures as schemas
from orvanta_platform.http.schemas.captures import Capture, CaptureConfig, SetCaptureConfig
from orvanta_platform.services.triggers import captures

_C = "/api/w/{workspace:str}/capture"
_HTTP = "http"
_TOKEN = "token"

RunnableKind = Literal["flow", "script"]


@post(f"{_C}/set_config", status_code=200, opt=shape(body=SetCaptureConfig, answer=AnyObject))
async def set_capture_config(request: AnyRequest, workspace: FromPath[str]) -> dict[str, Any]:
    """Start to capture requests of a script or workflow, which may not have been deployed yet, for a minute.

    `capture_u` is the address for the requests.
    """
    body = await body_of(request, SetCaptureConfig)
    settings = None if body.trigger_config is UNSET else bytes(body.trigger_config).strip()
    if settings == b"null":
        settings = None
    if settings is not None and not settings.startswith(b"{"):
        raise BadRequest("trigger_config must be an object.")
    kind: RunnableKind = "flow" if body.is_flow else "script"
    platform, actor = platform_of(request), actor_of(request)
    await captures.set_config(platform, actor, workspace, kind, body.path, body.trigger_kind, settings)
    return {}


@post(
    f"{_C}/ping_config/{{trigger_kind:str}}/{{runnable_kind:str}}/{{path:path}}", status_code=200, opt=shape(answer=Any)
)
async def ping_capture_config(
    request: AnyRequest,
    workspace: FromPath[str],
    trigger_kind: FromPath[str],
    runnable_kind: FromPath[RunnableKind],
    path: FromPath[str],
) -> None:
    """Continue to capture requests for a minute."""
    target = platform_of(request), actor_of(request), workspace, runnable_kind, item_path(path)
    await captures.ping(*target, trigger_kind)


@get(f"{_C}/get_configs/{{runnable_kind:str}}/{{path:path}}", opt=shape(answer=list[CaptureConfig]))
async def get_capture_configs(
    request: AnyRequest, workspace: FromPath[str], runnable_kind: FromPath[RunnableKind], path: FromPath[str]
) -> Response[bytes]:
    """List the kinds of triggers whose requests are captured, or were in the last day."""
    target = platform_of(request), actor_of(request), workspace, runnable_kind, item_path(path)
    return answers.json([schemas.config(row) for row in await captures.list_configs(*target)])


@get(f"{_C}/list/{{runnable_kind:str}}/{{path:path}}", opt=shape(answer=list[Capture], query=PAGED[:2]))
async def list_captures(
    request: AnyRequest,
    workspace: FromPath[str],
    runnable_kind: FromPath[RunnableKind],
    path: FromPath[str],
    trigger_kind: FromQuery[str | None] = None,
) -> Response[bytes]:
    """List captured requests, newest first. The newest 20 of each kind of trigger are retained, for a day."""
    target = platform_of(request), actor_of(request), workspace, runnable_kind, item_path(path)
    page = page_of(request)
    rows = await captures.list_page(*target, trigger_kind, limit=page.limit, offset=page.offset)
    return answers.json([schemas.capture(row) for row in rows])


@get(f"{_C}/{{id:int}}", opt=shape(answer=Capture))
async def get_capture(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Get a captured request."""
    row = await captures.get(platform_of(request), actor_of(request), workspace, id)
    return answers.json(schemas.capture(row))


@delete(f"{_C}/{{id:int}}", status_code=200, opt=shape(answer=Any))
async def delete_capture(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> None:
    """Delete a captured request."""
    await captures.delete(platform_of(request), actor_of(request), workspace, id)


@post(
    "/api/w/{workspace:str}/capture_u/{trigger_kind:str}/{runnable_kind:str}/{path:path}",
    status_code=201,
    media_type=MediaType.TEXT,
    opt=shape(body=Any, query=["include_header"]),
)
async def capture_request(
    request: AnyRequest,
    workspace: FromPath[str],
    trigger_kind: FromPath[str],
    runnable_kind: FromPath[RunnableKind],
    path: FromPath[str],
) -> str:
    """Store a request to a script or workflow, if the editor listens, instead of starting a run. Returns its id.

    The arguments are those of a run: the body, the headers in `include_header` of a webhook, and the query of a
    request of the kind http.
    """
    target = platform_of(request), actor_of(request), workspace, runnable_kind, item_path(path)
    await captures.require_listening(*target, trigger_kind)
    captures.require_small_args(request.content_length or 0)
    captures.require_small_args(len(await request.body()))
    args = await args_of(request)
    require_few_values(args)
    names = comma_list_of(request, "include_header") or [] if trigger_kind != _HTTP else []
    members = members_of(args)
    if trigger_kind == _HTTP:
        members = {name: value for name, value in args_of_query(request).items() if name.lower() != _TOKEN} | members
    elif names:
        members = members_of(with_headers(args, {name: request.headers.get(name, "") for name in names}))
    args = msgspec.json.encode(members)
    return str(await captures.capture(*target, trigger_kind, args, dict(request.headers.items()), names))


ROUTES: list[Any] = [
    set_capture_config,
    ping_capture_config,
    get_capture_configs,
    list_captures,
    get_capture,
    delete_capture,
    capture_request,
]
