"""Routes that start a run and return its id immediately, or wait for its result."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from orvanta_platform import clock
from orvanta_platform.control import scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.errors import BadRequest, NotYetSupported, OrvantaError
from orvanta_platform.http.errors import respond
from orvanta_platform.http.events import update_stream
from orvanta_platform.http.openapi import AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    decode,
    decode_envelope,
    is_attached,
    item_path,
    live_actor_of,
    platform_of,
    whole_body,
)
from orvanta_platform.http.route_answers import answer_of
from orvanta_platform.http.run_input import (
    args_of_body,
    args_of_call,
    args_of_payload,
    idempotency_key,
    webhook_event,
    with_headers,
)
from orvanta_platform.http.schemas import restarts
from orvanta_platform.http.schemas.runs import (
    CodeFlowBody,
    DependenciesBody,
    FlowDependenciesBody,
    FlowPreviewBody,
    ScriptPreviewBody,
)
from orvanta_platform.http.streaming import EVENTS
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, results, updates
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.services.runs import restart as restarting
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.breakpoints import PauseBefore
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview

MAX_BODY = 100 << 20
"""Maximum size in bytes of a body that starts a run."""

_RUN = "/api/w/{workspace:str}/jobs/run"
_WAIT = "/api/w/{workspace:str}/jobs/run_wait_result"
_STREAM = "/api/w/{workspace:str}/jobs/run_and_stream"


class RunCall(msgspec.Struct, frozen=True):
    """Common parameters of all calls that start a run."""

    platform: Platform
    actor: Actor
    caller: LiveActor
    options: RunOptions
    headers: Mapping[str, str]
    """Names and values of the headers that become arguments."""

    wrap_body: bool = False
    raw: bool = False

    def awaited(self) -> RunCall:
        """Return the call of a client that waits for the result."""
        return msgspec.structs.replace(self, options=replace(self.options, awaited=True))

    def args(self, arguments: bytes) -> bytes:
        """Return the arguments with the requested headers added. Raises InvalidInput."""
        return with_headers(arguments, self.headers) if self.headers else arguments

    async def args_of(self, request: AnyRequest) -> bytes:
        """Return the arguments in the body of the call, with the headers. Raises InvalidInput, TooLarge."""
        return self.args(await args_of_call(request, wrap=self.wrap_body, raw=self.raw))


async def run_call(
    request: AnyRequest,
    workspace: FromPath[str],
    parent_job: FromQuery[UUID | None] = None,
    root_job: FromQuery[UUID | None] = None,
    job_id: FromQuery[UUID | None] = None,
    tag: FromQuery[str | None] = None,
    scheduled_for: FromQuery[datetime | None] = None,
    scheduled_in_secs: FromQuery[int | None] = None,
    include_header: FromQuery[str | None] = None,
    wrap_body: FromQuery[bool] = False,
    raw: FromQuery[bool] = False,
    queue_limit: FromQuery[int | None] = None,
    skip_preprocessor: FromQuery[bool | None] = None,
    pause_before: FromQuery[str | None] = None,
    pause_if: FromQuery[str | None] = None,
) -> RunCall:
    """Read the query of a run call.

    `parent_job` is OV_JOB_ID, as sent by the published clients: a job's token attaches the new run to that job. With
    any other token it has no effect. `root_job` never has an effect: roots are computed.

    Raises BadRequest, ForeignParent for the id of another job, RateLimited if too many runs are waiting.
    """
    platform, actor = platform_of(request), actor_of(request)
    await jobs.require_room_for_runs(platform, actor, workspace, queue_limit)
    trigger = trigger_of(actor)
    options = RunOptions(
        trigger=trigger,
        preprocess=trigger in _PREPROCESSED and not skip_preprocessor,
        event=webhook_event(request),
        scheduled_at=_start_time(scheduled_for, scheduled_in_secs),
        tag=tag or None,
        attach=is_attached(actor, parent_job),
        run_id=job_id,
        idempotency=idempotency_key(request),
        traceparent=request.headers.get("traceparent"),
        pause=PauseBefore(tuple(_listed(pause_before)), pause_if) if pause_before or pause_if else None,
    )
    headers = {name: request.headers.get(name, "") for name in _listed(include_header)}
    return RunCall(platform, actor, live_actor_of(request), options, headers, wrap_body, raw)


def _listed(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


_PREPROCESSED = ("webhook", "api")
"""Triggers of external programs, whose runs use the preprocessor. People and jobs send a workflow's own inputs."""


def trigger_of(actor: Actor) -> str:
    """Return the trigger kind of a run that the caller starts by API."""
    if actor.kind == "job":
        return "workflow"
    if actor.via_query or scopes.is_unattended(actor.scopes):
        # Its run uses only versions accepted for the owner of the token, whatever headers the call sends.
        return "webhook"
    return "manual" if actor.kind == "session" or actor.interactive else "api"


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Bounds of the start of a run. The database would read the last microsecond of the year 9999 as infinity."""


def _start_time(at: datetime | None, in_s: int | None) -> datetime | None:
    if at is not None:
        if at.tzinfo is None:
            raise BadRequest("scheduled_for needs a time zone.", hint="Send it as 2030-01-31T12:00:00Z.")
        return _within_bounds("scheduled_for", at)
    if not in_s:
        return None
    try:
        return _within_bounds("scheduled_in_secs", clock.now() + timedelta(seconds=in_s))
    except OverflowError as error:
        raise BadRequest("scheduled_in_secs is too large.") from error


def _within_bounds(name: str, at: datetime) -> datetime:
    if not _EARLIEST <= at < _LATEST:
        raise BadRequest(f"{name} must be a time between the years 1970 and 9000.")
    return at


@post(f"{_RUN}/p/{{path:path}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=AnyObject))
async def run_script(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall]
) -> str:
    """Run the script at a path. Returns the run's id."""
    args = await call.args_of(request)
    return str(await runs.start_script(call.platform, call.actor, workspace, item_path(path), args, call.options))


@post(f"{_RUN}/h/{{hash:str}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=AnyObject))
async def run_script_version(
    request: AnyRequest, workspace: FromPath[str], hash: FromPath[str], call: NamedDependency[RunCall]
) -> str:
    """Run one version of a script. Returns the run's id."""
    args = await call.args_of(request)
    return str(await runs.start_script_version(call.platform, call.actor, workspace, hash, args, call.options))


@post(f"{_RUN}/f/{{path:path}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=AnyObject))
async def run_flow(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall]
) -> str:
    """Run the workflow at a path. Returns the run's id."""
    args = await call.args_of(request)
    return str(await runs.start_flow(call.platform, call.actor, workspace, item_path(path), args, call.options))


@post(f"{_RUN}/fv/{{version:int}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=AnyObject))
async def run_flow_version(
    request: AnyRequest, workspace: FromPath[str], version: FromPath[int], call: NamedDependency[RunCall]
) -> str:
    """Run one version of a workflow. Returns the run's id."""
    args = await call.args_of(request)
    return str(await runs.start_flow_version(call.platform, call.actor, workspace, version, args, call.options))


@post(
    f"{_RUN}/code_flow/{{job_id:uuid}}/{{entrypoint:str}}",
    status_code=201,
    media_type=MediaType.TEXT,
    opt=shape(body=CodeFlowBody),
)
async def run_code_flow(
    request: AnyRequest, workspace: FromPath[str], job_id: FromPath[UUID], entrypoint: FromPath[str]
) -> str:
    """Run a function of a workflow that is written as code as a job: 400 `not_yet_supported`.

    Such a workflow runs in the job of its script, because only nodes, which are known before the run starts, have jobs
    of their own. Use a script and a node instead.
    """
    await jobs.require_writable(platform_of(request), actor_of(request), workspace, job_id)
    raise NotYetSupported(
        f"Functions of workflows written as code cannot run as jobs of their own: {entrypoint[:100]}.",
        hint="Call the function directly, or make it a script and a node of a workflow.",
    )


@post(f"{_RUN}/preview", status_code=201, media_type=MediaType.TEXT, opt=shape(body=ScriptPreviewBody))
async def run_preview(request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall]) -> str:
    """Run code that is not deployed. Returns the run's id."""
    return str(await _start_preview(call, workspace, await whole_body(request)))


@post(f"{_RUN}/preview_flow", status_code=201, media_type=MediaType.TEXT, opt=shape(body=FlowPreviewBody))
async def run_flow_preview(request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall]) -> str:
    """Run a workflow that is not deployed. Returns the run's id."""
    return str(await _start_flow_preview(call, workspace, await whole_body(request)))


@post(f"{_RUN}/dependencies_async", status_code=201, media_type=MediaType.TEXT, opt=shape(body=DependenciesBody))
async def run_dependencies(request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall]) -> str:
    """Lock the packages of a script. The result of the run is `{lock}`."""
    body = decode(await request.body(), DependenciesBody)
    if not body.raw_scripts:
        raise BadRequest("`raw_scripts` must contain a script.")
    script = next((each for each in body.raw_scripts if each.path == body.entrypoint), body.raw_scripts[0])
    code, language = script.raw_code, script.language
    return str(await locking.lock_script(call.platform, call.actor, workspace, script.path, code, language))


@post(
    f"{_RUN}/flow_dependencies_async", status_code=201, media_type=MediaType.TEXT, opt=shape(body=FlowDependenciesBody)
)
async def run_flow_dependencies(request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall]) -> str:
    """Lock the packages of a workflow's scripts. The result of the run is `{updated_flow_value}` with the locks."""
    body = decode(await request.body(), FlowDependenciesBody)
    return str(await locking.lock_flow(call.platform, call.actor, workspace, body.path, bytes(body.flow_value)))


@post(f"{_WAIT}/p/{{path:path}}", status_code=200, opt=shape(body=AnyObject, answer=Any))
async def wait_script(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall]
) -> Response[bytes]:
    """Run the script at a path and return its result."""
    call = call.awaited()
    args = await call.args_of(request)
    starting = runs.start_script(call.platform, call.actor, workspace, item_path(path), args, call.options)
    return await _result(call, workspace, starting)


@get(f"{_WAIT}/p/{{path:path}}", opt=shape(answer=Any, query=("payload",)))
async def wait_script_get(
    workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall], payload: FromQuery[str | None] = None
) -> Response[bytes]:
    """Run the script at a path and return its result, by GET. `payload` is the arguments as base64url of JSON."""
    call = call.awaited()
    args = call.args(args_of_payload(payload))
    starting = runs.start_script(call.platform, call.actor, workspace, item_path(path), args, call.options)
    return await _result(call, workspace, starting)


@post(f"{_WAIT}/f/{{path:path}}", status_code=200, opt=shape(body=AnyObject, answer=Any))
async def wait_flow(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall]
) -> Response[bytes]:
    """Run the workflow at a path and return its result."""
    call = call.awaited()
    args = await call.args_of(request)
    starting = runs.start_flow(call.platform, call.actor, workspace, item_path(path), args, call.options)
    return await _result(call, workspace, starting)


@get(f"{_WAIT}/f/{{path:path}}", opt=shape(answer=Any, query=("payload",)))
async def wait_flow_get(
    workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall], payload: FromQuery[str | None] = None
) -> Response[bytes]:
    """Run the workflow at a path and return its result, by GET. `payload` is the arguments as base64url of JSON."""
    call = call.awaited()
    args = call.args(args_of_payload(payload))
    starting = runs.start_flow(call.platform, call.actor, workspace, item_path(path), args, call.options)
    return await _result(call, workspace, starting)


@post(f"{_STREAM}/p/{{path:path}}", status_code=200, media_type=EVENTS, opt=shape(body=AnyObject))
async def stream_script(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall]
) -> Stream:
    """Run the script at a path and stream its updates as server-sent events until it has completed."""
    args = await call.args_of(request)
    run = await runs.start_script(call.platform, call.actor, workspace, item_path(path), args, call.options)
    return await _updates(call, workspace, run)


@post(f"{_STREAM}/f/{{path:path}}", status_code=200, media_type=EVENTS, opt=shape(body=AnyObject))
async def stream_flow(
    request: AnyRequest, workspace: FromPath[str], path: FromPath[str], call: NamedDependency[RunCall]
) -> Stream:
    """Run the workflow at a path and stream its updates as server-sent events until it has completed."""
    args = await call.args_of(request)
    run = await runs.start_flow(call.platform, call.actor, workspace, item_path(path), args, call.options)
    return await _updates(call, workspace, run)


@post(f"{_WAIT}/preview", status_code=200, opt=shape(body=ScriptPreviewBody, answer=Any))
async def wait_preview(
    request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall]
) -> Response[bytes]:
    """Run code that is not deployed and return its result."""
    call = call.awaited()
    return await _result(call, workspace, _start_preview(call, workspace, await whole_body(request)))


@post(f"{_RUN}_inline/preview", status_code=200, opt=shape(body=ScriptPreviewBody, answer=Any))
async def run_inline_preview(
    request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall]
) -> Response[bytes]:
    """Run code that is not deployed and return its result. The published client calls this on the server's machine."""
    call = call.awaited()
    return await _result(call, workspace, _start_preview(call, workspace, await whole_body(request)))


@post(f"{_WAIT}/preview_flow", status_code=200, opt=shape(body=FlowPreviewBody, answer=Any))
async def wait_flow_preview(
    request: AnyRequest, workspace: FromPath[str], call: NamedDependency[RunCall]
) -> Response[bytes]:
    """Run a workflow that is not deployed and return its result."""
    call = call.awaited()
    return await _result(call, workspace, _start_flow_preview(call, workspace, await whole_body(request)))


async def _start_preview(call: RunCall, workspace: str, body: bytes) -> UUID:
    sent = decode_envelope(body, ScriptPreviewBody)
    preview = ScriptPreview(
        content=sent.content or "",
        language=sent.language or "",
        path=sent.path or None,
        tag=sent.tag or None,
        kind=sent.kind or "code",
        lock=sent.lock,
        flow_path=sent.flow_path or None,
    )
    args = call.args(_args_of(sent))
    if sent.script_hash and not sent.content and preview.kind == "code":
        version = sent.script_hash
        return await runs.start_script_version(call.platform, call.actor, workspace, version, args, call.options)
    return await runs.start_preview(call.platform, call.actor, workspace, preview, args, call.options)


async def _start_flow_preview(call: RunCall, workspace: str, body: bytes) -> UUID:
    sent = decode_envelope(body, FlowPreviewBody)
    options = replace(call.options, tag=sent.tag or call.options.tag, preprocess=False)
    args = call.args(_args_of(sent))
    if sent.restarted_from is not None:
        before = sent.restarted_from
        point = restarts.point(before)
        inputs = None if isinstance(sent.args, msgspec.UnsetType) else args
        return await restarting.restart_edited(
            call.platform,
            call.actor,
            workspace,
            bytes(sent.value),
            sent.path or None,
            inputs,
            before.flow_job_id,
            point,
            options,
        )
    return await runs.start_flow_preview(
        call.platform, call.actor, workspace, bytes(sent.value), sent.path or None, args, options
    )


def _args_of(sent: ScriptPreviewBody | FlowPreviewBody) -> bytes:
    return args_of_body(b"" if isinstance(sent.args, msgspec.UnsetType) else bytes(sent.args))


async def _result(call: RunCall, workspace: str, starting: Awaitable[UUID]) -> Response[bytes]:
    """Return the response that the result of the run that `starting` starts determines, with its id in X-Run-Id."""
    platform, expected = call.platform, call.options.new_id
    with results.watch_end(platform, expected) as watch:
        run = await starting
        try:
            end = await results.wait(
                platform, call.caller, workspace, run, platform.settings.wait_s, watch if run == expected else None
            )
        except OrvantaError as error:
            return respond(error, {"X-Run-Id": str(run)})
    return answer_of(end, anonymous=False, has_token=True)


async def _updates(call: RunCall, workspace: str, run: UUID) -> Stream:
    """Stream the updates of a run that was just started, with its id in X-Run-Id."""
    found = await updates.of_started(call.platform, call.caller, workspace, run)
    return update_stream(found, headers={"X-Run-Id": str(run)})


_HANDLERS = [
    run_script,
    run_script_version,
    run_flow,
    run_flow_version,
    run_code_flow,
    run_preview,
    run_flow_preview,
    run_dependencies,
    run_flow_dependencies,
    wait_script,
    wait_script_get,
    wait_flow,
    wait_flow_get,
    stream_script,
    stream_flow,
    wait_preview,
    run_inline_preview,
    wait_flow_preview,
]

ROUTES = [
    Router("/", route_handlers=_HANDLERS, dependencies={"call": Provide(run_call)}, request_max_body_size=MAX_BODY)
]
