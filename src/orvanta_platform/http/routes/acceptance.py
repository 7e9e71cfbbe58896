"""Routes of versions that wait for acceptance by the members whose triggers run them."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, item_path, platform_of
from orvanta_platform.http.schemas import acceptance as shapes
from orvanta_platform.http.schemas.drafts import kind_of
from orvanta_platform.services.access import acceptance

_A = "/api/w/{workspace:str}/acceptance"
_SOURCES = ("schedule", "http_trigger", "flow")


@get(f"{_A}/list", opt=call(answer=list[shapes.WaitingVersion], query=("kind", "path", "trigger_kind", "trigger")))
async def list_waiting(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List current versions that triggers of members do not run until they are accepted, at most 1000.

    `kind` and `path` limit the list to one script or workflow; `trigger_kind` (schedule, http_trigger, flow) and
    `trigger` limit it to the items that the trigger at this path runs.
    """
    query = request.query_params
    item = (kind_of(query["kind"]), query.get("path", "")) if query.get("kind") else None
    source = None
    if query.get("trigger_kind"):
        if query["trigger_kind"] not in _SOURCES:
            raise BadRequest(f"trigger_kind must be one of {', '.join(_SOURCES)}.")
        source = (query["trigger_kind"], query.get("trigger", ""))
    found = await acceptance.waiting(platform_of(request), actor_of(request), workspace, item=item, source=source)
    return answers.json([shapes.waiting(each) for each in found])


@post(f"{_A}/accept/{{kind:str}}/{{path:path}}", status_code=200, opt=call(body=shapes.Accept, answer=shapes.Accepted))
async def accept_version(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Accept a version for a member's triggers. Allowed for that member, admins and members of the group deployers."""
    body = await body_of(request, shapes.Accept)
    made = await acceptance.accept(
        platform_of(request),
        actor_of(request),
        workspace,
        kind_of(kind),
        item_path(path),
        body.version,
        body.permissioned_as,
    )
    return answers.json(shapes.Accepted(permissioned_as=made))


ROUTES = [list_waiting, accept_version]
