"""Routes that read runs in the product's own format: state, graph, events, and search by inputs and results."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from orvanta_platform.control.actor import Actor
from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers, run_streams
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, live_actor_of, platform_of
from orvanta_platform.http.schemas import comparison as comparison_schemas
from orvanta_platform.http.schemas import graph as graph_schemas
from orvanta_platform.http.schemas import history as history_schemas
from orvanta_platform.http.schemas import run_about as about_schemas
from orvanta_platform.http.schemas import run_search as search_schemas
from orvanta_platform.http.schemas import runs as run_schemas
from orvanta_platform.http.schemas.comparison import ComparedRuns
from orvanta_platform.http.schemas.graph import Graph
from orvanta_platform.http.schemas.history import RunEvents
from orvanta_platform.http.schemas.run_about import About, RunDocument
from orvanta_platform.http.schemas.run_failure import RunFailureReport, failure_report
from orvanta_platform.http.schemas.run_search import FoundRuns
from orvanta_platform.http.schemas.runs import ReceivedInputs, Run
from orvanta_platform.services.run_views import about as run_about
from orvanta_platform.services.run_views import comparison as run_comparison
from orvanta_platform.services.run_views import detail as run_detail
from orvanta_platform.services.run_views import failure as run_failure
from orvanta_platform.services.run_views import graph as run_graph
from orvanta_platform.services.run_views import history, node_inputs
from orvanta_platform.services.run_views import search as run_search
from orvanta_platform.services.run_views import stream as run_stream

_MAX_FOUND = 100


def actor_and_workspace(request: AnyRequest) -> tuple[Actor, str]:
    """Return the caller, and the workspace of the token or of X-Workspace. Raises BadRequest if there is none."""
    actor = actor_of(request)
    if actor.workspace is None:
        raise BadRequest("The workspace is missing.", hint="Use a token of a workspace, or send X-Workspace.")
    return actor, actor.workspace


@get("/api/v1/runs/{run_id:uuid}", opt=call(answer=Run))
async def get_run(request: AnyRequest, run_id: FromPath[UUID]) -> Run:
    """Get a run. The workspace is that of the token or of the header X-Workspace."""
    actor, workspace = actor_and_workspace(request)
    return run_schemas.run(await run_detail.get(platform_of(request), actor, workspace, run_id))


@get("/api/v1/runs/{run_id:uuid}/about", opt=call(answer=About))
async def get_about(request: AnyRequest, run_id: FromPath[UUID]) -> About:
    """Get the origin of a run: its item and version, and its trigger or starter, without state or values."""
    actor, workspace = actor_and_workspace(request)
    return about_schemas.about(await run_about.get(platform_of(request), actor, workspace, run_id))


@get("/api/v1/runs/{run_id:uuid}/failure", opt=call(answer=RunFailureReport))
async def get_failure(request: AnyRequest, run_id: FromPath[UUID]) -> RunFailureReport:
    """Get the first unhandled error of a run, in whichever node it occurred, and the last successful run before it."""
    actor, workspace = actor_and_workspace(request)
    return failure_report(await run_failure.get(platform_of(request), actor, workspace, run_id))


@get("/api/v1/runs/{run_id:uuid}/document", opt=call(answer=RunDocument))
async def get_document(request: AnyRequest, run_id: FromPath[UUID]) -> RunDocument:
    """Get the text of a run's workflow, deployed or not. 404 for the run of a script."""
    actor, workspace = actor_and_workspace(request)
    return about_schemas.document(await run_about.document(platform_of(request), actor, workspace, run_id))


@get("/api/v1/runs/{run_id:uuid}/graph", opt=call(answer=Graph))
async def get_graph(request: AnyRequest, run_id: FromPath[UUID], rev: FromQuery[str | None] = None) -> Response[bytes]:
    """Get the state of every node and edge of a run, without values. 304 if `rev` is still current.

    `rev` is that of the last response. Its ETag in the header If-None-Match has the same effect.
    """
    actor, workspace = actor_and_workspace(request)
    found = await run_graph.get(platform_of(request), actor, workspace, run_id)
    etag = f'"{found.rev}"'
    if found.rev == rev or etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers={"ETag": etag}, media_type="application/json")
    answer = answers.json(graph_schemas.graph(found))
    answer.headers["ETag"] = etag
    return answer


@get("/api/v1/runs/{run_id:uuid}/compare/{other:uuid}", opt=call(answer=ComparedRuns))
async def compare_runs(request: AnyRequest, run_id: FromPath[UUID], other: FromPath[UUID]) -> Response[bytes]:
    """Compare two runs, `run_id` before and `other` after: the state and result of each node, and where they diverge.

    Values are returned only as their length, the start of short ones, and whether they are equal.
    """
    actor, workspace = actor_and_workspace(request)
    found = await run_comparison.compare(platform_of(request), actor, workspace, run_id, other)
    return answers.json(comparison_schemas.compared(found))


@get("/api/v1/runs/{run_id:uuid}/nodes/{node:str}/inputs", opt=call(answer=ReceivedInputs))
async def get_node_inputs(
    request: AnyRequest, run_id: FromPath[UUID], node: FromPath[str], iterations: FromQuery[str | None] = None
) -> Response[bytes]:
    """Get the inputs that a node of a run received, computed again from the values of the run.

    `iterations`: indexes from 0 of the iterations of the loops around the node, outermost first, separated by commas.
    """
    actor, workspace = actor_and_workspace(request)
    try:
        numbers = [int(each) for each in iterations.split(",")] if iterations else []
    except ValueError as error:
        raise BadRequest("iterations must be integers separated by commas.") from error
    found = await node_inputs.get(platform_of(request), actor, workspace, run_id, node, numbers)
    return answers.json(run_schemas.received_inputs(found))


@get("/api/v1/runs/{run_id:uuid}/events", opt=call(answer=RunEvents))
async def get_events(
    request: AnyRequest,
    run_id: FromPath[UUID],
    after: FromQuery[str | None] = None,
    per_page: FromQuery[int] = 100,
    inside: FromQuery[bool] = False,
) -> RunEvents:
    """List the events of a run in order, after `after` (`last` of the previous page), at most 1,000 per page.

    With `inside=true`, events of nodes inside loops and branches are included.
    """
    actor, workspace = actor_and_workspace(request)
    most = min(max(per_page, 1), history.MAX_PAGE_SIZE)
    page = await history.read(platform_of(request), actor, workspace, run_id, after=after, limit=most, inside=inside)
    return history_schemas.events(page)


@get("/api/v1/runs/{run_id:uuid}/stream", media_type="text/event-stream", opt=call())
async def stream_run(
    request: AnyRequest,
    run_id: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    logs: FromQuery[bool] = True,
    node: FromQuery[str | None] = None,
    job: FromQuery[UUID | None] = None,
    attempt: FromQuery[int | None] = None,
) -> Stream:
    """Stream a run as server-sent events until its end: `status` (its graph), `log` (of all nodes), `end`.

    The id of each message is a cursor. Sent as Last-Event-ID or `cursor`, to any server, it resumes the stream after
    that message. `logs=false` excludes logs; `node`, `job` and `attempt` exclude the logs of others.
    """
    _, workspace = actor_and_workspace(request)
    found = await run_stream.follow(
        platform_of(request),
        live_actor_of(request),
        workspace,
        run_id,
        cursor=request.headers.get("last-event-id") or cursor,
        logs=run_stream.LogFilter(none=not logs, node=node, job=job, attempt=attempt),
    )
    return run_streams.run_stream(found)


@get("/api/v1/runs/search", opt=call(answer=FoundRuns))
async def search_runs(
    request: AnyRequest, q: FromQuery[str], before: FromQuery[UUID | None] = None, per_page: FromQuery[int] = 20
) -> FoundRuns:
    """Search completed runs whose inputs or results contain every word of `q`, newest first, with the matches.

    A word is a sequence of letters and digits. The last word also matches longer words that start with it, if it has
    at least three characters. Text without blanks (ORD-4711-x, ann@example.com) matches as a whole. 409 if search is
    not enabled for the workspace.
    """
    actor, workspace = actor_and_workspace(request)
    most = min(max(per_page, 1), _MAX_FOUND)
    found = await run_search.find(platform_of(request), actor, workspace, q, before=before, limit=most)
    return search_schemas.found_runs(found)


ROUTES = [
    get_run,
    get_about,
    get_failure,
    get_document,
    get_graph,
    compare_runs,
    get_node_inputs,
    get_events,
    stream_run,
    search_runs,
]
