"""Routes of favourites."""

from __future__ import annotations

from litestar import Response, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.http.schemas import favourites as shapes
from orvanta_platform.services.catalog import favourites

_F = "/api/w/{workspace:str}/favorites"


@post(f"{_F}/star", status_code=200, opt=call(body=shapes.Favourite, answer=bool))
async def star(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Mark a workflow or script as a favourite of the caller. Lists return it as `starred`."""
    body = await body_of(request, shapes.Favourite)
    await favourites.star(platform_of(request), actor_of(request), workspace, body.favorite_kind, body.path)
    return answers.json(True)


@post(f"{_F}/unstar", status_code=200, opt=call(body=shapes.Favourite, answer=bool))
async def unstar(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Remove a workflow or script from the favourites of the caller."""
    body = await body_of(request, shapes.Favourite)
    await favourites.unstar(platform_of(request), actor_of(request), workspace, body.favorite_kind, body.path)
    return answers.json(True)


ROUTES = [star, unstar]
