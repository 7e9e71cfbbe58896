"""Bulk operations: cancelling or rerunning the runs that match a filter, one after another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.db import runs
from orvanta_platform.db.job_lists import JobFilter, Part, Slice
from orvanta_platform.errors import BadRequest, NotFound, OrvantaError
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.javascript import Moment
from orvanta_platform.evaluate.raw import members
from orvanta_platform.evaluate.transforms import object_text, provenance_of
from orvanta_platform.orchestrator.interpolation import Kind
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, results
from orvanta_platform.services.runs import cancellation
from orvanta_platform.services.runs import rerun as rerunning
from orvanta_platform.services.runs.start import RunOptions

MAX_RUNS = 1_000
"""Maximum number of runs of one call."""


class RerunSettings(msgspec.Struct, frozen=True):
    """Options for rerunning the runs of a path."""

    latest: bool = False
    """Use the newest version."""
    inputs: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Replaced inputs, as Transforms by name."""


class RerunResult(msgspec.Struct, frozen=True):
    """Result of rerunning one run: the new run or an error."""

    id: UUID
    run: UUID | None = None
    """Id of the new run."""
    error: str | None = None


async def ids(
    platform: Platform, actor: Actor, workspace: str, parts: Sequence[Part], filter: JobFilter, slice: Slice
) -> list[UUID]:
    """Return the ids of the jobs that match a filter; only runs unless the filter selects jobs of nodes."""
    if filter.is_flow_step is None and filter.node is None and filter.parent_job is None:
        filter = replace(filter, is_flow_step=False)
    return [row.id for row in await jobs.list_jobs(platform, actor, workspace, parts, filter, slice)]


async def cancel(
    platform: Platform, caller: LiveActor, workspace: str, chosen: Sequence[UUID], *, force: bool = False
) -> list[UUID]:
    """Cancel these runs and jobs; returns those that were live. Unknown and ended ones are skipped.

    Raises BadRequest for more than MAX_RUNS, and Forbidden at the first one that the actor may see but not cancel.
    """
    permissions.require_workspace(await caller.current(), workspace)
    async with platform.db.acquire() as conn:
        known = await runs.filter_cancellable(conn, workspace, _bounded(chosen))
    found: list[UUID] = []
    for id in known:
        actor = await caller.current()
        with suppress(NotFound):
            if await cancellation.cancel(platform, actor, workspace, id, None, force=force):
                found.append(id)
    return found


async def rerun(
    platform: Platform,
    caller: LiveActor,
    workspace: str,
    chosen: Sequence[UUID],
    scripts: Mapping[str, RerunSettings],
    flows: Mapping[str, RerunSettings],
    options: RunOptions,
    *,
    latest: bool = False,
) -> AsyncIterator[RerunResult]:
    """Run these runs again in this order, yielding each one when it is created; `scripts` and `flows`: options by path.

    `latest`: items without options run in their newest version, previews unchanged.

    Raises BadRequest for more than MAX_RUNS. A run that cannot be repeated does not stop the others. The iterator
    raises Unauthenticated once the caller's token has expired, and starts no more runs.
    """
    permissions.require_workspace(await caller.current(), workspace)
    ids_to_run = _bounded(chosen)

    async def each() -> AsyncIterator[RerunResult]:
        for id in ids_to_run:
            actor = await caller.current()
            try:
                yield RerunResult(
                    id, await _rerun(platform, actor, workspace, id, scripts, flows, options, latest=latest)
                )
            except OrvantaError as error:
                yield RerunResult(id, error=error.message)

    return each()


async def _rerun(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    scripts: Mapping[str, RerunSettings],
    flows: Mapping[str, RerunSettings],
    options: RunOptions,
    *,
    latest: bool,
) -> UUID:
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
    by_path = flows if row.kind == "flow" else scripts if row.kind == "script" else {}
    how = by_path.get(row.own_path or "", RerunSettings(latest and row.kind in ("flow", "script")))
    if how.inputs:
        permissions.require(actor, "edit", jobs.target_of(row))
    args, references = await _edited(platform, actor, workspace, id, how.inputs) if how.inputs else (None, None)
    fresh = RunOptions(trigger=options.trigger, tag=options.tag, references=references)
    return await rerunning.rerun(platform, actor, workspace, id, args, fresh, latest=how.latest)


async def _edited(
    platform: Platform, actor: Actor, workspace: str, id: UUID, transforms: Mapping[str, Any]
) -> tuple[bytes, frozenset[str]]:
    """Return the inputs of a run, partly replaced by static values or expressions over the old inputs (`flow_input`).

    Also returns the names of the inputs that contain references: static values, and old references that are passed on.
    """
    repeated = await results.repeated_args(platform, actor, workspace, id)
    inputs, before = repeated.raw, repeated.references
    moment = Moment(int(clock.now().timestamp() * 1000), str(id))
    replaced = await platform.evaluator.of(workspace).inputs(transforms, {"flow_input": inputs}, moment, _opens_nothing)
    parts = {**members(inputs), **members(replaced)}
    made_of = provenance_of(transforms)
    handed_on = {name for name, argument in made_of.arguments.items() if argument in before}
    references = (before - transforms.keys()) | made_of.literals | handed_on
    return object_text({name: bytes(raw) for name, raw in parts.items()}), references


async def _opens_nothing(kind: Kind, path: str) -> bytes:
    raise ExpressionError("Forbidden", f"The {kind} {path} is not opened here: use $var: or $res: in a value instead.")


def _bounded(chosen: Sequence[UUID]) -> list[UUID]:
    unique = list(dict.fromkeys(chosen))
    if len(unique) > MAX_RUNS:
        raise BadRequest(f"{len(unique)} runs were named; at most {MAX_RUNS} are allowed.", hint="Make several calls.")
    return unique
