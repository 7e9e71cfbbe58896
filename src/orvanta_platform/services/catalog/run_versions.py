"""Runs under way on earlier versions of their workflow: a check of each, and moving them to the current version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import run_versions as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.run_versions import MovedRun
from orvanta_platform.db.runs import RunRow, VersionRow
from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.state import HELD, LIVE, RunState
from orvanta_platform.engine.version_move import Obstacle, VersionMove, check_move
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator.blueprints import Blueprint, blueprint_of, inline_pins, own_pins, write_pins
from orvanta_platform.services.access import acceptance, on_behalf
from orvanta_platform.services.catalog import deploy
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import pinning, present_paths
from orvanta_platform.services.runs import start as runs

MAX_RUNS: Final = 100
"""Maximum number of runs of one call."""


class RunOnEarlierVersion(msgspec.Struct, frozen=True):
    """A run on an earlier version, and whether it can move."""

    id: UUID
    number: int | None
    """Number of its version."""
    status: str
    created_by: str
    check: VersionMove | None
    """None: the current version cannot run for it; `obstacles` has the reason."""
    obstacles: Sequence[Obstacle]


class EarlierRuns(msgspec.Struct, frozen=True):
    """Runs under way on earlier versions of a workflow."""

    count: int
    version: int
    """Id of the current version."""
    number: int
    runs: Sequence[RunOnEarlierVersion]
    more: bool


class MoveResult(msgspec.Struct, frozen=True):
    """Outcome of moving one run."""

    id: UUID
    moved: bool
    obstacles: Sequence[Obstacle] = ()


async def list_earlier(
    platform: Platform, actor: Actor, workspace: str, path: str, *, after: UUID | None, limit: int
) -> EarlierRuns:
    """Return the runs on earlier versions that the actor may read, oldest first, with their checks. Raises NotFound."""
    item = await deploy.get(platform, actor, workspace, "flow", path)
    async with platform.db.acquire() as conn:
        count = await rows.count_earlier(conn, workspace, path, item.id)
        ids = await rows.list_earlier(conn, workspace, path, item.id, after, limit + 1)
        live = await run_rows.get_live_runs(conn, ids[:limit])
        numbers = await run_rows.get_version_numbers(conn, [each.version for each in live.values() if each.version])
    found = []
    for run in sorted(live.values(), key=lambda each: each.id):
        if not permissions.can(actor, "read", _target(run)):
            continue
        check, obstacles = await _check(platform, run)
        number = numbers.get(run.version or 0)
        shown = number.number if number is not None else None
        found.append(RunOnEarlierVersion(run.id, shown, run.status, run.created_by, check, obstacles))
    return EarlierRuns(count, item.id, item.number, found, len(ids) > limit)


async def move_runs(
    platform: Platform, actor: Actor, workspace: str, path: str, ids: Sequence[UUID]
) -> list[MoveResult]:
    """Move runs to the current version of their workflow, each in a transaction of its own.

    The actor must be able to change the workflow. The version must be accepted for the member that a run acts for.
    Raises NotFound, Forbidden.
    """
    async with platform.db.acquire() as conn:
        await deploy.require_write(conn, actor, workspace, "flow", path)
    return [await _move(platform, actor, workspace, path, each) for each in dict.fromkeys(ids)]


async def _move(platform: Platform, actor: Actor, workspace: str, path: str, id: UUID) -> MoveResult:
    async with platform.db.acquire() as conn:
        run = await run_rows.get_live_run(conn, id)
        is_of_workflow = run is not None and (run.workspace, run.kind) == (workspace, "flow")
        is_of_workflow = run is not None and is_of_workflow and path == await _path_of(conn, run)
    if run is None or not is_of_workflow or not permissions.can(actor, "read", _target(run)):
        return MoveResult(id, False, (Obstacle(None, f"It is not a run of {path} that is under way."),))
    if run.parent is not None:
        return MoveResult(id, False, (Obstacle(None, "It is part of another run, which determines its version."),))
    try:
        version, blueprint = await _resolve(platform, run)
        async with platform.db.acquire() as conn:
            await platform.blueprints.of(conn, run, is_call=True)  # compiled before the run is locked
    except OrvantaError as error:
        return MoveResult(id, False, (_unusable(run, error),))
    write = partial(_write, platform, actor, version, blueprint, id)
    obstacles = await platform.db.retrying(write)
    if obstacles:
        return MoveResult(id, False, obstacles)
    platform.notify.run_changed(id)
    return MoveResult(id, True)


async def _write(
    platform: Platform, actor: Actor, version: VersionRow, blueprint: Blueprint, id: UUID, conn: Connection
) -> Sequence[Obstacle]:
    """Check a run under its lock and move it; return the obstacles.

    Concurrent steps of the run wait for the lock, or are stale and decided again.
    """
    run = await run_rows.lock_run(conn, id)
    if run is None or run.cancel_at is not None:
        return (Obstacle(None, "It has ended or is being cancelled."),)
    if run.version == version.id:
        return (_current(run),)
    if await run_rows.read_inbox(conn, id):
        return (Obstacle(None, "It is just being continued; try again."),)
    check = await _check_plans(platform, conn, run, blueprint)
    if check.state is None:
        return check.obstacles
    pins = write_pins(blueprint.pins) if blueprint.pins else None
    if pins is not None:
        await run_rows.store_pin_set(conn, *pins)
    moved = MovedRun(
        id, run.rev, version.id, version.document, pins[0] if pins else None,
        max(blueprint.plan.engine_version, check.state.engine_version), check.state.encode(),
    )  # fmt: skip
    data = {"from": run.version, "to": version.id, "by": actor.username}
    if not await rows.move_run(conn, moved, check.numbers, msgspec.json.encode(data).decode()):
        raise AssertionError(f"run {id} was not moved under its own lock")
    parameters = {"run": str(id), "from": run.version, "to": version.id}
    await audit.record(conn, actor, "jobs.move", "Updated", run.path, parameters, workspace=run.workspace)
    return ()


async def _check(platform: Platform, run: RunRow) -> tuple[VersionMove | None, Sequence[Obstacle]]:
    try:
        version, blueprint = await _resolve(platform, run)
    except OrvantaError as error:
        return None, (_unusable(run, error),)
    if run.version == version.id:
        return None, (_current(run),)
    async with platform.db.acquire() as conn:
        check = await _check_plans(platform, conn, run, blueprint)
    return check, check.obstacles


def _unusable(run: RunRow, error: OrvantaError) -> Obstacle:
    """The message can name items that only the member of the run may read."""
    return Obstacle(None, f"Its newest version cannot be used for {run.permissioned_as}: {error.code}.")


def _current(run: RunRow) -> Obstacle:
    return Obstacle(None, f"It runs the newest version that is accepted for {run.permissioned_as}.")


async def _check_plans(platform: Platform, conn: Connection, run: RunRow, blueprint: Blueprint) -> VersionMove:
    before = await platform.blueprints.of(conn, run, is_call=True)
    executed = await rows.list_executed(conn, run.id)
    state = RunState.decode(run.state)
    check = check_move(before.plan, blueprint.plan, state, executed)
    scripts = [*_of_scripts(before, blueprint, run, state)] if check.state is not None else []
    return msgspec.structs.replace(check, obstacles=tuple(scripts), state=None) if scripts else check


def _of_scripts(before: Blueprint, after: Blueprint, run: RunRow, state: RunState) -> Iterator[Obstacle]:
    """Yield the nodes in progress whose jobs were made for code that has other versions now."""
    for node in before.plan.nodes:
        mark = state.nodes[node.index]
        if mark not in LIVE or mark in HELD or node.kind not in (Kind.SCRIPT, Kind.RAWSCRIPT):
            continue
        pins = [
            each.pin(node) if node.kind is Kind.SCRIPT else each.imports(node, run.path) for each in (before, after)
        ]
        if pins[0] != pins[1]:
            yield Obstacle(node.id, "It is in progress, and its script has another version now.")


async def _resolve(platform: Platform, run: RunRow) -> tuple[VersionRow, Blueprint]:
    """Return the version that the run moves to, with the pins for the member that the run acts for.

    That member is treated as if somebody else had started the run: the version, and those of its scripts, must be
    accepted for it. Raises NotAccepted, NotFound, Forbidden, ScriptMissing, LockFailed, IdentityDisabled.
    """
    view = run.permissioned_as
    async with platform.db.acquire() as conn:
        path = await _path_of(conn, run)
        found = await acceptance.resolve(conn, run.workspace, "flow", path, view)
        member = await on_behalf.member(conn, run.workspace, run.permissioned_as, run.email)
        reader = msgspec.structs.replace(member, scopes=None if run.scopes is None else tuple(run.scopes))
        version = runs.require_runnable(reader, run.workspace, found, f"flow {path}")
        plan = (await platform.blueprints.workflow(conn, version.document, None)).plan
        pins = await pinning.resolve(conn, reader, run.workspace, plan, view)
    pins |= own_pins(version.settings) | inline_pins(run.path, version.imports)
    return version, blueprint_of(plan, pins)


async def _path_of(conn: Connection, run: RunRow) -> str:
    return await present_paths.of_workflow(conn, run.workspace, run.path, run.version)


def _target(run: RunRow) -> Target:
    return Target(run.workspace, "run", run.path, run.created_by)
