"""Reruns: whole runs repeated with the same or edited inputs."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.secret_fields import Secrets
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.errors import BadRequest, CannotRestart, NotFound
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, results
from orvanta_platform.services.runs import present_paths
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.copied_data import Repeat
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview
from orvanta_platform.workflow.mask import MASK

_PREVIEWS = ("preview", "identity", "flowpreview")


async def rerun(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    args: bytes | None,
    options: RunOptions,
    *,
    latest: bool = False,
) -> UUID:
    """Run again what the run `id` ran, whether it is live or ended; returns the new run's id.

    `args`: JSON object text; None: the same inputs. It uses the same version, or, with `latest`, the newest one. Raises
    NotFound, Forbidden, BadRequest for runs that the platform starts itself, and the errors of starting a run.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
    if row.is_step:
        raise BadRequest(
            f"{id} is a job of the run {row.run}.", hint="Run that one again, or restart it from the node."
        )
    jobs.refuse_dry_run(row)
    if args is None:
        again = await results.repeated_args(platform, actor, workspace, id)
        args, options = again.raw, replace(options, references=again.references, secrets=again.secrets)
        data = {}
    else:
        permissions.require(actor, "edit", jobs.target_of(row))
        if options.references is None:
            references = await results.edited_references(platform, actor, workspace, id, args)
            options = replace(options, references=references)
        options = replace(options, secrets=await _secrets_for_masks(platform, actor, workspace, row, args))
        data = {"edited": True}
    options = replace(options, repeat=Repeat("rerun", row.id, None, data | ({"latest": True} if latest else {})))
    if row.kind in _PREVIEWS:
        if latest:
            raise BadRequest("A preview has no versions.", hint="Leave latest out.")
        return await _preview(platform, actor, workspace, row, args, options)
    return await _deployed(platform, actor, workspace, row, args, options, latest=latest)


async def _secrets_for_masks(platform: Platform, actor: Actor, workspace: str, row: JobRow, args: bytes) -> Secrets:
    """Return the password inputs that replace masks in edited arguments if the actor started the run, otherwise none.

    Another actor could choose, through the other inputs, where the password is sent.
    """
    if MASK.encode() not in args or row.created_by != actor.username:
        return {}
    try:
        return (await results.repeated_args(platform, actor, workspace, row.id)).secrets
    except CannotRestart:
        return {}


async def _deployed(
    platform: Platform, actor: Actor, workspace: str, row: JobRow, args: bytes, options: RunOptions, *, latest: bool
) -> UUID:
    path = await _present_path(platform, actor, workspace, row) if latest else ""
    if row.kind == "script" and latest:
        return await runs.start_script(platform, actor, workspace, path, args, options)
    if row.kind == "script" and row.script_hash is not None:
        return await runs.start_script_version(platform, actor, workspace, row.script_hash, args, options)
    if row.kind == "flow" and latest:
        return await runs.start_flow(platform, actor, workspace, path, args, options)
    if row.kind == "flow" and row.version is not None:
        return await runs.start_flow_version(platform, actor, workspace, row.version, args, options)
    if row.kind in ("script", "flow"):
        raise NotFound(f"The version that the run {row.id} ran no longer exists.", hint="Run the newest version.")
    raise BadRequest(f"A run of the kind {row.kind} cannot be run again.", hint="Repeat the deployment instead.")


async def _present_path(platform: Platform, actor: Actor, workspace: str, row: JobRow) -> str:
    async with platform.db.acquire() as conn:
        if row.kind == "script":
            return await present_paths.of_script(conn, workspace, row.own_path, row.script_hash, actor)
        return await present_paths.of_workflow(conn, workspace, row.own_path, row.version, actor)


async def _preview(
    platform: Platform, actor: Actor, workspace: str, row: JobRow, args: bytes, options: RunOptions
) -> UUID:
    async with platform.db.acquire() as conn:
        text = await platform.blueprints.text(conn, row.document) if row.document is not None else ""
    if row.kind == "flowpreview":
        value = await jobs.flow_value(workspace, text)
        return await runs.start_flow_preview(platform, actor, workspace, value, row.own_path, args, options)
    kind = "identity" if row.kind == "identity" else "code"
    preview = ScriptPreview(content=text, language=row.language or "", path=row.own_path, kind=kind)
    return await runs.start_preview(platform, actor, workspace, preview, args, options)
