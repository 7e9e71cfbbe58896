"""Routes of moves: scripts and workflows get other paths."""

from __future__ import annotations

from litestar import Response, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of, small_body_of
from orvanta_platform.http.schemas import moves as shapes
from orvanta_platform.services.catalog import moves

_M = "/api/w/{workspace:str}/moves"


@post(f"{_M}/plan", status_code=200, opt=call(body=shapes.Moves, answer=shapes.MoveEffect))
async def plan_moves(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the effect of moving scripts and workflows: the items in which their paths would be replaced."""
    body = await small_body_of(request, shapes.Moves)
    found = await moves.plan(platform_of(request), actor_of(request), workspace, shapes.moves(body))
    return answers.json(shapes.effect(found))


@post(f"{_M}/apply", status_code=200, opt=call(body=shapes.Moves, answer=shapes.MoveEffect))
async def apply_moves(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Move scripts and workflows with their history, and replace their paths in all items that refer to them.

    All of it happens, or nothing. Workflows that refer to them get a new version.
    """
    body = await small_body_of(request, shapes.Moves)
    done = await moves.apply(platform_of(request), actor_of(request), workspace, shapes.moves(body))
    return answers.json(shapes.effect(done))


ROUTES = [plan_moves, apply_moves]
