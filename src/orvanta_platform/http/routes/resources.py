"""Routes of resources and resource types. Every route is also available under `connections`."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.db.resources import ResourceFilter
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    body_of,
    bool_of,
    comma_list_of,
    item_path,
    page_of,
    platform_of,
)
from orvanta_platform.http.schemas import resources as shapes
from orvanta_platform.orchestrator import secret_access
from orvanta_platform.services.secrets import connection_test, resource_types, resources
from orvanta_platform.services.secrets.resources import ResourceDraft

_FILTERS = ("path_start", "path", "description", "value", "label")
_TYPES = ("resource_type", "resource_type_exclude")


def _at(rest: str) -> list[str]:
    return [f"/api/w/{{workspace:str}}/{area}/{rest}" for area in ("resources", "connections")]


@post(_at("create"), status_code=201, opt=call(body=shapes.CreateResource, query=("update_if_exists",)))
async def create_resource(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a resource. With `update_if_exists=true`, an existing one is updated; otherwise it is a 409."""
    body = await body_of(request, shapes.CreateResource)
    update = bool_of(request, "update_if_exists") or False
    draft = shapes.created(body)
    await resources.create(platform_of(request), actor_of(request), workspace, draft, update_if_exists=update)
    return answers.text(f"Created the resource {body.path}.", 201)


@post(_at("update/{path:path}"), status_code=200, opt=call(body=shapes.EditResource))
async def update_resource(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Update a resource. Fields missing in the body, and secret fields that contain the mask, are not changed.

    Answers 409 `version_conflict` if the resource was changed since `base_version`; details have the stored values.
    """
    body = await body_of(request, shapes.EditResource)
    draft = shapes.edited(body)
    await resources.update(platform_of(request), actor_of(request), workspace, item_path(path), draft)
    return answers.text(f"Updated the resource {body.path or item_path(path)}.")


@post(_at("update_value/{path:path}"), status_code=200, opt=call(body=shapes.EditValue))
async def update_resource_value(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Set the value of a resource."""
    body = await body_of(request, shapes.EditValue)
    draft = ResourceDraft(value=shapes.value_of(body))
    await resources.update(platform_of(request), actor_of(request), workspace, item_path(path), draft)
    return answers.text(f"Updated the resource {item_path(path)}.")


@get(_at("get/{path:path}"), opt=call(answer=shapes.Resource))
async def get_resource(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get a resource. Secret fields are masked."""
    row = await resources.get(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(shapes.resource(row))


@get(_at("get_value/{path:path}"), opt=call(answer=Any))
async def get_resource_value(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get the value of a resource without resolving references. Only jobs can read secret fields."""
    platform, actor = platform_of(request), actor_of(request)
    value = await secret_access.read(platform, actor, workspace, "resource", item_path(path), interpolated=False)
    return answers.json(msgspec.Raw(value))


@get(_at("get_value_interpolated/{path:path}"), opt=call(answer=Any))
async def get_resource_value_interpolated(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Get the value of a resource with all references resolved. Only jobs can read secrets."""
    platform, actor = platform_of(request), actor_of(request)
    value = await secret_access.read(platform, actor, workspace, "resource", item_path(path))
    return answers.json(msgspec.Raw(value))


@get(_at("exists/{path:path}"), opt=call(answer=bool))
async def resource_exists(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Check whether a resource exists at a path and the caller may read it."""
    return answers.json(await resources.exists(platform_of(request), actor_of(request), workspace, item_path(path)))


@get(_at("list"), opt=call(answer=list[shapes.Resource], query=(*PAGED, *_TYPES, *_FILTERS)))
async def list_resources(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List resources the caller may read, by path, without values. `resource_type` is a comma-separated list."""
    page = page_of(request)
    filters: dict[str, Any] = {name: request.query_params.get(name) or None for name in _FILTERS}
    filter_ = ResourceFilter(
        types=comma_list_of(request, "resource_type"),
        types_excluded=comma_list_of(request, "resource_type_exclude"),
        **filters,
        after=page.after or "",
        limit=page.limit,
        offset=page.offset,
    )
    rows = await resources.list_page(platform_of(request), actor_of(request), workspace, filter_)
    return answers.json([shapes.resource(row) for row in rows])


@delete(_at("delete/{path:path}"), status_code=200, opt=call())
async def delete_resource(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Delete a resource."""
    await resources.delete(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.text(f"Deleted the resource {item_path(path)}.")


@post(_at("test/{path:path}"), status_code=200, opt=call(answer=shapes.ConnectionTest))
async def test_resource(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Test the connection of a resource: the server connects to the host that the resource names, and logs in.

    For the types postgresql, mysql (without login), s3, http_basic, http_bearer and smtp. Only public addresses and
    those of `ORVANTA_ALLOWED_NETWORKS` are called.
    """
    found = await connection_test.run(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(shapes.connection_test(found))


@post(_at("type/create"), status_code=201, opt=call(body=shapes.CreateResourceType))
async def create_resource_type(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a resource type."""
    body = await body_of(request, shapes.CreateResourceType)
    await resource_types.create(platform_of(request), actor_of(request), workspace, shapes.new_type(body))
    return answers.text(f"Created the resource type {body.name}.", 201)


@post(_at("type/update/{name:str}"), status_code=200, opt=call(body=shapes.EditResourceType))
async def update_resource_type(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Update a resource type. Admins only. Fields that its schema makes secret are encrypted immediately."""
    change = shapes.type_change(await body_of(request, shapes.EditResourceType))
    await resource_types.update(platform_of(request), actor_of(request), workspace, name, change)
    return answers.text(f"Updated the resource type {name}.")


@get(_at("type/get/{name:str}"), opt=call(answer=shapes.ResourceType))
async def get_resource_type(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Get a resource type."""
    row = await resource_types.get(platform_of(request), actor_of(request), workspace, name)
    return answers.json(shapes.resource_type(row))


@get(_at("type/list"), opt=call(answer=list[shapes.ResourceType]))
async def list_resource_types(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List all resource types by name, both the platform's and the workspace's."""
    rows = await resource_types.list_all(platform_of(request), actor_of(request), workspace)
    return answers.json([shapes.resource_type(row) for row in rows])


@get(_at("type/listnames"), opt=call(answer=list[str]))
async def list_resource_type_names(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the names of all resource types."""
    rows = await resource_types.list_all(platform_of(request), actor_of(request), workspace)
    return answers.json([row.name for row in rows])


@get(_at("type/exists/{name:str}"), opt=call(answer=bool))
async def resource_type_exists(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Check whether a resource type exists."""
    return answers.json(await resource_types.exists(platform_of(request), actor_of(request), workspace, name))


@delete(_at("type/delete/{name:str}"), status_code=200, opt=call())
async def delete_resource_type(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Delete a resource type. Admins only. 409 for a type of the platform, or one that resources use."""
    await resource_types.delete(platform_of(request), actor_of(request), workspace, name)
    return answers.text(f"Deleted the resource type {name}.")


@get(_at("file_resource_type_to_file_ext_map"), opt=call(answer=dict[str, shapes.FileExtension]))
async def file_resource_type_to_file_ext_map(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the file extensions of the resource types whose resources are files."""
    rows = await resource_types.list_all(platform_of(request), actor_of(request), workspace)
    return answers.json(shapes.extensions(rows))


ROUTES = [
    create_resource,
    update_resource,
    update_resource_value,
    get_resource,
    get_resource_value,
    get_resource_value_interpolated,
    resource_exists,
    list_resources,
    delete_resource,
    test_resource,
    create_resource_type,
    update_resource_type,
    get_resource_type,
    list_resource_types,
    list_resource_type_names,
    resource_type_exists,
    delete_resource_type,
    file_resource_type_to_file_ext_map,
]
