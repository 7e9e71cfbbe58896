"""Failure of a run: the first unhandled error, at any depth, and the last successful run before it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import frames, job_views
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.job_views import JobRow, NodeJobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RestartSource, VersionNumber
from orvanta_platform.db.values import ValueKey, get_values
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import NotFound
from orvanta_platform.ids import opening_id
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.blueprints import Pins, is_workflow, unscoped
from orvanta_platform.orchestrator.nested_rows import child_id
from orvanta_platform.orchestrator.scope import inner_error
from orvanta_platform.orchestrator.view import ERROR
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, virtual_jobs

_MAX_DEPTH: Final = 60
"""Maximum depth of nested containers and sub-workflows that is searched."""

_MAX_LENGTH: Final = 64 << 10

_DEPLOYED_KINDS: Final = {"flowpreview": ("flow",), "preview": ("script",)}
"""Kinds of runs of a deployed version, by the kind of a test, which is also compared with them."""


class EnclosingNode(msgspec.Struct, frozen=True):
    """A node that contains the failed one."""

    node: str
    place: int | None = None
    """Number of the iteration or branch, from 0."""
    child: UUID | None = None
    """Run of the called sub-workflow."""


class Failure(msgspec.Struct, frozen=True):
    """The first error of a run."""

    run: UUID
    """Run of the node; another one if the node is inside a sub-workflow."""
    job: UUID
    node: str | None = None
    """None: the run failed outside its nodes."""
    around: tuple[EnclosingNode, ...] = ()
    """Nodes that contain it, from the outside in."""
    failures: int = 0
    """Number of failed attempts of the node."""
    ended_at: datetime | None = None
    error: bytes | None = None
    """JSON text."""


class PinChange(msgspec.Struct, frozen=True):
    """A called script or workflow whose version differs between two runs."""

    path: str
    before: VersionNumber | None
    """None: it was not called; also `after`."""
    after: VersionNumber | None


class LastSuccess(msgspec.Struct, frozen=True):
    """The last successful run of the same path."""

    run: UUID
    ended_at: datetime | None
    version: VersionNumber | None
    called: tuple[PinChange, ...]
    """Called items whose version has changed since."""
    document_changed: bool
    """The two runs ran different documents."""


class RunFailure(msgspec.Struct, frozen=True):
    """Failure of a run."""

    failure: Failure | None
    """None: the run has not failed."""
    since: LastSuccess | None = None
    """None: no recent run of the same path was successful."""


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RunFailure:
    """Return the failure of the run with this id, or of the run of the job with this id. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if row.is_step:
            row = await jobs.get_readable(platform, conn, actor, workspace, row.run)
        if row.state != "failed":
            return RunFailure(None)
        failure = await _first(platform, conn, actor, row, ())
        since = await _changes_since_success(platform, conn, actor, row)
        keys: list[ValueKey] = [(failure.job, "result", ERROR), (failure.job, "result", "")]
        stored = {each.key: each for each in await get_values(conn, keys) if each.size <= _MAX_LENGTH}
    found = next((stored[key] for key in keys if key in stored), None)
    opened = await values.open_rows(platform.storage, [found] if found is not None else [])
    return RunFailure(replace(failure, error=next(map(inner_error, opened.values()), None)), since)


async def _first(
    platform: Platform, conn: Connection, actor: Actor, row: JobRow, around: tuple[EnclosingNode, ...]
) -> Failure:
    whole = Failure(row.run, row.result_of or row.run, None, around, row.failures, row.ended_at)
    if not row.is_flow:
        return whole
    plan = await virtual_jobs.plan_of(platform, conn, row)
    failed = set(RunState.decode(row.run_state or b"").unhandled())
    first = _earliest([each for each in await job_views.list_top_node_jobs(conn, row.run) if each.node_index in failed])
    if first is None:
        return whole
    return await _in_node(platform, conn, actor, row, plan.node(first.node_index), first, around)


def _earliest(node_jobs: list[NodeJobRow]) -> NodeJobRow | None:
    ended = [each for each in node_jobs if each.state == "failed" and each.ended_at is not None]
    return min(ended, key=lambda each: (each.ended_at, each.node_index), default=None)


async def _in_node(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    row: JobRow,
    node: Node,
    failed: NodeJobRow | frames.FailedBody,
    around: tuple[EnclosingNode, ...],
) -> Failure:
    """Return the error of a failed node, or that of the failed node inside it."""
    here = Failure(row.run, failed.id, node.id, around, failed.failures, failed.ended_at)
    if not node.kind.is_container or len(around) >= _MAX_DEPTH:
        return here
    opening = opening_id(row.run, failed.id, failed.failures)
    if node.kind is Kind.FLOW:
        child = await job_views.find(conn, row.workspace, child_id(row.run, opening))
        if child is None or child.state != "failed" or not permissions.can(actor, "read", jobs.target_of(child)):
            return here
        return await _first(platform, conn, actor, child, (*around, EnclosingNode(node.id, child=child.id)))
    body = await frames.find_first_failed_body(conn, opening)
    if body is None:
        return here
    plan = node.bodies[0 if node.kind.is_loop else body.place].plan
    inner = (*around, EnclosingNode(node.id, body.place))
    if body.kind != "frame":
        return await _in_node(platform, conn, actor, row, plan.nodes[0], body, inner)
    return await _in_frame(platform, conn, actor, row, plan, body, inner) or here


async def _in_frame(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    row: JobRow,
    plan: Plan,
    body: frames.FailedBody,
    around: tuple[EnclosingNode, ...],
) -> Failure | None:
    nodes = {node.number: node for node in plan.nodes if not node.continue_on_error}
    node_jobs = await job_views.list_node_jobs_inside(conn, row.run, body.id)
    first = _earliest([each for each in node_jobs if each.node_index in nodes])
    if first is None:
        return None
    return await _in_node(platform, conn, actor, row, nodes[first.node_index], first, around)


async def _changes_since_success(platform: Platform, conn: Connection, actor: Actor, row: JobRow) -> LastSuccess | None:
    if row.own_path is None:
        return None
    kinds = (row.kind, *_DEPLOYED_KINDS.get(row.kind, ()))
    id = await run_rows.find_last_success(conn, row.workspace, kinds, row.own_path, row.run)
    if id is None:
        return None
    try:
        last = await jobs.get_readable(platform, conn, actor, row.workspace, id)
    except NotFound:
        return None
    sources = [await run_rows.get_restart_source(conn, each.run) for each in (last, row)]
    before, after = [await _versions(platform, conn, source) for source in sources]
    documents = {source.document for source in sources if source is not None}
    changed = [path for path in sorted({*before, *after}) if path and before.get(path) != after.get(path)]
    named = {version for path in changed for version in (before.get(path), after.get(path))} | {last.version}
    numbers = await run_rows.get_version_numbers(conn, [version for version in named if version is not None])
    called = [PinChange(path, numbers.get(before.get(path, 0)), numbers.get(after.get(path, 0))) for path in changed]
    return LastSuccess(last.run, last.ended_at, numbers.get(last.version or 0), tuple(called), len(documents) > 1)


async def _versions(platform: Platform, conn: Connection, run: RestartSource | None) -> dict[str, int]:
    """Return the versions of the items that a run called, by path."""
    if run is None or not is_workflow(run.kind):
        return {}
    pins: Pins = (await platform.blueprints.workflow(conn, run.document, run.pin_set)).pins
    return {unscoped(key): pin.version for key, pin in pins.items()}
