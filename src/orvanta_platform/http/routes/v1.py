"""Route that starts a workflow in the product's own format. The routes that read runs are in runs_observe."""

from __future__ import annotations

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from orvanta_platform.errors import BadRequest, NotFound
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import AnyObject, call
from orvanta_platform.http.requests import AnyRequest, actor_of, item_path, platform_of
from orvanta_platform.http.routes.jobs_run import trigger_of
from orvanta_platform.http.run_input import args_of, idempotency_key
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions

_RUNS = "/runs"


class StartedRun(msgspec.Struct):
    """A run that was just started."""

    run_id: str
    status: str


@post("/api/v1/workflows/{path:path}", status_code=201, opt=call(body=AnyObject, answer=StartedRun))
async def start_workflow(request: AnyRequest, path: FromPath[str]) -> Response[bytes]:
    """Start a workflow. The path ends in `/runs`; the body is the input.

    The workspace is that of the token or of the header X-Workspace.
    """
    path = item_path(path)
    if not path.endswith(_RUNS):
        raise NotFound(f"There is no route POST /api/v1/workflows/{path}.", hint="The path must end in /runs.")
    actor = actor_of(request)
    if actor.workspace is None:
        raise BadRequest("The workspace is missing.", hint="Use a token of a workspace, or send X-Workspace.")
    options = RunOptions(
        trigger=trigger_of(actor),
        idempotency=idempotency_key(request),
        traceparent=request.headers.get("traceparent"),
    )
    args = await args_of(request)
    started = await runs.start_flow(
        platform_of(request), actor, actor.workspace, path.removesuffix(_RUNS), args, options
    )
    return answers.json(StartedRun(str(started), "queued"), 201)


ROUTES = [start_workflow]
