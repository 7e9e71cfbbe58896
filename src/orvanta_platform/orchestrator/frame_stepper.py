"""Decisions on a locked run with loops, branches or sub-workflows, and their consequences for other frames.

Rows are collected and written together; an event that needs values that are not in memory raises NeedsIO.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.db import frames as frame_rows
from orvanta_platform.db.jobs import LiveJob
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.events import Aborted, CancelRequested, Event, JobCancelled, Started, TimerDue
from orvanta_platform.engine.loop import Loop
from orvanta_platform.engine.outcome import Decision
from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.states import Status
from orvanta_platform.orchestrator import children, inbox, values
from orvanta_platform.orchestrator.answer_rounds import AnswerRounds
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.body_results import NeedsObjects, collect
from orvanta_platform.orchestrator.decision import Answered, upload
from orvanta_platform.orchestrator.frames import Counter, Frame, loop_after, loop_of
from orvanta_platform.orchestrator.nested_rows import NestedRows, child_id, has_job
from orvanta_platform.orchestrator.nested_transaction import NestedTransaction
from orvanta_platform.orchestrator.scope import compose
from orvanta_platform.orchestrator.step_needs import NeedsUpload
from orvanta_platform.orchestrator.step_result import Item, NeedsIO
from orvanta_platform.orchestrator.view import BEGINNING, ERROR
from orvanta_platform.orchestrator.wait_outcomes import cancel_event, job_lost_event
from orvanta_platform.queue.claim import UNDER_WAY

_MAX_UNSTARTED = 50
"""Maximum number of a node's bodies that are open but not started."""


class FrameStepper:
    """The frames of one run, within one transaction."""

    def __init__(self, transaction: NestedTransaction, rounds: AnswerRounds) -> None:
        self._tx = transaction
        self._rounds = rounds

    async def process_job_event(self, event: inbox.JobEvent) -> None:
        """Process an event of a job, or of a node or body that has no job."""
        await self._tx.write_jobs()
        job = await frame_rows.lock_job(self._tx.connection, self._tx.run.id, event.job)
        engine_event: Event | None
        if job is None:
            if isinstance(event, inbox.RetryDue) and (counter := await self._tx.frames.counter(event.job)) is not None:
                await self.step(counter.frame, TimerDue(counter.node.index))
            if isinstance(event, inbox.CancelJob):
                await self._cancel_without_job(event)
            return
        frame = await self._tx.frames.frame(job.frame)
        index = self._tx.blueprint.plan.node(job.node_index).index
        if frame is None:
            return
        match event:
            case inbox.CancelJob(reason=reason):
                engine_event = JobCancelled(index, reason)
            case inbox.RetryDue():
                engine_event = TimerDue(index) if job.state == "scheduled" else None
            case inbox.JobLost():
                engine_event = job_lost_event(index, job, event, cancelled=self._tx.run.cancel_at is not None)
        if engine_event is not None:
            await self.step(frame, engine_event, live={index: job})

    async def _cancel_without_job(self, event: inbox.CancelJob) -> None:
        """Cancel one node without a job, or one body of a node, while the run continues."""
        for frame in await self._tx.frames.all():
            engine_event = cancel_event(frame.plan, self._tx.run.id, frame.state, event, frame.id)
            if engine_event is not None:
                await self.step(frame, engine_event)
                return
        if (counter := await self._tx.frames.counter(event.job)) is not None:
            if counter.frame.state.nodes[counter.node.index] == Mark.WAITING_CHILDREN:
                counter.loop = counter.loop.abort(event.reason)
                await self.cancel_inside(counter)
            else:
                await self.step(counter.frame, JobCancelled(counter.node.index, event.reason))
        elif (body := await self._tx.frames.frame(event.job)) is not None:
            await self.step(body, Aborted(event.reason))

    def start_item(self, frame: Frame) -> Item:
        """Return the item that starts a body."""
        assert frame.id is not None and frame.holder is not None
        frame.holder.unstarted += 1
        again = inbox.BodiesOpened((frame.id,))
        return Item(
            f"begin {frame.id}",
            lambda: self._start_frame(frame),
            again,
            lambda: self._rounds.prefetch(frame, Started()),
        )

    async def _start_frame(self, frame: Frame) -> None:
        await self.step(frame, Started())
        counter = frame.holder
        if counter is not None:
            counter.unstarted -= 1
            if self._tx.frames.counters.get(counter.id) is counter:
                self._start_bodies(counter)

    def conclusion_item(self, counter: Counter) -> Item:
        """Return the item that completes a node whose bodies have all ended."""
        return Item(f"end {counter.id}", lambda: self.conclude(counter), inbox.BodiesEnded(counter.id))

    async def conclude(self, counter: Counter) -> None:
        """Pass the completion of all bodies of a node to the list that contains it."""
        if self._tx.frames.counters.get(counter.id) is not counter or not counter.loop.done:
            return
        await self._tx.flush()
        answered = self._tx.answers[f"end {counter.id} {counter.attempt}"]
        try:
            found = await collect(
                self._tx.connection, self._tx.run.id, counter, answered.prepared.fetched, self._tx.reader.sizes
            )
        except NeedsObjects as raised:
            objects = raised.objects

            async def fetch() -> None:
                for name in objects:
                    answered.prepared.fetched[name] = await self._tx.storage.get(name)

            raise NeedsIO(fetch) from raised
        self._store_values(counter, found.result, found.error)
        await self.step(counter.frame, found.event, concluded=counter, result=found.result, error=found.error)
        size = len(found.result or b"")
        self._tx.batch.rows.events += self._tx.reader.sizes.warnings("the result", size, counter.node.id)

    def _store_values(self, counter: Counter, result: bytes | None, error: bytes | None) -> None:
        if result is not None:
            self._tx.known[counter.id, "result", ""] = result
        if error is not None:
            self._tx.known[counter.id, "result", ERROR] = error

    async def cancel_inside(self, counter: Counter) -> None:
        """Cancel everything inside a node; the node ends after all of it has ended."""
        counter.loop = counter.loop.cancel()
        self._tx.frames.mark_changed(counter)
        if counter.node.kind is Kind.FLOW:
            if counter.child is not None:
                await children.cancel(self._tx.connection, counter.child)
                self._tx.outcome.further.append(counter.child)
        else:
            for frame in await self._tx.frames.bodies(counter):
                await self.step(frame, CancelRequested())
        if counter.loop.done:
            self._tx.pending.append(self.conclusion_item(counter))

    # One decision.

    async def step(
        self,
        frame: Frame,
        event: Event,
        *,
        finish: Finish | None = None,
        live: Mapping[int, LiveJob] | None = None,
        concluded: Counter | None = None,
        result: bytes | None = None,
        error: bytes | None = None,
        lane: int = UNDER_WAY,
        taken: tuple[UUID, int] | None = None,
    ) -> None:
        """Decide an event of one frame and collect its rows; changes nothing if it raises NeedsIO."""
        answered = self._rounds.answers_of(frame, event)
        decision = await self._rounds.decide(frame, event, answered)
        if not decision.effects:
            return
        if self._affected_nodes(frame, decision) - set(live or ()):
            await self._tx.write_jobs()
            live = await self._live(frame)
        await self._compose(frame, decision, answered)
        rows = NestedRows(
            self._tx.blueprint,
            self._tx.run,
            finish,
            live or {},
            answered.prepared,
            self._tx.batch.status or self._tx.run.status,
            lane,
            within=frame,
            concluded=concluded,
            result=result,
            error=error,
        )
        for effect in decision.effects:
            rows.take(effect)
        if rows.missing:
            missing = NeedsUpload(rows.missing)
            raise NeedsIO(
                lambda: upload(self._tx.storage, self._tx.reader.sizes, self._tx.run, missing, answered.prepared)
            )
        frame.state = decision.state
        self._tx.progress = True
        self._tx.frames.mark_changed(frame)
        if taken is not None:
            rows.rows.counted.append(taken)
        self._tx.batch.add(rows.rows, rows.status)
        self._tx.recount = self._tx.recount or bool(rows.rows.opened)
        self._tx.known |= rows.raws
        self._tx.outcome.raws |= rows.raws
        await self._apply_consequences(frame, rows)

    def _affected_nodes(self, frame: Frame, decision: Decision) -> set[int]:
        """Return the nodes whose live jobs the decision needs."""
        inner = frame.plan.inner
        return {
            effect.node
            for effect in decision.effects
            if isinstance(effect, fx.CancelJob | fx.CloseTimer | fx.NodeEnded)
            and has_job(frame.plan.node(effect.node), inner=inner)
        }

    async def _live(self, frame: Frame) -> dict[int, LiveJob]:
        found = await frame_rows.lock_jobs_of_frame(self._tx.connection, self._tx.run.id, frame.id)
        return {self._tx.blueprint.plan.node(job.node_index).index: job for job in found}

    async def _compose(self, frame: Frame, decision: Decision, answered: Answered) -> None:
        """Compose the result of the list if it is an object of several results."""
        end = next((each for each in decision.effects if isinstance(each, fx.RunEnded)), None)
        if end is None or not isinstance(end.result, fx.NodeResults) or answered.prepared.composed is not None:
            return
        new_results = {each.node: each.result for each in decision.effects if isinstance(each, fx.NodeEnded)}
        members = {
            name: (new_results.get(index), frame.result_key(self._tx.run.id, index))
            for name, index in end.result.members
        }
        missing = [key for raw, key in members.values() if raw is None and key not in self._tx.known]
        if missing:
            found = {key: self._tx.recent.get(key) for key in missing}
            if None in found.values():
                known = dict(self._tx.known)

                async def read() -> None:
                    read_now = {**known, **await self._tx.reader.load(missing)}
                    answered.prepared.composed = compose(
                        (name, raw if raw is not None else read_now.get(key, b"null"))
                        for name, (raw, key) in members.items()
                    )

                raise NeedsIO(read)
            self._tx.known |= {key: raw for key, raw in found.items() if raw is not None}
        answered.prepared.composed = compose(
            (name, raw if raw is not None else self._tx.known.get(key, b"null")) for name, (raw, key) in members.items()
        )

    async def _apply_consequences(self, frame: Frame, rows: NestedRows) -> None:
        """Apply the consequences of a decision to the frames inside and around this one."""
        run = self._tx.run.id
        for node in reversed(rows.withdrawn):
            again = inbox.CancelJob(frame.node_id(run, node), "Canceled")
            self._tx.pending.appendleft(Item(f"withdraw {again.job}", partial(self.process_job_event, again), again))
        if rows.concluded is not None:
            self._tx.frames.close(rows.concluded)
            self._tx.batch.drop_timers(rows.concluded.id)
        for id in rows.closed:
            if (waiting := await self._tx.frames.counter(id)) is not None:
                self._tx.frames.close(waiting)
            self._tx.batch.drop_timers(id)
        for retry in rows.later:
            self._retry_later(frame, retry)
        for opened in rows.inside:
            await self._open(frame, opened)
        for node in rows.cancelled:
            counter = await self._tx.frames.counter(frame.node_id(run, node))
            if counter is not None:
                await self.cancel_inside(counter)
        if rows.ended is None:
            return
        if frame.id is None:
            self._tx.outcome.ended = True
            if rows.ended.status is Status.CANCELLED:
                self._tx.outcome.further += await children.cancel_all(self._tx.connection, run)
        else:
            self._frame_ended(frame, rows.ended)

    def _retry_later(self, frame: Frame, retry: fx.Retry) -> None:
        node = frame.plan.node(retry.node)
        id = frame.node_id(self._tx.run.id, retry.node)
        # A counter with nothing open: it waits for its retry.
        self._tx.frames.mark_changed(Counter(id, frame, node, retry.failures, Loop(1, 0)))
        self._tx.batch.timers.append((id, "retry", retry.delay_s))
        for name in ("", ERROR):
            self._tx.known.pop((id, "result", name), None)

    async def _open(self, frame: Frame, opened: fx.OpenInside) -> None:
        opening, node = opened.opening, frame.plan.node(opened.node)
        id = frame.node_id(self._tx.run.id, opened.node)
        counter = Counter(id, frame, node, opening.attempt, Loop(opening.total, opening.width))
        counter.loop = loop_of(opening, counter.reopening)
        counter.begun_at = clock.now()
        if (before := await self._tx.frames.counter(id)) is not None:
            counter.stored = before.stored
        self._tx.frames.mark_changed(counter)
        if opening.timeout_s is not None:
            self._tx.batch.timers.append((id, "timeout", opening.timeout_s))
        if node.kind is Kind.FLOW:
            counter.loop, _ = counter.loop.begin()
            counter.child = child_id(self._tx.run.id, counter.opening(self._tx.run.id))
            again = counter.reopening
            state = again.state if again is not None else None
            await children.start(
                self._tx.connection,
                self._tx.blueprints,
                self._tx.blueprint,
                self._tx.run,
                node,
                counter.child,
                state,
                references=opening.references,
                sealed=opening.sealed is not None,
            )
            self._tx.outcome.further.append(counter.child)
        else:
            self._start_bodies(counter)

    def _start_bodies(self, counter: Counter) -> None:
        counter.loop, places = counter.loop.begin(max(_MAX_UNSTARTED - counter.unstarted, 0))
        self._tx.frames.mark_changed(counter)
        for number in places:
            frame = self._tx.frames.open_frame(counter, counter.loop.place(number))
            if frame.state.reused is not None and frame.id is not None:
                self._tx.batch.add_value(values.inline_row(frame.id, "args", frame.state.encode(), BEGINNING))
            self._tx.pending.append(self.start_item(frame))
        if counter.loop.done:
            self._tx.pending.append(self.conclusion_item(counter))

    def _frame_ended(self, frame: Frame, end: fx.RunEnded) -> None:
        counter = frame.holder
        assert counter is not None
        counter.loop = loop_after(counter, frame, end)
        self._tx.frames.close(frame)
        self._start_bodies(counter)
