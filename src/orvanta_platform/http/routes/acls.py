"""Routes of the permissions of items, folders and groups."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, item_path, page_of, platform_of
from orvanta_platform.http.schemas import acls as schemas
from orvanta_platform.services.access import acls

_A = "/api/w/{workspace:str}/acls"


@get(f"{_A}/get/{{kind:str}}/{{path:path}}", opt=call(answer=dict[str, bool]))
async def get_acls(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Get the permissions of an item, folder or group by member (`u/…`) and group (`g/…`); true includes writing.

    `kind`: script, flow, variable, resource, schedule, http_trigger, folder or group_. The path of a folder or group is
    its name.
    """
    found = await acls.get(platform_of(request), actor_of(request), workspace, _kind(kind), item_path(path))
    return answers.json(dict(found))


@post(f"{_A}/add/{{kind:str}}/{{path:path}}", status_code=200, opt=call(body=schemas.AddPermission))
async def add_acl(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Grant a member or group permission to an item, folder or group. Owners of the path and admins only.

    The member or group must exist. `write` of a group makes a member its manager.
    """
    body = await body_of(request, schemas.AddPermission)
    await acls.add(
        platform_of(request),
        actor_of(request),
        workspace,
        _kind(kind),
        item_path(path),
        body.owner,
        write=body.write,
    )
    return answers.text(f"{body.owner} can {'write' if body.write else 'read'} {item_path(path)}.")


@post(f"{_A}/remove/{{kind:str}}/{{path:path}}", status_code=200, opt=call(body=schemas.RemovePermission))
async def remove_acl(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Remove the permission of a member or group. Owners of the path and admins only."""
    body = await body_of(request, schemas.RemovePermission)
    await acls.remove(platform_of(request), actor_of(request), workspace, _kind(kind), item_path(path), body.owner)
    return answers.text(f"Removed the permission of {body.owner} on {item_path(path)}.")


@get(
    f"{_A}/access/{{kind:str}}/{{path:path}}",
    opt=call(answer=list[schemas.AccessOfMember], query=(*PAGED[:2], "after", "username")),
)
async def list_access(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """List which members may read, write, run and share an item or folder, and why, by username.

    `username` selects one member; `after` is a username. Members who cannot read the folder may ask only about
    themselves. Superadmins who are not members have all rights and are not listed.
    """
    page = page_of(request)
    rows = await acls.list_access(
        platform_of(request),
        actor_of(request),
        workspace,
        _kind(kind),
        item_path(path),
        username=request.query_params.get("username"),
        after=page.after or "",
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([schemas.access_of_member(row) for row in rows])


def _kind(word: str) -> str:
    # The published clients write group_.
    return "group" if word == "group_" else word


ROUTES = [get_acls, add_acl, remove_acl, list_access]
"""Handlers of this module."""
