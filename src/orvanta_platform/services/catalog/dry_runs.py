"""Dry runs: real decisions without the effects of nodes, and reports on what these nodes would have received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import dry_runs as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.dry_runs import SimulatedRow
from orvanta_platform.engine import duration
from orvanta_platform.errors import BadRequest, NotFound
from orvanta_platform.orchestrator import inputs, values
from orvanta_platform.orchestrator.blueprints import DRY, blueprint_of, dry_pins, inline_pins, own_pins, read_pins
from orvanta_platform.orchestrator.dry_runs import Recording
from orvanta_platform.orchestrator.simulated_events import SIMULATED, SimulatedData
from orvanta_platform.services.access import acceptance, on_behalf
from orvanta_platform.services.catalog import recording, workflow_tests
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.runs import pinning
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.creation import create_run
from orvanta_platform.services.runs.run_spec import RunOptions, RunSpec
from orvanta_platform.workflow.playback.document import decode

MAX_ENTRIES: Final = 1_000
"""Maximum number of entries of a page of a report."""

MAX_INPUTS: Final = 64 << 10
"""Maximum size, in bytes of JSON, of the inputs in an entry."""


class DryRunOptions(msgspec.Struct, frozen=True):
    """Options of a dry run. At most one of `run` and `test` is set."""

    reads: bool = False
    """Execute nodes that read; otherwise only those without effects."""
    run: UUID | None = None
    """Earlier run of the workflow whose answers are played."""
    test: str | None = None
    """Test of the workflow whose answers are played."""

    @property
    def executes(self) -> tuple[str, ...]:
        """Effects of the nodes that are executed."""
        return ("none", "reads") if self.reads else ("none",)


class ReportEntry(msgspec.Struct, frozen=True):
    """An execution of a node that the dry run answered for."""

    run: UUID
    """The dry run, or the run of a sub-workflow inside it."""
    workflow: str | None
    """Path of the workflow of `run`."""
    node: str
    data: SimulatedData
    inputs: bytes | None
    """JSON text; None if they are too large or were erased."""


class ReportPage(msgspec.Struct, frozen=True):
    """A page of the report on a dry run."""

    run: UUID
    status: str
    executes: Sequence[str]
    """Effects of the nodes that were executed."""
    entries: Sequence[ReportEntry]
    last: int
    """Position of the last entry, after which the next page starts."""
    more: bool


async def start_flow(
    platform: Platform, actor: Actor, workspace: str, path: str, args: bytes, dry: DryRunOptions
) -> UUID:
    """Start a dry run of the current version of a workflow; returns its id. It acts for the actor.

    Raises NotFound, Forbidden, BadRequest, InvalidInput, ScriptMissing.
    """
    async with platform.db.acquire() as conn:
        view = await acceptance.view_of(conn, actor)
        version = await acceptance.resolve(conn, workspace, "flow", path, view)
    found = runs.require_runnable(actor, workspace, version, f"flow {path}")
    schema = found.settings.get("schema")
    args = inputs.without_nulls(schema, args)
    await inputs.check(platform.evaluator.of(workspace), schema, args)
    async with platform.db.acquire() as conn:
        plan = (await platform.blueprints.workflow(conn, found.document, None)).plan
        runner = on_behalf.acting(actor, None, found.path)
        pins = await pinning.resolve(conn, runner, workspace, plan, view)
    pins |= own_pins(found.settings) | inline_pins(found.path, found.imports)
    spec = RunSpec(
        workspace=workspace,
        kind="flowpreview",
        path=found.path,
        blueprint=blueprint_of(plan, pins),
        document=found.document,
        pins=pins,
        tag=found.settings.get("tag") or None,
        priority=runs.priority_of(found.settings),
        timeout_s=duration.setting(found.settings.get("timeout")),
        schema=schema,
    )
    return await _start(platform, actor, spec, args, dry)


async def start_preview(
    platform: Platform, actor: Actor, workspace: str, value: bytes, path: str | None, args: bytes, dry: DryRunOptions
) -> UUID:
    """Start a dry run of a workflow that is not deployed (`value`: its FlowValue as JSON text); returns its id.

    Raises Forbidden, BadRequest, InvalidWorkflow, InvalidInput, ScriptMissing.
    """
    await inputs.check(platform.evaluator.of(workspace), None, args)
    spec = await runs.flow_preview(platform, actor, workspace, value, path)
    return await _start(platform, actor, spec, args, dry)


async def _start(platform: Platform, actor: Actor, spec: RunSpec, args: bytes, dry: DryRunOptions) -> UUID:
    pins = {**spec.pins, **dry_pins(dry.executes)}
    played = await _recording(platform, actor, spec, dry)
    dry_spec = msgspec.structs.replace(
        spec,
        blueprint=blueprint_of(spec.blueprint.plan, pins),
        pins=pins,
        recorded=None if played is None else msgspec.json.encode(played),
    )
    return await create_run(platform, actor, dry_spec, args, RunOptions(trigger=jobs.DRY_RUN))


async def _recording(platform: Platform, actor: Actor, spec: RunSpec, dry: DryRunOptions) -> Recording | None:
    if dry.run is not None and dry.test is not None:
        raise BadRequest("A dry run plays the answers of a run or of a test.", hint="Leave one of them out.")
    if dry.run is not None:
        return await recording.record_answers(platform, actor, spec.workspace, dry.run)
    if dry.test is None:
        return None
    if not spec.path:
        raise BadRequest("The workflow has no path, and no tests.", hint="Send its path, or leave the test out.")
    row = await workflow_tests.get(platform, actor, spec.workspace, spec.path, dry.test)
    return Recording(decode(row.body).nodes)


async def report(platform: Platform, actor: Actor, workspace: str, id: UUID, *, after: int, limit: int) -> ReportPage:
    """Return at most `limit` (<= MAX_ENTRIES) entries of the report on a dry run, after the position `after`.

    Entries of sub-workflows whose runs the actor may not read are left out. Raises NotFound, BadRequest.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if row.trigger != jobs.DRY_RUN or row.is_step:
            raise BadRequest(f"{id} is not a dry run.")
        found = await rows.list_simulated(conn, row.run, SIMULATED, after, limit + 1)
        run = await run_rows.get_live_run(conn, row.run) or await run_rows.get_restart_source(conn, row.run)
        if run is None or run.pin_set is None:
            raise NotFound(f"The job {id} does not exist.")
        pins = read_pins(await run_rows.get_pin_set(conn, run.pin_set))
        shown = [each for each in found[:limit] if _may_read(actor, workspace, each)]
        data = [msgspec.json.decode(each.data, type=SimulatedData) for each in shown]
        sizes = await value_rows.get_digests(conn, [(each.job, "args", "") for each in data], 0)
        fitting = [key for key, each in sizes.items() if each.size <= MAX_INPUTS]
        stored = await value_rows.get_values(conn, fitting)
    opened = await values.open_rows(platform.storage, stored)
    entries = [
        ReportEntry(each.run, each.path, each.node, datum, opened.get((datum.job, "args", "")))
        for each, datum in zip(shown, data, strict=True)
    ]
    last = found[:limit][-1].seq if found else after
    return ReportPage(row.run, row.state, pins[DRY].executes or (), entries, last, len(found) > limit)


def _may_read(actor: Actor, workspace: str, row: SimulatedRow) -> bool:
    return permissions.can(actor, "read", Target(workspace, "run", row.path, row.created_by))
