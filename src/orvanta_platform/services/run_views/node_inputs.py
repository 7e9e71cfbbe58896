"""Inputs that a node of a run received, computed again from its transforms and the stored values of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import frames, job_views
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.errors import NotFound, OrvantaError
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.evaluate.transforms import may_open, object_text, transform_names
from orvanta_platform.ids import frame_id, inner_job_id, opening_id
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.blueprints import Inputs
from orvanta_platform.orchestrator.evaluation_context import moment_of
from orvanta_platform.orchestrator.interpolation import Kind as OpenedKind
from orvanta_platform.orchestrator.iterations import items_key
from orvanta_platform.orchestrator.paused_inputs import with_replaced_inputs
from orvanta_platform.orchestrator.scope import load_scope
from orvanta_platform.orchestrator.view import ListPosition, View
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, virtual_jobs

MAX_VALUE_BYTES: Final = 256 << 10
"""Maximum size of a stored value that an input is computed from, and of all inputs together."""

_NOT_STARTED = (Mark.PENDING, Mark.SKIPPED, Mark.PASSED, Mark.CANCELLED)
_RESUMES = frozenset({"resume", "resumes", "approvers"})
_PREVIOUS = frozenset({"previous_result", "result"})


class NodeInputs(msgspec.Struct, frozen=True):
    """Inputs of a node."""

    inputs: bytes
    """JSON object text, without the unknown ones."""
    unknown: tuple[str, ...]
    """Names of inputs that cannot be computed again."""


async def get(
    platform: Platform, actor: Actor, workspace: str, id: UUID, node: str, iterations: Sequence[int]
) -> NodeInputs:
    """Return the inputs that a node of the run with this id received.

    `iterations`: numbers, from 0, of the iterations of the loops around it, outermost first. Inputs are unknown if they
    read the context, which may have changed since, open variables or resources, or read values that are erased or
    larger than MAX_VALUE_BYTES. Raises NotFound, also if the node has not started.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        plan = await virtual_jobs.plan_of(platform, conn, row) if row.is_flow else None
        around = _enclosing(plan, node) if plan is not None else None
        if plan is None or around is None:
            raise NotFound(f"The run {id} has no node {node}.")
        (row,) = await jobs.add_details(conn, [row])
        run = _run_row(row, await run_rows.get_seed(conn, row.run) or 0)
        view = await _view(conn, run, row, plan, node, around, iterations)
    found = view.plan.node(view.index)
    erased = row.erased or bool(plan.erasures)
    return await _inputs(platform, view, found, erased=erased)


def _run_row(row: JobRow, seed: int) -> RunRow:
    """Return a run, live or ended, as expressions read it."""
    return RunRow(
        id=row.run,
        workspace=row.workspace,
        kind=row.run_kind,
        path=row.run_path,
        version=row.version,
        document=row.document,
        language=None,
        pin_set=None,
        engine_version=0,
        rev=0,
        state=row.run_state or b"",
        status=row.state,
        root=row.root,
        created_by=row.created_by,
        email=row.email,
        permissioned_as=row.permissioned_as,
        seed=seed,
        scheduled_at=row.scheduled_at,
        parent=row.parent,
    )


def _enclosing(plan: Plan, id: str) -> list[tuple[Node, int]] | None:
    """Return the nodes around a node, outermost first, each with the number of the body; None if it does not exist."""
    for node in (*plan.nodes, *((plan.failure,) if plan.failure else ())):
        if node.id == id:
            return []
        for number, body in enumerate(node.bodies):
            inner = _enclosing(body.plan, id)
            if inner is not None:
                return [(node, number), *inner]
    return None


async def _view(
    conn: Connection,
    run: RunRow,
    row: JobRow,
    plan: Plan,
    id: str,
    around: Sequence[tuple[Node, int]],
    iterations: Sequence[int],
) -> View:
    """Return the view of a started node. Raises NotFound."""
    view, numbers = View(plan, run, RunState.decode(run.state), 0), list(iterations)
    for holder, body in around:
        if holder.kind.is_loop and not numbers:
            raise NotFound(f"The node {id} is in a loop.", hint=f"Name the iteration of {holder.id}.")
        place = numbers.pop(0) if holder.kind.is_loop else body
        outer = View(view.plan, run, view.state, holder.index, within=view.within)
        position = await _position(conn, outer, holder, place)
        inner = holder.bodies[body].plan
        view = View(inner, run, await _body_state(conn, row, plan, inner, position.frame), 0, within=position)
    listed = (*view.plan.nodes, *((view.plan.failure,) if view.plan.failure else ()))
    node = next(each for each in listed if each.id == id)
    if view.state.nodes[node.index] in _NOT_STARTED:
        raise NotFound(f"The node {id} has not started.")
    return replace(view, index=node.index)


async def _position(conn: Connection, outer: View, holder: Node, place: int) -> ListPosition:
    """Return the position of a body of a loop or branch, in its last opening."""
    id = inner_job_id(outer.run.id, outer.frame, holder.id)
    counters = await frames.get_counters(conn, [id])
    ended = await frames.get_ended_nodes(conn, [id])
    attempt = counters[0].attempt if counters else ended[id].failures if id in ended else 0
    opening = opening_id(outer.run.id, id, attempt)
    return ListPosition(frame_id(outer.run.id, opening, place), opening, place, outer)


async def _body_state(conn: Connection, row: JobRow, plan: Plan, body: Plan, frame: UUID) -> RunState:
    """Return the state of a body. A body of one node may have no row of its own."""
    try:
        return (await jobs.body_of(conn, replace(row, id=frame), plan))[1]
    except NotFound:
        only = inner_job_id(row.run, frame, body.nodes[0].id) if len(body.nodes) == 1 else None
        if only is None or not await job_views.find_jobs(conn, row.workspace, [only]):
            raise NotFound("The iteration or branch has not started.") from None
        return RunState(bytes([Mark.RUNNING]))


class _Unavailable(Exception):
    """Raised if a value cannot be read."""


async def _inputs(platform: Platform, view: View, node: Node, *, erased: bool) -> NodeInputs:
    transforms = Inputs.of(node).transforms
    known, large = await _stored(platform, view, transforms)
    found: dict[str, bytes] = {}
    size = 0
    for name, transform in transforms.items():
        names = transform_names(transform)
        if names and (erased or not _is_repeatable(view, transform)):
            continue
        raw = await _value(platform, view, node, name, transform, known, large)
        if raw is not None and size + len(raw) <= MAX_VALUE_BYTES:
            found[name] = raw
            size += len(raw)
    job = inner_job_id(view.run.id, view.frame, node.id)
    raw, _ = await with_replaced_inputs(
        platform.tools.reader.load, view.run, node, job, object_text(found), frozenset()
    )
    given = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return NodeInputs(raw, tuple(name for name in transforms if name not in given))


def _is_repeatable(view: View, transform: Any) -> bool:
    """Return whether an expression has the same value as when the node started."""
    names = transform_names(transform).keys()
    if "context" in names or may_open(transform):
        return False
    # The state of an ended body is reconstructed, without the edges and events that started its nodes.
    return view.within is None or not (names & _RESUMES or (names & _PREVIOUS and not view.plan.is_list))


async def _stored(
    platform: Platform, view: View, transforms: Mapping[str, Any]
) -> tuple[dict[ValueKey, bytes], frozenset[ValueKey]]:
    """Return the values that the transforms read, and the keys of those that are too large."""
    keys: dict[ValueKey, None] = {}

    async def collect(wanted: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        keys.update(dict.fromkeys(wanted))
        raise _Unavailable

    for transform in transforms.values():
        if _is_repeatable(view, transform):
            with suppress(_Unavailable):
                await load_scope(view, transform_names(transform), collect, _no_context)
    async with platform.db.acquire() as conn:
        rows = await value_rows.get_values(conn, list(keys))
    fitting = [row for row in rows if row.size <= MAX_VALUE_BYTES]
    large = frozenset(row.key for row in rows) - frozenset(row.key for row in fitting)
    return dict(await values.open_rows(platform.storage, fitting)), large


async def _value(
    platform: Platform,
    view: View,
    node: Node,
    name: str,
    transform: Any,
    known: dict[ValueKey, bytes],
    large: frozenset[ValueKey],
) -> bytes | None:
    """Return the value of an input; None if it cannot be computed."""

    async def load(keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        if not large.isdisjoint(keys) or any(key not in known and key == items_key(key[0]) for key in keys):
            raise _Unavailable
        return {key: known[key] for key in keys if key in known}

    moment = moment_of(view.plan, view.run, node.index, view.frame)
    try:
        scope: Scope = await load_scope(view, transform_names(transform), load, _no_context)
        raw = await platform.evaluator.of(view.run.workspace).inputs({name: transform}, scope, moment, _refuse)
    except (_Unavailable, OrvantaError):
        return None
    return bytes(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])[name])


async def _no_context(run: UUID) -> dict[ValueKey, bytes]:
    return {}


async def _refuse(kind: OpenedKind, path: str) -> bytes:
    raise ExpressionError("Error", f"The {kind} {path} is not opened again.")
