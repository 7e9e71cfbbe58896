"""Schedules: targets, cron expressions, owners and handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, get_args
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, identity, limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, is_hidden, readable, require, require_workspace
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import schedules, ticks
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.schedules import NextTick, ScheduleFilter, ScheduleRow, ScheduleSettings
from orvanta_platform.db.ticks import PastTick
from orvanta_platform.engine.ticks import Cron, MissedRule
from orvanta_platform.errors import AlreadyExists, BadRequest, Forbidden, NotFound
from orvanta_platform.orchestrator import interpolation
from orvanta_platform.services.access import acceptance, folders, item_names, items, on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import documents as artifacts
from orvanta_platform.workflow.languages import HUB, hub_substitute
from orvanta_platform.workflow.time_zones import zone_of

SHOWN_TICKS = 20
"""Number of ticks per schedule that `list_with_ticks` returns."""

PREVIEWED = 5
_MIN_INTERVAL = timedelta(microseconds=1)
_MAX_TEXT_LENGTH = 1000
_MAX_TIMES = 1000
_Row = TypeVar("_Row", ScheduleRow, NextTick)
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""Bounds of the end of a pause. The database would read the last microsecond of the year 9999 as infinity."""


class ScheduleDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule to create, or changes to one; UNSET: unchanged. Names as in ScheduleSettings.

    `args`, `retry` and `…_extra_args`: JSON text, None for none.
    """

    cron: str
    timezone: str
    args: str | None = None
    missed: str | msgspec.UnsetType = msgspec.UNSET
    tag: str | msgspec.UnsetType | None = msgspec.UNSET
    retry: str | msgspec.UnsetType | None = msgspec.UNSET
    no_flow_overlap: bool | msgspec.UnsetType = msgspec.UNSET
    paused_until: datetime | msgspec.UnsetType | None = msgspec.UNSET
    dynamic_skip: str | msgspec.UnsetType | None = msgspec.UNSET
    on_failure: str | msgspec.UnsetType | None = msgspec.UNSET
    on_failure_times: int | msgspec.UnsetType | None = msgspec.UNSET
    on_failure_exact: bool | msgspec.UnsetType | None = msgspec.UNSET
    on_failure_extra_args: str | msgspec.UnsetType | None = msgspec.UNSET
    on_recovery: str | msgspec.UnsetType | None = msgspec.UNSET
    on_recovery_times: int | msgspec.UnsetType | None = msgspec.UNSET
    on_recovery_extra_args: str | msgspec.UnsetType | None = msgspec.UNSET
    on_success: str | msgspec.UnsetType | None = msgspec.UNSET
    on_success_extra_args: str | msgspec.UnsetType | None = msgspec.UNSET
    ws_error_handler_muted: bool | msgspec.UnsetType | None = msgspec.UNSET
    summary: str | msgspec.UnsetType | None = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    cron_version: str | msgspec.UnsetType | None = msgspec.UNSET
    labels: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    owner: str | None = None
    """Member that the runs act for; None: the actor."""
    keeps_owner: bool = False
    """The runs of an existing schedule continue to act for its owner, within its scopes."""


_ARGS = ("args", "on_failure_extra_args", "on_recovery_extra_args", "on_success_extra_args")


async def create(
    platform: Platform,
    actor: Actor,
    workspace: str,
    path: str,
    script_path: str,
    draft: ScheduleDraft,
    *,
    is_flow: bool = False,
    enabled: bool = False,
) -> None:
    """Create a schedule that runs a script or workflow as the actor.

    Raises NotFound, Forbidden, BadRequest, AlreadyExists.
    """
    require_workspace(actor, workspace)
    names.check_path(path)
    require(actor, "write", Target(workspace, "schedule", path))
    cron = await _checked(platform, actor, workspace, draft)

    async def write(conn: Connection) -> None:
        await _require_targets(conn, actor, workspace, (script_path, is_flow), draft)
        await folders.ensure(conn, actor, workspace, path)
        settings = await _settings(conn, actor, workspace, draft, None, cron if enabled else None)
        await _require_references(platform, conn, actor, workspace, draft, None, settings)
        target = (script_path, is_flow)
        if not await schedules.insert(conn, workspace, uuid4(), path, target, enabled, settings, actor.username):
            raise AlreadyExists(f"The schedule {path} exists already.", hint="Change it with schedules/update.")
        named = named_items(script_path, is_flow, settings)
        await acceptance.accept_for_trigger(conn, actor, workspace, settings.permissioned_as, named)
        parameters = {
            "script_path": script_path,
            "schedule": draft.cron,
            "enabled": enabled,
            "as": settings.permissioned_as,
        }
        await audit.record(conn, actor, "schedules.create", "Created", path, parameters)

    await platform.db.retrying(write)


async def update(
    platform: Platform,
    actor: Actor,
    workspace: str,
    path: str,
    draft: ScheduleDraft,
    *,
    target: tuple[str, bool] | None = None,
    finish: Callable[[Connection], Awaitable[None]] | None = None,
) -> bool:
    """Change a schedule; its runs act for the actor from now on, unless the draft keeps the owner. Return whether it
    is enabled.

    `target`: path of what it runs, and whether that is a workflow; None: unchanged. Raises NotFound, Forbidden,
    BadRequest. `finish` is called at the end of the transaction.
    """
    require_workspace(actor, workspace)
    cron = await _checked(platform, actor, workspace, draft)

    async def write(conn: Connection) -> bool:
        row = await _writable(conn, actor, workspace, path)
        script_path, is_flow = target or (row.script_path, row.is_flow)
        await _require_targets(conn, actor, workspace, (script_path, is_flow), draft)
        settings = await _settings(conn, actor, workspace, draft, row, cron if row.enabled else None)
        await _require_references(platform, conn, actor, workspace, draft, row, settings)
        await schedules.update(conn, workspace, path, settings, actor.username)
        moves = (script_path, is_flow) != (row.script_path, row.is_flow)
        if moves:
            await schedules.set_target(conn, workspace, path, script_path, is_flow)
        before = (
            named_items(row.script_path, row.is_flow, row) if row.permissioned_as == settings.permissioned_as else []
        )
        fresh = [each for each in named_items(script_path, is_flow, settings) if each not in before]
        await acceptance.accept_for_trigger(conn, actor, workspace, settings.permissioned_as, fresh)
        parameters = {"schedule": draft.cron, "as": settings.permissioned_as}
        parameters |= {"script_path": script_path} if moves else {}
        await audit.record(conn, actor, "schedules.update", "Updated", path, parameters)
        if finish is not None:
            await finish(conn)
        return row.enabled

    return await platform.db.retrying(write)


async def set_enabled(platform: Platform, actor: Actor, workspace: str, path: str, *, enabled: bool) -> None:
    """Enable or disable a schedule. Its owner does not change. Raises NotFound, Forbidden, IdentityDisabled."""
    require_workspace(actor, workspace)

    async def write(conn: Connection) -> None:
        await write_enabled(conn, actor, workspace, path, enabled=enabled)

    await platform.db.retrying(write)


async def write_enabled(conn: Connection, actor: Actor, workspace: str, path: str, *, enabled: bool) -> None:
    """Enable or disable a schedule in the caller's transaction. Raises the errors of `set_enabled`."""
    row = await _writable(conn, actor, workspace, path)
    if row.enabled != enabled:
        if enabled:
            await on_behalf.require_active(conn, workspace, row.permissioned_as, row.email)
        ticking = Cron(row.cron, zone_of(row.timezone)) if enabled else None
        next_at = _first(ticking, await schedules.get_time(conn), row.paused_until) if ticking else None
        await schedules.set_enabled(conn, workspace, path, enabled, next_at, actor.username)
    await audit.record(conn, actor, "schedules.setenabled", "Updated", path, {"enabled": enabled})


async def delete(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    """Delete a schedule. Its live runs continue. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)

    async def write(conn: Connection) -> None:
        await _writable(conn, actor, workspace, path)
        await schedules.delete(conn, workspace, path)
        await audit.record(conn, actor, "schedules.delete", "Delete", path)

    await platform.db.retrying(write)


async def get(platform: Platform, actor: Actor, workspace: str, path: str) -> ScheduleRow:
    """Return a schedule. Raises NotFound."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        row = await schedules.get(conn, workspace, path)
    return items.require_item(actor, "read", workspace, "schedule", path, row)


async def exists(platform: Platform, actor: Actor, workspace: str, path: str) -> bool:
    """Return whether the actor can see a schedule at this path."""
    return await items.exists(actor, workspace, get(platform, actor, workspace, path))


async def list_page(platform: Platform, actor: Actor, workspace: str, filter: ScheduleFilter) -> list[ScheduleRow]:
    """Return a page of the schedules that the actor may read, by path. Raises NotFound, Forbidden, BadRequest."""
    require_workspace(actor, workspace)
    if filter.args is not None:
        _check_object("args", filter.args)
    seen = replace(filter, **readable(actor, "schedule").conditions())
    async with platform.db.acquire() as conn:
        return await schedules.list_page(conn, workspace, seen)


async def list_with_ticks(
    platform: Platform, actor: Actor, workspace: str, filter: ScheduleFilter
) -> list[tuple[ScheduleRow, list[PastTick]]]:
    """Return the page of `list_page`, each schedule with the outcomes of its last ticks, newest first."""
    rows = await list_page(platform, actor, workspace, filter)
    async with platform.db.acquire() as conn:
        rows = await add_names(conn, actor, workspace, rows)
        found = await ticks.list_last(conn, [row.id for row in rows], SHOWN_TICKS)
    return [(row, [tick for tick in found if tick.schedule == row.id]) for row in rows]


async def add_names(conn: Connection, actor: Actor, workspace: str, rows: Sequence[_Row]) -> list[_Row]:
    """Add the names of the scheduled workflows and scripts."""
    keys = [("flow" if row.is_flow else "script", row.script_path) for row in rows]
    names = await item_names.get_names(conn, actor, workspace, keys)
    return [replace(row, script_summary=names.get(key)) for row, key in zip(rows, keys, strict=True)]


async def preview(platform: Platform, actor: Actor, cron: str, timezone: str) -> list[datetime]:
    """Return the next five ticks of a cron expression, in its zone. Raises BadRequest."""
    require(actor, "preview_schedule", Target(None, "instance"))
    zone = zone_of(timezone)
    parsed = Cron(cron, zone)
    async with platform.db.acquire() as conn:
        at: datetime | None = await schedules.get_time(conn)
    found: list[datetime] = []
    while at is not None and len(found) < PREVIEWED and (at := parsed.after(at)) is not None:
        found.append(at.astimezone(zone))
    return found


def target_of(name: str) -> tuple[str, bool]:
    """Parse the name of a handler; returns its path, and True for a workflow.

    `flow/<path>` names a workflow, `script/<path>` or `<path>` a script.
    """
    kind, _, rest = name.partition("/")
    return (rest, kind == "flow") if kind in ("script", "flow") else (name, False)


async def _checked(platform: Platform, actor: Actor, workspace: str, draft: ScheduleDraft) -> Cron:
    """Validate a draft and return its cron expression. Raises BadRequest, Forbidden."""
    cron = Cron(draft.cron, zone_of(draft.timezone))
    limits.check_labels(draft.labels)
    limits.check_tag(draft.tag if isinstance(draft.tag, str) else None)
    if draft.missed is not msgspec.UNSET and draft.missed not in get_args(MissedRule):
        raise BadRequest(f"There is no rule {draft.missed!r} for missed ticks.", hint="Use skip, once or all.")
    for name in _ARGS:
        text = getattr(draft, name)
        if isinstance(text, str):
            _check_object(name, text)
            interpolation.require_references(actor, text.encode())
    for name in ("dynamic_skip", "on_failure", "on_recovery", "on_success"):
        handler = getattr(draft, name)
        if isinstance(handler, str) and not names.is_path(_present(target_of(handler)[0])):
            raise BadRequest(
                f"{name} is not the path of a script or workflow: {handler[:200]!r}.",
                hint="Use script/<path> or flow/<path>, such as script/f/alerts/notify.",
            )
    if isinstance(draft.paused_until, datetime) and not _FIRST_YEAR <= draft.paused_until.year < _LAST_YEAR:
        raise BadRequest(f"paused_until must be between the years {_FIRST_YEAR} and {_LAST_YEAR}.")
    for name in ("on_failure_times", "on_recovery_times"):
        times = getattr(draft, name)
        if isinstance(times, int) and not 1 <= times <= _MAX_TIMES:
            raise BadRequest(f"{name} must be a number from 1 to {_MAX_TIMES}.")
    if isinstance(draft.retry, str):
        await artifacts.check_retry(platform.evaluator.of(workspace), draft.retry)
    return cron


def _check_object(name: str, text: str) -> None:
    try:
        msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"{name} is not a JSON object.") from error
    if "\\u0000" in text:
        raise BadRequest(f"{name} contains a character that cannot be stored: \\u0000.")


async def _settings(
    conn: Connection, actor: Actor, workspace: str, draft: ScheduleDraft, row: ScheduleRow | None, ticking: Cron | None
) -> ScheduleSettings:
    """Return the settings that a draft results in. `ticking`: the cron expression if the schedule is enabled."""
    email, owner = actor.email, actor.permissioned_as
    scopes = None if actor.scopes is None else list(actor.scopes)
    if draft.keeps_owner and row is not None:
        await on_behalf.require_keeping(conn, actor, workspace, row, "a schedule")
        email, owner, scopes = row.email, row.permissioned_as, row.scopes
    elif draft.owner is not None and draft.owner != owner:
        email, owner = await on_behalf.email_of(conn, actor, workspace, draft.owner, "a schedule"), draft.owner
    values = {name: getattr(row, name) for name in ScheduleSettings.__struct_fields__} if row else dict(_BLANK)
    for name in values.keys() & set(ScheduleDraft.__struct_fields__):
        if (value := getattr(draft, name)) is not msgspec.UNSET:
            values[name] = value
    next_at = _first(ticking, await schedules.get_time(conn), values["paused_until"]) if ticking else None
    return ScheduleSettings(
        **{**values, "next_at": next_at, "permissioned_as": owner, "email": email, "scopes": scopes}
    )


def named_items(script_path: str, is_flow: bool, settings: ScheduleSettings | ScheduleRow) -> list[tuple[str, str]]:
    """Return all items that a schedule runs, by kind and path."""
    handlers = (settings.dynamic_skip, settings.on_failure, settings.on_recovery, settings.on_success)
    targets = [(script_path, is_flow), *(target_of(name) for name in handlers if name is not None)]
    return [("flow" if flow else "script", _present(path)) for path, flow in targets]


def _present(path: str) -> str:
    """Return the path of the script of the workspace that runs instead of one of the hub; other paths unchanged."""
    return hub_substitute(path) or path


async def _require_references(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    draft: ScheduleDraft,
    row: ScheduleRow | None,
    settings: ScheduleSettings,
) -> None:
    """Check that the writer of the arguments may read their references, which runs resolve as the schedule's owner.

    Unchanged arguments count as written by the member that the schedule acted for before. Raises Forbidden.
    """
    for name in _ARGS:
        text = getattr(settings, name)
        if not text or not interpolation.holds_references(text.encode()):
            continue
        writer: Actor | None = actor
        if row is not None and getattr(draft, name) is msgspec.UNSET:
            writer = await identity.actor_of_run(conn, workspace, row.permissioned_as, row.email, row.scopes)
        hidden: str | None = "a variable or resource"
        if writer is not None:
            if writer.permissioned_as == settings.permissioned_as:
                continue
            reading = interpolation.Interpolation(platform, conn, writer, workspace, opens=True)
            hidden = await reading.first_unreadable(text.encode())
        if hidden is not None:
            raise Forbidden(
                f"{name} of the schedule refer to {hidden}, which their writer may not read.",
                hint=f"Send {name} again.",
            )


_BLANK: dict[str, Any] = dict.fromkeys(ScheduleSettings.__struct_fields__) | {
    "missed": "once",
    "no_flow_overlap": False,
}


def _first(cron: Cron, now: datetime, paused_until: datetime | None) -> datetime | None:
    """Return the first tick from now on, or from the end of a pause."""
    paused = paused_until is not None and paused_until > now
    return cron.after(paused_until - _MIN_INTERVAL if paused and paused_until else now)


async def _require_targets(
    conn: Connection, actor: Actor, workspace: str, target: tuple[str, bool], draft: ScheduleDraft
) -> None:
    """Raise NotFound or Forbidden unless the actor may run all items that the schedule names.

    Handlers of the hub may be missing: without a script of the workspace instead, their runs fail.
    """
    named = (draft.dynamic_skip, draft.on_failure, draft.on_recovery, draft.on_success)
    for path, is_flow in (target, *(target_of(name) for name in named if isinstance(name, str))):
        kind, name = ("flow", "workflow") if is_flow else ("script", "script")
        found = await run_rows.resolve_path(conn, workspace, kind, _present(path))
        missing = NotFound(f"The {name} {path[:300]} does not exist.", hint="Deploy it before its schedule.")
        if found is None or found.archived:
            if path.startswith(HUB):
                continue
            raise missing
        item = Target(workspace, kind, _present(path), found.created_by, found.extra_perms)
        if is_hidden(actor, item):
            raise missing
        require(actor, "run", item)


async def _writable(conn: Connection, actor: Actor, workspace: str, path: str) -> ScheduleRow:
    row = await schedules.get(conn, workspace, path, lock=True)
    return items.require_item(actor, "write", workspace, "schedule", path, row)
