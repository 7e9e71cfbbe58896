"""Requests to HTTP triggers, under /api/r. Each route authenticates its callers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
from litestar import Response, Router, route
from litestar.params import FromPath
from msgspec import UNSET

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.db.http_triggers import HttpTriggerRow
from orvanta_platform.errors import InvalidInput, OrvantaError, Unauthenticated
from orvanta_platform.http import answers
from orvanta_platform.http.auth_middleware import ROUTE_PREFIX
from orvanta_platform.http.errors import respond
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import REQUEST_ID, AnyRequest, platform_of
from orvanta_platform.http.route_answers import answer_of, failure_for_anonymous, for_anonymous
from orvanta_platform.http.run_input import RAW, args_of, args_of_query, members_of, text_of
from orvanta_platform.http.schemas.http_triggers import RouteUpdate
from orvanta_platform.http.streaming import KEEP_ALIVE, event_stream
from orvanta_platform.services.run_views import jobs, results, updates
from orvanta_platform.services.run_views.results import Finished
from orvanta_platform.services.run_views.updates import Update
from orvanta_platform.services.runs.run_spec import RunOptions
from orvanta_platform.services.runs.trigger_event import TriggerEvent
from orvanta_platform.services.triggers import route_calls
from orvanta_platform.services.triggers.route_calls import Route, RouteRequest, RouteSecrets

Ending = Callable[[], Awaitable[Finished]]
"""Function that returns the outcome of a run that has completed."""


@route(
    "/api/r/{path:path}",
    http_method=["GET", "POST", "PUT", "PATCH", "DELETE"],
    status_code=200,
    opt=call(body=Any, answer=Any),
)
async def call_route(request: AnyRequest, path: FromPath[str]) -> Response[Any]:
    """Call an HTTP trigger by its route."""
    platform = platform_of(request)
    incoming = _incoming(request)
    started = clock.monotonic()
    found = await route_calls.find(platform, incoming)
    trigger = found.trigger
    owner = await route_calls.owner_of(platform, trigger, incoming)
    body = await request.body() if trigger.authentication_method == "signature" else b""
    try:
        admitted = await route_calls.admit(platform, RouteSecrets(platform), trigger, owner, incoming, body)
    except Unauthenticated as error:
        scheme = "Basic" if trigger.authentication_method == "basic_http" else "Bearer"
        return respond(error, {"WWW-Authenticate": f'{scheme} realm="{trigger.route_path}"'})
    try:
        caller = route_calls.live_owner(platform, trigger, owner, incoming, started)
        return await _answer(request, found, owner, admitted, caller)
    except OrvantaError as error:
        raise for_anonymous(error) if route_calls.is_open(trigger) else error from None


async def _answer(
    request: AnyRequest, found: Route, owner: Actor, admitted: Actor | None, caller: LiveActor
) -> Response[Any]:
    """Start the run of a route and respond in the route's mode. `admitted`: the caller, if the route needs a token."""
    platform, trigger, anonymous = platform_of(request), found.trigger, route_calls.is_open(found.trigger)
    incoming = _incoming(request)
    await jobs.require_room_for_runs(platform, owner, trigger.workspace)
    of_body = await _of_body(request, trigger)
    args = msgspec.json.encode({**args_of_query(request), **of_body, **found.params})
    await caller.require_same_rights()
    key = request.headers.get("idempotency-key")
    event = await _event(request, found, owner, of_body)
    options = RunOptions(
        trigger=route_calls.TRIGGER,
        preprocess=True,
        event=event,
        awaited=trigger.request_type == "sync",
        traceparent=request.headers.get("traceparent"),
    )
    if key:
        options = replace(options, idempotency=route_calls.key_of(trigger, admitted, key, args))
    with results.watch_end(platform, options.new_id) as watch:
        run = await route_calls.start(platform, trigger, owner, incoming, args, options)
        if trigger.request_type == "async":
            return answers.text(str(run), 201)
        if trigger.request_type == "sync_sse":
            stream = await updates.of_started(platform, caller, trigger.workspace, run)
            end_of = partial(results.result, platform, owner, trigger.workspace, run)
            return event_stream(
                _events(stream, end_of, anonymous=anonymous), None if anonymous else {"X-Run-Id": str(run)}
            )
        known = watch if run == options.new_id else None
        try:
            end = await results.wait(platform, caller, trigger.workspace, run, platform.settings.wait_s, known)
        except OrvantaError as error:
            return respond(for_anonymous(error)) if anonymous else respond(error, {"X-Run-Id": str(run)})
    return answer_of(end, anonymous=anonymous, has_token=admitted is not None)


def _incoming(request: AnyRequest) -> RouteRequest:
    scope = request.scope
    client = scope.get("client")
    return RouteRequest(
        method=str(scope["method"]),
        path=str(scope["path"]).removeprefix(ROUTE_PREFIX),
        headers={name.lower(): value for name, value in request.headers.items()},
        address=str(client[0]) if client else None,
        request_id=str(scope.get(REQUEST_ID)),
    )


async def _event(request: AnyRequest, found: Route, owner: Actor, of_body: Mapping[str, Any]) -> TriggerEvent:
    """Return the event of a request, for preprocessors. `of_body`: the arguments in its body."""
    trigger = found.trigger
    members = {name: value for name, value in of_body.items() if name != RAW}
    body = members["body"] if trigger.wrap_body else members if members or RAW not in of_body else None
    incoming = _incoming(request)
    return TriggerEvent(
        kind="http",
        headers=request.headers,
        query=request.query_params,
        body=msgspec.json.encode(body),
        raw_string=of_body.get(RAW),
        route={
            "route": trigger.route_path,
            "path": incoming.path,
            "method": incoming.method.lower(),
            "params": found.params,
        },
        hidden_header=await route_calls.key_header(RouteSecrets(platform_of(request)), trigger, owner),
    )


async def _of_body(request: AnyRequest, trigger: HttpTriggerRow) -> dict[str, Any]:
    """Return the arguments in the body, which override those of the query. Raises InvalidInput."""
    found: dict[str, Any] = {}
    if trigger.wrap_body:
        found["body"] = await _body_value(request)
    elif not trigger.raw_string or await _is_object(request):
        found |= members_of(await args_of(request))
    if trigger.raw_string:
        found[RAW] = text_of(await request.body())
    return found


async def _body_value(request: AnyRequest) -> Any:
    """Return the body as one value: JSON of any type, otherwise the object of its arguments."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/json") and not kind.endswith("+json"):
        return msgspec.Raw(await args_of(request))
    body = await request.body()
    if not body.strip():
        return None
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {error}.", details={"path": ""}) from error
    text_of(body)
    return msgspec.Raw(body)


async def _is_object(request: AnyRequest) -> bool:
    kind = request.headers.get("content-type", "").lower()
    return "json" in kind and (await request.body()).lstrip()[:1] == b"{"


async def _events(stream: AsyncIterator[Update | None], end: Ending, *, anonymous: bool) -> AsyncIterator[bytes]:
    """Yield events with the result and its streamed parts, without nodes, logs and memory."""
    async for update in stream:
        if update is None:
            yield KEEP_ALIVE
            continue
        event = RouteUpdate(completed=update.completed, new_result_stream=update.new_stream or UNSET)
        if update.new_stream and update.stream_attempt is not None:
            event.stream_attempt = update.stream_attempt
        if update.completed:
            ended = await end()
            result = failure_for_anonymous() if anonymous and not ended.success else ended.result
            event.success, event.result = ended.success, msgspec.Raw(result)
        yield b"data: " + msgspec.json.encode(event) + b"\n\n"


# The authentication middleware limits the size of the body, as calls of routes carry no token there.
ROUTES = [Router("/", route_handlers=[call_route], request_max_body_size=None)]
