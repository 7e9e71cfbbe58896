"""HTTP triggers: routes, the runs they start, the members these act for, and the authentication of requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits, names, route_auth, route_paths
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, is_hidden, readable, require, require_workspace
from orvanta_platform.control.route_paths import RoutePath
from orvanta_platform.db import http_triggers, resources, workspaces
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.errors import UniqueViolation
from orvanta_platform.db.http_triggers import HttpTriggerFilter, HttpTriggerRow, HttpTriggerSettings
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, Forbidden, NotFound
from orvanta_platform.services.access import acceptance, folders, items, on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import documents

METHODS: Final = ("get", "post", "put", "delete", "patch")
MODES: Final = ("enabled", "disabled", "suspended")
REQUEST_TYPES: Final = ("sync", "async", "sync_sse")
AUTHENTICATION: Final = ("none", "orvanta", *route_auth.METHODS)
_SAME: Final = {"windmill": "orvanta"}
"""Methods of authentication that other tools write under another name."""
_MAX_TEXT_LENGTH: Final = 1000


class HttpTriggerDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger to create, or the new settings of one.

    Names as in HttpTriggerSettings; None: unchanged, or the default.
    """

    script_path: str
    is_flow: bool
    route_path: str | None = None
    http_method: str | None = None
    workspaced_route: bool | None = None
    mode: str | None = None
    request_type: str | None = None
    authentication_method: str | None = None
    authentication_resource_path: str | None = None
    wrap_body: bool | None = None
    raw_string: bool | None = None
    summary: str | None = None
    description: str | None = None
    labels: list[str] | None = None
    retry: str | msgspec.UnsetType | None = msgspec.UNSET
    """JSON text of the retry of the scripts that it starts; None: they are not retried."""
    owner: str | None = None
    """Member that the runs act for; None: the actor."""
    keeps_owner: bool = False
    """The runs of an existing trigger continue to act for its owner, within its scopes."""


_DEFAULTS: Final[dict[str, Any]] = {
    "workspaced_route": False,
    "mode": "enabled",
    "request_type": "sync",
    "wrap_body": False,
    "raw_string": False,
    "summary": None,
    "description": None,
    "labels": None,
}
_FIELDS: Final = ("route_path", "http_method", "authentication_method", *_DEFAULTS)


async def create(platform: Platform, actor: Actor, workspace: str, path: str, draft: HttpTriggerDraft) -> None:
    """Create a trigger whose runs act for the actor.

    Raises NotFound, Forbidden, BadRequest, AlreadyExists, Conflict if the route is in use.
    """
    require_workspace(actor, workspace)
    names.check_path(path)
    require(actor, "write", Target(workspace, "http_trigger", path))
    await _check_retry(platform, workspace, draft)

    async def write(conn: Connection) -> None:
        settings = await _settings(conn, actor, workspace, draft, None)
        await folders.ensure(conn, actor, workspace, path)
        try:
            made = await http_triggers.insert(conn, workspace, uuid4(), path, settings, actor.username)
        except UniqueViolation as error:
            raise _route_taken(settings) from error
        if not made:
            raise AlreadyExists(f"The HTTP trigger {path} exists already.", hint="Change it with http_triggers/update.")
        await _accept(conn, actor, workspace, settings)
        await audit.record(conn, actor, "http_triggers.create", "Created", path, _audit_details(settings))

    await platform.db.retrying(write)


async def update(
    platform: Platform,
    actor: Actor,
    workspace: str,
    path: str,
    draft: HttpTriggerDraft,
    *,
    finish: Callable[[Connection], Awaitable[None]] | None = None,
) -> None:
    """Change a trigger; its runs act for the actor from now on, unless the draft keeps the owner.

    Raises the errors of `create`. `finish` is called at the end of the transaction.
    """
    require_workspace(actor, workspace)
    await _check_retry(platform, workspace, draft)

    async def write(conn: Connection) -> None:
        row = await _writable(conn, actor, workspace, path)
        if not row.workspaced_route:
            require_instance(actor)
        settings = await _settings(conn, actor, workspace, draft, row)
        try:
            await http_triggers.update(conn, workspace, path, settings, actor.username)
        except UniqueViolation as error:
            raise _route_taken(settings) from error
        if _runs(row) != _runs(settings):
            await _accept(conn, actor, workspace, settings)
        await audit.record(conn, actor, "http_triggers.update", "Updated", path, _audit_details(settings))
        if finish is not None:
            await finish(conn)

    await platform.db.retrying(write)


async def set_mode(platform: Platform, actor: Actor, workspace: str, path: str, mode: str) -> None:
    """Enable, disable or suspend a trigger. Raises NotFound, Forbidden, BadRequest, IdentityDisabled."""
    require_workspace(actor, workspace)
    _one_of("mode", mode, MODES)

    async def write(conn: Connection) -> None:
        row = await _writable(conn, actor, workspace, path)
        if not row.workspaced_route and mode == "enabled":
            require_instance(actor)
        if mode == "enabled":
            await on_behalf.require_active(conn, workspace, row.permissioned_as, row.email)
        await http_triggers.set_mode(conn, workspace, path, mode, actor.username)
        await audit.record(conn, actor, "http_triggers.setmode", "Updated", path, {"mode": mode})

    await platform.db.retrying(write)


async def delete(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    """Delete a trigger. Its live runs continue. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)

    async def write(conn: Connection) -> None:
        row = await _writable(conn, actor, workspace, path)
        if not row.workspaced_route:
            require_instance(actor)
        await http_triggers.delete(conn, workspace, path)
        await audit.record(conn, actor, "http_triggers.delete", "Delete", path)

    await platform.db.retrying(write)


async def get(platform: Platform, actor: Actor, workspace: str, path: str) -> HttpTriggerRow:
    """Return a trigger. Raises NotFound."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        row = await http_triggers.get(conn, workspace, path)
    return items.require_item(actor, "read", workspace, "http_trigger", path, row)


async def exists(platform: Platform, actor: Actor, workspace: str, path: str) -> bool:
    """Return whether the actor can see a trigger at this path."""
    return await items.exists(actor, workspace, get(platform, actor, workspace, path))


async def list_page(
    platform: Platform, actor: Actor, workspace: str, filter: HttpTriggerFilter
) -> list[HttpTriggerRow]:
    """Return a page of the triggers that the actor may read, by path. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)
    seen = replace(filter, **readable(actor, "http_trigger").conditions())
    async with platform.db.acquire() as conn:
        return await http_triggers.list_page(conn, workspace, seen)


async def route_exists(
    platform: Platform, actor: Actor, workspace: str, route: str, method: str, *, workspaced: bool, but: str | None
) -> bool:
    """Return whether a route is used by a trigger other than the one at the path `but`.

    Raises BadRequest, Forbidden.
    """
    require_workspace(actor, workspace)
    readable(actor, "http_trigger")
    if not workspaced:
        require_instance(actor)
    _one_of("http_method", method, METHODS)
    key = route_paths.parse(route).key
    async with platform.db.acquire() as conn:
        found = await http_triggers.find_route_owner(conn, workspace, method, key, workspaced)
    return found is not None and found != (workspace, but)


async def _settings(
    conn: Connection, actor: Actor, workspace: str, draft: HttpTriggerDraft, row: HttpTriggerRow | None
) -> HttpTriggerSettings:
    """Return the settings that a draft results in. Raises NotFound, Forbidden, BadRequest."""
    values = {name: _value(draft, row, name) for name in _FIELDS}
    _one_of("http_method", values["http_method"], METHODS)
    _one_of("mode", values["mode"], MODES)
    _one_of("request_type", values["request_type"], REQUEST_TYPES)
    method = values["authentication_method"]
    method = values["authentication_method"] = _SAME.get(method, method)
    if method == "custom_script":
        raise BadRequest(
            "This version does not support authentication by a script.",
            hint=f"Use one of {', '.join(AUTHENTICATION)}, or check the request in the workflow.",
        )
    _one_of("authentication_method", method, AUTHENTICATION)
    for name in ("summary", "description"):
        if isinstance(values[name], str) and len(values[name]) > _MAX_TEXT_LENGTH:
            raise BadRequest(f"{name} has more than {_MAX_TEXT_LENGTH} characters.")
    limits.check_labels(draft.labels)
    route = route_paths.parse(values["route_path"] or "")
    if not values["workspaced_route"]:
        require_instance(actor)
        await _require_no_overlap(conn, workspace, values["http_method"], route)
    await _require_target(conn, actor, workspace, draft)
    resource = await _resource(conn, actor, workspace, method, draft, row)
    retry = (row.retry if row else None) if draft.retry is msgspec.UNSET else draft.retry
    owner, email = actor.permissioned_as, actor.email
    scopes = None if actor.scopes is None else list(actor.scopes)
    if draft.keeps_owner and row is not None:
        await on_behalf.require_keeping(conn, actor, workspace, row, "a trigger")
        email, owner, scopes = row.email, row.permissioned_as, row.scopes
    elif draft.owner is not None and draft.owner != owner:
        email, owner = await on_behalf.email_of(conn, actor, workspace, draft.owner, "a trigger"), draft.owner
    return HttpTriggerSettings(
        **values,
        route_key=route.key,
        route_first=route.first,
        script_path=draft.script_path,
        is_flow=draft.is_flow,
        authentication_resource_path=resource,
        permissioned_as=owner,
        email=email,
        scopes=scopes,
        retry=retry,
    )


async def _check_retry(platform: Platform, workspace: str, draft: HttpTriggerDraft) -> None:
    if isinstance(draft.retry, str):
        await documents.check_retry(platform.evaluator.of(workspace), draft.retry)


def require_instance(actor: Actor) -> None:
    """Raise Forbidden if the actor may not write HTTP triggers of the instance."""
    if not can(actor, "write_routes", Target(None, "instance")):
        raise Forbidden(
            "Only superadmins may write an HTTP trigger of the instance, which has no workspace prefix.",
            hint="Set workspaced_route to get the route /api/r/<workspace>/<route>.",
        )


async def _require_no_overlap(conn: Connection, workspace: str, method: str, route: RoutePath) -> None:
    """Raise Conflict if a route of the instance would match requests that belong to another workspace."""
    await http_triggers.lock_instance_routes(conn)
    if await workspaces.exists(conn, route.first):
        raise Conflict(
            f"{route.first} is the id of a workspace: routes that start with it belong to that workspace.",
            hint="Start the route with another segment, or set workspaced_route.",
        )
    for other in await http_triggers.list_other_instance_routes(conn, workspace, method, route.first):
        if route.overlaps(route_paths.parse(other)):
            raise Conflict(
                f"Requests to the route {method.upper()} {other} of another workspace would match this route too.",
                hint="Use a path that no such request matches.",
            )


def _value(draft: HttpTriggerDraft, row: HttpTriggerRow | None, name: str) -> Any:
    value = getattr(draft, name)
    if value is not None:
        return value
    return getattr(row, name) if row is not None else _DEFAULTS.get(name)


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadRequest(f"{name} must be one of {', '.join(allowed)}.")


async def _require_target(conn: Connection, actor: Actor, workspace: str, draft: HttpTriggerDraft) -> None:
    kind = "flow" if draft.is_flow else "script"
    found = await run_rows.resolve_path(conn, workspace, kind, draft.script_path)
    missing = NotFound(f"The {kind} {draft.script_path[:300]} does not exist.", hint="Deploy it before its trigger.")
    if found is None or found.archived:
        raise missing
    item = Target(workspace, kind, draft.script_path, found.created_by, found.extra_perms)
    if is_hidden(actor, item):
        raise missing
    require(actor, "run", item)


async def _accept(conn: Connection, actor: Actor, workspace: str, settings: HttpTriggerSettings) -> None:
    """Accept the current versions of the items that a trigger runs, for the member it acts for."""
    named = [("flow" if settings.is_flow else "script", settings.script_path)]
    await acceptance.accept_for_trigger(conn, actor, workspace, settings.permissioned_as, named)


def _runs(settings: HttpTriggerSettings | HttpTriggerRow) -> tuple[str, bool, str]:
    return settings.script_path, settings.is_flow, settings.permissioned_as


async def _resource(
    conn: Connection,
    actor: Actor,
    workspace: str,
    method: str,
    draft: HttpTriggerDraft,
    row: HttpTriggerRow | None,
) -> str | None:
    """Return the path of the resource that contains the secret, which the actor must be able to read.

    None: the method needs no secret. A resource that does not exist is accepted, since trees of files have no secrets;
    until it does, all requests are refused.
    """
    if method not in route_auth.METHODS:
        return None
    path = draft.authentication_resource_path or (row.authentication_resource_path if row else None)
    if not path:
        raise BadRequest(
            f"The authentication {method} needs authentication_resource_path.",
            hint="Name a resource that contains the secret.",
        )
    found = await resources.get(conn, workspace, path)
    target = Target(workspace, "resource", path, found.created_by, found.extra_perms) if found else None
    require(actor, "read", target or Target(workspace, "resource", path))
    return path


def _route_taken(settings: HttpTriggerSettings) -> Conflict:
    route = f"{settings.http_method.upper()} {settings.route_path}"
    return Conflict(f"Another trigger uses the route {route}.", hint="Parameter names do not distinguish routes.")


def _audit_details(settings: HttpTriggerSettings) -> dict[str, Any]:
    return {
        "route": f"{settings.http_method} {settings.route_path}",
        "script_path": settings.script_path,
        "authentication": settings.authentication_method,
        "mode": settings.mode,
        "as": settings.permissioned_as,
    }


async def _writable(conn: Connection, actor: Actor, workspace: str, path: str) -> HttpTriggerRow:
    row = await http_triggers.get(conn, workspace, path, lock=True)
    return items.require_item(actor, "write", workspace, "http_trigger", path, row)
