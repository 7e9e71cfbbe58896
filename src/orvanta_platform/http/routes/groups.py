"""Routes of groups of members."""

from __future__ import annotations

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from orvanta_platform.db.groups import GroupRow
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, page_of, platform_of
from orvanta_platform.services.access import groups

_G = "/api/w/{workspace:str}/groups"


class Group(msgspec.Struct, kw_only=True):
    """A group (`g/<name>`). The group `all` contains every member and lists none."""

    name: str
    members: list[str]
    extra_perms: dict[str, bool]
    managers: list[str]
    """Usernames of members who may add and remove members."""

    summary: str | UnsetType = UNSET


class CreateGroup(msgspec.Struct, kw_only=True):
    """A group to create."""

    name: str
    summary: str | None = None


class UpdateGroup(msgspec.Struct, kw_only=True):
    """The description of a group, and its managers."""

    summary: str | None = None
    managers: list[str] | None = None
    """Usernames of members who may add and remove members. Null does not change them."""


class GroupUser(msgspec.Struct, kw_only=True):
    """A member, by username."""

    username: str


@get(f"{_G}/list", opt=call(answer=list[Group], query=(*PAGED[:2], "after")))
async def list_groups(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the groups of the workspace by name, `all` first. `after` is the name of a group."""
    page = page_of(request)
    rows = await groups.list_page(
        platform_of(request),
        actor_of(request),
        workspace,
        after=page.after or "",
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([_group(row) for row in rows])


@get(f"{_G}/listnames", opt=call(answer=list[str]))
async def list_group_names(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the names of all groups, `all` first."""
    return answers.json(await groups.names(platform_of(request), actor_of(request), workspace))


@get(f"{_G}/get/{{name:str}}", opt=call(answer=Group))
async def get_group(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Get a group with its members."""
    return answers.json(_group(await groups.get(platform_of(request), actor_of(request), workspace, name)))


@post(f"{_G}/create", status_code=200, opt=call(body=CreateGroup))
async def create_group(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a group. Admins only."""
    body = await body_of(request, CreateGroup)
    await groups.create(platform_of(request), actor_of(request), workspace, body.name, body.summary)
    return answers.text(f"Created the group {body.name}.")


@post(f"{_G}/update/{{name:str}}", status_code=200, opt=call(body=UpdateGroup))
async def update_group(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Set the description and the managers of a group. Admins only."""
    body = await body_of(request, UpdateGroup)
    await groups.update(
        platform_of(request), actor_of(request), workspace, name, summary=body.summary, managers=body.managers
    )
    return answers.text(f"Updated the group {name}.")


@post(f"{_G}/adduser/{{name:str}}", status_code=200, opt=call(body=GroupUser))
async def add_user_to_group(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Add a member to a group. Admins and managers of the group only."""
    body = await body_of(request, GroupUser)
    await groups.add_user(platform_of(request), actor_of(request), workspace, name, body.username)
    return answers.text(f"Added {body.username} to the group {name}.")


@post(f"{_G}/removeuser/{{name:str}}", status_code=200, opt=call(body=GroupUser))
async def remove_user_from_group(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Remove a member from a group. Admins and managers of the group only."""
    body = await body_of(request, GroupUser)
    await groups.remove_user(platform_of(request), actor_of(request), workspace, name, body.username)
    return answers.text(f"Removed {body.username} from the group {name}.")


@delete(f"{_G}/delete/{{name:str}}", status_code=200, opt=call())
async def delete_group(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Delete a group. Admins only."""
    await groups.delete(platform_of(request), actor_of(request), workspace, name)
    return answers.text(f"Deleted the group {name}.")


def _group(row: GroupRow) -> Group:
    managers = [name.removeprefix("u/") for name, write in sorted(row.extra_perms.items()) if write]
    return Group(
        name=row.name,
        members=row.members,
        extra_perms=row.extra_perms,
        managers=managers,
        summary=row.summary or UNSET,
    )


ROUTES = [
    list_groups,
    list_group_names,
    get_group,
    create_group,
    update_group,
    add_user_to_group,
    remove_user_from_group,
    delete_group,
]
