"""Routes of saved inputs of scripts and workflows, and of the arguments of their earlier runs."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from litestar import MediaType, Response, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, page_of, platform_of
from orvanta_platform.http.schemas import saved_inputs as schemas
from orvanta_platform.http.schemas.saved_inputs import ChangeInput, SavedInput, SaveInput
from orvanta_platform.services.catalog import deploy, saved_inputs
from orvanta_platform.services.catalog.deploy import Kind

_I = "/api/w/{workspace:str}/inputs"
_OF = ("runnable_id", "runnable_type")

RunnableType = Literal["ScriptHash", "ScriptPath", "FlowPath"]


@post(f"{_I}/create", status_code=201, media_type=MediaType.TEXT, opt=shape(body=SaveInput, query=_OF))
async def save_input(
    request: AnyRequest, workspace: FromPath[str], runnable_id: FromQuery[str], runnable_type: FromQuery[RunnableType]
) -> str:
    """Save arguments of a script or workflow under a name, for the caller. Returns their id."""
    item = await _item(request, workspace, runnable_id, runnable_type)
    body = await body_of(request, SaveInput)
    id = await saved_inputs.save(
        platform_of(request), actor_of(request), workspace, *item, body.name, bytes(body.args).strip()
    )
    return str(id)


@get(f"{_I}/list", opt=shape(answer=list[SavedInput], query=(*_OF, *PAGED[:2])))
async def list_inputs(
    request: AnyRequest, workspace: FromPath[str], runnable_id: FromQuery[str], runnable_type: FromQuery[RunnableType]
) -> Response[bytes]:
    """List the saved inputs of a script or workflow that the caller may use, newest first."""
    item = await _item(request, workspace, runnable_id, runnable_type)
    page = page_of(request)
    rows = await saved_inputs.list_page(
        platform_of(request), actor_of(request), workspace, *item, limit=page.limit, offset=page.offset
    )
    return answers.json([schemas.saved(row) for row in rows])


@get(f"{_I}/history", opt=shape(answer=list[SavedInput], query=(*_OF, *PAGED[:2])))
async def list_input_history(
    request: AnyRequest, workspace: FromPath[str], runnable_id: FromQuery[str], runnable_type: FromQuery[RunnableType]
) -> Response[bytes]:
    """List the completed runs of a script or workflow whose arguments may be used again, newest first."""
    item = await _item(request, workspace, runnable_id, runnable_type)
    page = page_of(request)
    rows = await saved_inputs.list_history(
        platform_of(request), actor_of(request), workspace, *item, limit=page.limit, offset=page.offset
    )
    return answers.json([schemas.of_run(row) for row in rows])


@get(f"{_I}/{{id:uuid}}/args", opt=shape(answer=AnyObject))
async def get_input_args(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> Response[bytes]:
    """Get the arguments of a saved input, or of a run."""
    found = await saved_inputs.get_args(platform_of(request), actor_of(request), workspace, id)
    return Response(found, media_type=MediaType.JSON)


@post(f"{_I}/update", status_code=200, media_type=MediaType.TEXT, opt=shape(body=ChangeInput))
async def change_input(request: AnyRequest, workspace: FromPath[str]) -> str:
    """Rename a saved input, or share it. For its creator, and members who may write the item. Returns its id."""
    body = await body_of(request, ChangeInput)
    await saved_inputs.change(
        platform_of(request), actor_of(request), workspace, body.id, body.name, is_public=body.is_public
    )
    return str(body.id)


@post(f"{_I}/delete/{{id:uuid}}", status_code=200, media_type=MediaType.TEXT, opt=shape())
async def delete_input(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> str:
    """Delete a saved input. For its creator, and members who may write the item. Returns its id."""
    await saved_inputs.delete(platform_of(request), actor_of(request), workspace, id)
    return str(id)


async def _item(request: AnyRequest, workspace: str, id: str, kind: RunnableType) -> tuple[Kind, str]:
    """Return kind and path of the script or workflow that a call names."""
    if kind == "ScriptHash":
        row = await deploy.get_version(platform_of(request), actor_of(request), workspace, "script", id)
        return "script", row.path
    return ("flow" if kind == "FlowPath" else "script"), id


ROUTES: list[Any] = [save_input, list_inputs, list_input_history, get_input_args, change_input, delete_input]
