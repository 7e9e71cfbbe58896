"""Restart points inside loops, branches and sub-workflows, determined from the rows of the previous run.

The state of a body is deleted when it ends. It is reconstructed from the rows of its nodes, and from its initial state
if it was itself restarted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.db import context as context_rows
from orvanta_platform.db import frames as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.frames import EndedBodyRange, EndedNode
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.values import get_values
from orvanta_platform.engine import restart as engine
from orvanta_platform.engine.loop import MAX_ITERATIONS
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.restart import FinishedList, Restart
from orvanta_platform.engine.reused_results import Origin, Reopening, ReusedResults
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.errors import BadRequest, CannotRestart
from orvanta_platform.ids import frame_id, inner_job_id, opening_id
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.nested_rows import child_id
from orvanta_platform.orchestrator.view import BEGINNING
from orvanta_platform.services.platform import Platform

Steps = Sequence[tuple[str, int | None]]
"""Path to the restart point from the outside in: node ids, each with the number of one of its bodies."""


class RestartPoint(msgspec.Struct, frozen=True):
    """Restart of a list of nodes."""

    plan: Plan
    made: Restart
    inside: Mapping[int, NestedRestart] = msgspec.field(default_factory=dict)
    """Nodes that are restarted in part, by index."""
    before: FinishedList | None = None
    """Final state of the list in the previous run; None: all of it runs again."""
    began_at: datetime | None = None
    """Start, in the previous run, of the node or body that the restart was requested for."""
    without_job: tuple[str, ...] = ()
    """Its nodes that have no job."""

    @property
    def state(self) -> RunState:
        """Initial state of the list."""
        reused = self.made.state.reused
        assert reused is not None
        inside = {index: each.reopening for index, each in self.inside.items()}
        return replace(self.made.state, reused=replace(reused, inside=inside))

    def results(self) -> dict[UUID, str]:
        """Return the reused results: job ids mapped to the node ids."""
        reused = self.made.state.reused
        found: dict[UUID, str] = {}
        for index in self.made.reused:
            origin = reused.origin(index) if reused is not None else None
            if origin is not None:
                node = self.plan.nodes[index].id
                found[inner_job_id(origin.run, origin.frame, node)] = node
        for each in self.inside.values():
            found |= each.body.results() if each.body is not None else {}
        return found


class NestedRestart(msgspec.Struct, frozen=True):
    """Restart point inside a node."""

    reopening: Reopening
    reused: int = 0
    """Number of bodies that are reused as a whole."""
    body: RestartPoint | None = None
    """Body that is restarted in part."""
    repeats: bool = False
    """Some node had succeeded in the bodies that run again as a whole."""


class _Container(msgspec.Struct, frozen=True):
    """A container node in the previous run."""

    node: Node
    origin: Origin
    """Origin of the list that contains the node."""
    opening: UUID
    earlier: Reopening | None
    """Restart that this opening of the node was itself part of."""

    @property
    def openings(self) -> tuple[tuple[UUID, UUID], ...]:
        """Return all openings that contain bodies of the node, as (run, opening), newest first."""
        return ((self.origin.run, self.opening), *(self.earlier.openings if self.earlier else ()))


class RestartPlanner:
    """Computes restart points on one connection. `blueprint`: the workflow to run."""

    def __init__(self, platform: Platform, conn: Connection, blueprint: Blueprint) -> None:
        self._platform = platform
        self._conn = conn
        self._blueprint = blueprint
        self.began_at: datetime | None = None
        """Start of the node or body named by the caller; None: it had not started, or none is named."""
        self.without_job: tuple[str, ...] = ()
        """Its nodes that have no job."""

    async def restart_list(self, plan: Plan, before: FinishedList, steps: Steps | None) -> RestartPoint:
        """Return the restart of a list at `steps`; None: at its failed nodes. Raises BadRequest, CannotRestart."""
        if steps is None:
            return await self._at_failed_nodes(plan, before)
        (id, number), *more = steps
        index = plan.indexes.get(id)
        if index is None:
            known = ", ".join(node.id for node in plan.nodes[:20])
            raise BadRequest(f"There is no node {id} at this level.", hint=f"The nodes are {known}.")
        made = engine.restart(plan, before, [index])
        if not engine.is_reached(plan, made, before, index):
            raise CannotRestart(
                f"The node {id} was skipped, and would be skipped again.", hint="Restart from the condition before it."
            )
        if number is None and not more:
            await self._record_start([plan.nodes[index]], before)
            return RestartPoint(plan, made, before=before)
        node = plan.nodes[index]
        if not node.kind.is_container:
            raise BadRequest(f"The node {id} contains no nodes.", hint="Leave out the path inside it.")
        if any(edge.source in made.again for edge in node.edges):
            raise CannotRestart(f"A node before {id} had not ended, so {id} runs from its start.")
        entered = await self._enter(node, before, number, more)
        return RestartPoint(plan, made, {index: entered} if entered is not None else {}, before)

    async def _at_failed_nodes(self, plan: Plan, before: FinishedList) -> RestartPoint:
        made = engine.restart(plan, before)
        inside: dict[int, NestedRestart] = {}
        for index in made.again:
            node = plan.nodes[index]
            first = not any(edge.source in made.again for edge in node.edges)
            if node.kind.is_container and first:
                entered = await self._enter(node, before, None, None)
                inside |= {index: entered} if entered is not None else {}
        return RestartPoint(plan, made, inside, before)

    async def _enter(
        self, node: Node, before: FinishedList, number: int | None, steps: Steps | None
    ) -> NestedRestart | None:
        """Return the restart point inside a node; None: it runs again as a whole. `steps` None: at failed nodes."""
        container = await self._container(node, before)
        if container is None:
            if steps is None:
                return None
            raise CannotRestart(f"The node {node.id} had not started.", hint="Restart from the node itself.")
        if node.kind is Kind.FLOW:
            return await self._flow(node, container, steps)
        if node.kind is Kind.BRANCHONE:
            return await self._branch(node, container, number, steps)
        return await self._bodies(node, container, number, steps)

    async def _container(self, node: Node, before: FinishedList) -> _Container | None:
        at = engine.place_in(before, node)
        if at is None:
            return None
        origin = before.of(at)
        id = inner_job_id(origin.run, origin.frame, node.id)
        row = (await rows.get_ended_nodes(self._conn, [id])).get(id)
        if row is None:
            return None
        was = before if origin == before.origin else await self._source_list(origin, before.plan)
        reused = was.state.reused if was is not None and row.failures == 0 else None
        place = was.plan.indexes.get(node.id) if was is not None else None
        earlier = reused.inside.get(place) if reused is not None and place is not None else None
        return _Container(before.plan.nodes[at], origin, opening_id(origin.run, id, row.failures), earlier)

    async def _source_list(self, origin: Origin, plan: Plan) -> FinishedList | None:
        """Return the list that a reused node came from, with its initial state.

        `plan` is used for a body, which is assumed to be unchanged.
        """
        if origin.frame is not None:
            state = await self._initial_state(origin.frame)
            return FinishedList(plan, state, origin) if state is not None else None
        run = await run_rows.get_restart_source(self._conn, origin.run)
        if run is None:
            return None
        was = await self._platform.blueprints.workflow(self._conn, run.document, run.pin_set)
        return engine.finished_run(run.id, was.plan, RunState.decode(run.state))

    async def _initial_state(self, frame: UUID) -> RunState | None:
        for row in await get_values(self._conn, [(frame, "args", BEGINNING)]):
            return RunState.decode(values.json_of_row(row))
        return None

    async def _record_start(self, nodes: Sequence[Node], before: FinishedList) -> None:
        """Record the start time of the earliest of these nodes."""
        ids = []
        for node in nodes:
            if (at := engine.place_in(before, node)) is not None:
                origin = before.of(at)
                ids.append(inner_job_id(origin.run, origin.frame, node.id))
        ended = await rows.get_ended_nodes(self._conn, ids)
        self.without_job = tuple(node.id for node in nodes if not node.kind.is_job)
        self.began_at = min((each.began_at for each in ended.values()), default=None)

    async def _flow(self, node: Node, container: _Container, steps: Steps | None) -> NestedRestart | None:
        if steps is not None and not steps:
            return None
        child = await run_rows.get_restart_source(self._conn, child_id(container.origin.run, container.opening))
        if child is None and steps is None:
            return None
        if child is None:
            raise CannotRestart(f"The sub-workflow of {node.id} has not ended.", hint="Try again in a moment.")
        if await context_rows.has_any(self._conn, child.id):
            if steps is None:
                return None
            raise CannotRestart(
                f"The sub-workflow of {node.id} has its own context, which cannot be carried over.",
                hint=f"Restart from {node.id}.",
            )
        blueprints = self._platform.blueprints
        was = await blueprints.workflow(self._conn, child.document, child.pin_set)
        pin = bytes.fromhex(self._blueprint.flow_pin(node).document)
        plan = was.plan if pin == child.document else (await blueprints.workflow(self._conn, pin, None)).plan
        body = await self.restart_list(
            plan, engine.finished_run(child.id, was.plan, RunState.decode(child.state)), steps
        )
        return NestedRestart(Reopening(state=body.state.encode()), body=body)

    async def _branch(
        self, node: Node, container: _Container, number: int | None, steps: Steps | None
    ) -> NestedRestart | None:
        if steps is not None and not steps:
            return None
        found = await rows.list_ended_bodies(self._conn, container.opening)
        if not found:
            return None
        chosen = found[0].first
        if number is not None and number != chosen:
            raise CannotRestart(f"The node {node.id} ran the branch {chosen}, not {number}.")
        if chosen >= len(node.bodies):
            raise CannotRestart(f"The node {node.id} no longer has a branch {chosen}.")
        before = await self._body(container, (container.origin.run, container.opening), chosen)
        body = await self.restart_list(node.bodies[chosen].plan, before, steps)
        return NestedRestart(Reopening(place=chosen, state=body.state.encode()), body=body)

    async def _bodies(
        self, node: Node, container: _Container, number: int | None, steps: Steps | None
    ) -> NestedRestart | None:
        found = await self._ended_bodies(container)
        complete = [each for _, each in found if _is_complete(container.node, each)]
        if steps is None:
            incomplete = [each for _, each in found if not _is_complete(container.node, each)]
            if not incomplete:
                return None
            number = None if node.parallel else max(each.stop for each in incomplete) - 1
        elif number is None:
            raise BadRequest(f"A body of {node.id} must be chosen.", hint="Set branch_or_iteration_n, counted from 0.")
        again = _ranges_except(complete, number) if node.parallel else (number or 0, MAX_ITERATIONS)
        reused = sum(min(each.stop, again[0]) - each.first for each in complete if each.first < again[0])
        if node.parallel:
            reused = sum(each.stop - each.first for each in complete) - (number is not None)
        is_whole = steps is not None and not steps
        repeats = await self._repeats(container, found, again, None if is_whole else number)
        if number is None:
            return NestedRestart(Reopening(openings=container.openings, again=again), reused, repeats=repeats)
        at = next((where for where, each in found if each.first <= number < each.stop), None)
        if at is None:
            raise CannotRestart(f"The body {number} of {node.id} had not started.", hint=f"Restart from {node.id}.")
        body = None
        if is_whole:
            ended = await self._body(container, at, number)
            await self._record_start(ended.plan.nodes, ended)
        else:
            place = 0 if node.kind.is_loop else number
            if place >= len(node.bodies):
                raise CannotRestart(f"The node {node.id} no longer has a branch {place}.")
            body = await self.restart_list(node.bodies[place].plan, await self._body(container, at, number), steps)
        state = body.state.encode() if body is not None else None
        previous = await self._results_before(container, found, number) if node.kind is Kind.WHILELOOP else None
        return NestedRestart(Reopening(number, state, container.openings, again, previous), reused, body, repeats)

    async def _repeats(
        self,
        container: _Container,
        found: Sequence[tuple[tuple[UUID, UUID], EndedBodyRange]],
        again: Sequence[int],
        midway: int | None,
    ) -> bool:
        """Return whether a node had succeeded in bodies that run again as a whole: all in `again` except `midway`."""
        rows_again = list(zip(again[::2], again[1::2], strict=True))
        openings: set[UUID] = set()
        for (_, opening), each in found:
            for first, stop in rows_again:
                start, end = max(first, each.first), min(stop, each.stop)
                if start >= end or (start == midway and end == start + 1):
                    continue
                if _is_complete(container.node, each):
                    return True
                openings.add(opening)
        return bool(openings) and await rows.any_succeeded_in_failed_bodies(
            self._conn, list(openings), [kind.value for kind in Kind if kind.is_container]
        )

    async def succeeded_inside(self, node: Node, before: FinishedList) -> bool:
        """Return whether a node inside a node, or inside sub-workflows that it runs, succeeded in the previous run."""
        container = await self._container(node, before)
        if container is None:
            return False
        runs = list({run for run, _ in container.openings})
        return await rows.any_succeeded_inside(self._conn, runs, *inner_of(container.node))

    async def _ended_bodies(self, container: _Container) -> list[tuple[tuple[UUID, UUID], EndedBodyRange]]:
        """Return the bodies that have ended, each with the run and opening that it belongs to."""
        found: list[tuple[tuple[UUID, UUID], EndedBodyRange]] = []
        allowed = [(0, MAX_ITERATIONS)]
        skips = container.node.kind.is_loop and container.node.skip_failures
        for place, (run, opening) in enumerate(container.openings):
            here = [
                EndedBodyRange(max(each.first, first), min(each.stop, stop), each.state)
                for each in await rows.list_ended_bodies(self._conn, opening, skips=skips)
                for first, stop in allowed
                if each.first < stop and first < each.stop
            ]
            found += [((run, opening), each) for each in here]
            if place == 0 and container.earlier is not None:
                allowed = _gaps(container.earlier.again)
            else:
                allowed = _subtract(allowed, here)
        return found if container.node.kind.is_loop else [(at, one) for at, each in found for one in _split(each)]

    async def _results_before(
        self, container: _Container, found: Sequence[tuple[tuple[UUID, UUID], EndedBodyRange]], number: int
    ) -> ReusedResults | None:
        """Return the origins of the results of the preceding body."""
        at = next((where for where, each in found if each.first <= number - 1 < each.stop), None)
        if at is None:
            return None
        ended = await self._body(container, at, number - 1)
        origins: dict[Origin, int] = {}
        nodes = {
            node.index: origins.setdefault(ended.of(node.index), len(origins))
            for node in ended.plan.nodes
            if ended.state.nodes[node.index] not in (Mark.PENDING, Mark.SKIPPED)
        }
        return ReusedResults(tuple(origins), nodes)

    async def _body(self, container: _Container, at: tuple[UUID, UUID], number: int) -> FinishedList:
        """Return the final state of one body."""
        run, opening = at
        frame = frame_id(run, opening, number)
        plan = container.node.bodies[0 if container.node.kind.is_loop else number].plan
        ids = {node.index: inner_job_id(run, frame, node.id) for node in plan.nodes}
        ended = await rows.get_ended_nodes(self._conn, list(ids.values()))
        deciding = [ids[node.index] for node in plan.nodes if node.kind in (Kind.CONDITION, Kind.APPROVAL)]
        decisions = await get_values(self._conn, [(id, "result", "") for id in deciding])
        results = {row.id: values.json_of_row(row) for row in decisions if row.body is not None}
        resumes = await rows.count_resumes(self._conn, [ids[node.index] for node in plan.nodes if node.suspend])
        first = await self._initial_state(frame) or RunState.new(plan)
        marks = bytearray(first.nodes)
        for node in plan.nodes:
            row = ended.get(ids[node.index])
            if row is not None:
                marks[node.index] = _mark(node, row, results.get(row.id, b"null"))
        votes = {**first.votes, **{at: resumes[id] for at, id in ids.items() if id in resumes}}
        state = RunState(bytes(marks), votes=votes, reused=first.reused)
        return FinishedList(plan, engine.with_skips(plan, state), Origin(run, frame))


def inner_of(node: Node) -> tuple[list[int], list[str]]:
    """Return the numbers of all nodes inside a node, and the paths of the sub-workflows that it or they run."""
    numbers: list[int] = []
    paths: list[str] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each.kind is Kind.FLOW:
            paths.append(str(each.value["path"]))
        inside = [one for body in each.bodies for one in body.plan.nodes]
        numbers += [one.number for one in inside]
        waiting += inside
    return numbers, paths


def _is_complete(container: Node, bodies: EndedBodyRange) -> bool:
    """Return whether these bodies need not run again: they succeeded, or their failure is ignored."""
    if bodies.state == "failed" and not container.kind.is_loop:
        return container.bodies[bodies.first].skip_failure
    return bodies.state == "succeeded"


def _ranges_except(complete: Sequence[EndedBodyRange], number: int | None) -> tuple[int, ...]:
    """Return the ranges of all bodies except `complete`, but including `number`; encoded as in `Reopening`."""
    reused: list[tuple[int, int]] = []
    for each in sorted(complete, key=lambda each: each.first):
        inside = number is not None and each.first <= number < each.stop
        reused += [(each.first, number), (number + 1, each.stop)] if inside and number is not None else []
        reused += [] if inside else [(each.first, each.stop)]
    return tuple(each for pair in _gaps(_flat(reused)) for each in pair)


def _flat(pairs: Sequence[tuple[int, int]]) -> list[int]:
    return [number for first, stop in pairs if first < stop for number in (first, stop)]


def _gaps(flat: Sequence[int]) -> list[tuple[int, int]]:
    """Return the ranges between these ascending ranges; encoded as in `Reopening`."""
    found: list[tuple[int, int]] = []
    last = 0
    for first, stop in zip(flat[::2], flat[1::2], strict=True):
        found += [(last, first)] if last < first else []
        last = stop
    return [*found, (last, MAX_ITERATIONS)] if last < MAX_ITERATIONS else found


def _subtract(pairs: Sequence[tuple[int, int]], taken: Sequence[EndedBodyRange]) -> list[tuple[int, int]]:
    """Return these ranges without the bodies in `taken`."""
    free = _gaps(_flat(sorted((each.first, each.stop) for each in taken)))
    cut = [(max(a, first), min(b, stop)) for a, b in pairs for first, stop in free]
    return [(first, stop) for first, stop in cut if first < stop]


def _split(bodies: EndedBodyRange) -> list[EndedBodyRange]:
    return [EndedBodyRange(place, place + 1, bodies.state) for place in range(bodies.first, bodies.stop)]


def _mark(node: Node, row: EndedNode, result: bytes) -> Mark:
    """Return the mark of a node with this outcome and result."""
    if row.state == "cancelled":
        return Mark.CANCELLED
    failed = row.state == "failed"
    if node.kind is Kind.CONDITION and not failed:
        return Mark.TRUE if result == b"true" else Mark.FALSE
    if node.kind is Kind.APPROVAL:
        timed_out = _decision(result) == "timeout"
        if not failed:
            return Mark.TIMEOUT if timed_out else Mark.APPROVED
        if node.continue_on_error:
            return Mark.TIMEOUT_CONTINUED if timed_out else Mark.REJECTED_CONTINUED
        return Mark.TIMED_OUT if timed_out else Mark.REJECTED
    if not failed:
        return Mark.SUCCEEDED
    return Mark.CONTINUED if node.continue_on_error else Mark.FAILED


def _decision(result: bytes) -> Any:
    try:
        return msgspec.json.decode(result, type=dict[str, Any]).get("decision")
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
