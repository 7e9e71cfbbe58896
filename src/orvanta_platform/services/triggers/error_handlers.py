"""Error handlers of workspaces: a script or workflow that runs after each failed run.

It runs as the admin who set it, while that member is an admin, and never as the member whose run failed. What it
receives about the failed run is plain text: references in it are not resolved.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from orvanta_platform.control import audit, identity, names
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import Target, is_hidden, refuse_limited, require
from orvanta_platform.db import error_handlers
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.error_handlers import ErrorHandlerRow, FailedRun
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, IdentityDisabled, NotFound, RunLimitReached
from orvanta_platform.services.access import acceptance
from orvanta_platform.services.access.workspaces import check_base
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import results
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.run_spec import RunOptions
from orvanta_platform.services.triggers.outcomes import error_of
from orvanta_platform.services.triggers.schedules import target_of
from orvanta_platform.services.triggers.ticks import failure_reason

TRIGGER = "error_handler"
_AT_ONCE = 10


class _Taken(Exception):
    """Another process has started the handler for this run."""


async def get_handler(platform: Platform, actor: Actor, workspace: str) -> ErrorHandlerRow | None:
    """Return the error handler of a workspace; None also if the actor may not read its item. Raises Forbidden."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        row = await error_handlers.get(conn, workspace)
        if row is None:
            return None
        kind = "flow" if row.is_flow else "script"
        found = await run_rows.resolve_path(conn, workspace, kind, row.path)
    target = Target(workspace, kind, row.path)
    if found is not None:
        target = replace(target, created_by=found.created_by, extra_perms=found.extra_perms)
    if is_hidden(actor, target):
        return None
    is_missing = found is None or found.archived
    return replace(row, error=_missing(row.path, row.is_flow)) if is_missing and row.error is None else row


async def set_handler(
    platform: Platform, actor: Actor, workspace: str, name: str | None, base: str | UnsetType | None = UNSET
) -> None:
    """Set the error handler, which runs as `actor`, in the version that an admin accepted last; None: remove it.

    `name` is `flow/<path>`, or `script/<path>`. It may be deployed later, as a tree of files names it before its
    scripts exist; a version that nobody accepted then does not run. `base` is the one that the change is based on.
    Raises Forbidden, also for tokens with limits, BadRequest, VersionConflict.
    """
    require(actor, "admin", Target(workspace, "workspace"))
    refuse_limited(actor, "set the error handler", bound=True)

    async def write(conn: Connection) -> None:
        await check_base(conn, workspace, "error_handler", base)
        if name is None:
            await error_handlers.delete(conn, workspace)
        else:
            path, is_flow = target_of(name)
            await _require_target(conn, actor, workspace, path, is_flow)
            row = ErrorHandlerRow(workspace, path, is_flow, actor.permissioned_as, actor.email, None)
            await error_handlers.store(conn, row, actor.username)
            kind = "flow" if is_flow else "script"
            await acceptance.accept_for_trigger(conn, actor, workspace, actor.permissioned_as, [(kind, path)])
        parameters = {"error_handler": name, "as": actor.permissioned_as}
        await audit.record(conn, actor, "workspaces.edit_error_handler", "Updated", workspace, parameters)

    await platform.db.retrying(write)


async def assign(
    conn: Connection, actor: Actor, workspace: str, path: str, owner: str, email: str, *, enable: bool
) -> None:
    """Let the error handler run as another admin (u/<username>, `email`), in its current version.

    `enable`: enable it as well. The caller has checked that the actor is an admin without limits. Raises BadRequest,
    NotFound.
    """
    found = await identity.actor_of_run(conn, workspace, owner, email)
    if found is None or found.role is not Role.ADMIN:
        raise BadRequest(f"{owner[:200]} is not an admin of {workspace}.", hint="The error handler runs as an admin.")
    is_flow = await error_handlers.assign(conn, workspace, path, owner, email, enable=enable, edited_by=actor.username)
    if is_flow is None:
        raise NotFound(f"{path[:300]} is not the error handler of {workspace}.")
    await acceptance.accept_for_trigger(conn, actor, workspace, owner, [("flow" if is_flow else "script", path)])


async def _require_target(conn: Connection, actor: Actor, workspace: str, path: str, is_flow: bool) -> None:
    if not names.is_path(path):
        raise BadRequest("The error handler is flow/<path> or script/<path>.")
    kind = "flow" if is_flow else "script"
    found = await run_rows.resolve_path(conn, workspace, kind, path)
    if found is not None and not found.archived:
        require(actor, "run", Target(workspace, kind, path, found.created_by, found.extra_perms))


def _missing(path: str, is_flow: bool) -> str:
    return f"The {'workflow' if is_flow else 'script'} {path} does not exist."


async def start_due(platform: Platform) -> int:
    """Start the error handlers of failed runs that are due; returns the number of failed runs."""
    async with platform.db.acquire() as conn:
        due = await error_handlers.claim_due(conn, _AT_ONCE)
    await asyncio.gather(*(_process(platform, failed) for failed in due))
    return len(due)


async def _process(platform: Platform, failed: FailedRun) -> None:
    async with platform.db.acquire() as conn:
        row = await error_handlers.get(conn, failed.workspace)
    if row is None or failed.handled or row.disabled:
        await platform.db.retrying(partial(_finish, failed, None))
        return
    try:
        await _start(platform, row, failed)
    except (_Taken, RunLimitReached):  # at the limit of a policy, the next attempt follows after the delay of the claim
        return
    except Exception as error:
        await platform.db.retrying(partial(_finish, failed, failure_reason(error).message))


async def _finish(failed: FailedRun, reason: str | None, conn: Connection) -> None:
    """Delete the failed run without starting a handler, and record the reason if there is one."""
    if await error_handlers.delete_failed_run(conn, failed.run) and reason is not None:
        await error_handlers.set_error(conn, failed.workspace, reason)


async def _start(platform: Platform, row: ErrorHandlerRow, failed: FailedRun) -> None:
    owner = await _owner(platform, row)
    args = msgspec.json.encode(await _args(platform, failed))
    options = RunOptions(trigger=TRIGGER, references=frozenset())

    async def take(conn: Connection, _run: UUID) -> None:
        if not await error_handlers.delete_failed_run(conn, failed.run):
            raise _Taken
        await error_handlers.set_error(conn, failed.workspace, None)

    start = runs.start_flow if row.is_flow else runs.start_script
    await start(platform, owner, row.workspace, row.path, args, options, in_transaction=take)


async def _owner(platform: Platform, row: ErrorHandlerRow) -> Actor:
    """Return the admin as whom the handler runs. Raises IdentityDisabled if that member is no longer an admin."""
    async with platform.db.acquire() as conn:
        owner = await identity.actor_of_run(conn, row.workspace, row.permissioned_as, row.email)
    if owner is None or owner.role is not Role.ADMIN:
        raise IdentityDisabled(
            f"{row.permissioned_as}, who set the error handler, is no longer an admin of {row.workspace}."
        )
    return replace(owner, kind="system")


async def _args(platform: Platform, failed: FailedRun) -> dict[str, Any]:
    key = (failed.result_of, "result", "") if failed.result_of is not None else None
    raw = (await results.load_values(platform, [key])).get(key) if key is not None else None
    args = {
        "workspace_id": failed.workspace,
        "job_id": failed.run,
        "path": failed.path,
        "is_flow": failed.kind == "flow",
        "email": failed.email,
        "started_at": failed.started_at,
        "error": error_of(msgspec.Raw(raw or b"null")),
        "schedule_path": failed.schedule_path,
        "trigger": failed.trigger,
        "created_by": failed.created_by,
        "url": f"{platform.settings.base_url.rstrip('/')}/w/{failed.workspace}/runs/{failed.run}",
    }
    # A parameter with a default or a type does not accept null: what a run does not have is left out.
    return {name: value for name, value in args.items() if value is not None}
