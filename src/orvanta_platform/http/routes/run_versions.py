"""Routes of runs under way on earlier versions of their workflow."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, item_path, platform_of
from orvanta_platform.http.schemas import run_versions as schemas
from orvanta_platform.services.catalog import run_versions

_V = "/api/w/{workspace:str}/versions"


@get(f"{_V}/earlier_runs/{{path:path}}", opt=call(answer=schemas.EarlierRuns))
async def list_earlier_runs(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str], after: FromQuery[UUID | None] = None
) -> Response[bytes]:
    """List runs under way on earlier versions of a workflow, with a check whether each can move to the current one.

    At most 100 a page; `after` is the last run of the previous one.
    """
    found = await run_versions.list_earlier(
        platform_of(request), actor_of(request), workspace, item_path(path), after=after, limit=run_versions.MAX_RUNS
    )
    return answers.json(schemas.earlier(found))


@post(
    f"{_V}/move_runs/{{path:path}}",
    status_code=200,
    opt=call(body=schemas.RunsToMove, answer=list[schemas.MovedRun]),
)
async def move_runs(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Move runs under way, at most 100, to the current version of their workflow. They keep their state.

    A run that cannot be moved is not changed; `obstacles` has the reasons.
    """
    body = await body_of(request, schemas.RunsToMove)
    if len(body.runs) > run_versions.MAX_RUNS:
        raise BadRequest(f"At most {run_versions.MAX_RUNS} runs are moved by one call.")
    found = await run_versions.move_runs(platform_of(request), actor_of(request), workspace, item_path(path), body.runs)
    return answers.json(schemas.moved(found))


ROUTES = [list_earlier_runs, move_runs]
