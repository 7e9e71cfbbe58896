"""Items without an active owner, because their member was disabled or removed, and new owners for them."""

from __future__ import annotations

from typing import Literal

from orvanta_platform.control import audit, identity
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, refuse_limited, require
from orvanta_platform.db import departures, http_triggers, runs, schedules
from orvanta_platform.db import workspaces as workspace_rows
from orvanta_platform.db.departures import OwnerlessRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.schedules import ScheduleRow
from orvanta_platform.errors import BadRequest, Forbidden
from orvanta_platform.orchestrator import interpolation
from orvanta_platform.services.access import items, service_accounts
from orvanta_platform.services.catalog import versions
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import error_handlers
from orvanta_platform.services.triggers import http_triggers as routes
from orvanta_platform.services.triggers import schedules as scheduling
from orvanta_platform.services.triggers.http_triggers import HttpTriggerDraft
from orvanta_platform.services.triggers.schedules import ScheduleDraft

Kind = Literal["schedule", "http_trigger", "flow", "script", "service_account", "error_handler"]
_ARGS = ("args", "on_failure_extra_args", "on_recovery_extra_args", "on_success_extra_args")


async def list_ownerless(
    platform: Platform, actor: Actor, workspace: str, *, after: tuple[str, str], limit: int
) -> list[OwnerlessRow]:
    """Return a page of the items without an active owner, by kind and path. Raises Forbidden."""
    require(actor, "admin", Target(workspace, "member"))
    async with platform.db.acquire() as conn:
        return await departures.list_ownerless(conn, workspace, after=after, limit=limit)


async def assign(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: Kind,
    path: str,
    owner: str,
    *,
    enable: bool,
    references: bool = False,
) -> None:
    """Assign an item to another owner (u/<username>), for whom it acts, and enable it if requested.

    Its current version is accepted for the new owner. `references`: arguments of a schedule that contain references
    are accepted unchanged, although their runs will read them with the rights of the new owner. Raises Forbidden,
    NotFound, BadRequest (also if the new owner may not run what the item starts), and the errors of changing the item.
    """
    require(actor, "admin", Target(workspace, "member"))
    refuse_limited(actor, "change owners", bound=True)
    async with platform.db.acquire() as conn:
        email = await require_member(conn, workspace, owner)
        await _require_targets(conn, workspace, kind, path, owner, email)

    async def finish(conn: Connection) -> None:
        if kind == "schedule" and enable:
            await scheduling.write_enabled(conn, actor, workspace, path, enabled=True)
        if kind == "service_account":
            await service_accounts.set_owner(conn, actor, workspace, path, owner, email, enable=enable)
        if kind == "error_handler":
            await error_handlers.assign(conn, actor, workspace, path, owner, email, enable=enable)
        parameters = {"kind": kind, "owner": owner, "enabled": enable}
        await audit.record(conn, actor, "ownership.assign", "Updated", path, parameters)

    match kind:
        case "schedule":
            draft = await _schedule_draft(platform, actor, workspace, path, owner, references=references)
            await scheduling.update(platform, actor, workspace, path, draft, finish=finish)
        case "http_trigger":
            trigger = await _http_trigger_draft(platform, actor, workspace, path, owner, enable=enable)
            await routes.update(platform, actor, workspace, path, trigger, finish=finish)
        case "service_account" | "error_handler":
            await platform.db.retrying(finish)
        case "flow" | "script":
            message = f"Acts for {owner}"
            await versions.redeploy_on_behalf(platform, actor, workspace, kind, path, email, message=message)
            await platform.db.retrying(finish)


async def _require_targets(conn: Connection, workspace: str, kind: Kind, path: str, owner: str, email: str) -> None:
    """Check that the new owner of a schedule or HTTP trigger may run what it starts. Raises BadRequest."""
    named: list[tuple[str, str]] = []
    if kind == "schedule" and (schedule := await schedules.get(conn, workspace, path)) is not None:
        named = scheduling.named_items(schedule.script_path, schedule.is_flow, schedule)
    elif kind == "http_trigger" and (trigger := await http_triggers.get(conn, workspace, path)) is not None:
        named = [("flow" if trigger.is_flow else "script", trigger.script_path)]
    member = await identity.actor_of_run(conn, workspace, owner, email)
    for target_kind, name in named:
        found = await runs.resolve_path(conn, workspace, target_kind, name)
        if found is None or member is None:
            continue
        if not can(member, "run", Target(workspace, target_kind, name, found.created_by, found.extra_perms)):
            word = "workflow" if target_kind == "flow" else "script"
            raise BadRequest(
                f"{owner} may not run the {word} {name}.", hint="Share it with the member, or choose another owner."
            )


async def require_member(conn: Connection, workspace: str, owner: str) -> str:
    """Return the address of an enabled member u/<username>. Raises BadRequest."""
    username = owner.removeprefix("u/") if owner.startswith("u/") else None
    row = await workspace_rows.get_member(conn, workspace, username) if username else None
    active = row is not None and await identity.actor_of_run(conn, workspace, owner, row.email) is not None
    if row is None or not active:
        raise BadRequest(f"{owner[:200]} is not an enabled member of {workspace}.", hint="Use u/<username>.")
    return row.email


async def _schedule_draft(
    platform: Platform, actor: Actor, workspace: str, path: str, owner: str, *, references: bool
) -> ScheduleDraft:
    async with platform.db.acquire() as conn:
        row = items.require_item(
            actor, "write", workspace, "schedule", path, await schedules.get(conn, workspace, path)
        )
    if not references and _has_references(row):
        raise Forbidden(
            f"Arguments of the schedule contain references, which its runs will read with the permissions of {owner}.",
            hint="Check the arguments, then repeat the call with `references`.",
        )
    return ScheduleDraft(
        cron=row.cron, timezone=row.timezone, owner=owner, **{name: getattr(row, name) for name in _ARGS}
    )


def _has_references(row: ScheduleRow) -> bool:
    texts = [getattr(row, name) for name in _ARGS]
    return any(text and interpolation.holds_references(text.encode()) for text in texts)


async def _http_trigger_draft(
    platform: Platform, actor: Actor, workspace: str, path: str, owner: str, *, enable: bool
) -> HttpTriggerDraft:
    async with platform.db.acquire() as conn:
        row = items.require_item(
            actor, "write", workspace, "http_trigger", path, await http_triggers.get(conn, workspace, path)
        )
    mode = "enabled" if enable else None
    return HttpTriggerDraft(script_path=row.script_path, is_flow=row.is_flow, mode=mode, owner=owner)
