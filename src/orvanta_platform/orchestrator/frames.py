"""Open lists of nodes (frames) and open containers (counters) of a run, as seen by one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from orvanta_platform.db import frames as rows
from orvanta_platform.db.frames import CounterRow, FrameRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.effects import Opening, RunEnded
from orvanta_platform.engine.loop import Loop, reused_bodies
from orvanta_platform.engine.plan import Body, Node, Plan
from orvanta_platform.engine.reused_results import Reopening
from orvanta_platform.engine.state import RunState
from orvanta_platform.engine.states import Status
from orvanta_platform.ids import frame_id, opening_id
from orvanta_platform.orchestrator.view import ListPosition, View, job_id, value_id


@dataclass(slots=True, eq=False)
class Frame:
    """An open list of nodes: the run's own (`id` None), or a body of the node `holder`."""

    id: UUID | None
    plan: Plan
    state: RunState
    holder: Counter | None = None
    place: int = 0
    body: int = 0
    stored: bool = False
    begun_at: datetime | None = None
    _ids: dict[int, UUID] = field(default_factory=dict)

    def node_id(self, run: UUID, index: int) -> UUID:
        """Return the id of one of its nodes."""
        found = self._ids.get(index)
        if found is None:
            found = self._ids[index] = job_id(self.plan, run, index, self.id)
        return found

    def result_key(self, run: UUID, index: int) -> ValueKey:
        """Return the key of the result of one of its nodes."""
        if self.state.reused is None:
            return (self.node_id(run, index), "result", "")
        return (value_id(self.plan, run, self.state, index, self.id), "result", "")


@dataclass(slots=True, eq=False)
class Counter:
    """An open container of `frame`: a loop, branch or sub-workflow node. `id` is that of the node."""

    id: UUID
    frame: Frame
    node: Node
    attempt: int
    loop: Loop
    child: UUID | None = None
    begun_at: datetime | None = None
    stored: bool = False
    unstarted: int = 0
    """Bodies that are open but not started, as far as this transaction knows."""
    _opening: UUID | None = None

    def opening(self, run: UUID) -> UUID:
        """Return the id of this opening of the node."""
        if self._opening is None:
            self._opening = opening_id(run, self.id, self.attempt)
        return self._opening

    @property
    def reopening(self) -> Reopening | None:
        """The restart point taken over from another run; a retry of the whole node starts from scratch."""
        reused = self.frame.state.reused
        return reused.inside.get(self.node.index) if reused is not None and self.attempt == 0 else None

    def body(self, place: int) -> int:
        """Return the index of the list that the body at `place` executes."""
        return 0 if self.node.kind.is_loop else place

    def body_of(self, frame: Frame) -> Body:
        """Return the body that a frame of this node executes."""
        return self.node.bodies[frame.body]


def scope_view(run: RunRow, frame: Frame, index: int, known: Mapping[ValueKey, bytes]) -> View:
    """Return the view from which the node `index` of a frame reads."""
    return View(frame.plan, run, frame.state, index, known=known, within=list_position(run, frame, known))


def list_position(run: RunRow, frame: Frame, known: Mapping[ValueKey, bytes]) -> ListPosition | None:
    """Return the position of a frame; None for the run's own list."""
    holder = frame.holder
    if frame.id is None or holder is None:
        return None
    return ListPosition(
        frame.id, holder.opening(run.id), frame.place, scope_view(run, holder.frame, holder.node.index, known)
    )


@dataclass(slots=True)
class Frames:
    """Frames and counters loaded by this transaction, with their pending changes."""

    connection: Connection
    run: UUID
    root: Frame
    frames: dict[UUID, Frame] = field(default_factory=dict)
    counters: dict[UUID, Counter] = field(default_factory=dict)
    changed_frames: dict[UUID, Frame] = field(default_factory=dict)
    changed_counters: dict[UUID, Counter] = field(default_factory=dict)
    gone_frames: list[UUID] = field(default_factory=list)
    gone_counters: list[UUID] = field(default_factory=list)

    async def frame(self, id: UUID | None) -> Frame | None:
        """Return a frame, loaded with all frames around it; None if it has ended."""
        if id is None:
            return self.root
        if id in self.frames:
            return self.frames[id]
        around = await rows.get_enclosing(self.connection, id)
        if not around:
            return None
        await self._load_counters([row.holder for row in around if row.holder not in self.counters], around)
        return self.frames.get(id)

    async def load(self, ids: Sequence[UUID]) -> None:
        """Load many frames in one query."""
        for row in await rows.get_frames(self.connection, [id for id in ids if id not in self.frames]):
            counter = await self.counter(row.holder)
            if counter is not None:
                self._add_frame(row, counter)

    async def counter(self, id: UUID) -> Counter | None:
        """Return the container with this id if it is open, otherwise None."""
        if id in self.counters:
            return self.counters[id]
        for row in await rows.get_counters(self.connection, [id]):
            frame = await self.frame(row.frame)
            if frame is not None:
                self._add_counter(row, frame)
        return self.counters.get(id)

    async def bodies(self, counter: Counter) -> list[Frame]:
        """Return the open bodies of a node."""
        if counter.stored:
            for row in await rows.list_of_holder(self.connection, counter.id):
                self._add_frame(row, counter)
        return [frame for frame in self.frames.values() if frame.holder is counter]

    async def all(self) -> list[Frame]:
        """Return all open lists of the run, its own first."""
        for id in await rows.list_of_run(self.connection, self.run):
            if id not in self.gone_frames:
                await self.frame(id)
        return [self.root, *self.frames.values()]

    async def _load_counters(self, ids: list[UUID], around: list[rows.EnclosingFrame]) -> None:
        found = {row.id: row for row in await rows.get_counters(self.connection, ids)} if ids else {}
        for each in reversed(around):
            frame = self.root if each.parent is None else self.frames.get(each.parent)
            if frame is None:
                return
            if each.holder not in self.counters:
                self._add_counter(found[each.holder], frame)
            self._add_frame(
                FrameRow(each.id, each.parent, each.holder, each.body, each.place, each.state, each.begun_at),
                self.counters[each.holder],
            )

    def _add_counter(self, row: CounterRow, frame: Frame) -> None:
        node = self.root.plan.node(row.node_index)
        loop = Loop.decode(row.state)
        self.counters[row.id] = Counter(row.id, frame, node, row.attempt, loop, row.child, row.begun_at, True)

    def _add_frame(self, row: FrameRow, counter: Counter) -> None:
        if row.id in self.frames or row.id in self.gone_frames:
            return
        plan = counter.node.bodies[row.body].plan
        self.frames[row.id] = Frame(
            row.id, plan, RunState.decode(row.state), counter, row.place, row.body, True, row.begun_at
        )

    def open_frame(self, counter: Counter, place: int) -> Frame:
        """Create a body of a node."""
        body = counter.body(place)
        plan = counter.node.bodies[body].plan
        id = frame_id(self.run, counter.opening(self.run), place)
        restart = counter.reopening
        if restart is not None and restart.place == place and restart.state is not None:
            state = RunState.decode(restart.state)
        else:
            state = RunState.new(plan)
        made = Frame(id, plan, state, counter, place, body)
        self.frames[id] = self.changed_frames[id] = made
        return made

    def mark_changed(self, *changed: Frame | Counter) -> None:
        """Mark these as changed."""
        for each in changed:
            if isinstance(each, Counter):
                self.counters[each.id] = self.changed_counters[each.id] = each
            elif each.id is not None:
                self.changed_frames[each.id] = each

    def close(self, ended: Frame | Counter) -> None:
        """Mark this as ended."""
        if isinstance(ended, Counter):
            self.counters.pop(ended.id, None)
            self.changed_counters.pop(ended.id, None)
            if ended.stored:
                self.gone_counters.append(ended.id)
        elif ended.id is not None:
            self.frames.pop(ended.id, None)
            self.changed_frames.pop(ended.id, None)
            if ended.stored:
                self.gone_frames.append(ended.id)

    async def write(self) -> None:
        """Write all changes."""
        frames, counters = [*self.changed_frames.values()], [*self.changed_counters.values()]
        await rows.delete(self.connection, self.gone_frames, self.gone_counters)
        await rows.save_counters(
            self.connection,
            self.run,
            [
                CounterRow(each.id, each.frame.id, each.node.number, each.attempt, each.loop.encode(), each.child)
                for each in counters
            ],
        )
        await rows.save_frames(self.connection, self.run, [row for frame in frames if (row := _row(frame)) is not None])
        for frame in frames:
            frame.stored = True
        for counter in counters:
            counter.stored = True
        self.changed_frames, self.changed_counters = {}, {}
        self.gone_frames, self.gone_counters = [], []


def _row(frame: Frame) -> FrameRow | None:
    if frame.id is None or frame.holder is None:
        return None
    parent = frame.holder.frame.id
    return FrameRow(frame.id, parent, frame.holder.id, frame.body, frame.place, frame.state.encode())


def loop_of(opening: Opening, restart: Reopening | None) -> Loop:
    """Return the loop over all bodies of an opening, or over those that run again after a restart."""
    if restart is None or not restart.openings:
        total = opening.first + 1 if opening.first else opening.total
        return Loop(total, opening.width, next=opening.first)
    reused = reused_bodies(tuple(opening for _, opening in restart.openings), restart.again, opening.total)
    return Loop(None if opening.total is None else reused.count, opening.width, reused=reused)


def loop_after(counter: Counter, frame: Frame, end: RunEnded) -> Loop:
    """Return the loop of a node after the end of one of its bodies."""
    node = counter.node
    allowed = node.skip_failures if node.kind.is_loop else counter.body_of(frame).skip_failure
    if end.disapproved:
        return counter.loop.disapprove(frame.place)
    # A loop that ends as failed does so even if further failures are skipped.
    failed = end.status is Status.FAILED and (end.stopped or not allowed)
    stopped = end.stopped and not (end.handed_over and node.kind.is_loop)
    return counter.loop.end(frame.place, failed=failed, stopped=stopped, skips=end.skipped, handed_over=end.handed_over)
