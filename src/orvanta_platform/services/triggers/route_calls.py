"""Requests to HTTP triggers: matching of routes, authentication, and the runs they start.

Callers are not trusted, and their requests are treated as data: they cannot refer to variables or resources, and see
nothing but the result.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import audit, identity, login_limits, route_auth, route_paths
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.client_address import network_of
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.control.route_auth import RouteAuthInvalid
from orvanta_platform.db import accounts, http_triggers
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.http_triggers import HttpTriggerRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Forbidden, InvalidInput, NotFound, OrvantaError, RateLimited, Unauthenticated
from orvanta_platform.orchestrator import interpolation
from orvanta_platform.orchestrator.interpolation import Interpolation
from orvanta_platform.services.access.session import Caller, TokenResolver
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.idempotency import IdempotencyKey, caller_of
from orvanta_platform.services.runs.run_spec import RunOptions

TRIGGER: Final = "http"
SECRET_CACHE_S: Final = 10.0
"""Seconds for which the opened secret of a trigger is cached. A changed secret remains valid for up to this time."""

_MAX_CACHED_SECRETS: Final = 1000
_SCOPES: Final = ("jobs:run",)

log = structlog.get_logger(__name__)


class RouteRequest(msgspec.Struct, frozen=True):
    """A request to a route."""

    method: str
    path: str
    """The part of the path after /api/r/."""
    headers: Mapping[str, str]
    """Names in lower case."""
    address: str | None = None
    request_id: str | None = None


class Route(msgspec.Struct, frozen=True):
    """The trigger that a request matches, and the parameters of its route."""

    trigger: HttpTriggerRow
    params: Mapping[str, str]


class RouteSecrets:
    """Secrets of recently called triggers, cached in the platform for a few seconds. Each opening is audited."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._cache = platform.route_secrets

    async def of(self, trigger: HttpTriggerRow, owner: Actor) -> Any:
        """Return the resource with the trigger's secret. Raises an error if its owner may not read it."""
        key = (trigger.id, trigger.edited_at.isoformat())
        until, value = self._cache.get(key, (0.0, None))
        if clock.monotonic() < until:
            return value
        async with self._platform.db.transaction() as conn:
            reading = Interpolation(self._platform, conn, owner, trigger.workspace, opens=True)
            raw = await reading.value("resource", trigger.authentication_resource_path or "")
            for secret in reading.secrets:
                details = {"http_trigger": trigger.path}
                await audit.record(conn, owner, f"{secret.kind}s.open", "Execute", secret.path, details)
        value = msgspec.json.decode(raw)
        self._cache[key] = (clock.monotonic() + SECRET_CACHE_S, value)
        self._cache.move_to_end(key)
        if len(self._cache) > _MAX_CACHED_SECRETS:
            self._cache.popitem(last=False)
        return value


async def find(platform: Platform, incoming: RouteRequest) -> Route:
    """Return the trigger that matches a request, the most specific one of several. Raises NotFound.

    All routes below the id of a workspace belong to that workspace. A trigger that is not enabled returns 404, and its
    requests are not matched by other triggers.
    """
    parts = tuple(incoming.path.split("/"))
    second = parts[1] if len(parts) > 1 else ""
    async with platform.db.acquire() as conn:
        rows = await http_triggers.find_candidates(conn, incoming.method.lower(), parts[0], second)
    found = []
    for row in rows:
        route = route_paths.parse(row.route_path)
        params = route.match(parts[1:] if row.workspaced_route else parts)
        if params is not None:
            found.append((route.rank, Route(row, params)))
    best = min(found, key=lambda each: each[0])[1] if found else None
    if best is None or best.trigger.mode != "enabled":
        raise NotFound(f"There is no route {incoming.method} {incoming.path[:300]}.")
    return best


async def owner_of(platform: Platform, trigger: HttpTriggerRow, incoming: RouteRequest) -> Actor:
    """Return the member that the trigger's runs act for.

    Raises NotFound if they have left the workspace, or if it is archived.
    """
    async with platform.db.acquire() as conn:
        owner = await identity.actor_of_run(
            conn, trigger.workspace, trigger.permissioned_as, trigger.email, trigger.scopes
        )
    if owner is not None and owner.archived:
        raise NotFound(f"There is no route {incoming.method} {incoming.path[:300]}.")
    if owner is None or owner.role is None:
        log.warning("trigger without owner", action="route", trigger=trigger.path, workspace=trigger.workspace)
        raise NotFound(f"There is no route {incoming.method} {incoming.path[:300]}.")
    return replace(owner, kind="system", address=incoming.address, request_id=incoming.request_id)


async def admit(
    platform: Platform,
    secrets: RouteSecrets,
    trigger: HttpTriggerRow,
    owner: Actor,
    incoming: RouteRequest,
    body: bytes,
) -> Actor | None:
    """Authenticate a request by the method of the trigger; returns the caller, if the method identifies one.

    `body` is used for signatures only. A request is rejected if the secret cannot be read. Raises Unauthenticated,
    Forbidden, NotFound, and RateLimited after wrong passwords from the same address.
    """
    method = trigger.authentication_method
    if method == "none":
        return None
    if method == "orvanta":
        return await admit_token(platform, trigger, incoming)
    try:
        resource = await secrets.of(trigger, owner)
        proved = route_auth.proves(method, resource, incoming.headers, body, clock.now().timestamp())
    except (OrvantaError, RouteAuthInvalid, msgspec.DecodeError) as error:
        reason = error.message if isinstance(error, OrvantaError) else str(error)
        log.warning("trigger cannot authenticate", action="route", trigger=trigger.path, error=reason)
        proved = False
    if method == "basic_http" and "authorization" in incoming.headers:
        await _limit_guesses(platform, trigger, incoming, proved=proved)
    if not proved:
        raise Unauthenticated("The request has no valid credentials.", hint=f"The HTTP trigger requires {method}.")
    return None


async def key_header(secrets: RouteSecrets, trigger: HttpTriggerRow, owner: Actor) -> str | None:
    """Return the name of the header that carries the trigger's key, in lower case; None for other authentication."""
    if trigger.authentication_method != "api_key":
        return None
    return str((await secrets.of(trigger, owner)).get("header", route_auth.KEY_HEADER)).lower()


async def _limit_guesses(platform: Platform, trigger: HttpTriggerRow, incoming: RouteRequest, *, proved: bool) -> None:
    """Count a wrong password by route and address, and reset the count after a correct one. Raises RateLimited.

    While the address has to wait, correct passwords are refused as well, and nothing is written.
    """
    key = login_limits.key_of_route(trigger.id, network_of(incoming.address))
    async with platform.db.acquire() as conn:
        found = (await accounts.get_attempts(conn, [key], login_limits.FORGOTTEN_S))[key]
    if proved and not found.count:
        return
    wait_s = login_limits.wait_at_route_s(found)
    if not wait_s:
        async with platform.db.transaction() as conn:
            if proved:
                await accounts.reset_attempts(conn, key, [])
                return
            found = (await accounts.lock_attempts(conn, [key], login_limits.FORGOTTEN_S))[key]
            wait_s = login_limits.wait_at_route_s(found)
            if not wait_s:
                await accounts.count_attempts(conn, [key], login_limits.FORGOTTEN_S)
    if wait_s:
        raise RateLimited(
            "Too many calls of this HTTP trigger had a wrong password.",
            hint="Try again later.",
            details={"retry_after_s": math.ceil(wait_s)},
        )


def key_of(trigger: HttpTriggerRow, caller: Actor | None, key: str, args: bytes) -> IdempotencyKey:
    """Return the idempotency key of a request: each route has its own keys, and each caller if the route identifies
    callers.

    A route without authentication cannot distinguish its callers. There the input is part of the key, so that a
    stranger who guesses a key neither suppresses a run nor gets its result.
    """
    owner = f"http_trigger {trigger.id}"
    if trigger.authentication_method == "none":
        return IdempotencyKey(hashlib.sha256(f"{key} ".encode() + args).hexdigest(), owner)
    return IdempotencyKey(key, owner if caller is None else f"{owner} {caller_of(caller)}")


async def admit_token(platform: Platform, trigger: HttpTriggerRow, incoming: RouteRequest) -> Actor:
    """Authenticate a token of the platform, sent in the header only, whose owner may run the trigger's target.

    Raises Unauthenticated, Forbidden, NotFound.
    """
    scheme, _, token = incoming.headers.get("authorization", "").strip().partition(" ")
    caller = Caller(trigger.workspace, incoming.address, incoming.request_id)
    actor = None
    if scheme.lower() == "bearer" and token.strip():
        actor = await TokenResolver(platform).resolve(token.strip(), caller, changes=True)
    if actor is None:
        raise Unauthenticated("This HTTP trigger requires a token.", hint="Send `Authorization: Bearer <token>`.")
    kind = "flow" if trigger.is_flow else "script"
    async with platform.db.acquire() as conn:
        found = await run_rows.resolve_path(conn, trigger.workspace, kind, trigger.script_path)
    perms = (found.created_by, found.extra_perms) if found else (None, {})
    require(actor, "run", Target(trigger.workspace, kind, trigger.script_path, *perms))
    return actor


def is_open(trigger: HttpTriggerRow) -> bool:
    """Return whether the route requires no authentication."""
    return trigger.authentication_method == "none"


def live_owner(
    platform: Platform, trigger: HttpTriggerRow, owner: Actor, incoming: RouteRequest, derived_at: float
) -> LiveActor:
    """Return the owner of an admitted request, valid for as long as the request would be admitted again.

    The trigger must still exist and be enabled, its owner be a member, and a token of the platform be valid. Other
    credentials, which may be valid only briefly, are not checked again.
    """

    async def derive(_: float) -> Actor | None:
        found = await find(platform, incoming)
        if found.trigger.id != trigger.id:
            return None
        actor = await owner_of(platform, found.trigger, incoming)
        if found.trigger.authentication_method == "orvanta":
            await admit_token(platform, found.trigger, incoming)
        return actor

    return LiveActor(owner, derive, derived_at=derived_at)


async def start(
    platform: Platform, trigger: HttpTriggerRow, owner: Actor, incoming: RouteRequest, args: bytes, options: RunOptions
) -> UUID:
    """Start the trigger's target as its owner. Raises NotFound, InvalidInput, Forbidden."""
    try:
        caller = replace(owner, scopes=_SCOPES)
        interpolation.require_references(caller, args)
        if options.event is not None:
            interpolation.require_references(caller, options.event.head)
    except Forbidden as error:
        raise InvalidInput(
            "Requests to an HTTP trigger cannot refer to variables or resources.", hint="Refer to them in the workflow."
        ) from error
    in_transaction = partial(_record_call, trigger, incoming)
    target = platform, owner, trigger.workspace, trigger.script_path, args, options
    if trigger.is_flow:
        return await runs.start_flow(*target, in_transaction=in_transaction)
    retry = msgspec.json.decode(trigger.retry, type=dict[str, Any]) if trigger.retry else None
    return await runs.start_script(*target, retry=retry, in_transaction=in_transaction)


async def _record_call(trigger: HttpTriggerRow, incoming: RouteRequest, conn: Connection, run: UUID) -> None:
    details = {
        "kind": TRIGGER,
        "path": trigger.path,
        "method": incoming.method,
        "route": trigger.route_path,
        "request_id": incoming.request_id,
        "address": incoming.address,
    }
    await http_triggers.record_call(conn, run, msgspec.json.encode(details).decode())
