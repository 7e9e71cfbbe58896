"""Restarts: new runs that continue an ended run from a node, or from its failed nodes, and reuse earlier results."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from orvanta_platform import clock, ids
from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import context as context_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RestartSource, VersionRow
from orvanta_platform.engine import duration
from orvanta_platform.engine import restart as engine
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.restart import FinishedList
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import BadRequest, CannotRestart
from orvanta_platform.orchestrator import inputs
from orvanta_platform.orchestrator.blueprints import (
    Blueprint,
    blueprint_of,
    inline_imports,
    inline_key,
    inline_pins,
    is_workflow,
    lasting_pins,
    own_pins,
)
from orvanta_platform.orchestrator.context_events import SHOWN_EXPORT
from orvanta_platform.services.access import acceptance, on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, results
from orvanta_platform.services.runs import pinning, present_paths
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.copied_data import ContextValue, Repeat
from orvanta_platform.services.runs.creation import create_run
from orvanta_platform.services.runs.nested_restart import RestartPlanner, RestartPoint, Steps
from orvanta_platform.services.runs.preview_access import refuse_previews
from orvanta_platform.services.runs.reused_consents import ReusedConsents
from orvanta_platform.services.runs.run_spec import RunOptions, RunSpec

_MAX_CHAIN = 100
"""Maximum length of the followed chain of restarts of restarts."""


class RestartRequest(msgspec.Struct, frozen=True):
    """Restart point of a run."""

    steps: Steps | None = None
    """Path to the restart point, from the outside in; None: the failed nodes."""
    version: int | None = None
    """Version of the workflow; None: that of the run."""

    @property
    def node(self) -> str | None:
        """Node at the top level."""
        return self.steps[0][0] if self.steps else None


class _Source(msgspec.Struct, frozen=True):
    """The previous run."""

    run: RestartSource
    blueprint: Blueprint

    @property
    def ended(self) -> FinishedList:
        """Return the final state of its nodes."""
        return engine.finished_run(self.run.id, self.blueprint.plan, RunState.decode(self.run.state))


async def restart(
    platform: Platform, actor: Actor, workspace: str, id: UUID, point: RestartRequest, options: RunOptions
) -> UUID:
    """Start a run that continues the run `id`; returns its id.

    Raises NotFound, Forbidden, BadRequest for a node that does not exist, CannotRestart.
    """
    source, spec, _ = await _prepared(platform, actor, workspace, id, point)
    again = await results.repeated_args(platform, actor, workspace, source.run.id)
    options = dataclasses.replace(options, references=again.references, secrets=again.secrets)
    return await create_run(platform, actor, spec, again.raw, _with_repeat(source, point, options))


async def preview(platform: Platform, actor: Actor, workspace: str, id: UUID, point: RestartRequest) -> RestartPoint:
    """Return the restart point that `restart` would use, without starting a run. Raises the same errors."""
    return (await _prepared(platform, actor, workspace, id, point))[2]


async def restart_edited(
    platform: Platform,
    actor: Actor,
    workspace: str,
    value: bytes,
    path: str | None,
    args: bytes | None,
    id: UUID,
    point: RestartRequest,
    options: RunOptions,
) -> UUID:
    """Start a run that continues the run `id` with another workflow, which need not be deployed (`value`: JSON text).

    `args` None: the inputs of the previous run. Results are reused for nodes with the same id and kind. Raises the
    errors of `restart`, and InvalidWorkflow, InvalidInput.
    """
    source, spec, _ = await _edited(platform, actor, workspace, value, path, id, point)
    if args is None:
        again = await results.repeated_args(platform, actor, workspace, source.run.id)
        args = again.raw
        options = dataclasses.replace(options, references=again.references, secrets=again.secrets)
    else:
        references = await results.edited_references(platform, actor, workspace, source.run.id, args)
        options = dataclasses.replace(options, references=references)
    await inputs.check(platform.evaluator.of(workspace), None, args)
    return await create_run(platform, actor, spec, args, _with_repeat(source, point, options))


async def preview_edited(
    platform: Platform, actor: Actor, workspace: str, value: bytes, id: UUID, point: RestartRequest
) -> RestartPoint:
    """Return the restart point that `restart_edited` would use, without starting a run. Raises the same errors."""
    return (await _edited(platform, actor, workspace, value, None, id, point))[2]


async def _edited(
    platform: Platform, actor: Actor, workspace: str, value: bytes, path: str | None, id: UUID, point: RestartRequest
) -> tuple[_Source, RunSpec, RestartPoint]:
    source = await _source(platform, actor, workspace, id)
    spec = await runs.flow_preview(platform, actor, workspace, value, path)
    async with platform.db.acquire() as conn:
        made = await _restart_point(platform, conn, source, spec.blueprint, point)
    return source, await _with_state_and_context(platform, source, spec, made), made


async def _prepared(
    platform: Platform, actor: Actor, workspace: str, id: UUID, point: RestartRequest
) -> tuple[_Source, RunSpec, RestartPoint]:
    source = await _source(platform, actor, workspace, id)
    async with platform.db.acquire() as conn:
        version = await _version(conn, actor, workspace, source.run, point)
        owner = await on_behalf.owner_of(conn, workspace, version) if version is not None else None
        view = await acceptance.view_of(conn, actor, owner)
        runner = on_behalf.acting(actor, owner, version.path if version is not None else None)
        blueprint = await _blueprint(platform, conn, runner, workspace, source, version, view)
        _require_node(source, blueprint, point)
        made = await _restart_point(platform, conn, source, blueprint, point)
    spec = RunSpec(
        workspace=workspace,
        kind=source.run.kind,
        path=version.path if version is not None else source.run.path,
        blueprint=blueprint,
        version=version.id if version is not None else None,
        document=version.document if version is not None else source.run.document,
        pins=blueprint.pins,
        tag=(version.settings.get("tag") or None) if version is not None else None,
        priority=runs.priority_of(version.settings) if version is not None else source.run.priority,
        timeout_s=duration.setting(version.settings.get("timeout")) if version is not None else None,
        owner=owner,
        schema=version.settings.get("schema") if version is not None else None,
    )
    return source, await _with_state_and_context(platform, source, spec, made), made


async def _source(platform: Platform, actor: Actor, workspace: str, id: UUID) -> _Source:
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        jobs.refuse_dry_run(row)
        if not is_workflow(row.run_kind):
            raise BadRequest(f"The run {row.run} has no nodes.", hint="Run it again with jobs/rerun.")
        run = await run_rows.get_restart_source(conn, row.run)
        if run is None:
            raise CannotRestart(f"The run {row.run} has not ended.", hint="Wait until it has ended, or cancel it.")
        if run.parent is not None:
            raise CannotRestart(
                f"The run {run.id} is a run of a sub-workflow.",
                hint=f"Restart the run that called it, {run.parent}.",
                details={"parent": str(run.parent)},
            )
        return _Source(run, await platform.blueprints.workflow(conn, run.document, run.pin_set))


async def _version(
    conn: Connection, actor: Actor, workspace: str, run: RestartSource, point: RestartRequest
) -> VersionRow | None:
    if run.version is None:
        if point.version is not None:
            raise BadRequest("The run is a preview: its workflow has no versions.", hint="Leave flow_version out.")
        permissions.require(actor, "run", Target(workspace, "preview", run.path))
        await refuse_previews(conn, actor, workspace)
        return None
    version_id = point.version if point.version is not None else run.version
    if version_id != run.version:
        permissions.require(actor, "edit", Target(workspace, "run", run.path, actor.username))
    row = await run_rows.resolve_version(conn, workspace, version_id)
    await runs.require_named(conn, actor, row)
    found = runs.require_runnable(actor, workspace, row, f"flow version {version_id}")
    path = await present_paths.of_workflow(conn, workspace, run.path, run.version, actor)
    if found.path != path:
        raise BadRequest(f"The version {version_id} belongs to {found.path}; the run is a run of {path}.")
    return found


async def _blueprint(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    source: _Source,
    version: VersionRow | None,
    view: str | None,
) -> Blueprint:
    if version is None or version.id == source.run.version:
        taken = source.blueprint.pins
        pins = await pinning.resolve_pinned(conn, actor, workspace, source.blueprint.plan, view, taken)
        pins |= lasting_pins(taken)
        if version is not None:  # its workflow may have another path than the run
            inline = inline_imports(taken, source.run.path)
            pins |= {inline_key(version.path, node): pin for node, pin in inline.items()}
        return blueprint_of(source.blueprint.plan, pins)
    plan = (await platform.blueprints.workflow(conn, version.document, None)).plan
    pins = await pinning.resolve(conn, actor, workspace, plan, view)
    return blueprint_of(plan, pins | own_pins(version.settings) | inline_pins(version.path, version.imports))


def _require_node(source: _Source, blueprint: Blueprint, point: RestartRequest) -> None:
    """Check that another version has the node of the restart. Raises BadRequest."""
    node, plan = point.node, blueprint.plan
    if node in source.blueprint.plan.indexes and node not in plan.indexes:
        raise BadRequest(
            f"The chosen version of the workflow has no node {node}.",
            hint="Retry the run from where it failed, restart it from another node, or use the version that it ran.",
        )


async def _restart_point(
    platform: Platform, conn: Connection, source: _Source, blueprint: Blueprint, point: RestartRequest
) -> RestartPoint:
    if point.steps is None and source.run.status == "succeeded":
        raise CannotRestart(f"The run {source.run.id} did not fail.", hint="Run it again, or restart it from a node.")
    plan, before = blueprint.plan, source.ended
    if plan.same_worker and point.steps is None:
        # The folder shared by the jobs was deleted with the previous run, so all nodes run again.
        return RestartPoint(plan, engine.restart(plan, before, range(len(plan.nodes))))
    planner = RestartPlanner(platform, conn, blueprint)
    made = await planner.restart_list(plan, before, point.steps)
    if plan.same_worker and (made.made.reused or made.inside):
        raise CannotRestart(
            f"The jobs of the run {source.run.id} shared a folder, which is deleted.", hint="Run it again as a whole."
        )
    await _refuse_reused_consents(conn, source, planner, made)
    return structs.replace(made, began_at=planner.began_at, without_job=planner.without_job)


async def _refuse_reused_consents(
    conn: Connection, source: _Source, planner: RestartPlanner, made: RestartPoint
) -> None:
    """Check that a decision of a signed-in person does not permit the same nodes twice. Raises CannotRestart."""
    runs = await _restart_chain(conn, source.run.id, datetime.min.replace(tzinfo=UTC))
    nodes = await ReusedConsents(conn, planner, runs).of(made)
    if nodes:
        raise CannotRestart(
            f"The decision about {nodes[0]} was made for nodes that have succeeded in the run {source.run.id}.",
            hint=f"Restart from {nodes[0]}, so that it is decided again.",
            details={"nodes": nodes},
        )


def _with_repeat(source: _Source, point: RestartRequest, options: RunOptions) -> RunOptions:
    data: dict[str, Any] = {"version": point.version} if point.version is not None else {}
    if point.steps is None:
        return dataclasses.replace(options, repeat=Repeat("retry", source.run.id, None, data))
    if len(point.steps) > 1 or point.steps[0][1] is not None:
        data["path"] = [[id, number] for id, number in point.steps]
    return dataclasses.replace(options, repeat=Repeat("restart", source.run.id, point.node, data))


async def _with_state_and_context(platform: Platform, source: _Source, spec: RunSpec, made: RestartPoint) -> RunSpec:
    """Add the initial state and context.

    The context contains values written by reused nodes, and by others before the restart point started.
    """
    run, plan = source.run.id, spec.blueprint.plan
    await _refuse_erased(platform, made.results())
    reused = [id for index in made.made.reused for id in _ids(plan.nodes[index])]
    partly = [id for index in made.inside for id in _ids(plan.nodes[index])]
    until = made.began_at or clock.now()
    async with platform.db.acquire() as conn:
        found = await context_rows.get_context_before(
            conn, await _restart_chain(conn, run, until), reused, partly, until, made.without_job
        )
    lost = next((each for each in found if not each.stands and each.size > SHOWN_EXPORT), None)
    if lost is not None:
        raise CannotRestart(
            f"The context value {lost.name} was replaced later, and its earlier value is not stored.",
            hint=f"Restart from {lost.node or 'an earlier node'}, which wrote it, or from before that.",
        )
    texts = await results.load_values(platform, [(each.run, "context", each.name) for each in found if each.stands])
    context = [
        ContextValue(
            each.name,
            each.node,
            texts.get((each.run, "context", each.name), (each.value or "null").encode()),
            each.written_at,
        )
        for each in found
    ]
    return structs.replace(spec, state=made.state, context=context)


async def _refuse_erased(platform: Platform, reused: Mapping[UUID, str]) -> None:
    """Raise CannotRestart if the result of a reused node was erased."""
    async with platform.db.acquire() as conn:
        gone = await value_rows.find_missing_result(conn, list(reused))
    if gone is not None:
        node = reused[gone]
        raise CannotRestart(f"The result of the node {node} was erased.", hint=f"Restart from {node}.")


async def _restart_chain(conn: Connection, run: UUID, until: datetime) -> list[UUID]:
    """Return the run and the runs that it restarted, back to `until`.

    The restarted node may have run in one of them.
    """
    found = [run]
    while ids.made_at(found[-1]) > until and len(found) < _MAX_CHAIN:
        before = await run_rows.get_repeated_run(conn, found[-1])
        if before is None or before.kind == "rerun":
            break
        found.append(before.run)
    return found


def _ids(node: Node) -> Iterable[str]:
    """Return the node's id and those of all nodes inside it."""
    yield node.id
    for body in node.bodies:
        for each in body.plan.nodes:
            yield from _ids(each)
