"""Routes that pause a run before a node, read paused nodes, and continue them."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from msgspec import UnsetType

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.http.routes.runs_observe import actor_and_workspace
from orvanta_platform.http.schemas import pauses as schemas
from orvanta_platform.http.schemas.pauses import BreakpointBody, ContinueBody, PausedInputs, RunPauses
from orvanta_platform.services.runs import pausing

_PAUSES = "/api/v1/runs/{run_id:uuid}/pauses"
_BEFORE = f"{_PAUSES}/before/{{node:str}}"


@get(_PAUSES, opt=call(answer=RunPauses))
async def get_pauses(request: AnyRequest, run_id: FromPath[UUID]) -> RunPauses:
    """Get the breakpoints of a run and the nodes that are paused. A completed run has none."""
    actor, workspace = actor_and_workspace(request)
    return schemas.pauses(await pausing.get(platform_of(request), actor, workspace, run_id))


@put(_BEFORE, opt=call(body=BreakpointBody, answer=RunPauses))
async def set_breakpoint(request: AnyRequest, run_id: FromPath[UUID], node: FromPath[str]) -> RunPauses:
    """Set a breakpoint before a node, with `if` a conditional one. It replaces an existing one.

    Nodes that have already started are not affected; in a loop, the breakpoint applies to later iterations.
    """
    actor, workspace = actor_and_workspace(request)
    when = (await body_of(request, BreakpointBody)).when
    await pausing.set_breakpoint(platform_of(request), actor, workspace, run_id, node, when)
    return schemas.pauses(await pausing.get(platform_of(request), actor, workspace, run_id))


@delete(_BEFORE, status_code=200, opt=call(answer=RunPauses))
async def remove_breakpoint(request: AnyRequest, run_id: FromPath[UUID], node: FromPath[str]) -> RunPauses:
    """Remove a breakpoint. Nodes already paused there remain paused."""
    actor, workspace = actor_and_workspace(request)
    await pausing.set_breakpoint(platform_of(request), actor, workspace, run_id, node, None, on=False)
    return schemas.pauses(await pausing.get(platform_of(request), actor, workspace, run_id))


@get(f"{_PAUSES}/{{job:uuid}}", opt=call(answer=PausedInputs))
async def get_paused_node(request: AnyRequest, run_id: FromPath[UUID], job: FromPath[UUID]) -> Response[bytes]:
    """Get a paused node with the inputs that it would receive now."""
    actor, workspace = actor_and_workspace(request)
    return answers.json(
        schemas.paused(await pausing.preview_inputs(platform_of(request), actor, workspace, run_id, job))
    )


@post(f"{_PAUSES}/{{job:uuid}}/continue", status_code=200, opt=call(body=ContinueBody, answer=RunPauses))
async def continue_paused_node(request: AnyRequest, run_id: FromPath[UUID], job: FromPath[UUID]) -> RunPauses:
    """Continue a paused node: unchanged, with other inputs, or with a result instead of running it."""
    platform, actor = platform_of(request), actor_of(request)
    _, workspace = actor_and_workspace(request)
    body = await body_of(request, ContinueBody)
    inputs = None if isinstance(body.inputs, UnsetType) else bytes(body.inputs)
    result = None if isinstance(body.result, UnsetType) else bytes(body.result)
    await pausing.continue_node(platform, actor, workspace, run_id, job, inputs=inputs, result=result)
    return schemas.pauses(await pausing.get(platform, actor, workspace, run_id))


ROUTES = [get_pauses, set_breakpoint, remove_breakpoint, get_paused_node, continue_paused_node]
