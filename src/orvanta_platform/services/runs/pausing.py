"""Pausing runs before nodes: breakpoints, paused nodes, and continuing them.

Pausing and continuing a run needs the roles that cancelling needs, and the scope jobs:pause. Values and conditions are
evaluated with the rights of the run: only the member it acts for and admins may choose them, and only with tokens whose
scopes are not narrower than the run's. Values need the scope jobs:edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import pauses as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pauses import PauseRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow, RunTarget
from orvanta_platform.engine.pausing import takes_inputs, takes_result
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import BadRequest, Conflict, InvalidInput, NotFound, TooLarge
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.orchestrator import inbox, interpolation
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.orchestrator.blueprints import Blueprint, Inputs
from orvanta_platform.orchestrator.evaluation_context import moment_of, resolver
from orvanta_platform.orchestrator.node_views import view_of
from orvanta_platform.orchestrator.scope import load_scope
from orvanta_platform.orchestrator.secret_access import Identity
from orvanta_platform.orchestrator.values import INLINE_LIMIT
from orvanta_platform.services.access import on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.runs import breakpoints, run_access

SHOWN = 100
"""Maximum number of paused nodes of a run that are listed."""


class BreakpointView(msgspec.Struct, frozen=True):
    """A breakpoint before `node`."""

    node: str
    by: str
    """Username of the member who set it."""
    when: str | None
    """Condition; None: it always applies."""


class PausedNode(msgspec.Struct, frozen=True):
    """A paused node."""

    job: UUID
    """Id of the node's job."""
    node: str
    kind: str
    by: str
    at: datetime
    place: int | None
    """Number of the iteration or branch that contains it, from 0; None at the top level."""
    inputs: bool
    """It may continue with replaced inputs."""
    result: bool
    """It may continue with a result instead of running."""
    threw: str | None = None
    """Error that the condition threw."""


class RunPauses(msgspec.Struct, frozen=True):
    """Breakpoints and paused nodes of a run."""

    run: UUID
    before: Sequence[BreakpointView]
    paused: Sequence[PausedNode]
    """Paused nodes, longest paused first, at most SHOWN."""
    may_pause: bool
    """The actor may set breakpoints and continue nodes."""
    may_change: bool
    """The actor may do so with values and conditions."""


class InputsPreview(msgspec.Struct, frozen=True):
    """A paused node and the inputs it would run with."""

    paused: PausedNode
    inputs: bytes | None
    """JSON object text with masked secrets; None: it has no inputs, or computing them failed."""
    error: str | None = None
    """Error of the computation."""


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RunPauses:
    """Return the breakpoints and paused nodes of a run. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        live = await run_rows.get_live_run(conn, row.run) if row.is_flow else None
        if live is None:
            return RunPauses(row.run, (), (), may_pause=False, may_change=False)
        blueprint = await platform.blueprints.of(conn, live, is_call=True)
        state = RunState.decode(live.state)
        paused = await rows.list_of_run(conn, live.id, SHOWN) if state.breakpoints else []
    nodes = _by_id(blueprint)
    return RunPauses(
        live.id,
        [
            BreakpointView(blueprint.plan.node(number).id, at.by, at.when)
            for number, at in sorted(state.breakpoints.items())
            if at.on
        ],
        [_paused(each, nodes) for each in paused],
        permissions.can(actor, "pause", jobs.target_of(row)),
        permissions.can(actor, "edit", jobs.target_of(row))
        and on_behalf.may_choose(actor, live.permissioned_as, live.scopes),
    )


async def preview_inputs(platform: Platform, actor: Actor, workspace: str, id: UUID, job: UUID) -> InputsPreview:
    """Return a paused node and the inputs it would run with now. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row: JobRow = await jobs.get_readable(platform, conn, actor, workspace, id)
        live = await run_rows.get_live_run(conn, row.run)
        found = await rows.find(conn, row.run, job) if live is not None else None
        if live is None or found is None:
            raise NotFound(f"The node {job} is not paused.", hint="It was continued or cancelled.")
        blueprint = await platform.blueprints.of(conn, live, is_call=True)
    nodes = _by_id(blueprint)
    paused, node = _paused(found, nodes), nodes[found.node]
    if not paused.inputs:
        return InputsPreview(paused, None)
    opened = OpenedSecrets()
    try:
        raw = await _inputs(platform, live, blueprint, node, found.frame, opened)
    except ExpressionError as error:
        return InputsPreview(paused, None, f"{error.name}: {opened.mask_text(error.message)}")
    except LookupError:
        raise NotFound(f"The node {job} is not paused.", hint="Its loop, branch or run has ended.") from None
    return InputsPreview(paused, opened.mask_json(raw))


async def _inputs(
    platform: Platform, live: RunRow, blueprint: Blueprint, node: Node, frame: UUID | None, opened: OpenedSecrets
) -> bytes:
    reader = platform.tools.reader
    inputs = Inputs.of(node)
    view = await view_of(platform.db, blueprint.plan, live, node.number, frame)
    scope = await load_scope(view, inputs.names, reader.load, reader.load_context)
    if inputs.whole:
        found = scope["flow_input"]
        return found if isinstance(found, bytes) else b"{}"
    resolve = resolver(reader, Identity.of_run(live), live.workspace, opened)
    moment = moment_of(blueprint.plan, live, node.number, frame)
    return await platform.evaluator.of(live.workspace).inputs(inputs.transforms, scope, moment, resolve)


async def set_breakpoint(
    platform: Platform, actor: Actor, workspace: str, id: UUID, node: str, when: str | None, *, on: bool = True
) -> None:
    """Set a breakpoint before a node, with the condition `when` if it is not None; or, with `on` False, remove it.

    In a loop it applies to every later iteration. Raises NotFound, Forbidden, BadRequest, InvalidInput, and Conflict if
    the run has ended.
    """
    await breakpoints.check_condition(platform.evaluator.of(workspace), when)
    run = await platform.db.retrying(partial(_set_breakpoint, platform, actor, workspace, id, node, when, on))
    await advance(platform.tools, run)


async def _set_breakpoint(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    node: str,
    when: str | None,
    on: bool,
    connection: Connection,
) -> UUID:
    target = await _target(actor, workspace, id, connection)
    live = await run_rows.get_live_run(connection, target.id)
    if live is None:
        raise _has_ended(id)
    number = breakpoints.node_of((await platform.blueprints.of(connection, live, is_call=True)).plan, node).number
    if when is not None:
        on_behalf.require_choice(actor, target.permissioned_as, target.scopes)
    if on:
        breakpoints.require_room(RunState.decode(live.state).breakpoints, [number])
    event = inbox.PauseBefore(number, actor.username, when, on)
    await run_rows.insert_event(connection, target.id, inbox.write(event))
    await _record(connection, actor, workspace, target, "jobs.pause_before", {"node": node, "if": when, "on": on})
    return target.id


async def continue_node(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    job: UUID,
    *,
    inputs: bytes | None = None,
    result: bytes | None = None,
) -> None:
    """Continue a paused node.

    `inputs` (JSON object text) replace its inputs of the same names. `result` (JSON text) is used instead of running
    it.

    Raises NotFound, Forbidden, BadRequest, InvalidInput, TooLarge, and Conflict if it is not paused.
    """
    _check_values(actor, inputs, result)
    run = await platform.db.retrying(partial(_continue_node, platform, actor, workspace, id, job, inputs, result))
    await advance(platform.tools, run)


async def _continue_node(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    job: UUID,
    inputs: bytes | None,
    result: bytes | None,
    connection: Connection,
) -> UUID:
    target = await _target(actor, workspace, id, connection)
    found = await rows.find(connection, target.id, job)
    live = await run_rows.get_live_run(connection, target.id)
    if live is None:
        raise _has_ended(id)
    if found is None or live.cancel_at is not None or not await rows.delete_pause(connection, target.id, job):
        raise Conflict(f"The node {job} is not paused.", hint="It was continued or cancelled.")
    if inputs is not None or result is not None:
        permissions.require(actor, "edit", Target(workspace, "run", target.path, target.created_by))
        on_behalf.require_choice(actor, target.permissioned_as, target.scopes)
        _require_fit(
            _paused(found, _by_id(await platform.blueprints.of(connection, live, is_call=True))), inputs, result
        )
    event = inbox.Continued(job, actor.username, found.frame, _text(inputs), _text(result))
    await run_rows.insert_event(connection, target.id, inbox.write(event))
    changed = sorted(msgspec.json.decode(inputs, type=dict[str, msgspec.Raw])) if inputs is not None else None
    details = {"node": found.node, "job": str(job), "inputs": changed, "result": result is not None}
    await _record(connection, actor, workspace, target, "jobs.continue", details)
    return target.id


def _check_values(actor: Actor, inputs: bytes | None, result: bytes | None) -> None:
    if inputs is not None and result is not None:
        raise BadRequest("A node continues either with inputs or with a result, not with both.")
    raw = inputs if inputs is not None else result
    if raw is None:
        return
    if len(raw) > INLINE_LIMIT:
        raise TooLarge(
            f"These values have {len(raw)} bytes; at most {INLINE_LIMIT} are allowed.",
            hint="Leave out the inputs that do not change.",
        )
    if inputs is not None:
        try:
            msgspec.json.decode(inputs, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise InvalidInput("inputs must be a JSON object.") from error
    interpolation.require_references(actor, raw)


def _require_fit(paused: PausedNode, inputs: bytes | None, result: bytes | None) -> None:
    if inputs is not None and not paused.inputs:
        raise BadRequest(f"The node {paused.node} has no inputs.", hint="Continue it unchanged, or with a result.")
    if result is not None and not paused.result:
        raise BadRequest(f"The node {paused.node} takes no result: people decide it.", hint="Continue it unchanged.")


async def _target(actor: Actor, workspace: str, id: UUID, connection: Connection) -> RunTarget:
    """Return the live run if the actor may pause it. Raises NotFound, Forbidden, Conflict."""
    target = await run_rows.find_run(connection, workspace, id)
    if target is not None and target.id == id:
        run_access.require(actor, "pause", workspace, target, missing=_missing(id))
        return target
    ended = await run_rows.get_ended_run(connection, id)
    if ended is None or ended.workspace != workspace:
        raise _missing(id)
    run_access.require(actor, "pause", workspace, ended, missing=_missing(id))
    raise _has_ended(id)


def _missing(id: UUID) -> NotFound:
    return NotFound(f"The run {id} does not exist.")


def _has_ended(id: UUID) -> Conflict:
    return Conflict(f"The run {id} has ended.", hint="Start a new run with pause_before.")


async def _record(
    connection: Connection, actor: Actor, workspace: str, target: RunTarget, operation: str, details: Mapping[str, Any]
) -> None:
    parameters = {"run": str(target.id), **{name: value for name, value in details.items() if value is not None}}
    await audit.record(connection, actor, operation, "Execute", target.path, parameters, workspace=workspace)


def _by_id(blueprint: Blueprint) -> dict[str, Node]:
    return {node.id: node for node in blueprint.plan.all_nodes}


def _paused(row: PauseRow, nodes: Mapping[str, Node]) -> PausedNode:
    node = nodes[row.node]
    inputs, result = takes_inputs(node), takes_result(node)
    by, at = row.paused_by, row.paused_at
    return PausedNode(row.job, row.node, node.kind.value, by, at, row.place, inputs, result, row.threw)


def _text(raw: bytes | None) -> str | None:
    return raw.decode() if raw is not None else None
