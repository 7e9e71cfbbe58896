"""Routes of versions of workflows and scripts: history, comparison, and restoring an old version."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import AnyObject, call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, item_path, page_of, platform_of, row_of
from orvanta_platform.http.schemas import items
from orvanta_platform.http.schemas import versions as shapes
from orvanta_platform.http.schemas.drafts import kind_of
from orvanta_platform.services.catalog import flows, versions
from orvanta_platform.workflow.diff import Difference

_W = "/api/w/{workspace:str}"
_V = f"{_W}/versions"


@get(f"{_V}/list/{{kind:str}}/{{path:path}}", opt=call(answer=list[shapes.Version], query=("before", "per_page")))
async def list_versions(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """List the versions at a path, newest first, with author, time and message. `before` is the id of a version."""
    page = page_of(request)
    rows = await versions.history(
        platform_of(request),
        actor_of(request),
        workspace,
        kind_of(kind),
        item_path(path),
        before=row_of("before", page.before),
        limit=page.limit,
    )
    return answers.json([shapes.version(row) for row in rows])


@get(f"{_V}/get/{{kind:str}}/{{version:int}}", opt=call(answer=AnyObject))
async def get_version(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], version: FromPath[int]
) -> Response[bytes]:
    """Get a version by its id, in the format of `flows/get` or `scripts/get`."""
    row = await versions.get(platform_of(request), actor_of(request), workspace, kind_of(kind), version)
    return answers.json(items.script(row) if row.kind == "script" else items.flow(row, await flows.read_parts(row)))


@get(f"{_V}/diff/{{kind:str}}/{{path:path}}", opt=call(answer=Difference, query=("before", "after")))
async def diff_versions(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Compare two versions at a path: nodes, edges, and the rest of the document.

    `before` and `after` are ids of versions, or `draft` for the caller's draft. For scripts, all differences are in
    `document`, as JSON pointers.
    """
    sides = [shapes.compared(key, request.query_params.get(key)) for key in ("before", "after")]
    found = await versions.difference(
        platform_of(request), actor_of(request), workspace, kind_of(kind), item_path(path), *sides
    )
    return answers.json(found)


@post(
    f"{_V}/restore/{{kind:str}}/{{path:path}}",
    status_code=201,
    opt=call(body=shapes.Restore, answer=shapes.Restored),
)
async def restore_version(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Deploy an old version as the newest one. An archived item is restored."""
    body = await body_of(request, shapes.Restore)
    made = await versions.restore(
        platform_of(request),
        actor_of(request),
        workspace,
        kind_of(kind),
        item_path(path),
        body.version,
        message=body.message,
    )
    return answers.json(shapes.Restored(version_id=made), 201)


ROUTES = [list_versions, get_version, diff_versions, restore_version]
