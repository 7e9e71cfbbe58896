"""The slow path of a run with loops, branches or sub-workflows: process all pending events in one transaction.

The run's lock covers all its frames. Rows are collected and written together. Evaluation, fetches and uploads happen
outside the transaction, after the decisions so far have been committed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.db import approvals
from orvanta_platform.db import frames as frame_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.engine.events import CancelRequested, Permitted, Started
from orvanta_platform.engine.state import Phase
from orvanta_platform.engine.states import Status
from orvanta_platform.orchestrator import children, inbox
from orvanta_platform.orchestrator.answer_rounds import AnswerRounds
from orvanta_platform.orchestrator.attempt_outcome import Finish, SecretsOpened
from orvanta_platform.orchestrator.frame_stepper import FrameStepper
from orvanta_platform.orchestrator.frames import Counter
from orvanta_platform.orchestrator.limits import is_for_run, permitted_node
from orvanta_platform.orchestrator.nested_transaction import NestedTransaction
from orvanta_platform.orchestrator.step_result import Item, NeedsIO, StepResult
from orvanta_platform.orchestrator.wait_outcomes import find_decision_event, run_event, wait_end_event
from orvanta_platform.queue.claim import NEW

MAX_TURN_S = 0.2
"""Seconds after which the transaction ends and another one continues: others wait at most 500 ms for the run's lock."""

_PAGE = 200
_DECISION = "decision"


class NestedAdvance:
    """One transaction on a locked run."""

    def __init__(self, transaction: NestedTransaction) -> None:
        self._tx = transaction
        self._rounds = AnswerRounds(transaction)
        self._stepper = FrameStepper(transaction, self._rounds)
        self._counted: set[tuple[UUID, int]] = set()

    async def process(self, waiting: Sequence[tuple[int, str]], finish: Finish | None) -> StepResult:
        """Process the inbox and the events that follow. Raises NeedsIO, SecretsOpened."""
        until = clock.monotonic() + MAX_TURN_S
        before = self._tx.run
        pending = deque(self._inbox_item(seq, inbox.read(text)) for seq, text in waiting)
        if self._tx.run.cancel_at is not None and self._tx.frames.root.state.phase is not Phase.CANCELLING:
            pending.appendleft(Item("cancel", lambda: self._cancel_run(inbox.CancelRun())))
        if finish is not None:
            pending.append(Item("finish", lambda: self._finish(finish)))
        while (self._tx.pending or pending) and not self._tx.outcome.ended:
            item = (self._tx.pending or pending).popleft()
            try:
                await item.act()
            except NeedsIO as outside:
                work = await self._rounds.round(outside, self._tx.pending)
                if not self._tx.progress:
                    raise NeedsIO(work) from outside
                self._tx.outcome.outside = work
                if item.again is not None:
                    self._tx.pending.appendleft(item)
                # The approval decision stays uncounted, so that the run processes it later.
                self._tx.recount = self._tx.recount or item.label.startswith(_DECISION)
                self._tx.outcome.more = True
                break
            if clock.monotonic() > until:
                self._tx.outcome.more = bool(self._tx.pending or pending)
                break
            if self._tx.batch.is_large:
                await self._tx.flush()
            if self._tx.recount and not self._tx.outcome.ended:
                await self._queue_decisions(pending)
        self._tx.batch.events_left = _as_events(self._tx.pending)
        if self._tx.recount or any(item.label.startswith(_DECISION) for item in pending):
            self._tx.batch.events_left.append(inbox.Decided())
        await self._tx.flush()
        plan = self._tx.blueprint.plan
        if (
            (plan.has_nested_approvals or self._tx.frames.root.state.breakpoints)
            and not self._tx.outcome.ended
            and (status := await approvals.update_waiting_status(self._tx.connection, self._tx.run.id))
        ):
            self._tx.outcome.run = msgspec.structs.replace(self._tx.run, status=status)
        if not self._tx.outcome.ended:
            self._tx.outcome.further += await children.notify_caller(self._tx.connection, before, self._tx.run)
        self._tx.outcome.further += await self._tx.written.write_last(self._tx.connection, plan, self._tx.run)
        self._tx.outcome.more = self._tx.outcome.more or (len(waiting) == _PAGE and not self._tx.outcome.ended)
        return self._tx.outcome

    # Events from the inbox and from workers.

    def _inbox_item(self, seq: int, event: inbox.InboxEvent) -> Item:
        async def act() -> None:
            await self._process_event(event)
            self._tx.batch.processed.append(seq)

        return Item(f"inbox {seq}", act)

    async def _process_event(self, event: inbox.InboxEvent) -> None:
        match event:
            case inbox.StartRun():
                await self._stepper.step(self._tx.frames.root, Started(), lane=NEW)
            case inbox.CancelRun():
                await self._cancel_run(event)
            case inbox.BodiesOpened(frames):
                await self._tx.frames.load(frames)
                for id in frames:
                    if (frame := await self._tx.frames.frame(id)) is not None:
                        self._tx.pending.append(self._stepper.start_item(frame))
            case inbox.BodiesEnded(node):
                if (counter := await self._tx.frames.counter(node)) is not None:
                    await self._stepper.conclude(counter)
            case inbox.ChildEnded(run):
                await self._child_ended(run)
            case inbox.ChildWaitChanged():
                pass
            case inbox.Decided():
                self._tx.recount = True
            case inbox.NodeDue():
                await self._node_due(event)
            case inbox.Permitted():
                await self._permitted(event)
            case inbox.DebounceElapsed() | inbox.HandedOver() | inbox.Continued():
                await self._end_wait(event)
            case inbox.PauseBefore():
                await self._stepper.step(self._tx.frames.root, run_event(event, self._tx.run))
            case inbox.TimeoutDue(node) if node != self._tx.run.id:
                if (counter := await self._tx.frames.counter(node)) is not None:
                    await self._timeout_due(counter)
            case inbox.TimeoutDue() | inbox.WorkerLost():
                self._tx.outcome.further += await children.cancel_all(self._tx.connection, self._tx.run.id)
                await self._stepper.step(self._tx.frames.root, run_event(event, self._tx.run))
            case _:
                await self._stepper.process_job_event(event)

    async def _finish(self, finish: Finish) -> None:
        await self._tx.write_jobs()
        job = await frame_rows.lock_job(self._tx.connection, self._tx.run.id, finish.job)
        here = (finish.attempt, finish.worker, finish.generation)
        if job is None or job.state != "running" or (job.attempt, job.worker, job.generation) != here:
            return
        if finish.openings is not None and finish.openings != job.openings:
            raise SecretsOpened
        frame = await self._tx.frames.frame(job.frame)
        if frame is None:
            return
        index = self._tx.blueprint.plan.node(job.node_index).index
        located = msgspec.structs.replace(finish, node=index)
        self._mark_running()
        key = (finish.job, "result", "")
        self._tx.known |= finish.known(self._tx.run.id)
        try:
            await self._stepper.step(frame, located.event, finish=located, live={index: job})
        except NeedsIO:
            del self._tx.known[key]
            raise
        self._tx.outcome.raws[key] = self._tx.known[key]
        self._tx.outcome.recorded = True

    def _mark_running(self) -> None:
        root = self._tx.frames.root
        if root.state.status is Status.QUEUED:
            root.state = replace(root.state, status=Status.RUNNING)
            self._tx.batch.status = Status.RUNNING.value

    async def _cancel_run(self, event: inbox.CancelRun) -> None:
        if self._tx.run.cancel_at is None and await run_rows.request_cancel(
            self._tx.connection, self._tx.run.id, "", None
        ):
            await run_rows.set_cancel_timer(self._tx.connection, self._tx.run.id, self._tx.cancel_grace_s)
            self._tx.outcome.timers = True
            self._tx.outcome.run = msgspec.structs.replace(
                self._tx.run, rev=self._tx.run.rev + 1, cancel_at=clock.now()
            )
        await self._stepper.step(self._tx.frames.root, CancelRequested(event.force))

    async def _node_due(self, event: inbox.NodeDue) -> None:
        """Pass a fired timer to the node without a job that waited for it, in whichever frame."""
        for frame in await self._tx.frames.all():
            engine_event = wait_end_event(frame.plan, self._tx.run.id, frame.state, event, frame.id)
            if engine_event is not None:
                await self._stepper.step(frame, engine_event)
                return

    async def _permitted(self, event: inbox.Permitted) -> None:
        frame, run = await self._tx.frames.frame(event.frame), self._tx.run.id
        if frame is None:
            return
        if frame.id is None and is_for_run(frame.plan, run, frame.state, event):
            await self._stepper.step(frame, Permitted(None), lane=NEW)
        elif (index := permitted_node(frame.plan, run, frame.state, event, frame.id)) is not None:
            await self._stepper.step(frame, Permitted(index))

    async def _end_wait(self, event: inbox.WaitEvent) -> None:
        frame = await self._tx.frames.frame(event.frame)
        engine_event = (
            wait_end_event(frame.plan, self._tx.run.id, frame.state, event, frame.id) if frame is not None else None
        )
        if frame is not None and engine_event is not None:
            await self._stepper.step(frame, engine_event)

    async def _queue_decisions(self, pending: deque[Item]) -> None:
        """Queue approval decisions that the run has not counted in front of all other events."""
        self._tx.recount = False
        await self._tx.flush()
        decisions = await approvals.list_uncounted(self._tx.connection, self._tx.run.id)
        items = [
            Item(f"{_DECISION} {row.job} {row.resume_id}", partial(self._process_decision, row)) for row in decisions
        ]
        pending.extendleft(reversed(items))

    async def _process_decision(self, decision: DecisionRow) -> None:
        key = (decision.job, decision.resume_id)
        if key in self._counted:
            return
        await self._tx.flush()
        for frame in await self._tx.frames.all():
            evaluator = self._tx.reader.evaluator.of(self._tx.run.workspace)
            event = await find_decision_event(
                self._tx.connection, evaluator, frame.plan, self._tx.run.id, frame.state, decision, frame.id
            )
            if event is not None:
                await self._stepper.step(frame, event, taken=key)
                self._counted.add(key)
                return

    async def _child_ended(self, child: UUID) -> None:
        id = await frame_rows.find_counter_of_child(self._tx.connection, self._tx.run.id, child)
        counter = await self._tx.frames.counter(id) if id is not None else None
        if counter is not None and counter.child == child and counter.loop.open:
            counter.loop = counter.loop.end(0, failed=False, stopped=False)
            self._tx.frames.mark_changed(counter)
            self._tx.pending.append(self._stepper.conclusion_item(counter))

    async def _timeout_due(self, counter: Counter) -> None:
        if counter.loop.done or counter.frame.node_id(self._tx.run.id, counter.node.index) != counter.id:
            return
        counter.loop = replace(counter.loop, late=True)
        await self._stepper.cancel_inside(counter)


def _as_events(items: Sequence[Item] | deque[Item]) -> list[inbox.InboxEvent]:
    """Return the remaining items as inbox events; bodies that have not started are combined into one."""
    begins = [id for item in items if isinstance(item.again, inbox.BodiesOpened) for id in item.again.frames]
    left = [item.again for item in items if item.again is not None and not isinstance(item.again, inbox.BodiesOpened)]
    return [*left, *([inbox.BodiesOpened(tuple(begins))] if begins else [])]
