"""Bodies of container nodes, read from their rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db import frames as rows
from orvanta_platform.db.frames import BodyRow, CounterRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.loop import Loop, reused_bodies
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.reused_results import Origin, Reopening
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.ids import inner_job_id, opening_id
from orvanta_platform.orchestrator.nested_rows import child_id
from orvanta_platform.orchestrator.view import value_id

SHOWN = 1_000
"""Maximum number of listed bodies of one node."""


class Inside(msgspec.Struct, frozen=True):
    """Bodies of a node, at most SHOWN, in order."""

    kind: Kind
    jobs: tuple[UUID, ...] = ()
    """Ids of the bodies."""
    success: tuple[bool | None, ...] = ()
    """None: the body is live."""
    times: tuple[tuple[datetime | None, datetime | None], ...] = ()
    """Start and end."""
    count: int = 0
    """Number of bodies opened so far."""
    total: int | None = None
    """Final number of bodies, if it is known."""
    parallel: bool = False
    chosen: int | None = None
    """Selected branch of a branchone; None: the default branch."""
    child: UUID | None = None
    """Run of a sub-workflow."""


async def bodies_inside(
    conn: Connection,
    run: UUID,
    plan: Plan,
    state: RunState,
    failures: dict[int, int],
    frame: UUID | None = None,
    *,
    only: Node | None = None,
    first: int = 0,
    limit: int | None = None,
) -> dict[int, Inside]:
    """Return the bodies of the started container nodes of a list, by index. `failures`: of ended nodes.

    `only`: limits the result to that node. `first`, `limit` (None: SHOWN): range of bodies.
    """
    stop = first + (SHOWN if limit is None else limit)
    nodes = (*plan.nodes, *filter(None, [plan.failure])) if only is None else (only,)
    holders = [node for node in nodes if node.kind.is_container and state.nodes[node.index] not in _NO_BODIES]
    if not holders:
        return {}
    ids = {value_id(plan, run, state, node.index, frame): node for node in holders}
    open_now = {row.id: row for row in await rows.get_counters(conn, list(ids))}
    reused = [id for id, node in ids.items() if _origin(state, node.index) is not None]
    before = await rows.get_ended_nodes(conn, reused)
    found: dict[int, Inside] = {}
    for id, node in ids.items():
        counter = open_now.get(id)
        attempt = counter.attempt if counter is not None else failures.get(node.index, 0)
        attempt = before[id].failures if id in before else attempt
        origin = _origin(state, node.index)
        opening = opening_id(origin.run if origin is not None else run, id, attempt)
        if node.kind is Kind.FLOW:
            found[node.index] = Inside(node.kind, child=child_id(origin.run if origin is not None else run, opening))
            continue
        seen = await rows.list_bodies(conn, id, opening, stop, first)
        again = state.reused.inside.get(node.index) if state.reused is not None and attempt == 0 else None
        if again is not None:
            known = {body.place for body in seen}
            reused_bodies = await reused_bodies_of(conn, again)
            seen += [body for body in reused_bodies if body.place not in known and first <= body.place < stop]
        more = counter is None and len(seen) >= stop - first
        ended = await rows.get_last_place(conn, opening) + 1 if more else 0
        found[node.index] = _of(run, node, seen, counter, ended)
    return found


async def bodies_of(conn: Connection, run: UUID, id: UUID, node: Node, failures: int, first: int, limit: int) -> Inside:
    """Return the bodies of the node with the id `id`, starting with number `first`.

    `failures`: its failures, if it has ended.
    """
    open_now = next(iter(await rows.get_counters(conn, [id])), None)
    opening = opening_id(run, id, open_now.attempt if open_now is not None else failures)
    return _of(run, node, await rows.list_bodies(conn, id, opening, first + limit, first), open_now, 0)


_NO_BODIES = (Mark.PENDING, Mark.SKIPPED, Mark.PASSED)


def _origin(state: RunState, index: int) -> Origin | None:
    return state.reused.origin(index) if state.reused is not None else None


async def reused_bodies_of(conn: Connection, again: Reopening) -> list[BodyRow]:
    """Return the bodies of earlier runs that this run reuses, at most SHOWN per opening."""
    reused = reused_bodies((), again.again, None)
    found: dict[int, BodyRow] = {}
    for _, opening in again.openings:
        for body in await rows.list_bodies(conn, opening, opening, SHOWN):
            if not reused.runs(body.place):
                found.setdefault(body.place, body)
    return list(found.values())


def _of(run: UUID, node: Node, seen: Sequence[BodyRow], counter: CounterRow | None, ended: int) -> Inside:
    """Combine the rows of a node's bodies. `ended`: their number, if it exceeds the number of rows."""
    by_place = {body.place: body for body in seen}
    bodies = [by_place[place] for place in sorted(by_place)]
    loop = Loop.decode(counter.state) if counter is not None else None
    chosen = bodies[0].place if node.kind is Kind.BRANCHONE and bodies else None
    return Inside(
        kind=node.kind,
        jobs=tuple(_id(run, node, body) for body in bodies),
        success=tuple(None if body.ended_at is None else body.state == "succeeded" for body in bodies),
        times=tuple((body.started_at, body.ended_at) for body in bodies),
        count=max(loop.reached if loop is not None else ended, len(bodies)),
        total=_total(node, loop, max(ended, len(bodies))),
        parallel=node.parallel,
        chosen=None if chosen is None or chosen == len(node.bodies) - 1 else chosen,
    )


def _id(run: UUID, node: Node, body: BodyRow) -> UUID:
    """Return the id of a body: that of its node if it has one node, otherwise that of the frame."""
    if not body.is_frame or body.ended_at is not None:
        return body.id
    plan = node.bodies[0 if node.kind.is_loop else body.place].plan
    return inner_job_id(run, body.id, plan.nodes[0].id) if len(plan.nodes) == 1 else body.id


def _total(node: Node, loop: Loop | None, ended: int) -> int | None:
    if node.kind is Kind.BRANCHALL:
        return len(node.bodies)
    if node.kind is Kind.FORLOOP:
        return loop.length if loop is not None else ended
    return None
