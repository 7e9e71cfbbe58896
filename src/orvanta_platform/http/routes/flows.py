"""Routes of workflows, which are called flows on the wire."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db.items import ItemRow
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, AnyObject, call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    body_of,
    item_path,
    page_of,
    platform_of,
    read_large,
    row_of,
)
from orvanta_platform.http.routes.scripts import FILTERS, filter_of, is_starred, undeployed_of, with_list_options
from orvanta_platform.http.schemas import drafts as draft_schemas
from orvanta_platform.http.schemas import items
from orvanta_platform.services.catalog import drafts, flows, queue_warnings
from orvanta_platform.services.runs import locks as locking

_F = "/api/w/{workspace:str}/flows"


@post(f"{_F}/create", status_code=201, opt=call(body=items.CreateFlow))
async def create_flow(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Deploy the first version of a workflow. An invalid document is rejected: 400 with all diagnostics in details.

    Tags that name a reserved queue are listed in the header `X-Warnings`, as JSON with `code` and `message`.
    With `draft_only`, only the caller's draft is stored, without validation.
    """
    platform, actor = platform_of(request), actor_of(request)
    require_workspace(actor, workspace)
    body = await request.body()
    path = await read_large(workspace, body, draft_schemas.path_of_item)
    if path is not None:
        await drafts.require_allowed(platform, actor, workspace, "flow", path)
        draft = await read_large(workspace, body, draft_schemas.of_item, "flow", path)
        await drafts.save_new(platform, actor, workspace, draft)
        return answers.text(draft.path, 201)
    new = await read_large(workspace, body, items.new_flow)
    await flows.create(platform, actor, workspace, new)
    return answers.text(new.path, 201, await queue_warnings.of_deployed(platform, workspace, new))


@post(f"{_F}/update/{{path:path}}", status_code=200, opt=call(body=items.CreateFlow))
async def update_flow(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Deploy the next version of a workflow. `path` in the body moves the workflow.

    Without `source`, or with one in JSON, the stored YAML text is edited. If that is not possible, its comments are
    lost, and the header `X-Warnings` contains `comments_lost`.
    """
    current = item_path(path)
    platform, actor = platform_of(request), actor_of(request)
    require_workspace(actor, workspace)
    new = await read_large(workspace, await request.body(), items.new_flow, current)
    updated = await flows.update(platform, actor, workspace, current, new)
    reserved = await queue_warnings.of_deployed(platform, workspace, new)
    return answers.text(new.path, warnings=[*updated.warnings, *reserved])


@get(f"{_F}/get/{{path:path}}", opt=call(answer=AnyObject, query=("with_starred_info",)))
async def get_flow(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get the newest version of a workflow."""
    row = await flows.get(platform_of(request), actor_of(request), workspace, item_path(path))
    return await _flow(replace(row, starred=await is_starred(request, row)))


@get(f"{_F}/get/v/{{version:int}}", opt=call(answer=AnyObject))
async def get_flow_version(request: AnyRequest, workspace: FromPath[str], version: FromPath[int]) -> Response[bytes]:
    """Get one version of a workflow."""
    return await _flow(await flows.get_version(platform_of(request), actor_of(request), workspace, version))


@get(f"{_F}/get_latest_version/{{path:path}}", opt=call(answer=items.FlowVersion))
async def get_latest_flow_version(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Get the newest version of a workflow without its document."""
    rows = await flows.history(
        platform_of(request), actor_of(request), workspace, item_path(path), before=None, limit=1, offset=0
    )
    return answers.json(items.flow_version(rows[0]))


@get(f"{_F}/exists/{{path:path}}", opt=call(answer=bool))
async def flow_exists(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Check whether a workflow exists at a path and the caller may read it."""
    found = await flows.exists(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(found)


@get(f"{_F}/list", opt=call(answer=list[AnyObject], query=FILTERS))
async def list_flows(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List workflows the caller may read, the last deployed first.

    With `include_draft_only`, the first page begins with the caller's drafts of workflows that are not deployed.
    """
    filter = filter_of(request)
    own = await undeployed_of(request, workspace, "flow", filter)
    rows = await flows.list_page(platform_of(request), actor_of(request), workspace, filter)
    shown = [items.flow_draft(workspace, actor_of(request).username, row) for row in own]
    return answers.json(with_list_options(request, [*shown, *(items.flow_item(row) for row in rows)]))


@get(f"{_F}/list_paths", opt=call(answer=list[str]))
async def list_flow_paths(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the paths of all workflows the caller may read."""
    return answers.json(await flows.list_paths(platform_of(request), actor_of(request), workspace))


@get(f"{_F}/history/p/{{path:path}}", opt=call(answer=list[items.FlowVersion], query=PAGED[:3]))
async def flow_history(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """List the versions of a workflow, newest first. `before` is the id of a version."""
    page = page_of(request)
    rows = await flows.history(
        platform_of(request),
        actor_of(request),
        workspace,
        item_path(path),
        before=row_of("before", page.before),
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([items.flow_version(row) for row in rows])


@get(f"{_F}/deployment_status/p/{{path:path}}", opt=call(answer=items.DeploymentStatus))
async def flow_deployment_status(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get the progress of the newest version's deployment."""
    platform, actor = platform_of(request), actor_of(request)
    row = await flows.get(platform, actor, workspace, item_path(path))
    return answers.json(items.deployment_status(await locking.status_of(platform, actor, row)))


@post(f"{_F}/archive/{{path:path}}", status_code=200, opt=call(body=items.Archived))
async def archive_flow(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Archive a workflow, or restore it with `archived: false`."""
    body = await body_of(request, items.Archived)
    path = item_path(path)
    await flows.archive(platform_of(request), actor_of(request), workspace, path, archived=body.archived)
    return answers.text(f"{'Archived' if body.archived else 'Restored'} the workflow {path}.")


@delete(f"{_F}/delete/{{path:path}}", status_code=200, opt=call())
async def delete_flow(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Delete a workflow and its versions. Its current runs continue."""
    await flows.delete(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.text(f"Deleted the workflow {item_path(path)}.")


async def _flow(row: ItemRow) -> Response[bytes]:
    return answers.json(items.flow(row, await flows.read_parts(row)))


ROUTES = [
    create_flow,
    update_flow,
    get_flow,
    get_flow_version,
    get_latest_flow_version,
    flow_exists,
    list_flows,
    list_flow_paths,
    flow_history,
    flow_deployment_status,
    archive_flow,
    delete_flow,
]
