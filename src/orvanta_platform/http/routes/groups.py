"""Groups of members, to choose from."""

from __future__ import annotations

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from orvanta_platform.db.groups import GroupRow
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import AnyRequest, actor_of, page_of, platform_of
from orvanta_platform.services import groups

_G = "/api/w/{workspace:str}/groups"


class Group(msgspec.Struct, kw_only=True):
    """A group (`g/<name>`); `all` is everybody and lists nobody."""

    name: str
    members: list[str]
    extra_perms: dict[str, bool]
    summary: str | UnsetType = UNSET


@get(f"{_G}/list", opt=call(answer=list[Group], query=(*PAGED[:2], "after")))
async def list_groups(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """The groups of the workspace by name, `all` first. `after`: a group's name."""
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
    """The names of all groups, `all` first."""
    return answers.json(await groups.names(platform_of(request), actor_of(request), workspace))


@get(f"{_G}/get/{{name:str}}", opt=call(answer=Group))
async def get_group(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A group with its members."""
    return answers.json(_group(await groups.get(platform_of(request), actor_of(request), workspace, name)))


def _group(row: GroupRow) -> Group:
    return Group(name=row.name, members=row.members, extra_perms=row.extra_perms, summary=row.summary or UNSET)


ROUTES = [list_groups, list_group_names, get_group]
