"""Routes of scripts."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db.drafts import UndeployedRow
from orvanta_platform.db.items import Filter, ItemRow
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, AnyObject, call
from orvanta_platform.http.requests import (
    MAX_PAGE,
    AnyRequest,
    actor_of,
    body_of,
    bool_of,
    comma_list_of,
    item_path,
    page_of,
    platform_of,
    read_large,
    row_of,
    small_body_of,
)
from orvanta_platform.http.schemas import drafts as draft_schemas
from orvanta_platform.http.schemas import items
from orvanta_platform.services.catalog import drafts, favourites, queue_warnings, scripts
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.workflow.hashes import hash_text

_S = "/api/w/{workspace:str}/scripts"


FILTERS = (
    *("show_archived", "only_archived", "path_start", "path_exact", "created_by", "languages", "kinds", "order_desc"),
    *("starred_only", "include_draft_only", "is_template", "dedicated_worker", "label"),
    *("with_deployment_msg", "without_description", *PAGED),
)
"""Query parameters of lists of scripts and workflows."""


@post(f"{_S}/create", status_code=201, opt=call(body=items.CreateScript, query=("skip_if_noop",)))
async def create_script(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Deploy a version of a script. Returns its hash.

    If the path is in use, `parent_hash` is required: the hash of its newest version. With `skip_if_noop=true`, the
    current hash is returned if nothing changes. With `draft_only`, only the caller's draft is stored, without
    validation, and its hash is returned. A tag that names a reserved queue is listed in the header `X-Warnings`, as
    JSON with `code` and `message`.
    """
    platform, actor = platform_of(request), actor_of(request)
    require_workspace(actor, workspace)
    body = await request.body()
    path = await read_large(workspace, body, draft_schemas.path_of_item)
    if path is not None:
        await drafts.require_allowed(platform, actor, workspace, "script", path)
        draft = await read_large(workspace, body, draft_schemas.of_item, "script", path)
        return answers.text((await drafts.save_new(platform, actor, workspace, draft)).hash, 201)
    new = await read_large(workspace, body, items.new_script)
    noop = bool_of(request, "skip_if_noop") or False
    digest = await scripts.create(platform, actor, workspace, new, skip_if_noop=noop)
    return answers.text(digest, 201, await queue_warnings.of_deployed(platform, workspace, new))


@get(f"{_S}/get/p/{{path:path}}", opt=call(answer=AnyObject, query=("with_starred_info",)))
async def get_script(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get the newest version of a script."""
    platform = platform_of(request)
    actor = actor_of(request)
    row = await scripts.get(platform, actor, workspace, item_path(path))
    row = replace(row, starred=await is_starred(request, row))
    return answers.json(items.script(row, await scripts.parents(platform, actor, row)))


@get(f"{_S}/get/h/{{hash:str}}", opt=call(answer=AnyObject))
async def get_script_version(request: AnyRequest, workspace: FromPath[str], hash: FromPath[str]) -> Response[bytes]:
    """Get one version of a script."""
    platform = platform_of(request)
    actor = actor_of(request)
    row = await scripts.get_version(platform, actor, workspace, hash)
    return answers.json(items.script(row, await scripts.parents(platform, actor, row)))


@get(f"{_S}/raw/p/{{path:path}}", opt=call())
async def get_raw_script(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get the text of a script. The path may end in the extension of its language."""
    return answers.text(await scripts.raw(platform_of(request), actor_of(request), workspace, item_path(path)))


@get(f"{_S}/raw/h/{{path:path}}", opt=call())
async def get_raw_script_version(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get the text of one version by its hash, which may be followed by an extension."""
    digest = item_path(path)
    return answers.text(await scripts.raw_version(platform_of(request), actor_of(request), workspace, digest))


@get(f"{_S}/exists/p/{{path:path}}", opt=call(answer=bool))
async def script_exists(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Check whether a script exists at a path and the caller may read it."""
    return answers.json(await scripts.exists(platform_of(request), actor_of(request), workspace, item_path(path)))


@get(f"{_S}/list", opt=call(answer=list[AnyObject], query=FILTERS))
async def list_scripts(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List scripts the caller may read, the last deployed first. `content` is empty; use `get/p` to read it.

    With `include_draft_only`, the first page begins with the caller's drafts of scripts that are not deployed.
    """
    filter = filter_of(request)
    own = await undeployed_of(request, workspace, "script", filter)
    rows = await scripts.list_page(platform_of(request), actor_of(request), workspace, filter)
    shown = [items.script_draft(workspace, actor_of(request).username, row) for row in own]
    return answers.json(with_list_options(request, [*shown, *(items.script_item(row) for row in rows)]))


@get(f"{_S}/list_paths", opt=call(answer=list[str]))
async def list_script_paths(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the paths of all scripts the caller may read."""
    return answers.json(await scripts.list_paths(platform_of(request), actor_of(request), workspace))


@get(f"{_S}/list_search", opt=call(answer=list[items.ScriptContent], query=PAGED[:2]))
async def list_script_contents(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the texts of the scripts that the caller may read, by path, for a search in them.

    `per_page` is 1000 by default. A page has at most about 16 MiB, and then fewer scripts.
    """
    page = page_of(request, default=MAX_PAGE)
    found = await scripts.list_contents(
        platform_of(request), actor_of(request), workspace, limit=page.limit, offset=page.offset
    )
    return answers.json([items.ScriptContent(path=path, content=text) for path, text in found.items()])


@post(f"{_S}/raw_temp/store", status_code=200, opt=call(body=str, answer=str))
async def get_script_digest(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Return the digest of a text, for `raw_temp/diff`. The text itself is not stored: no call reads it again."""
    require_workspace(actor_of(request), workspace)
    return answers.json(hash_text(await body_of(request, str)))


@post(f"{_S}/raw_temp/diff", status_code=200, opt=call(body=items.ScriptDigests, answer=list[str]))
async def list_different_scripts(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the paths at which another text is deployed than the one with the given digest, or none."""
    body = await small_body_of(request, items.ScriptDigests)
    found = await scripts.list_different(platform_of(request), actor_of(request), workspace, body.scripts)
    return answers.json(found)


@get(f"{_S}/history/p/{{path:path}}", opt=call(answer=list[items.ScriptVersion], query=PAGED[:3]))
async def script_history(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """List the versions of a script, newest first. `before` is the id of a version."""
    page = page_of(request)
    rows = await scripts.history(
        platform_of(request),
        actor_of(request),
        workspace,
        item_path(path),
        before=row_of("before", page.before),
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([items.script_version(row) for row in rows])


@get(f"{_S}/deployment_status/h/{{hash:str}}", opt=call(answer=items.DeploymentStatus))
async def script_deployment_status(
    request: AnyRequest, workspace: FromPath[str], hash: FromPath[str]
) -> Response[bytes]:
    """Get the progress of a version's deployment. `lock` is null until the lock is made."""
    platform, actor = platform_of(request), actor_of(request)
    row = await scripts.get_version(platform, actor, workspace, hash)
    return answers.json(items.deployment_status(await locking.status_of(platform, actor, row)))


@post(f"{_S}/archive/p/{{path:path}}", status_code=200, opt=call(body=items.Archived))
async def archive_script(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Archive a script, or restore it with `archived: false`. An archived script cannot be run by path."""
    body = await body_of(request, items.Archived)
    path = item_path(path)
    await scripts.archive(platform_of(request), actor_of(request), workspace, path, archived=body.archived)
    return answers.text(f"{'Archived' if body.archived else 'Restored'} the script {path}.")


@post(f"{_S}/archive/h/{{hash:str}}", status_code=200, opt=call(answer=AnyObject))
async def archive_script_version(request: AnyRequest, workspace: FromPath[str], hash: FromPath[str]) -> Response[bytes]:
    """Archive one version. The newest remaining version becomes current."""
    row = await scripts.close_version(platform_of(request), actor_of(request), workspace, hash, delete=False)
    return answers.json({**items.script(row), "archived": True})


@post(f"{_S}/delete/p/{{path:path}}", status_code=200, opt=call(answer=str))
async def delete_script(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Delete a script and its versions. Returns its path."""
    await scripts.delete(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(item_path(path))


@post(f"{_S}/delete/h/{{hash:str}}", status_code=200, opt=call(answer=AnyObject))
async def delete_script_version(request: AnyRequest, workspace: FromPath[str], hash: FromPath[str]) -> Response[bytes]:
    """Delete one version. The newest remaining version becomes current."""
    row = await scripts.close_version(platform_of(request), actor_of(request), workspace, hash, delete=True)
    return answers.json({**items.script(row), "archived": True, "deleted": True, "content": ""})


async def is_starred(request: AnyRequest, row: ItemRow) -> bool:
    """Return whether an item is a favourite of the caller, if the query asks for it; otherwise False."""
    asks = bool_of(request, "with_starred_info") or False
    return asks and await favourites.is_starred(platform_of(request), actor_of(request), row)


async def undeployed_of(request: AnyRequest, workspace: str, kind: Kind, filter: Filter) -> list[UndeployedRow]:
    """Return the caller's drafts of items that are not deployed, if the query asks for them."""
    if not bool_of(request, "include_draft_only") or filter.is_template or filter.dedicated_worker or filter.label:
        return []
    return await drafts.list_undeployed(platform_of(request), actor_of(request), workspace, kind, filter)


def filter_of(request: AnyRequest) -> Filter:
    """Read the filter of a list of scripts or workflows from the query."""
    page = page_of(request)
    query = request.query_params
    return Filter(
        archived=bool_of(request, "show_archived") or bool_of(request, "only_archived") or False,
        path_start=query.get("path_start"),
        path=query.get("path_exact"),
        created_by=query.get("created_by"),
        languages=comma_list_of(request, "languages"),
        kinds=comma_list_of(request, "kinds"),
        starred=bool_of(request, "starred_only") or False,
        is_template=bool_of(request, "is_template"),
        dedicated_worker=bool_of(request, "dedicated_worker"),
        label=query.get("label") or None,
        before=row_of("before", page.before),
        after=row_of("after", page.after),
        ascending=bool_of(request, "order_desc") is False,
        limit=page.limit,
        offset=page.offset,
    )


def with_list_options(request: AnyRequest, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a list, with the messages and without the descriptions if the query selects that."""
    if bool_of(request, "without_description"):
        rows = [{**row, "description": ""} if "description" in row else row for row in rows]
    if bool_of(request, "with_deployment_msg"):
        return rows
    return [{name: value for name, value in row.items() if name != "deployment_msg"} for row in rows]


ROUTES = [
    create_script,
    get_script,
    get_script_version,
    get_raw_script,
    get_raw_script_version,
    script_exists,
    list_scripts,
    list_script_paths,
    list_script_contents,
    get_script_digest,
    list_different_scripts,
    script_history,
    script_deployment_status,
    archive_script,
    archive_script_version,
    delete_script,
    delete_script_version,
]
